package slowpath

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"woven.dev/woven/internal/hover/punt"
)

// Switch says how IP multicast is snooped on in one switch (ovn-sb(5), IP_Multicast).
type Switch struct {
	// Idle is how long a port that no report is heard of stays in a group, Size how many groups there may be.
	Idle time.Duration
	Size int
	// Flush is a number whose change makes everything be forgotten.
	Flush int
	// Querier, if not nil, asks the ports.
	Querier *Querier
	// Ports are those of this node, by key.
	Ports map[uint16]Port
}

// Port is where a port's frames are sent to: a device and, if not 0, a VLAN on it.
type Port struct {
	Ifindex int
	Tag     uint16
}

// Group is a multicast address with the ports of this node that listen to it, or MulticastRouters with those that lead to multicast routers.
type Group struct {
	Module   string
	Addr     netip.Addr
	Protocol Protocol
	Ports    []uint16 // keys, ascending
}

// Sender sends frames out of devices, to whom is behind them.
type Sender interface {
	Send(ifindex int, frame []byte) error
}

// routerIdle is how long a port that no multicast router is heard from any more counts as leading to one, as with ovn-controller.
const routerIdle = 180 * time.Second

// askAtOnce is how many ports of a switch are asked in a second: their answers have to pass the switch's rate limit of punts.
const askAtOnce = 40

// refusedFor is how long Full names a switch after it refused a group.
const refusedFor = time.Minute

// Snooper keeps who listens to what on this node, and asks. Its methods may be called from any goroutine.
type Snooper struct {
	send    Sender
	changed func()
	log     *slog.Logger
	due     alarm

	mu       sync.Mutex
	switches map[string]*snooped // by module ID
}

// snooped is a switch with what is known of it.
type snooped struct {
	Switch
	*members
	ask map[uint16]time.Time // when each port is to be asked next
}

// NewSnooper returns a snooper that knows no switch. changed is called from any goroutine when Groups may give something else; it must not
// call the snooper.
func NewSnooper(send Sender, changed func(), log *slog.Logger) *Snooper {
	return &Snooper{send: send, changed: changed, log: log, due: newAlarm(), switches: map[string]*snooped{}}
}

// Configure says which switches there are, by module ID. Switches and ports that are not named are forgotten; a port that is new is
// asked at once.
func (s *Snooper) Configure(want map[string]Switch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for id, sw := range s.switches {
		if _, stays := want[id]; !stays {
			changed = changed || len(sw.groups) > 0
			delete(s.switches, id)
		}
	}
	for id, to := range want {
		sw := s.switches[id]
		if sw == nil {
			sw = &snooped{Switch: to, members: newMembers(), ask: map[uint16]time.Time{}}
			s.switches[id] = sw
		}
		changed = sw.configure(to) || changed
	}
	s.due.poke()
	if changed {
		s.changed()
	}
}

// configure changes the settings and says whether members went.
func (sw *snooped) configure(to Switch) bool {
	flush := sw.Flush != to.Flush
	sw.Switch = to
	for port := range sw.ask {
		if _, stays := to.Ports[port]; !stays {
			delete(sw.ask, port)
		}
	}
	for port := range to.Ports {
		if _, known := sw.ask[port]; !known || flush {
			sw.ask[port] = time.Time{} // at once
		}
	}
	return sw.keep(func(port uint16, _ time.Time) bool {
		_, here := to.Ports[port]
		return here && !flush
	})
}

// Restore takes over what a former process knew, of switches and ports that are configured: as if it had just been heard.
func (s *Snooper) Restore(groups []Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, g := range groups {
		for _, port := range g.Ports {
			s.hear(punt.Port{Module: g.Module, Key: port}, Message{g.Addr, true, g.Protocol}, now)
		}
	}
	s.due.poke()
}

// Handle is the handler of punted IGMP and MLD packets. Malformed ones say nothing.
func (s *Snooper) Handle(p punt.Punt) {
	messages, err := Parse(p.Data, p.Length)
	if err != nil {
		s.log.Debug("ignore multicast report", "module", p.Port.Module, "port", p.Port.Key, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, msg := range messages {
		changed = s.hear(p.Port, msg, time.Now()) || changed
	}
	if changed {
		s.due.poke()
		s.changed()
	}
}

// hear takes one message in.
func (s *Snooper) hear(from punt.Port, msg Message, now time.Time) bool {
	sw := s.switches[from.Module]
	if sw == nil {
		return false
	}
	if _, here := sw.Ports[from.Key]; !here {
		return false
	}
	idle := sw.Idle
	if msg.Group == MulticastRouters {
		idle = routerIdle
	}
	return sw.hear(msg, from.Key, now, idle, sw.Size)
}

// Groups lists all that is listened to, by module and address.
func (s *Snooper) Groups() []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Group
	for id, sw := range s.switches {
		for addr, g := range sw.groups {
			list = append(list, Group{id, addr, g.protocol, slices.Sorted(maps.Keys(g.ports))})
		}
	}
	slices.SortFunc(list, func(a, b Group) int { return cmp.Or(strings.Compare(a.Module, b.Module), a.Addr.Compare(b.Addr)) })
	return list
}

// Full lists the switches that refused groups a short time ago because they have Switch.Size of them, by module ID.
func (s *Snooper) Full() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for id, sw := range s.switches {
		if !sw.refusedAt.IsZero() && time.Since(sw.refusedAt) < refusedFor {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// Run forgets and asks when it is time, until ctx ends; then it returns nil.
func (s *Snooper) Run(ctx context.Context) error {
	return s.due.run(ctx, time.Now, func() time.Time {
		frames, next := s.advance(time.Now())
		for _, f := range frames {
			if err := s.send.Send(f.ifindex, f.bytes); err != nil {
				s.log.Warn("ask for multicast listeners", "ifindex", f.ifindex, "error", err)
			}
		}
		return next
	})
}

// outgoing is a frame to send.
type outgoing struct {
	ifindex int
	bytes   []byte
}

// advance forgets what is due, and returns what is to be sent, and when to come again; the zero Time: when woken.
func (s *Snooper) advance(now time.Time) (frames []outgoing, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, sw := range s.switches {
		changed = sw.keep(func(_ uint16, until time.Time) bool { return until.After(now) }) || changed
		next = earlier(next, sw.next())
		if sw.Querier != nil && sw.Querier.Interval > 0 {
			var ask time.Time
			frames, ask = sw.askPorts(now, frames)
			next = earlier(next, ask)
		}
	}
	if changed {
		s.changed()
	}
	return frames, next
}

// askPorts adds the queries that are due to frames, and says when the next ones are.
func (sw *snooped) askPorts(now time.Time, frames []outgoing) (_ []outgoing, next time.Time) {
	asked := 0
	for port, at := range sw.Ports {
		switch {
		case sw.ask[port].After(now):
		case asked == askAtOnce:
			sw.ask[port] = now.Add(time.Second)
		default:
			asked++
			sw.ask[port] = now.Add(sw.Querier.Interval)
			for _, b := range sw.Querier.queries(at.Tag) {
				frames = append(frames, outgoing{at.Ifindex, b})
			}
		}
		next = earlier(next, sw.ask[port])
	}
	return frames, next
}
