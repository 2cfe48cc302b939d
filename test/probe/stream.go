package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

const (
	recordEvery = 10 * time.Millisecond
	record      = 8 // bytes: a number
	// repeats is how many vain repetitions by each end prove that nothing passes, progress how many bytes that all does.
	repeats  = 2
	progress = 10 * record
)

// Stream is a TCP connection both of whose ends send records, numbered from 0, 100 a second, until it is closed.
type Stream struct {
	name string
	ends []*net.TCPConn // who has asked, who was asked
	work sync.WaitGroup

	mu  sync.Mutex
	err error // what came that was not the next record
}

// Open opens a stream from a place, and from a port there (0: any), to an address and port of another.
func Open(ctx context.Context, from, to traffic.Place, source uint16, dest netip.AddrPort) (*Stream, error) {
	s := &Stream{name: fmt.Sprintf("stream to %s", dest)}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var listener *net.TCPListener
	err := to(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(dest))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, err)
	}
	defer listener.Close()
	asked, err := Question{From: from, Protocol: TCP, To: dest.Addr(), Port: dest.Port(), Source: source}.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, err)
	}
	until, _ := ctx.Deadline()
	accepted, err := net.Conn(nil), listener.SetDeadline(until)
	if err == nil {
		accepted, err = listener.Accept()
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, errors.Join(err, asked.Close()))
	}
	s.ends = []*net.TCPConn{asked.(*net.TCPConn), accepted.(*net.TCPConn)}
	for _, end := range s.ends {
		s.work.Go(func() { send(end) })
		s.work.Go(func() { s.receive(end) })
	}
	return s, nil
}

// send sends records until the connection ends.
func send(conn net.Conn) {
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for number := uint64(0); ; number++ {
		if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, number)); err != nil {
			return
		}
		<-tick.C
	}
}

// receive reads records until the connection ends.
func (s *Stream) receive(conn net.Conn) {
	text, in := make([]byte, record), bufio.NewReader(conn)
	for next := uint64(0); ; next++ {
		_, err := io.ReadFull(in, text)
		if got := binary.BigEndian.Uint64(text); err == nil && got != next {
			err = fmt.Errorf("have record %d, want %d", got, next)
		}
		if err != nil {
			s.end(err)
			return
		}
	}
}

// end notes why an end receives no more; that the stream is closed is no error.
func (s *Stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		s.err = errors.Join(s.err, err)
	}
}

// Close ends the stream. It is an error if an end has not received records in their order till then.
func (s *Stream) Close() error {
	for _, end := range s.ends {
		s.end(end.SetDeadline(time.Unix(1, 0)))
	}
	s.work.Wait()
	for _, end := range s.ends {
		end.Close()
	}
	if s.err != nil {
		return fmt.Errorf("%s: %w", s.name, s.err)
	}
	return nil
}

// State is what the kernel knows of the ends of a stream at a time.
type State []*unix.TCPInfo

// State reads it.
func (s *Stream) State() (state State, err error) {
	for _, end := range s.ends {
		raw, err := end.SyscallConn()
		if err != nil {
			return nil, err
		}
		var info *unix.TCPInfo
		var ierr error
		err = raw.Control(func(fd uintptr) { info, ierr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		if err := errors.Join(err, ierr); err != nil {
			return nil, fmt.Errorf("%s: read its state: %w", s.name, err)
		}
		state = append(state, info)
	}
	return state, nil
}

// Stands is an error if an end receives a byte more than in a state before, while both try in vain to send.
func (s *Stream) Stands(ctx context.Context, before State) error {
	more := uint64(0)
	_, err := s.until(ctx, func(now State) error {
		more = 0
		var tries error
		for i := range now {
			more += now[i].Bytes_received - before[i].Bytes_received
			if n := now[i].Total_retrans - before[i].Total_retrans; n < repeats {
				tries = fmt.Errorf("end %d repeated %d segments, want %d", i, n, repeats)
			}
		}
		if more > 0 {
			return nil
		}
		return tries
	})
	if err == nil && more > 0 {
		err = fmt.Errorf("%s: %d bytes more were received", s.name, more)
	}
	return err
}

// Flows is an error unless both ends receive more than now.
func (s *Stream) Flows(ctx context.Context) error {
	before, err := s.State()
	if err != nil {
		return err
	}
	_, err = s.until(ctx, func(now State) error {
		for i := range now {
			if more := now[i].Bytes_received - before[i].Bytes_received; more < progress {
				return fmt.Errorf("end %d received %d bytes more, want %d", i, more, progress)
			}
		}
		return nil
	})
	return err
}

// until reads the state until it is as wanted.
func (s *Stream) until(ctx context.Context, wanted func(State) error) (now State, err error) {
	err = labtest.Poll(ctx, func() (err error) {
		if now, err = s.State(); err != nil {
			return err
		}
		return wanted(now)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return now, nil
}
