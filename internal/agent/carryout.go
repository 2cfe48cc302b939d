package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
)

// carryOut makes the data plane what the rows mean. All three databases have been read.
func (l *loop) carryOut(ctx context.Context, r *round) {
	routes, err := l.routes.lookup(l.host.Route, r.snap.RouteGen, &r.settings.Encap, peerAddrs(r.sb, r.settings.Encap.IPs))
	if err != nil {
		r.problems.Add("underlay", "routes", "%v", err)
	}
	tunnel, problems := tunnelOf(&r.settings.Encap, r.snap, routes)
	r.problems = append(r.problems, problems...)
	in := ingest.Input{
		Chassis: r.settings.Name, NB: r.nb, SB: r.sb, VS: r.vs,
		Devices: devicesOf(r.plugs), Routes: routes, Tunnel: tunnel,
	}
	plugs, problems := l.reader.Plugs(in)
	r.problems = append(r.problems, problems...)
	r.claims = l.claims.decide(plugs, r.sb, r.self, l.held)
	r.decided, l.held, r.plugged = true, r.claims.held, r.claims.plugs
	r.problems = append(r.problems, r.claims.problems...)
	l.noteActivated(r)
	in.Activated = l.activated

	network := l.reader.Network(in, r.plugged)
	state, found := l.compiler.Compile(network)
	r.problems = append(r.problems, found...)
	state.FloodLimit, state.FlowCache = r.settings.FloodLimit, r.settings.FlowCache
	addRelay(state, r.snap)
	l.prepareDevices(r)
	l.keepNeighbours(r, state)
	l.apply(ctx, r, network, state)
}

// devicesOf are the devices of the integration bridge, by the name of their interface.
func devicesOf(plugs []plug) map[string]logical.Device {
	devices := make(map[string]logical.Device, len(plugs))
	for i := range plugs {
		if plugs[i].present() {
			devices[plugs[i].iface.Name] = deviceOf(plugs[i].device)
		}
	}
	return devices
}

// addRelay gives the tunnel the pair of devices that flood copies pass.
func addRelay(state *netstate.State, snap *hostnet.Snapshot) {
	if state.Tunnel == nil {
		return
	}
	for device, name := range map[*netstate.Device]string{&state.Tunnel.RelayOut: relayOut, &state.Tunnel.RelayIn: relayIn} {
		if link, ok := snap.Links[name]; ok {
			*device = netstate.Device{Name: name, Ifindex: link.Index}
		}
	}
}

// prepareDevices makes the devices of our ports ready, each once.
func (l *loop) prepareDevices(r *round) {
	for _, claim := range r.claims.ours {
		if l.prepared[claim.Device.Ifindex] {
			continue
		}
		if err := l.host.PrepareDevice(claim.Device.Ifindex); err != nil {
			r.problems.Add("interface", claim.Interface.Name, "%v", err)
			continue
		}
		l.prepared[claim.Device.Ifindex] = true
	}
}

// keepNeighbours has the kernel resolve the next hops of the tunnels.
func (l *loop) keepNeighbours(r *round, state *netstate.State) {
	want := nextHops(state.Nodes)
	if l.neighbours.gen == r.snap.RouteGen && slices.Equal(l.neighbours.want, want) {
		return
	}
	if err := l.host.SetNeighbours(want); err != nil {
		r.problems.Add("underlay", "neighbours", "%v", err)
		return
	}
	l.neighbours = neighbourState{gen: r.snap.RouteGen, want: want}
}

// apply brings the state to the data plane and notes what is live.
func (l *loop) apply(ctx context.Context, r *round, network *logical.Network, state *netstate.State) {
	began := l.now()
	result, err := l.plane.Apply(ctx, state)
	if f := l.applyObserver.Load(); f != nil {
		(*f)(l.now().Sub(began))
	}
	if ctx.Err() != nil {
		r.decided = false
		return
	}
	if err == nil {
		err = failuresErr(result.Failures)
	} else {
		r.decided = false // what is live is not known: nothing may be said about it
	}
	if err != nil && (l.applyRetry.err == nil || l.applyRetry.err.Error() != err.Error()) {
		l.log.Error("apply desired state", "error", err)
	}
	l.applyRetry.note(err, r.now)
	if !r.decided {
		return
	}
	if !result.Unfinished {
		l.noteFirst()
	}
	if l.live.state == nil || len(netstate.Diff(l.live.state, state)) > 0 {
		l.live.generation++
	}
	l.live.state, l.live.network, l.live.failures = state, network, result.Failures
	l.live.unfinished = result.Unfinished
	l.live.ports = livePorts(network, result)
	if n, ok := nbCfgOf(r.nb, r.sb); ok && !result.Unfinished && !moduleFailed(result.Failures) {
		l.live.nbCfg, l.live.known = n, true
	}
}

// noteFirst tells whoever waits that the data plane holds a first state.
func (l *loop) noteFirst() {
	select {
	case <-l.firstLive:
	default:
		close(l.firstLive)
	}
}

// failuresErr is nil when all is live.
func failuresErr(failures []netstate.Failure) error {
	var errs []error
	for _, f := range failures {
		errs = append(errs, fmt.Errorf("module %q port %q: %w", f.Module, f.Port, f.Err))
	}
	return errors.Join(errs...)
}

// moduleFailed says whether a whole module is not live: then its generation isn't either. A device or the underlay that fails is no matter
// of the generation, and must not hold back `ovn-nbctl --wait=hv` for the whole cloud.
func moduleFailed(failures []netstate.Failure) bool {
	return slices.ContainsFunc(failures, func(f netstate.Failure) bool { return f.Module != "" && f.Port == "" })
}

// livePorts are the logical ports of this node that the data plane carries, by name. A port of which the Northbound
// database is not known yet does not count: it is there, but closed.
func livePorts(network *logical.Network, result netstate.Result) map[string]bool {
	failed, former := map[netstate.PortID]bool{}, map[netstate.PortID]bool{}
	for _, f := range result.Failures {
		failed[netstate.PortID{Module: f.Module, Port: f.Port}] = true
		for _, name := range f.Former {
			former[netstate.PortID{Module: f.Module, Port: name}] = true
		}
	}
	for _, p := range result.Pending {
		failed[p] = true
	}
	live := map[string]bool{}
	for id, sw := range network.Switches {
		for _, p := range sw.Ports {
			port := netstate.PortID{Module: id, Port: p.Name}
			if p.Device != nil && p.NBUUID != "" && (!failed[netstate.PortID{Module: id}] || former[port]) && !failed[port] {
				live[p.Name] = true
			}
		}
	}
	return live
}
