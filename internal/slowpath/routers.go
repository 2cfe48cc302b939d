package slowpath

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/icmperr"
	"woven.dev/woven/internal/slowpath/neigh"
	"woven.dev/woven/internal/slowpath/ra"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Resumer sends frames on through the modules, see Injector.Resume.
type Resumer interface {
	Resume(relay int, r wire.Resume, frame []byte) error
}

// Router is what its user-space part needs to know of a logical router.
type Router struct {
	Slot  uint32 // of the instance
	Ports map[uint16]RouterPort
	// Known finds the neighbours that the programs know by now, by the key of their port. It is called from any goroutine.
	Known func(port uint16, a netip.Addr) (mac frame.MAC, known bool)
}

// RouterPort is a port of a router.
type RouterPort struct {
	Slot uint32
	MAC  frame.MAC
	// Networks are its addresses with the lengths of their networks, the one that speaks for the router first of its family.
	Networks []netip.Prefix
	MTU      int // bytes of the largest IP packet that may leave; 0: any
	// RA is what it advertises; nil: nothing.
	RA *ra.Config
}

// Neighbour is an address that was heard of behind a router's port.
type Neighbour struct {
	Router string // module ID
	Port   uint16
	Addr   netip.Addr
	MAC    frame.MAC
}

// maxHeard is how many neighbours wait to be taken by Heard; further ones are heard again.
const maxHeard = 4096

// Routers does for logical routers what programs leave to user space: it asks for the MAC addresses of next hops and keeps packets until they
// are known, hears what ARP and ND teach, tells senders why their packets did not get through, and advertises. Its methods may be called from
// any goroutine.
type Routers struct {
	send    Resumer
	changed func()
	log     *slog.Logger
	now     func() time.Time
	due     alarm

	mu      sync.Mutex
	relay   int
	routers map[string]Router // by module ID
	pending *neigh.Pending[punt.Punt]
	heard   map[neigh.Destination]frame.MAC
	adverts map[punt.Port]advert
}

// advert is how far a port has come with advertisements that nobody asked for.
type advert struct {
	config *ra.Config
	sent   int
	last   time.Time
	next   time.Time
}

// NewRouters returns one that knows no router. changed is called from any goroutine when Heard has something new; it must not call the
// Routers.
func NewRouters(send Resumer, changed func(), now func() time.Time, log *slog.Logger) *Routers {
	return &Routers{send: send, changed: changed, log: log, now: now, due: newAlarm(), routers: map[string]Router{},
		pending: neigh.NewPending[punt.Punt](), heard: map[neigh.Destination]frame.MAC{}, adverts: map[punt.Port]advert{}}
}

// Configure says which routers there are, by module ID, and the ifindex of the relay device (netstate.Tunnel.RelayOut). What waits at routers and
// ports that are not named is dropped; what waits for neighbours that are known now, since another node heard of them, is sent. The map must
// not be changed afterwards.
func (r *Routers) Configure(relay int, routers map[string]Router) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relay, r.routers = relay, routers
	r.pending.Forget(func(router string, port uint16) bool {
		_, stays := routers[router].Ports[port]
		return !stays
	})
	for _, d := range r.pending.Waiting() {
		if mac, known := routers[d.Router].Known(d.Port, d.Addr); known {
			r.release(d, mac)
		}
	}
	r.configureAdverts()
	r.due.poke()
}

// configureAdverts forgets how far ports came whose advertisements changed, and begins with those that are new.
func (r *Routers) configureAdverts() {
	for at, a := range r.adverts {
		if r.routers[at.Module].Ports[at.Key].RA != a.config {
			delete(r.adverts, at)
		}
	}
	for id, router := range r.routers {
		for key, p := range router.Ports {
			at := punt.Port{Module: id, Key: key}
			if _, known := r.adverts[at]; !known && p.RA != nil {
				r.adverts[at] = advert{config: p.RA, next: ra.Next(p.RA, 0, time.Time{}, r.now(), rand.N[time.Duration])}
			}
		}
	}
}

// Heard takes out the neighbours that were heard of since the last call.
func (r *Routers) Heard() []Neighbour {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Neighbour, 0, len(r.heard))
	for d, mac := range r.heard {
		out = append(out, Neighbour{Router: d.Router, Port: d.Port, Addr: d.Addr, MAC: mac})
	}
	clear(r.heard)
	return out
}

// Run does what is due, until ctx ends; then it returns nil.
func (r *Routers) Run(ctx context.Context) error { return r.due.run(ctx, r.now, r.advance) }

// advance asks again, gives up, advertises, and returns when to come again; the zero Time: when there is something new.
func (r *Routers) advance() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	ask, expired, next := r.pending.Advance(now)
	for _, d := range ask {
		r.ask(d)
	}
	for _, e := range expired {
		for _, p := range e.Packets {
			r.tell(p, icmperr.HostUnreachable)
		}
	}
	for at, a := range r.adverts {
		if a.next.IsZero() {
			continue
		}
		if !a.next.After(now) {
			r.advertise(at, a.config)
			a.sent, a.last = a.sent+1, now
			a.next = ra.Next(a.config, a.sent, a.last, now, rand.N[time.Duration])
			r.adverts[at] = a
		}
		if !a.next.IsZero() && (next.IsZero() || a.next.Before(next)) {
			next = a.next
		}
	}
	return next
}

// port finds a router's port.
func (r *Routers) port(at punt.Port) (Router, RouterPort, bool) {
	router := r.routers[at.Module]
	p, ok := router.Ports[at.Key]
	return router, p, ok
}

// leave sends a frame out of a router's port; with says what else goes with it.
func (r *Routers) leave(at punt.Port, b []byte, with wire.Resume) {
	router, p, ok := r.port(at)
	if !ok || b == nil {
		return
	}
	with.Dp, with.Port, with.Leaves = router.Slot, p.Slot, 1
	r.resume(at, with, b)
}

// enter has a router route a packet of its own, as if that had come in by a port: so it finds its way also where that is not the way back.
func (r *Routers) enter(at punt.Port, b []byte) {
	router, p, ok := r.port(at)
	if !ok || b == nil {
		return
	}
	copy(b, p.MAC[:])
	r.resume(at, wire.Resume{Dp: router.Slot, Port: p.Slot}, b)
}

func (r *Routers) resume(at punt.Port, to wire.Resume, b []byte) {
	if err := r.send.Resume(r.relay, to, b); err != nil {
		r.log.Debug("frame of a router is lost", "router", at.Module, "port", at.Key, "error", err)
	}
}

// ask asks for a neighbour.
func (r *Routers) ask(d neigh.Destination) {
	at := punt.Port{Module: d.Router, Key: d.Port}
	_, p, ok := r.port(at)
	if !ok {
		return
	}
	from, ok := p.speaker(d.Addr)
	if d.Addr.Is4() && !ok {
		return // nobody would answer
	}
	r.leave(at, neigh.Ask(p.MAC, from, d.Addr), wire.Resume{})
}

// speaker is the port's address for talking to to: one on its network, else the first of its family.
func (p *RouterPort) speaker(to netip.Addr) (addr netip.Addr, ok bool) {
	for _, n := range p.Networks {
		if n.Addr().Is4() != to.Is4() {
			continue
		}
		if n.Contains(to) {
			return n.Addr(), true
		}
		if !ok {
			addr, ok = n.Addr(), true
		}
	}
	return addr, ok
}

// advertise sends what nobody asked for, to the hosts of this node: each node tells its own.
func (r *Routers) advertise(at punt.Port, c *ra.Config) {
	r.leave(at, ra.Unsolicited(c), wire.Resume{HereOnly: 1})
}

// about is the address that a router's punt is about.
func about(p punt.Punt) netip.Addr { return iom.NetipAddr(p.About) }

// owns says whether an address is the router's own.
func (router *Router) owns(a netip.Addr) bool {
	for _, p := range router.Ports {
		if slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Addr() == a }) {
			return true
		}
	}
	return false
}
