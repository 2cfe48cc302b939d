// Package rest serves the agent's read-only REST interface on a unix socket. Types and client are in api/v1.
package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// goodbye is how long requests under way may take when the server ends.
const goodbye = 2 * time.Second

// Config is what a Server serves, and where.
type Config struct {
	// RunDir takes the socket (v1.SocketPath); it is made when it is absent.
	RunDir string
	// MetricsListen is a loopback TCP address ("127.0.0.1:9475", ":9475") that serves /metrics and nothing else;
	// "" for none.
	MetricsListen string
	Source        Source
	// Metrics answers /metrics.
	Metrics http.Handler
	Log     *slog.Logger
}

// Server has its sockets open, and answers once it runs.
type Server struct {
	parts []part
}

// part is one socket with what it serves.
type part struct {
	listener net.Listener
	server   *http.Server
}

// Listen opens the sockets. The caller must Run the server, which closes them.
func Listen(config Config) (*Server, error) {
	api, err := handler(config)
	if err != nil {
		return nil, err
	}
	socket, err := listenUnix(config.RunDir)
	if err != nil {
		return nil, err
	}
	s := &Server{}
	s.add(socket, api, config.Log)
	if config.MetricsListen == "" {
		return s, nil
	}
	tcp, err := listenLoopback(config.MetricsListen)
	if err != nil {
		socket.Close()
		return nil, err
	}
	s.add(tcp, metricsOnly(config.Metrics), config.Log)
	return s, nil
}

// add makes the server answer with h on l.
func (s *Server) add(l net.Listener, h http.Handler, log *slog.Logger) {
	s.parts = append(s.parts, part{l, &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		MaxHeaderBytes:    64 << 10,
		// "OPTIONS *" is answered as any other method that there is not.
		DisableGeneralOptionsHandler: true,
		IdleTimeout:                  time.Minute,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}})
}

// Addrs are the addresses it listens on: the unix socket, then the TCP address of the metrics if there is one.
func (s *Server) Addrs() []net.Addr {
	var addrs []net.Addr
	for _, p := range s.parts {
		addrs = append(addrs, p.listener.Addr())
	}
	return addrs
}

// Run answers requests until ctx is cancelled; then it lets those under way finish, removes the socket, and returns
// nil. It can be called once.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range s.parts {
		group.Go(func() error {
			if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", p.listener.Addr(), err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			return p.stop()
		})
	}
	return group.Wait()
}

// stop takes no new requests, waits a little for those under way, and cuts off the others.
func (p part) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		return p.server.Close()
	}
	return nil
}
