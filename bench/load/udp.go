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

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package load -output-stem sink sink sink.bpf.c -- -I../../sdk/include -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-function

// payload makes the smallest Ethernet frame with IPv4 and UDP.
const payload = 18

// Packets sends small UDP packets, one a system call, from a to an address of b for d and returns packets per second
// that reach b's socket, where a filter counts them and throws them away.
func Packets(ctx context.Context, a, b rig.End, to netip.Addr, d time.Duration) (rate float64, err error) {
	var sink sinkObjects
	if err := loadSinkObjects(&sink, nil); err != nil {
		return 0, fmt.Errorf("load packet counter: %w", err)
	}
	defer sink.Close()
	from, err := openPair(a, b, to, sink.Sink.FD())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	var stopped atomic.Bool
	sender := onCPU(0, func() error { return sendPackets(from.a, &stopped) })
	rate, err = perSecond(ctx, d, func() (n uint64, err error) { return n, sink.Arrived.Get(&n) })
	stopped.Store(true)
	return rate, errors.Join(err, <-sender)
}

// openPair makes a UDP socket of a that is connected to one of b with a filter.
func openPair(a, b rig.End, to netip.Addr, filter int) (*connection, error) {
	receiver, err := socket(b.NS, unix.SOCK_DGRAM, to)
	if err != nil {
		return nil, err
	}
	at, err := bind(receiver, to)
	if err == nil {
		err = unix.SetsockoptInt(receiver, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, filter)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make packet sink: %w", err), unix.Close(receiver))
	}
	sender, err := socket(a.NS, unix.SOCK_DGRAM, to)
	if err != nil {
		return nil, errors.Join(err, unix.Close(receiver))
	}
	c := &connection{sender, receiver}
	if err := unix.Connect(sender, at); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", to, err), c.close())
	}
	return c, nil
}

// sendPackets sends until it is stopped. What a full device refuses is lost, as on a wire.
func sendPackets(fd int, stopped *atomic.Bool) error {
	packet := make([]byte, payload)
	for !stopped.Load() {
		_, err := again(func() (int, error) { return unix.Write(fd, packet) })
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("send packet: %w", err)
		}
	}
	return nil
}
