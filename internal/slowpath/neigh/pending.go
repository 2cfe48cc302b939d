package neigh

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Limits of what waits for neighbours. Those of a destination, the lifetime, and the number of destinations that all routers together may
// have are OVN's; a single router may not use all of them up.
const (
	MaxPackets      = 4    // of a destination; the oldest ones go first
	MaxDestinations = 256  // of a router
	MaxTotal        = 1000 // destinations
	Lifetime        = 10 * time.Second
)

// A neighbour is asked for when the first packet for it comes, and again after each pause as long as packets wait, up to so many times in a
// row (RFC 4861 section 10, MAX_MULTICAST_SOLICIT and RETRANS_TIMER; RFC 1122 section 2.3.2.1 for ARP).
const (
	askTimes = 3
	askPause = time.Second
)

// Destination is a neighbour of a router that packets wait for.
type Destination struct {
	Router string // module ID
	Port   uint16 // key of the port that leads to it
	Addr   netip.Addr
}

// Pending keeps packets until their neighbour is known. P is what is kept of one. Not for several goroutines at a time.
type Pending[P any] struct {
	waiting map[Destination]*queue[P]
	routers map[string]int // destinations of each
}

type queue[P any] struct {
	packets []P
	until   time.Time // when they are given up
	asked   int
	askAt   time.Time // when to ask again, if asked is less than askTimes
}

// NewPending returns one that keeps nothing.
func NewPending[P any]() *Pending[P] {
	return &Pending[P]{waiting: map[Destination]*queue[P]{}, routers: map[string]int{}}
}

// Add keeps a packet. ask: the neighbour is to be asked for now. lost is how many packets, this one or an earlier one, found no room.
func (w *Pending[P]) Add(d Destination, packet P, now time.Time) (ask bool, lost int) {
	q := w.waiting[d]
	if q == nil {
		if len(w.waiting) >= MaxTotal || w.routers[d.Router] >= MaxDestinations {
			return false, 1
		}
		q = &queue[P]{asked: 1, askAt: now.Add(askPause)}
		w.waiting[d] = q
		w.routers[d.Router]++
		ask = true
	}
	if len(q.packets) == MaxPackets {
		q.packets = slices.Delete(q.packets, 0, 1)
		lost = 1
	}
	q.packets = append(q.packets, packet)
	q.until = now.Add(Lifetime)
	if q.asked >= askTimes && !q.askAt.After(now) { // whoever sends still is worth another question
		q.asked, q.askAt, ask = 1, now.Add(askPause), true
	}
	return ask, lost
}

// Learned takes out the packets that waited for a neighbour, in the order in which they came.
func (w *Pending[P]) Learned(d Destination) []P {
	q := w.waiting[d]
	if q == nil {
		return nil
	}
	w.remove(d)
	return q.packets
}

// Waiting lists all destinations, sorted.
func (w *Pending[P]) Waiting() []Destination {
	list := make([]Destination, 0, len(w.waiting))
	for d := range w.waiting {
		list = append(list, d)
	}
	slices.SortFunc(list, compare)
	return list
}

// Expired is what is given up: a destination and the packets that waited for it.
type Expired[P any] struct {
	Destination
	Packets []P
}

// Advance gives up what has waited for too long, and lists what to ask for again. next is when to come again; the zero Time: when there
// is a packet.
func (w *Pending[P]) Advance(now time.Time) (ask []Destination, expired []Expired[P], next time.Time) {
	for d, q := range w.waiting {
		if !q.until.After(now) {
			expired = append(expired, Expired[P]{d, q.packets})
			w.remove(d)
			continue
		}
		if q.asked < askTimes && !q.askAt.After(now) {
			q.asked, q.askAt = q.asked+1, now.Add(askPause)
			ask = append(ask, d)
		}
		due := q.until
		if q.asked < askTimes && q.askAt.Before(due) {
			due = q.askAt
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	slices.SortFunc(ask, compare)
	slices.SortFunc(expired, func(a, b Expired[P]) int { return compare(a.Destination, b.Destination) })
	return ask, expired, next
}

// Forget drops what waits at the ports that gone names, as when they are removed, and says how many packets there were.
func (w *Pending[P]) Forget(gone func(router string, port uint16) bool) (packets int) {
	for d, q := range w.waiting {
		if gone(d.Router, d.Port) {
			packets += len(q.packets)
			w.remove(d)
		}
	}
	return packets
}

func (w *Pending[P]) remove(d Destination) {
	delete(w.waiting, d)
	if w.routers[d.Router]--; w.routers[d.Router] == 0 {
		delete(w.routers, d.Router)
	}
}

func compare(a, b Destination) int {
	return cmp.Or(cmp.Compare(a.Router, b.Router), cmp.Compare(a.Port, b.Port), a.Addr.Compare(b.Addr))
}
