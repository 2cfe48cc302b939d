package slowpath

import (
	"net/netip"
	"time"
)

// members are who listens to what in one switch.
type members struct {
	groups map[netip.Addr]*group
	// refusedAt is when a group was last refused for want of room.
	refusedAt time.Time
}

type group struct {
	ports    map[uint16]time.Time // when each is forgotten unless it is heard of again, by port key
	protocol Protocol             // of the last report
}

func newMembers() *members { return &members{groups: map[netip.Addr]*group{}} }

// hear takes a message in and says whether that changed the members. size bounds how many groups there are: further ones are refused.
func (m *members) hear(msg Message, port uint16, now time.Time, idle time.Duration, size int) bool {
	g := m.groups[msg.Group]
	if !msg.Join {
		return g != nil && m.drop(msg.Group, port)
	}
	if g == nil {
		if msg.Group != MulticastRouters && len(m.groups) >= size {
			m.refusedAt = now
			return false
		}
		g = &group{ports: map[uint16]time.Time{}}
		m.groups[msg.Group] = g
	}
	_, had := g.ports[port]
	changed := !had || g.protocol != msg.Protocol
	g.ports[port], g.protocol = now.Add(idle), msg.Protocol
	return changed
}

// drop takes a port out of a group and says whether it was in.
func (m *members) drop(addr netip.Addr, port uint16) bool {
	g := m.groups[addr]
	_, had := g.ports[port]
	delete(g.ports, port)
	if len(g.ports) == 0 {
		delete(m.groups, addr)
	}
	return had
}

// keep drops the ports that stays denies, and says whether there were any.
func (m *members) keep(stays func(port uint16, until time.Time) bool) (changed bool) {
	for addr, g := range m.groups {
		for port, until := range g.ports {
			if !stays(port, until) {
				changed = m.drop(addr, port) || changed
			}
		}
	}
	return changed
}

// next is when the first port is to be forgotten; the zero Time: never.
func (m *members) next() (first time.Time) {
	for _, g := range m.groups {
		for _, until := range g.ports {
			first = earlier(first, until)
		}
	}
	return first
}

// earlier of two times, of which a zero one doesn't count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
