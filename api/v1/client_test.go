package v1_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
)

// serve answers every request on a new socket with handler, until the test ends, and returns the socket's path.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	socket := v1.SocketPath(t.TempDir())
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return socket
}

func TestNoAgent(t *testing.T) {
	absent := v1.SocketPath(t.TempDir())
	dead := v1.SocketPath(t.TempDir())
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, socket := range []string{absent, dead} {
		_, err := v1.NewClient(socket).Status(context.Background())
		if !errors.Is(err, v1.ErrNoAgent) || err.Error() != "no agent answers on "+socket {
			t.Errorf("error is %v", err)
		}
	}
}

// An answer that is not from an agent is an error that says what came.
func TestStrangeAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"problem": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"title":"Not Found","detail":"no port p"}`)
		}, "no port p"},
		"text":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "502 Bad Gateway"},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"node":`) }, "decode the answer to /v1/status"},
		"no JSON":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `hello`) }, "decode the answer to /v1/status"},
		"broken problem": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTeapot)
		}, "decode the problem of status 418"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v1.NewClient(serve(t, test.handler)).Status(context.Background())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	socket := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := v1.NewClient(socket).Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestErrorsAreTyped(t *testing.T) {
	socket := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := v1.NewClient(socket).Port(context.Background(), "p")
	var answer *v1.Error
	if !errors.As(err, &answer) || answer.Status != http.StatusNotFound {
		t.Errorf("error is %v", err)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, v1.ErrNoAgent) {
		t.Errorf("an agent that answers is taken for none: %v", err)
	}
}

func TestDegraded(t *testing.T) {
	synced := v1.Database{Connected: true, Synced: true}
	for name, test := range map[string]struct {
		status v1.Status
		want   bool
	}{
		"all well":           {v1.Status{Databases: []v1.Database{synced}, Ports: v1.PortCounts{Down: 1, Waiting: 1}}, false},
		"a database away":    {v1.Status{Databases: []v1.Database{synced, {}}}, true},
		"a database unread":  {v1.Status{Databases: []v1.Database{{Connected: true}}}, true},
		"a problem":          {v1.Status{Problems: []v1.Problem{{}}}, true},
		"a port that failed": {v1.Status{Ports: v1.PortCounts{Failed: 1}}, true},
	} {
		if got := test.status.Degraded(); got != test.want {
			t.Errorf("%s: degraded is %v", name, got)
		}
	}
}
