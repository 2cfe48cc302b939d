package slowpath

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/neigh"
	"woven.dev/woven/sdk/iom/wire"
)

// Announced is a port that a physical network has to hear of.
type Announced struct {
	Slot, Port uint32 // of the instance, and of the port
	// Frames are what its owner would say, see neigh.Announce. Other ones begin anew.
	Frames [][]byte
}

// Announcer tells physical networks where ports are, in the name of their owners: a workload that has moved here doesn't know that it has to. Its
// methods may be called from any goroutine.
type Announcer struct {
	send Resumer
	now  func() time.Time
	log  *slog.Logger
	due  alarm

	mu    sync.Mutex
	relay int
	most  time.Duration
	ports map[punt.Port]announced
}

// announced is how far a port has come.
type announced struct {
	Announced
	sent int
	next time.Time // zero: never again
}

// NewAnnouncer returns one that announces no port.
func NewAnnouncer(send Resumer, now func() time.Time, log *slog.Logger) *Announcer {
	return &Announcer{send: send, now: now, log: log, due: newAlarm(), ports: map[punt.Port]announced{}}
}

// Configure says which ports to announce; a new one begins at once. relay is as in Routers.Configure, most as in neigh.NextAnnouncement.
func (a *Announcer) Configure(relay int, most time.Duration, ports map[punt.Port]Announced) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.ports
	a.relay, a.most, a.ports = relay, most, make(map[punt.Port]announced, len(ports))
	for at, p := range ports {
		known, ok := before[at]
		if !ok || !slices.EqualFunc(known.Frames, p.Frames, bytes.Equal) {
			known = announced{next: a.now()}
		}
		known.Announced = p
		a.ports[at] = known
	}
	a.due.poke()
}

// Run announces what is due, until ctx ends; then it returns nil.
func (a *Announcer) Run(ctx context.Context) error { return a.due.run(ctx, a.now, a.advance) }

// advance announces, and returns when to come again; the zero Time: when woken.
func (a *Announcer) advance() (next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for at, p := range a.ports {
		if !p.next.IsZero() && !p.next.After(now) {
			a.announce(at, p.Announced)
			p.sent++
			pause, again := neigh.NextAnnouncement(p.sent, a.most)
			if p.next = now.Add(pause); !again {
				p.next = time.Time{}
			}
			a.ports[at] = p
		}
		next = earlier(next, p.next)
	}
	return next
}

// announce has a port's frames enter by it, as if its owner had sent them: they reach all of its switch. Its checks of the sender are not for them.
func (a *Announcer) announce(at punt.Port, p Announced) {
	for _, frame := range p.Frames {
		if err := a.send.Resume(a.relay, wire.Resume{Dp: p.Slot, Port: p.Port}, frame); err != nil {
			a.log.Debug("announcement is lost", "module", at.Module, "port", at.Key, "error", err)
		}
	}
}
