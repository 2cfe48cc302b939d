package agent

import (
	"time"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/l2switch"
)

// A station that moves on and on is in two places, or there is a loop: after moveBurst moves the other nodes hear of one in moveEvery.
const (
	moveBurst = 5
	moveEvery = 10 * time.Second
)

// moves are those of one station.
type moves struct {
	budget   float64
	at       time.Time
	from, to uint16
}

// moved notes between which ports a station moves.
func (f *fdb) moved(s station, from, to uint16, now time.Time) *moves {
	m := f.moves[s]
	if m == nil {
		m = &moves{budget: moveBurst, at: now}
		f.moves[s] = m
	}
	m.from, m.to = min(from, to), max(from, to)
	return m
}

// refill lets time pass.
func (m *moves) refill(now time.Time) {
	m.budget = min(moveBurst, m.budget+now.Sub(m.at).Seconds()/moveEvery.Seconds())
	m.at = now
}

// take says whether one more move may be told.
func (m *moves) take(now time.Time) bool {
	m.refill(now)
	if m.budget < 1 {
		return false
	}
	m.budget--
	return true
}

// problems reports stations that move on and on, and forgets those that have settled.
func (f *fdb) problems(in *fdbLook, p *fdbPlan) {
	for s, m := range f.moves {
		sw := in.switches[s.module]
		m.refill(in.now)
		switch {
		case sw == nil || m.budget >= moveBurst:
			delete(f.moves, s)
		case m.budget < 1:
			p.problems.Add("logical_switch", sw.name, "MAC address %s is used on ports %s and %s by turns: other nodes are told of a move every %s at most",
				logical.MAC(s.mac), sw.portName(m.from), sw.portName(m.to), moveEvery)
		}
	}
}

func (sw *fdbSwitch) portName(key uint16) string {
	if p := sw.ports[key]; p != nil {
		return logical.Quote(p.name)
	}
	return "that are gone"
}

// refusedFor is how long a refused address is a problem.
const refusedFor = time.Minute

// counting watches the counts that the programs keep of each port's learned addresses, by port slot.
type counting struct {
	off     map[uint32]int // by how much a count was wrong at the last look
	refused map[uint32]refused
}

type refused struct {
	count uint32
	at    time.Time // when it grew last
}

func newCounting() counting {
	return counting{off: map[uint32]int{}, refused: map[uint32]refused{}}
}

// check corrects counts, and reports ports at their limit. Programs change rows and counts while they are read: only what is wrong by the
// same number at two looks is wrong.
func (c *counting) check(in *fdbLook, p *fdbPlan) {
	have := map[uint32]int{}
	for _, l := range in.learned {
		have[uint32(l.Ref)]++
	}
	was := c.off
	c.off, p.counts = map[uint32]int{}, map[uint32]l2switch.LearnCount{}
	for _, sw := range in.switches {
		for _, port := range sw.ports {
			if port.slot == 0 {
				continue
			}
			count := in.counts[port.slot]
			if off := int(int32(count.Learned)) - have[port.slot]; off != 0 && was[port.slot] == off {
				p.counts[port.slot] = l2switch.LearnCount{Learned: uint32(have[port.slot]), Refused: count.Refused}
			} else if off != 0 {
				c.off[port.slot] = off
			}
			c.watch(port, count, in.now, p)
		}
	}
}

// watch reports a port that was refused an address a short time ago.
func (c *counting) watch(port *fdbPort, count l2switch.LearnCount, now time.Time, p *fdbPlan) {
	last, known := c.refused[port.slot]
	switch {
	case known && count.Refused > last.count:
		last.at = now
	case count.Refused < last.count: // another port has the slot
		last.at = time.Time{}
	}
	last.count = count.Refused
	c.refused[port.slot] = last
	if !last.at.IsZero() && now.Sub(last.at) < refusedFor {
		p.problems.Add("logical_switch_port", port.name, "more MAC addresses are used than it may have learned: frames for the others are flooded")
	}
}
