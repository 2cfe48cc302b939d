// Package load sends traffic between two workloads and says how fast it went.
//
// Sockets block and their threads are bound to CPUs: Go's poller and the scheduler's choices would be measured else.
package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"woven.dev/woven/bench/rig"
)

// ErrSilent: nothing arrived.
var ErrSilent = errors.New("nothing arrived")

// stall is how long to wait for anything before giving up.
const stall = 5 * time.Second

// warmUp is how long traffic runs before it is measured.
const warmUp = 50 * time.Millisecond

// socket opens a blocking socket in a namespace, with address' family.
func socket(at rig.Netns, kind int, addr netip.Addr) (fd int, err error) {
	err = at.Do(func() error {
		fd, err = socketHere(kind, addr)
		return err
	})
	return fd, err
}

// socketHere opens one in the namespace of the thread.
func socketHere(kind int, addr netip.Addr) (int, error) {
	family := unix.AF_INET6
	if addr.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open socket: %w", err)
	}
	timeout := unix.NsecToTimeval(stall.Nanoseconds())
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout))
	if err != nil {
		return -1, errors.Join(fmt.Errorf("limit socket: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// sockaddr is an address for the kernel.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// bind binds a socket to the port that firewalls leave open and returns where it is.
func bind(fd int, addr netip.Addr) (unix.Sockaddr, error) {
	at := sockaddr(netip.AddrPortFrom(addr, rig.OpenPort))
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // earlier connections may linger there
	if err == nil {
		err = unix.Bind(fd, at)
	}
	if err != nil {
		return nil, fmt.Errorf("bind to %s: %w", addr, err)
	}
	return at, nil
}

// onCPU runs f on a thread of its own that stays on a CPU (counted from 0, modulo their number) and goes before what else
// the machine does there, and returns f's error on the channel.
func onCPU(cpu int, f func() error) <-chan error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- pinned(cpu, f)
	}()
	return done
}

// onCPUIn does the same on a thread of a namespace.
func onCPUIn(ns rig.Netns, cpu int, f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- ns.Do(func() error { return pinned(cpu, f) }) }()
	return done
}

// pinned runs f on the CPU. The thread stays there.
func pinned(cpu int, f func() error) error {
	var set unix.CPUSet
	set.Set(cpu % runtime.NumCPU())
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("bind to CPU %d: %w", cpu, err)
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, -20); err != nil { // of this thread alone
		return fmt.Errorf("raise priority: %w", err)
	}
	return f()
}

// counter counts what arrives.
type counter func() (uint64, error)

// count reads an atomic.
func count(n *atomic.Uint64) counter { return func() (uint64, error) { return n.Load(), nil } }

// perSecond lets the traffic run for d, longer if nothing arrives for so long, and returns the counter's increase per second.
func perSecond(ctx context.Context, d time.Duration, read counter) (float64, error) {
	if _, err := increase(ctx, warmUp, read); err != nil {
		return 0, err
	}
	start := time.Now()
	n, err := increase(ctx, d, read)
	if err != nil {
		return 0, err
	}
	return n / time.Since(start).Seconds(), nil
}

// increase waits for d, and then until something has arrived, and returns how much did.
func increase(ctx context.Context, d time.Duration, read counter) (float64, error) {
	before, err := read()
	if err != nil {
		return 0, err
	}
	for waited := time.Duration(0); waited < stall; waited += d {
		if err := wait(ctx, d); err != nil {
			return 0, err
		}
		now, err := read()
		if err != nil {
			return 0, err
		}
		if now > before {
			return float64(now - before), nil
		}
	}
	return 0, ErrSilent
}

// wait returns after d, or with an error when ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
