// Package ingest turns rows of the three databases into the virtual networks of one chassis. It is pure: rows
// and facts about the host in, a logical.Network out. Rows may straddle transactions: a reference that leads nowhere is
// taken as absent, silently.
package ingest

import (
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// Input is everything that a Reader looks at. It changes nothing of it.
type Input struct {
	// Chassis is our own name (system-id).
	Chassis string
	// NB, SB and VS are complete copies of the databases; none is nil, but Plugs needs no NB. A row that changed is another
	// pointer, and its table another map.
	NB *nb.Rows
	SB *sb.Rows
	VS *vsw.Rows
	// Devices are the network interfaces of this host that exist now, by the name of the Interface row.
	Devices map[string]logical.Device
	// Routes to tunnel peers by their address. An absent one: there is no route.
	Routes map[netip.Addr]logical.Route
	// Tunnel is our own tunnel end; nil when there is none.
	Tunnel *logical.Tunnel
	// Activated are the logical ports, by name, that were seen to be active here (options:activation-strategy), while the
	// Southbound database may not say so yet.
	Activated map[string]bool
}

// Reader reads plugs and networks, and remembers what it read of rows that stay the same. What it gives depends on its arguments
// alone: a new Reader would give an equal result. The zero value is ready. It is not for concurrent use.
type Reader struct {
	plugging plugging
	last     reading
	switches map[string]*knownSwitch // by Datapath_Binding UUID
}

// network is one call of Network under way.
type network struct {
	Input
	logical.Problems
	// self is our own row; nil before it is written.
	self *sb.Chassis
	// held are the ports that are here.
	held  map[*sb.PortBinding]hold
	sites sites
	same  sameness
}

// Network says what the rows mean for our chassis: the switches that have a port here, and the other
// chassis. plugs come of Plugs; those with a Refusal are not here. What did not change since the last call is the same pointer
// as then, and nobody may change it.
func (r *Reader) Network(in Input, plugs []Plug) *logical.Network {
	globals := checkGlobals(&in)
	if r.last.sameNetwork(&in, plugs) && slices.Equal(globals, r.last.globals) {
		return r.last.network
	}
	n := &network{Input: in, self: chassisByName(in.SB, in.Chassis), held: make(map[*sb.PortBinding]hold, len(plugs)),
		Problems: slices.Clone(globals), same: r.last.sameness(&in)}
	n.findSites()
	locals := r.localSwitches(n, plugs)
	n.findRows(locals)
	out := &logical.Network{
		Chassis:  in.Chassis,
		Switches: make(map[string]*logical.Switch, len(locals)),
		Peers:    n.sites.peers,
		Tunnel:   in.Tunnel,
	}
	for uuid, l := range locals {
		out.Switches[uuid] = n.readSwitch(l)
	}
	n.checkACLs(locals)
	out.Problems = n.Problems.Sorted()
	r.last = newReading(in, plugs, globals, out)
	return out
}

// localSwitches are those with a port here, by Datapath_Binding UUID; what is known of others is forgotten.
func (r *Reader) localSwitches(n *network, plugs []Plug) map[string]*localSwitch {
	known := r.switches
	r.switches = map[string]*knownSwitch{}
	locals := map[string]*localSwitch{}
	for _, p := range plugs {
		if p.Refusal != "" {
			continue
		}
		uuid := p.Binding.Datapath
		n.held[p.Binding] = holdOf(&p)
		if locals[uuid] != nil {
			continue
		}
		if r.switches[uuid] = known[uuid]; known[uuid] == nil {
			r.switches[uuid] = &knownSwitch{ports: map[*sb.PortBinding]*knownPort{}}
		}
		locals[uuid] = n.newLocalSwitch(n.SB.DatapathBinding[uuid], r.switches[uuid])
	}
	return locals
}

// chassisByName is the row of a chassis; nil when there is none.
func chassisByName(rows *sb.Rows, name string) *sb.Chassis {
	for _, c := range rows.Chassis {
		if c.Name == name {
			return c
		}
	}
	return nil
}
