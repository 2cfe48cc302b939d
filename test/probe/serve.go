package probe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"woven.dev/woven/test/traffic"
)

// Server sends back what it gets, at a port of all addresses of a place.
type Server struct {
	listener net.Listener
	datagram net.PacketConn
	serving  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // open ones; nil after Close
}

// Serve starts a server for TCP and UDP. The kernel answers ICMP.
func Serve(place traffic.Place, port uint16) (*Server, error) {
	s := &Server{conns: map[net.Conn]bool{}}
	addr := fmt.Sprintf(":%d", port)
	err := place(func() (err error) {
		if s.listener, err = net.Listen("tcp", addr); err != nil {
			return err
		}
		if s.datagram, err = net.ListenPacket("udp", addr); err != nil {
			return errors.Join(err, s.listener.Close())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("serve port %d: %w", port, err)
	}
	s.serving.Go(s.accept)
	s.serving.Go(s.answer)
	return s, nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil || !s.add(conn) {
			return
		}
		s.serving.Go(func() {
			io.Copy(conn, conn)
			s.remove(conn)
		})
	}
}

// add notes a connection, or closes it when the server has ended.
func (s *Server) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		conn.Close()
		return false
	}
	s.conns[conn] = true
	return true
}

func (s *Server) remove(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	conn.Close()
}

func (s *Server) answer() {
	datagram := make([]byte, 1<<16)
	for {
		n, from, err := s.datagram.ReadFrom(datagram)
		if err != nil {
			return
		}
		s.datagram.WriteTo(datagram[:n], from)
	}
}

// Close returns when the server and its connections have ended.
func (s *Server) Close() error {
	s.mu.Lock()
	for conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	err := errors.Join(s.listener.Close(), s.datagram.Close())
	s.serving.Wait()
	return err
}
