package acl

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

// patience bounds the wait for what should come, quiet is how long nothing has to come for it to count as nothing.
const (
	patience = 20 * time.Second
	quiet    = 700 * time.Millisecond
)

// serve starts a server for TCP and UDP until the test's end.
func serve(t *testing.T, vm *labtest.VM, port uint16) {
	t.Helper()
	server, err := probe.Serve(vm.In, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
}

// session is an open connection to an echo.
type session struct {
	net.Conn
	t    *testing.T
	name string
}

// dial opens a connection.
func dial(t *testing.T, vm *labtest.VM, addr netip.Addr, port uint16) *session {
	t.Helper()
	s := &session{t: t, name: fmt.Sprintf("%s to %s port %d", vm.Name, addr, port)}
	if err := vm.In(func() (err error) {
		s.Conn, err = net.DialTimeout("tcp", netip.AddrPortFrom(addr, port).String(), patience)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// refuse checks that no connection comes about, and that nobody says so.
func refuse(t *testing.T, vm *labtest.VM, addr netip.Addr, port uint16) {
	t.Helper()
	question := probe.Question{From: vm.In, Protocol: probe.TCP, To: addr, Port: port}
	if err := probe.Check(t.Context(), []probe.Case{{Name: vm.Name, Question: question, Want: probe.Silent}}); err != nil {
		t.Error(err)
	}
}

// echo sends a text and waits for its echo.
func (s *session) echo(text string) {
	s.t.Helper()
	s.send(text)
	s.echoed(text)
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := s.Write([]byte(text)); err != nil {
		s.t.Errorf("%s: send %q: %v", s.name, text, err)
	}
}

func (s *session) echoed(text string) {
	s.t.Helper()
	got := make([]byte, len(text))
	s.SetReadDeadline(time.Now().Add(patience))
	if n, err := io.ReadFull(s, got); err != nil || string(got) != text {
		s.t.Errorf("%s: have %q (%v), want %q", s.name, got[:n], err, text)
	}
}

// silent sends a text whose echo doesn't come.
func (s *session) silent(text string) {
	s.t.Helper()
	s.send(text)
	s.SetReadDeadline(time.Now().Add(quiet))
	got := make([]byte, len(text))
	if n, err := s.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Errorf("%s: have %q (%v), want nothing", s.name, got[:n], err)
	}
}
