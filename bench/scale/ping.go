package scale

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"woven.dev/woven/internal/lab"
)

// pingEvery is the time between two echo requests, and so the resolution.
const pingEvery = time.Millisecond

// pinger sends echo requests from a workload's namespace.
type pinger struct {
	conn    net.PacketConn
	reading sync.WaitGroup

	mu      sync.Mutex
	waiting netip.Addr // its first reply is waited for
	at      chan time.Time
}

// newPinger opens a raw socket in the namespace of a workload.
func newPinger(l *lab.Lab, node string) (*pinger, error) {
	p := &pinger{}
	err := l.In(node)(func() (err error) {
		p.conn, err = net.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open raw socket: %w", err)
	}
	p.reading.Go(p.read)
	return p, nil
}

func (p *pinger) close() {
	p.conn.Close()
	p.reading.Wait()
}

// ICMP types, RFC 792.
const (
	echoReply   = 0
	echoRequest = 8
)

func (p *pinger) read() {
	b := make([]byte, 1500)
	for {
		n, from, err := p.conn.ReadFrom(b)
		if err != nil {
			return
		}
		if n < 8 || b[0] != echoReply {
			continue
		}
		now := time.Now()
		addr, _ := netip.AddrFromSlice(from.(*net.IPAddr).IP)
		p.mu.Lock()
		if p.waiting == addr.Unmap() {
			p.waiting = netip.Addr{}
			p.at <- now
		}
		p.mu.Unlock()
	}
}

// firstReply sends requests to an address until ctx ends or one is answered, when the channel receives the moment.
func (p *pinger) firstReply(ctx context.Context, to netip.Addr) <-chan time.Time {
	at := make(chan time.Time, 1)
	p.mu.Lock()
	p.waiting, p.at = to, at
	p.mu.Unlock()
	go func() {
		tick := time.NewTicker(pingEvery)
		defer tick.Stop()
		for sequence := uint16(1); ctx.Err() == nil && p.waits(to); sequence++ {
			// Until the way is open the kernel may refuse to send: that is no error.
			_, _ = p.conn.WriteTo(echo(sequence), &net.IPAddr{IP: to.AsSlice()})
			<-tick.C
		}
	}()
	return at
}

func (p *pinger) waits(to netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting == to
}

// echo is an echo request, RFC 792.
func echo(sequence uint16) []byte {
	b := []byte{echoRequest, 0, 0, 0, 0x77, 0x76, 0, 0}
	binary.BigEndian.PutUint16(b[6:], sequence)
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return b
}
