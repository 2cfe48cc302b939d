package rest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	v1 "woven.dev/woven/api/v1"
)

// ErrInUse: another process answers on the socket.
var ErrInUse = errors.New("another agent answers there")

// listenUnix opens the socket in runDir, for its owner only. It makes the directory when there is none, and takes
// the place of a socket whose process is gone.
func listenUnix(runDir string) (net.Listener, error) {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the run directory: %w", err)
	}
	path := v1.SocketPath(runDir)
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	config := net.ListenConfig{Control: ownerOnly}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

// ownerOnly sets the mode of a unix socket before bind makes its file, which takes the mode over (minus umask):
// there is no moment at which others can connect.
func ownerOnly(_, _ string, conn syscall.RawConn) error {
	var mode error
	if err := conn.Control(func(fd uintptr) { mode = unix.Fchmod(int(fd), 0o600) }); err != nil {
		return err
	}
	return mode
}

// removeStale removes a socket that nobody listens on. It leaves anything else alone: ErrInUse for a socket that
// somebody answers on, fs.ErrExist for a file that is no socket.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("not a socket: %w", fs.ErrExist)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// listenLoopback opens a TCP address that only this machine reaches. Metrics name tenants' ports, and there is
// neither TLS nor a token here, so that other addresses are refused. No host means 127.0.0.1.
func listenLoopback(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("read metrics address: %w", err)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("read metrics address %s: %w", address, err)
	}
	if !ip.IsLoopback() {
		return nil, fmt.Errorf("metrics address %s is no loopback address", address)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	return l, nil
}
