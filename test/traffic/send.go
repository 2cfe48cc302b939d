package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// packet is a datagram: flow id, kind, number, in network byte order.
type packet struct {
	flow   uint64
	kind   uint64
	number uint64
}

// The kinds of packets.
const (
	packetBegin = iota + 1
	packetNumbered
	packetEnd
)

const packetLength = 24

func (p packet) bytes() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, packetLength), p.flow)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, p.kind), p.number)
}

func parse(b []byte) (p packet, ok bool) {
	if len(b) != packetLength {
		return packet{}, false
	}
	return packet{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}, true
}

// send sends the numbered packets and the end mark. All leave from one CPU, whose queues keep them in order through veths
// and bridges: what arrives after the end mark was sent after it.
func (r *Run) send(ctx context.Context) error {
	if err := stayOnCPU(r.id); err != nil {
		return err
	}
	began := time.Now()
	for number, finished := 0, false; !finished || number < r.flow.Packets; {
		due := int(time.Since(began).Seconds() * float64(r.flow.PerSecond))
		if finished {
			due = min(due, r.flow.Packets)
		}
		for range min(due-number, burst) {
			if err := r.put(packet{r.id, packetNumbered, uint64(number)}); err != nil {
				return err
			}
			number++
			r.sent.Store(int64(number))
		}
		if err := pause(ctx, tick); err != nil {
			return err
		}
		select {
		case <-r.finish:
			finished = true
		default:
		}
	}
	if !r.flow.Lossy {
		return r.mark(ctx, packetEnd, &r.receiver.ended, r.flow.Patience)
	}
	if err := r.mark(ctx, packetEnd, &r.receiver.ended, lossyPatience); !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// stayOnCPU keeps the goroutine on a thread of its own, and that on one of the CPUs it may use. The thread ends with the
// goroutine.
func stayOnCPU(choice uint64) error {
	runtime.LockOSThread() // never unlocked
	var may, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return fmt.Errorf("list CPUs: %w", err)
	}
	nth := int(choice % uint64(may.Count()))
	for cpu := 0; ; cpu++ {
		if !may.IsSet(cpu) {
			continue
		}
		if nth == 0 {
			only.Set(cpu)
			break
		}
		nth--
	}
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("stay on one CPU: %w", err)
	}
	return nil
}

// mark repeats a mark until it has arrived, but not longer than patience.
func (r *Run) mark(ctx context.Context, kind uint64, m *mark, patience time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrClosed)
	defer cancel()
	for attempt := uint64(0); ; attempt++ {
		if err := r.put(packet{r.id, kind, attempt}); err != nil {
			return err
		}
		select {
		case <-m.arrived:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(markEvery):
		}
	}
}

func (r *Run) put(p packet) error {
	_, err := r.sender.WriteToUDPAddrPort(p.bytes(), netip.AddrPortFrom(r.flow.Dest, uint16(r.receiver.port)))
	if err != nil && !r.flow.Lossy {
		return fmt.Errorf("send packet: %w", err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
