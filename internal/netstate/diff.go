package netstate

import (
	"maps"
	"reflect"
	"slices"
)

// Diff is the way from have to want: make before break, so that no packet of an unchanged part is lost. Carried
// out action by action, each state between is a working one; equal states give an empty plan. A nil have is
// an empty node.
//
// Order: modules whose key goes to a new module leave first (nothing of the old tenant may be reached by the
// key), then the flood limit, the flow cache, the tunnel, nodes, new modules, changed modules (those that lose no device first), and last the
// removals of modules, nodes and the tunnel end. A removal must leave alone what another object of want uses by
// then: a device that moved to another module, an address that moved to another node.
func Diff(have, want *State) Plan {
	if have == nil {
		have = &State{}
	}
	taken, gone := removedModules(have, want)
	var plan Plan
	plan = append(plan, taken...)
	if have.FloodLimit != want.FloodLimit {
		plan = append(plan, Action{Verb: SetFloodLimit, FloodLimit: want.FloodLimit})
	}
	if have.FlowCache != want.FlowCache {
		plan = append(plan, Action{Verb: SetFlowCache, FlowCache: want.FlowCache})
	}
	if want.Tunnel != nil && !reflect.DeepEqual(have.Tunnel, want.Tunnel) {
		plan = append(plan, Action{Verb: SetTunnel, Tunnel: want.Tunnel})
	}
	plan = append(plan, setNodes(have, want)...)
	plan = append(plan, setModules(have, want)...)
	plan = append(plan, gone...)
	for _, name := range slices.Sorted(maps.Keys(have.Nodes)) {
		if want.Nodes[name] == nil {
			plan = append(plan, Action{Verb: DelNode, Node: have.Nodes[name]})
		}
	}
	if have.Tunnel != nil && want.Tunnel == nil {
		plan = append(plan, Action{Verb: DelTunnel, Tunnel: have.Tunnel})
	}
	return plan
}

// removedModules are the removals of modules: those whose key a new module takes, and the others.
func removedModules(have, want *State) (taken, gone []Action) {
	keys := map[uint32]bool{}
	for id, m := range want.Modules {
		if have.Modules[id] == nil && m.Key != 0 {
			keys[m.Key] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(have.Modules)) {
		if want.Modules[id] != nil {
			continue
		}
		m := have.Modules[id]
		if keys[m.Key] {
			taken = append(taken, Action{Verb: DelModule, Module: m})
		} else {
			gone = append(gone, Action{Verb: DelModule, Module: m})
		}
	}
	return taken, gone
}

// setNodes are the new and the changed nodes.
func setNodes(have, want *State) []Action {
	var actions []Action
	for _, name := range slices.Sorted(maps.Keys(want.Nodes)) {
		if n := want.Nodes[name]; !reflect.DeepEqual(have.Nodes[name], n) {
			actions = append(actions, Action{Verb: SetNode, Node: n})
		}
	}
	return actions
}

// setModules are the new modules, then the changed ones that lose no device, then those that do.
func setModules(have, want *State) []Action {
	var fresh, grown, shrunk []Action
	for _, id := range slices.Sorted(maps.Keys(want.Modules)) {
		m, was := want.Modules[id], have.Modules[id]
		a := Action{Verb: SetModule, Module: m, Have: was}
		switch {
		case was == nil:
			fresh = append(fresh, a)
		case was.Equal(m):
		case losesDevice(was, m):
			shrunk = append(shrunk, a)
		default:
			grown = append(grown, a)
		}
	}
	return slices.Concat(fresh, grown, shrunk)
}

// losesDevice: a port of have is bound to a device to which no port of want is.
func losesDevice(have, want *Module) bool {
	kept := map[int]bool{}
	for _, p := range want.Ports {
		if p.Device != nil {
			kept[p.Device.Ifindex] = true
		}
	}
	return slices.ContainsFunc(have.Ports, func(p Port) bool {
		return p.Device != nil && !kept[p.Device.Ifindex]
	})
}
