// Package probe asks from network namespace to network namespace, by TCP, UDP and ICMP echo, and says what becomes of it.
package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"woven.dev/woven/test/traffic"
)

// Protocol is how a question is asked.
type Protocol string

// The protocols: a connection with data both ways, a datagram and its answer, an echo request and its reply.
const (
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	ICMP Protocol = "icmp"
)

// Outcome is what becomes of a question.
type Outcome string

// The outcomes: what was sent came back; the sender was told that it may not; nothing came.
const (
	Answered Outcome = "answered"
	Refused  Outcome = "refused"
	Silent   Outcome = "silent"
)

const (
	// patience bounds the wait for what should come, quiet is how long nothing has to come for it to count as nothing.
	patience = 20 * time.Second
	quiet    = 500 * time.Millisecond
	small    = 16 // bytes
)

// Question is asked once: only TCP repeats what gets no answer.
type Question struct {
	From     traffic.Place
	Protocol Protocol
	To       netip.Addr
	Port     uint16 // but for ICMP
	// Source is the sender's port; 0: any. ICMP: its identifier.
	Source uint16
	// Size of the text that is sent, and comes back, in bytes; 0: 16.
	Size int
}

// Ask returns what becomes of a question of which an outcome is expected: nothing is waited for a short while only, all else long. An
// error is a failure on the sender's own side.
func (q Question) Ask(ctx context.Context, expected Outcome) (Outcome, error) {
	wait := patience
	if expected == Silent {
		wait = quiet
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	conn, err := q.dial(ctx)
	if err == nil {
		defer q.end(conn)
		err = errors.Join(conn.SetDeadline(time.Now().Add(wait)), q.echo(conn))
	}
	timeout := net.Error(nil)
	switch {
	case err == nil:
		return Answered, nil
	case errors.Is(err, q.refusal()):
		return Refused, nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return Silent, nil
	}
	return "", fmt.Errorf("ask %s by %s: %w", netip.AddrPortFrom(q.To, q.Port), q.Protocol, err)
}

// refusal is the error of a sender who is told that it may not, as `reject` of OVN does it: TCP by a reset, UDP by "port unreachable", others by
// "host unreachable" (RFC 792) or "administratively prohibited" (RFC 4443).
func (q Question) refusal() error {
	switch {
	case q.Protocol != ICMP:
		return syscall.ECONNREFUSED
	case q.To.Is4():
		return syscall.EHOSTUNREACH
	}
	return syscall.EACCES
}

// dial opens a connection to whom is asked; a TCP one once it is there.
func (q Question) dial(ctx context.Context) (conn net.Conn, err error) {
	err = q.From(func() (err error) {
		if q.Protocol == ICMP {
			conn, err = dialEcho(q.To, q.Source)
			return err
		}
		network, dialer := string(q.Protocol)+"6", net.Dialer{}
		if q.To.Is4() {
			network = string(q.Protocol) + "4"
		}
		switch {
		case q.Source == 0:
		case q.Protocol == TCP:
			dialer.LocalAddr = &net.TCPAddr{Port: int(q.Source)}
		default:
			dialer.LocalAddr = &net.UDPAddr{Port: int(q.Source)}
		}
		conn, err = dialer.DialContext(ctx, network, netip.AddrPortFrom(q.To, q.Port).String())
		return err
	})
	return conn, err
}

// end closes a connection; one from a given port so that another can be opened from there at once.
func (q Question) end(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok && q.Source != 0 {
		tcp.SetLinger(0) // by a reset, and no TIME_WAIT
	}
	conn.Close()
}

// echo sends a text and reads it.
func (q Question) echo(conn net.Conn) error {
	text := make([]byte, cmp.Or(q.Size, small))
	rand.Read(text) // never fails
	var header []byte
	if q.Protocol == ICMP {
		header = echoRequest(q.To)
	}
	var sending errgroup.Group
	sending.Go(func() error {
		_, err := conn.Write(append(header, text...))
		return err
	})
	got, err := make([]byte, len(header)+len(text)), error(nil)
	if q.Protocol == TCP {
		_, err = io.ReadFull(conn, got)
	} else {
		_, err = conn.Read(got)
	}
	if err := cmp.Or(err, sending.Wait()); err != nil {
		return err
	}
	if !bytes.Equal(got[len(header):], text) {
		return fmt.Errorf("%d bytes came back, not those that were sent", len(got))
	}
	return nil
}
