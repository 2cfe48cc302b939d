package acl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"woven.dev/woven/internal/lab/labtest"
)

// patience bounds the wait for what should come, quiet is how long nothing has to come for it to count as nothing.
const (
	patience = 20 * time.Second
	quiet    = 700 * time.Millisecond
)

// listen serves echoes on a TCP port of a VM.
func listen(t *testing.T, vm *labtest.VM, addr netip.Addr, port uint16) {
	t.Helper()
	var listener net.Listener
	if err := vm.In(func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(addr, port).String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
}

// session is an open connection to an echo.
type session struct {
	net.Conn
	t    *testing.T
	name string
}

func connect(vm *labtest.VM, network string, addr netip.Addr, port uint16, timeout time.Duration) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: timeout}
	err = vm.In(func() (err error) {
		conn, err = dialer.DialContext(context.Background(), network, netip.AddrPortFrom(addr, port).String())
		return err
	})
	return conn, err
}

// dial opens a connection.
func dial(t *testing.T, vm *labtest.VM, addr netip.Addr, port uint16) *session {
	t.Helper()
	conn, err := connect(vm, "tcp", addr, port, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &session{conn, t, fmt.Sprintf("%s to %s port %d", vm.Name, addr, port)}
}

// refuse checks that no connection comes about, and that nobody says so.
func refuse(t *testing.T, vm *labtest.VM, addr netip.Addr, port uint16) {
	t.Helper()
	conn, err := connect(vm, "tcp", addr, port, quiet)
	if err == nil {
		conn.Close()
	}
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%s to %s port %d: %v, want no answer", vm.Name, addr, port, err)
	}
}

// refused checks that the sender is told that it may not: a TCP segment, or a datagram.
func refused(t *testing.T, vm *labtest.VM, network string, addr netip.Addr, port uint16) {
	t.Helper()
	conn, err := connect(vm, network, addr, port, patience)
	if err == nil {
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if _, err = conn.Write([]byte("hello")); err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s to %s %s port %d: %v, want that it is refused", vm.Name, addr, network, port, err)
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
