package slowpath

import (
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/icmperr"
	"woven.dev/woven/internal/slowpath/neigh"
	"woven.dev/woven/internal/slowpath/ra"
	"woven.dev/woven/sdk/iom/wire"
)

// Learn hears an ARP or ND packet, and sends what waited for its sender.
func (r *Routers) Learn(p punt.Punt) {
	m, err := neigh.Parse(p.Data)
	r.mu.Lock()
	defer r.mu.Unlock()
	router, _, ok := r.port(p.Port)
	if err != nil || !ok || router.owns(m.IP) {
		return
	}
	d := neigh.Destination{Router: p.Port.Module, Port: p.Port.Key, Addr: m.IP}
	if len(r.heard) < maxHeard {
		r.heard[d] = m.MAC
		r.changed()
	}
	r.release(d, m.MAC)
}

// release sends what waited for a neighbour.
func (r *Routers) release(d neigh.Destination, mac frame.MAC) {
	for _, p := range r.pending.Learned(d) {
		r.forward(p, mac)
	}
}

// Resolve keeps a packet until its next hop is known, and asks for that.
func (r *Routers) Resolve(p punt.Punt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, _, ok := r.port(p.Out); !ok {
		return
	}
	d := neigh.Destination{Router: p.Out.Module, Port: p.Out.Key, Addr: about(p)}
	if mac, ok := r.heard[d]; ok { // the table of neighbours is about to have it
		r.forward(p, mac)
		return
	}
	ask, _ := r.pending.Add(d, p, r.now())
	if ask {
		r.ask(d)
		r.due.poke()
	}
}

// forward sends a packet that waited to its next hop. One that is not whole is lost: its sender repeats it.
func (r *Routers) forward(p punt.Punt, to frame.MAC) {
	_, out, ok := r.port(p.Out)
	if !ok || p.Length > len(p.Data) {
		return
	}
	b, err := frame.Forward(p.Data, out.MAC, to)
	if err != nil {
		r.log.Debug("packet that waited for its next hop is lost", "router", p.Out.Module, "error", err)
		return
	}
	r.leave(p.Out, b, wire.Resume{Mark: p.Mark})
}

// tell sends an ICMP error to the sender of a packet, from the router's address on the port that it came in by.
func (r *Routers) tell(p punt.Punt, kind icmperr.Kind) {
	_, in, ok := r.port(p.Port)
	if !ok {
		return
	}
	mtu := 0
	if _, out, ok := r.port(p.Out); ok {
		mtu = out.MTU
	}
	head, err := frame.Head(p.Data)
	if err != nil {
		return
	}
	from := head.Dst // who was meant
	if kind != icmperr.PortUnreachable && kind != icmperr.ProtocolUnreachable {
		if from, ok = in.speaker(head.Src); !ok {
			return
		}
	}
	b, why := icmperr.Error(p.Data, kind, from, mtu)
	r.log.Debug("packet that did not get through", "router", p.Port.Module, "kind", kind, "answer", why)
	r.enter(p.Port, b)
}

// TimeExceeded, NoRoute, TooBig and Own tell the sender of a packet why it went no further.
func (r *Routers) TimeExceeded(p punt.Punt) { r.answer(p, icmperr.TimeExceeded) }

// NoRoute is for a packet whose destination is on no network that the router knows.
func (r *Routers) NoRoute(p punt.Punt) { r.answer(p, icmperr.NetUnreachable) }

// TooBig is for a packet larger than its way out carries.
func (r *Routers) TooBig(p punt.Punt) { r.answer(p, icmperr.TooBig) }

func (r *Routers) answer(p punt.Punt, kind icmperr.Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(p, kind)
}

// Own is for a packet to the router itself, which serves nobody.
func (r *Routers) Own(p punt.Punt) {
	head, err := frame.Head(p.Data)
	if err != nil {
		return
	}
	switch head.Protocol {
	case frame.TCP, frame.SCTP:
		b, why := icmperr.Reset(p.Data)
		r.log.Debug("connection to a router", "router", p.Port.Module, "answer", why)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.enter(p.Port, b)
	case frame.UDP:
		r.answer(p, icmperr.PortUnreachable)
	default:
		r.answer(p, icmperr.ProtocolUnreachable)
	}
}

// Solicited answers a router solicitation.
func (r *Routers) Solicited(p punt.Punt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, in, ok := r.port(p.Port)
	if !ok || in.RA == nil {
		return
	}
	b, why := ra.Answer(in.RA, p.Data)
	r.log.Debug("router solicitation", "router", p.Port.Module, "port", p.Port.Key, "answer", why)
	r.leave(p.Port, b, wire.Resume{HereOnly: 1})
}
