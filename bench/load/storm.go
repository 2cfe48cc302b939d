package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Storm sends frames at a pace that does not depend on what becomes of them.
type Storm struct {
	stopped atomic.Bool
	sent    atomic.Uint64
	done    <-chan error
	fd      int
}

// stormTick is how often a storm looks at the clock.
const stormTick = time.Millisecond

// StartStorm sends frames one after another, over and over, from eth0 of a workload, in whose namespace place runs a function: perSecond of them on
// average, in bursts of a millisecond.
func StartStorm(place func(func() error) error, frames [][]byte, perSecond int) (*Storm, error) {
	s := &Storm{fd: -1}
	err := place(func() error {
		dev, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1),
			unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: dev.Index}))
	})
	if err != nil {
		return nil, fmt.Errorf("open storm: %w", err)
	}
	s.done = onCPU(0, func() error { return s.send(frames, perSecond) })
	return s, nil
}

// send sends until it is stopped. What a full device refuses is lost, as on a wire.
func (s *Storm) send(frames [][]byte, perSecond int) error {
	began := time.Now()
	for number := 0; !s.stopped.Load(); time.Sleep(stormTick) {
		due := int(time.Since(began).Seconds() * float64(perSecond))
		for ; number < due && !s.stopped.Load(); number++ {
			_, err := again(func() (int, error) { return unix.Write(s.fd, frames[number%len(frames)]) })
			if err != nil && !errors.Is(err, unix.ENOBUFS) {
				return fmt.Errorf("send storm: %w", err)
			}
			s.sent.Add(1)
		}
	}
	return nil
}

// Sent is how many frames have left.
func (s *Storm) Sent() uint64 { return s.sent.Load() }

// Stop ends the storm and says how many frames it sent.
func (s *Storm) Stop() (sent uint64, err error) {
	s.stopped.Store(true)
	err = <-s.done
	return s.sent.Load(), errors.Join(err, unix.Close(s.fd))
}

// stormSettles is how long a storm rages before anything is measured: what limits it has let a first burst pass by then.
const stormSettles = 300 * time.Millisecond

// During runs a measurement while a storm rages, and ends the storm.
func During(ctx context.Context, storm *Storm, run func(context.Context) (float64, error)) (float64, error) {
	err := wait(ctx, stormSettles)
	var x float64
	if err == nil {
		x, err = run(ctx)
	}
	_, stopErr := storm.Stop()
	return x, errors.Join(err, stopErr)
}
