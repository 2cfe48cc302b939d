package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"woven.dev/woven/bench/rig"
)

// Connections opens TCP connections from a to an address of b for d, one after the other: a asks by one byte, b answers by one and closes, a
// closes. It returns connections per second. Both ends share a CPU, as in RoundTrips.
func Connections(ctx context.Context, a, b rig.End, to netip.Addr, d time.Duration) (float64, error) {
	listener, at, err := listen(b, to)
	if err != nil {
		return 0, err
	}
	var ended atomic.Uint64
	var stopped atomic.Bool
	server := onCPU(0, func() error { return serve(listener) })
	client := onCPUIn(a.NS, 0, func() error {
		for !stopped.Load() {
			if err := ask(to, at); err != nil {
				return err
			}
			ended.Add(1)
		}
		return nil
	})
	rate, err := perSecond(ctx, d, count(&ended))
	stopped.Store(true)
	err = errors.Join(err, <-client)
	unix.Shutdown(listener, unix.SHUT_RD) // wakes accept up; fails where the server has ended for itself
	return rate, errors.Join(err, <-server, unix.Close(listener))
}

// ask opens a connection, asks, reads the answer to its end, and closes.
func ask(to netip.Addr, at unix.Sockaddr) (err error) {
	fd, err := socketHere(unix.SOCK_STREAM, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if err := dial(fd, at); err != nil {
		return fmt.Errorf("connect to %s: %w", to, err)
	}
	ball := []byte{1}
	if _, err := again(func() (int, error) { return unix.SendmsgN(fd, ball, nil, nil, unix.MSG_NOSIGNAL) }); err != nil {
		return fmt.Errorf("ask %s: %w", to, err)
	}
	for n := 1; n > 0; {
		if n, err = again(func() (int, error) { return unix.Read(fd, ball) }); err != nil {
			return fmt.Errorf("read answer of %s: %w", to, err)
		}
	}
	return nil
}

// serve answers connections until the listener is shut down.
func serve(listener int) error {
	for {
		fd, err := again(func() (int, error) {
			fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
			return fd, err
		})
		switch {
		case errors.Is(err, unix.EINVAL): // it is shut down
			return nil
		case errors.Is(err, unix.EAGAIN): // nobody has asked for a while
			continue
		case err != nil:
			return fmt.Errorf("accept connection: %w", err)
		}
		if err := errors.Join(answer(fd), unix.Close(fd)); err != nil {
			return err
		}
	}
}

// answer answers one question.
func answer(fd int) error {
	ball := make([]byte, 1)
	if _, err := again(func() (int, error) { return unix.Read(fd, ball) }); err != nil {
		return fmt.Errorf("read question: %w", err)
	}
	if _, err := again(func() (int, error) { return unix.SendmsgN(fd, ball, nil, nil, unix.MSG_NOSIGNAL) }); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
