// Package punt reads what programs hand over to user space (iom_punt in <iom/punt.h>): packets, or only word of them. Punts get lost, by
// the programs' rate limits and when a handler is slow: nothing may depend on one arriving.
package punt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// queueLength is how many punts wait for a handler; further ones are lost.
const queueLength = 1024

// Punt is a packet from a program, or word of one.
type Punt struct {
	// Kind is the module kind that punted, Reason its own number for why.
	Kind   string
	Reason uint32
	// Port is the port of this node by which the packet came in, Out the one by which it was to go out; the zero Port: none, or one of
	// another node. One of the two is there.
	Port, Out Port
	// About is an address that Reason is about, with which programs may tell anything; see the module.
	About [4]uint32
	// Mark is what policies have marked the packet with (pkt.mark of ovn-sb(5)).
	Mark uint32
	// Length is that of the packet in bytes, Data as much of its beginning, from the Ethernet header on, as the program gives away.
	Length int
	Data   []byte
}

// Port is a port by its module's ID and its key.
type Port struct {
	Module string
	Key    uint16
}

// Handler takes punts, one at a time.
type Handler func(Punt)

// Where finds the port that a slot stands for now; ok is false for one that has gone. It is called from any goroutine.
type Where func(slot uint32) (port Port, ok bool)

// Counts of a reader since it was made.
type Counts struct {
	// Handled were given to handlers. Lost are those that found a handler's queue full, Stray those of no handler, of a port that has
	// gone, or malformed.
	Handled, Lost, Stray uint64
}

// Reader reads a ring buffer.
type Reader struct {
	ring   *ebpf.Map
	kinds  []string // kind number i+1 is kinds[i]
	where  Where
	queues map[about]*queue

	handled, lost, stray atomic.Uint64
}

// about is what a handler is for.
type about struct {
	kind   string
	reason uint32
}

type queue struct {
	handle Handler
	punts  chan Punt
}

// NewReader returns a reader of a ring buffer in the layout of iom_punts. It does nothing before Run.
func NewReader(ring *ebpf.Map, kinds []string, where Where) *Reader {
	return &Reader{ring: ring, kinds: kinds, where: where, queues: map[about]*queue{}}
}

// Handle has punts of a kind and reason given to h, by a goroutine that does only that. It is called before Run, once for each.
func (r *Reader) Handle(kind string, reason uint32, h Handler) {
	r.queues[about{kind, reason}] = &queue{h, make(chan Punt, queueLength)}
}

// Counts may be called from any goroutine.
func (r *Reader) Counts() Counts {
	return Counts{Handled: r.handled.Load(), Lost: r.lost.Load(), Stray: r.stray.Load()}
}

// Run reads until ctx ends; then it returns nil when the handlers are done with what they have begun.
func (r *Reader) Run(ctx context.Context) error {
	ring, err := ringbuf.NewReader(r.ring)
	if err != nil {
		return fmt.Errorf("open punts: %w", err)
	}
	defer ring.Close()
	ctx, stop := context.WithCancel(ctx)
	var handlers sync.WaitGroup
	for _, q := range r.queues {
		handlers.Go(func() { r.serve(ctx, q) })
	}
	defer handlers.Wait()
	defer stop()
	defer context.AfterFunc(ctx, func() { ring.Close() })()
	var record ringbuf.Record
	for {
		err := ring.ReadInto(&record)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read punts: %w", err)
		}
		r.take(record.RawSample)
	}
}

// serve gives punts to their handler.
func (r *Reader) serve(ctx context.Context, q *queue) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-q.punts:
			q.handle(p)
			r.handled.Add(1)
		}
	}
}

// take puts a record in its handler's queue.
func (r *Reader) take(record []byte) {
	p, ok := r.parse(record)
	q := r.queues[about{p.Kind, p.Reason}]
	if !ok || q == nil {
		r.stray.Add(1)
		return
	}
	select {
	case q.punts <- p:
	default:
		r.lost.Add(1)
	}
}

// parse reads a record, which it does not keep.
func (r *Reader) parse(record []byte) (p Punt, ok bool) {
	const size = int(unsafe.Sizeof(wire.Punt{}))
	if len(record) < size {
		return Punt{}, false
	}
	head, err := iom.Get[wire.Punt](string(record[:size]))
	data := record[size:]
	if err != nil || head.Kind == 0 || int(head.Kind) > len(r.kinds) || int(head.Caplen) > len(data) {
		return Punt{}, false
	}
	p = Punt{Kind: r.kinds[head.Kind-1], Reason: head.Reason, Length: int(head.Len), About: head.About.A, Mark: head.Mark, Data: slices.Clone(data[:head.Caplen])}
	var in, out bool
	p.Port, in = r.port(iom.Ref(head.In))
	p.Out, out = r.port(iom.Ref(head.Out))
	return p, in || out
}

// port is the port of this node that ref names; ok is false for another one.
func (r *Reader) port(ref iom.Ref) (p Port, ok bool) {
	if _, _, remote := ref.Remote(); remote {
		return Port{}, false
	}
	if _, group := ref.Group(); group {
		return Port{}, false
	}
	if p, ok = r.where(uint32(ref)); !ok {
		return Port{}, false
	}
	return p, true
}
