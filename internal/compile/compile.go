// Package compile turns virtual networks into the desired state of a node's data plane. It is pure, and memoised
// by logical datapath.
package compile

import (
	"maps"
	"reflect"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom/meter"
)

// Compiler remembers what it compiled: a switch or router whose content did not change gives the same *netstate.Module again.
// What it gives depends on its argument alone: a new Compiler would give an equal state. The zero value
// is ready. It is not for concurrent use.
type Compiler struct {
	switches map[string]compiled // by Datapath_Binding UUID
	routers  map[string]compiledRouter
	sets     matchSets // of all matchers
}

// compiledRouter is what a router's module followed from, and what became of it.
type compiledRouter struct {
	matcher  *matcher // of its policies
	from     routerSource
	module   *netstate.Module
	problems logical.Problems
}

// compiled is a switch and what became of it.
type compiled struct {
	from     *logical.Switch
	linked   []*logical.Port // those of its ports that name a link
	links    []uint16        // keys of the ports that lead to another datapath of the network
	meters   map[string]meter.Meter
	acls     *compiledACLs
	module   *netstate.Module
	problems logical.Problems
}

// Compile gives the state that carries out n, and all problems: those of n and those found here, sorted by Object,
// then Reason. It keeps references to n's switches and routers, which must not be changed
// afterwards.
func (c *Compiler) Compile(n *logical.Network) (*netstate.State, []logical.Problem) {
	next := make(map[string]compiled, len(n.Switches))
	state := &netstate.State{
		Modules: make(map[string]*netstate.Module, len(n.Switches)+len(n.Routers)),
		Nodes:   nodes(n.Peers),
		Tunnel:  tunnel(n.Tunnel),
	}
	problems := logical.Problems(slices.Clone(n.Problems))
	names := &networkNames{network: n}
	for uuid, sw := range n.Switches {
		done := c.compileSwitch(sw, names)
		next[uuid] = done
		state.Modules[uuid] = done.module
		problems = append(problems, done.problems...)
		if done.acls != nil {
			problems = append(problems, done.acls.problems...)
		}
	}
	c.switches = next
	problems = append(problems, c.compileRouters(n, names, state)...)
	c.sets.keep(n.AddressSets)
	return state, problems.Sorted()
}

// compileRouters adds n's routers to state.
func (c *Compiler) compileRouters(n *logical.Network, names *networkNames, state *netstate.State) (problems logical.Problems) {
	next := make(map[string]compiledRouter, len(n.Routers))
	for uuid, r := range n.Routers {
		done, known := c.routers[uuid]
		if !known {
			done.matcher = newMatcher(&c.sets)
		}
		from := sourceOf(r, n)
		from.matches, from.exempt = routerMatches(r, done.matcher, names)
		if !known || !done.from.equal(from) {
			module, problems := routerModule(from)
			if known && done.module.Equal(module) {
				module = done.module
			}
			done = compiledRouter{done.matcher, from, module, problems}
		}
		next[uuid] = done
		state.Modules[uuid] = done.module
		problems = append(problems, done.problems...)
	}
	c.routers = next
	return problems
}

// compileSwitch compiles a switch unless that would give what it gave last time; an equal module is the same one.
func (c *Compiler) compileSwitch(sw *logical.Switch, names *networkNames) compiled {
	last, known := c.switches[sw.UUID]
	n := names.network
	linked := last.linked
	if last.from != sw {
		linked = linkedPorts(sw)
	}
	now := compiled{from: sw, linked: linked, links: linksOf(linked, n), meters: meters(sw.Copp, n.Meters), acls: c.compileACLs(sw, names, last.acls)}
	if known && slices.Equal(last.links, now.links) && maps.Equal(last.meters, now.meters) && last.acls == now.acls &&
		(last.from == sw || reflect.DeepEqual(last.from, sw)) {
		return last
	}
	now.module, now.problems = switchModule(now, last)
	if known && last.module.Equal(now.module) {
		now.module = last.module
	}
	return now
}

// linkedPorts are the ports of a switch that name a link.
func linkedPorts(sw *logical.Switch) (linked []*logical.Port) {
	for _, p := range sw.Ports {
		if p.Link != nil {
			linked = append(linked, p)
		}
	}
	return linked
}

// linksOf are the keys of those ports that lead to another datapath of the network, ascending.
func linksOf(linked []*logical.Port, n *logical.Network) (keys []uint16) {
	for _, p := range linked {
		if n.Routers[p.Link.Datapath] != nil || n.Switches[p.Link.Datapath] != nil {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// nodes are the tunnel peers.
func nodes(peers map[string]*logical.Peer) map[string]*netstate.Node {
	nodes := make(map[string]*netstate.Node, len(peers))
	for name, p := range peers {
		nodes[name] = &netstate.Node{Name: name, Addr: p.Addr, Local: p.From, Ifindex: p.Ifindex, NextHop: p.NextHop, MTU: p.MTU}
	}
	return nodes
}

// tunnel is our own tunnel end; nil for none.
func tunnel(t *logical.Tunnel) *netstate.Tunnel {
	if t == nil {
		return nil
	}
	out := &netstate.Tunnel{Addrs: t.Addrs, TOS: t.TOS, InheritTOS: t.InheritTOS, MayFragment: t.MayFragment}
	for _, d := range t.Devices {
		out.Devices = append(out.Devices, netstate.Device{Name: d.Name, Ifindex: d.Ifindex})
	}
	return out
}
