// Package traffic sends numbered UDP packets between network namespaces and counts exactly which of them arrive, and how
// often. Nothing about a result depends on time: the first packet is numbered when the way is known to be open, a sender
// keeps its packets in order, and the last one is followed by an end mark that is repeated until it arrives.
package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"woven.dev/woven/internal/testutil"
)

// Place runs a function on a thread of a network namespace; see lab.Lab.In.
type Place = func(f func() error) error

// Flow is what to send.
type Flow struct {
	From, To Place
	// Also are further places where packets of the flow may turn up: the other home of a port that moves.
	Also []Place
	// Dest is the address in To that the packets go to, IPv4 or IPv6.
	Dest netip.Addr
	// Packets is how many packets are sent at least; see Run.Finish.
	Packets int
	// PerSecond is the pace; 0: 2,000.
	PerSecond int
	// Patience is how long a mark is repeated in vain; 0: 10 s.
	Patience time.Duration
	// Lossy says that packets may be lost: one that can't even be sent counts as such, and when the end mark does not get through
	// for lossyPatience, the flow is over nevertheless.
	Lossy bool
}

const (
	defaultPace = 2000
	// burst bounds how many packets leave at once after the sender was held up: fewer than a CPU's backlog
	// (net.core.netdev_max_backlog, 1,000) can hold.
	burst         = 50
	tick          = time.Millisecond
	markEvery     = 20 * time.Millisecond
	patience      = 10 * time.Second
	lossyPatience = 300 * time.Millisecond
	// receiveBuffer takes all that can arrive while the receiver waits for a CPU.
	receiveBuffer = 32 << 20
)

// aLongTimeAgo is a deadline that has passed.
var aLongTimeAgo = time.Unix(1, 0)

// ErrClosed: packets do not get through.
var ErrClosed = errors.New("the way is closed")

// Run is a flow under way.
type Run struct {
	flow     Flow
	id       uint64
	sender   *net.UDPConn
	receiver *receiver
	sent     atomic.Int64
	backlogs uint64        // testutil.BacklogDrops at the start
	finish   chan struct{} // closed by Finish
	done     chan struct{} // closed when err holds the sender's outcome
	err      error
}

// Start opens both ends, waits until a packet gets through, with ErrClosed after Flow.Patience, and starts to send.
func Start(ctx context.Context, flow Flow) (*Run, error) {
	flow.PerSecond = cmp.Or(flow.PerSecond, defaultPace)
	flow.Patience = cmp.Or(flow.Patience, patience)
	r := &Run{flow: flow, id: rand.Uint64(), finish: make(chan struct{}), done: make(chan struct{}), backlogs: testutil.BacklogDrops()}
	var err error
	if r.receiver, err = listen(flow, r.id); err != nil {
		return nil, err
	}
	err = flow.From(func() (err error) {
		r.sender, err = net.ListenUDP(network(flow.Dest), nil)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open sender: %w", err), r.receiver.close())
	}
	if err := r.mark(ctx, packetBegin, &r.receiver.begun, flow.Patience); err != nil {
		return nil, errors.Join(fmt.Errorf("send to %s: %w", flow.Dest, err), r.sender.Close(), r.receiver.close())
	}
	go func() {
		defer close(r.done)
		r.err = r.send(ctx)
	}()
	return r, nil
}

// network is Go's name for UDP over the family of an address.
func network(addr netip.Addr) string {
	if addr.Is4() {
		return "udp4"
	}
	return "udp6"
}

// Sent is how many packets have left so far.
func (r *Run) Sent() int { return int(r.sent.Load()) }

// Finish sends what is missing to Flow.Packets, ends the flow, and returns what became of it. It is called once.
func (r *Run) Finish() (*Result, error) {
	close(r.finish)
	<-r.done
	err := errors.Join(r.err, r.sender.Close(), r.receiver.close())
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", r.flow.Dest, err)
	}
	return r.receiver.result(r.Sent()), nil
}

// Check is Finish for a flow of which every packet must arrive, and once.
func (r *Run) Check() error {
	result, err := r.Finish()
	if err != nil {
		return err
	}
	if result.Late > 0 || result.Lost > 0 || result.Twice > 0 {
		return fmt.Errorf("flow to %s: %s; %d packets of whomsoever were dropped by full backlogs meanwhile", r.flow.Dest, result, testutil.BacklogDrops()-r.backlogs)
	}
	return nil
}
