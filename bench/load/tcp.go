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

// connection is both ends of a TCP connection between two workloads.
type connection struct{ a, b int }

// connect makes one from a to b's address.
func connect(a, b rig.End, to netip.Addr) (*connection, error) {
	listener, at, err := listen(b, to)
	if err != nil {
		return nil, err
	}
	defer unix.Close(listener)
	c := &connection{}
	if c.a, err = socket(a.NS, unix.SOCK_STREAM, to); err != nil {
		return nil, err
	}
	if err := dial(c.a, at); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", to, err), unix.Close(c.a))
	}
	if c.b, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("accept from %s: %w", a.NS, err), unix.Close(c.a))
	}
	return c, nil
}

// listen opens a listener at b's address.
func listen(b rig.End, to netip.Addr) (fd int, at unix.Sockaddr, err error) {
	if fd, err = socket(b.NS, unix.SOCK_STREAM, to); err != nil {
		return -1, nil, err
	}
	if at, err = bind(fd, to); err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		return -1, nil, errors.Join(fmt.Errorf("listen on %s: %w", to, err), unix.Close(fd))
	}
	return fd, at, nil
}

// dial connects a socket. A signal that interrupts connect(2) does not end the attempt: the next call waits on.
func dial(fd int, at unix.Sockaddr) error {
	_, err := again(func() (int, error) { return 0, unix.Connect(fd, at) })
	return err
}

// stop ends all calls on the connection.
func (c *connection) stop() {
	for _, fd := range []int{c.a, c.b} {
		unix.Shutdown(fd, unix.SHUT_RDWR) // fails where the other side was first
	}
}

func (c *connection) close() error { return errors.Join(unix.Close(c.a), unix.Close(c.b)) }

// Stream sends one TCP stream from a to an address of b for d and returns bits per second at the receiver. Sender and receiver
// have a CPU each.
func Stream(ctx context.Context, a, b rig.End, to netip.Addr, d time.Duration) (float64, error) {
	c, err := connect(a, b, to)
	if err != nil {
		return 0, err
	}
	var received atomic.Uint64
	bytes, err := c.run(ctx, d, count(&received),
		onCPU(0, func() error { return sendAll(c.a) }),
		onCPU(1, func() error { return receiveAll(c.b, &received) }))
	return bytes * 8, err
}

// run measures while the connection's two threads work, then stops them.
func (c *connection) run(ctx context.Context, d time.Duration, read counter, threads ...<-chan error) (float64, error) {
	n, err := perSecond(ctx, d, read)
	c.stop()
	for _, thread := range threads {
		err = errors.Join(err, <-thread)
	}
	return n, errors.Join(err, c.close())
}

// sendAll writes until the connection is stopped.
func sendAll(fd int) error {
	buf := make([]byte, 128<<10)
	for {
		_, err := again(func() (int, error) { return unix.SendmsgN(fd, buf, nil, nil, unix.MSG_NOSIGNAL) })
		if err != nil {
			return unlessStopped(err)
		}
	}
}

// receiveAll reads until the connection is stopped.
func receiveAll(fd int, received *atomic.Uint64) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := again(func() (int, error) { return unix.Read(fd, buf) })
		if err != nil || n == 0 {
			return unlessStopped(err)
		}
		received.Add(uint64(n))
	}
}

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// unlessStopped is nil for what a stopped connection answers.
func unlessStopped(err error) error {
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.ENOTCONN) {
		return nil
	}
	return err
}

// RoundTrips plays ping-pong with one byte over TCP for d and returns round trips per second. Both ends share a CPU: waking
// another one up costs more than the network between them.
func RoundTrips(ctx context.Context, a, b rig.End, to netip.Addr, d time.Duration) (float64, error) {
	c, err := connect(a, b, to)
	if err != nil {
		return 0, err
	}
	for _, fd := range []int{c.a, c.b} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return 0, errors.Join(fmt.Errorf("set TCP_NODELAY: %w", err), c.close())
		}
	}
	var trips, ignored atomic.Uint64
	return c.run(ctx, d, count(&trips),
		onCPU(0, func() error { return pingPong(c.a, true, &trips) }),
		onCPU(0, func() error { return pingPong(c.b, false, &ignored) }))
}

// pingPong answers each byte with one, after serving the first if serve is set, until the connection is stopped.
func pingPong(fd int, serve bool, received *atomic.Uint64) error {
	ball := make([]byte, 1)
	for {
		if serve {
			_, err := again(func() (int, error) { return unix.SendmsgN(fd, ball, nil, nil, unix.MSG_NOSIGNAL) })
			if err != nil {
				return unlessStopped(err)
			}
		}
		serve = true
		n, err := again(func() (int, error) { return unix.Read(fd, ball) })
		if err != nil || n == 0 {
			return unlessStopped(err)
		}
		received.Add(1)
	}
}
