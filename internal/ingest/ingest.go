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
	memory   memory
}

// network is one call of Network under way.
type network struct {
	Input
	logical.Problems
	*memory
	globals globals
	same    sameness
	// self is our own row; nil before it is written.
	self *sb.Chassis
	// held are the ports that are here.
	held  map[*sb.PortBinding]hold
	sites sites
	// locals and routers are the rows of datapaths that packets can reach from here, by Datapath_Binding UUID.
	locals  map[string]*localSwitch
	routers map[string]*localRouter
	// mentioned are the names of address sets that matches speak of.
	mentioned map[string]bool
}

// Network says what the rows mean for our chassis: the switches that have a port here, what is linked to them, and the other
// chassis. plugs come of Plugs; those with a Refusal are not here. What did not change since the last call is the same pointer
// as then, and nobody may change it.
func (r *Reader) Network(in Input, plugs []Plug) *logical.Network {
	globals := readGlobals(&in)
	if r.last.sameNetwork(&in, plugs, &globals) {
		return r.last.network
	}
	r.memory.begin()
	n := &network{
		Input: in, Problems: slices.Clone(globals.problems), memory: &r.memory, globals: globals, same: r.last.sameness(&in),
		self: chassisByName(in.SB, in.Chassis), held: make(map[*sb.PortBinding]hold, len(plugs)),
		locals: map[string]*localSwitch{}, routers: map[string]*localRouter{}, mentioned: map[string]bool{},
	}
	n.findSites()
	n.findPatches()
	n.findDatapaths(plugs)
	n.findBindings()
	n.findGroups()
	n.findNeighbours()
	n.findDNS()
	network := n.read()
	r.last = newReading(in, plugs, globals, network)
	return network
}

// read reads what was found.
func (n *network) read() *logical.Network {
	out := &logical.Network{
		Chassis: n.Chassis, Peers: n.sites.peers, Tunnel: n.Tunnel,
		Routers: n.readRouters(), Meters: n.readMeters(),
	}
	n.readPorts()
	out.PortGroups = n.readPortGroups()
	out.Switches = n.readSwitches()
	out.AddressSets = n.readSets()
	out.DHCPv4Codes, out.DHCPv6Codes = n.readDHCPCodes()
	out.Problems = n.Problems.Sorted()
	return out
}

// findDatapaths finds the switches and routers that packets of the plugs' ports can reach.
func (n *network) findDatapaths(plugs []Plug) {
	local := map[string]bool{}
	for _, p := range plugs {
		if p.Refusal == "" {
			n.held[p.Binding] = holdOf(&p)
			local[p.Binding.Datapath] = true
		}
	}
	n.reach(local)
	for uuid := range local {
		if dp := n.SB.DatapathBinding[uuid]; isRouter(dp) {
			n.routers[uuid] = n.newLocalRouter(dp)
		} else {
			n.locals[uuid] = n.newLocalSwitch(dp)
		}
	}
}

// findBindings gives the datapaths their bindings, in ascending order of key: the known ones when the table is the same.
func (n *network) findBindings() {
	unread, last := map[string]*[]*sb.PortBinding{}, map[string][]*sb.PortBinding{}
	add := func(uuid string, known *[]*sb.PortBinding) {
		if !n.same.bindings || *known == nil {
			*known, unread[uuid] = []*sb.PortBinding{}, known
		}
	}
	for uuid, l := range n.locals {
		last[uuid] = l.known.bindings
		add(uuid, &l.known.bindings)
	}
	for uuid, l := range n.routers {
		add(uuid, &l.known.bindings)
	}
	if len(unread) == 0 {
		return
	}
	for _, pb := range n.SB.PortBinding {
		if list := unread[pb.Datapath]; list != nil {
			*list = append(*list, pb)
		}
	}
	for _, list := range unread {
		slices.SortFunc(*list, func(a, b *sb.PortBinding) int {
			return compareKeys(uint16(a.TunnelKey), uint16(b.TunnelKey), a.UUID, b.UUID)
		})
	}
	for uuid, l := range n.locals {
		if !slices.EqualFunc(last[uuid], l.known.bindings, sameKey) {
			l.known.groups = nil
		}
	}
}

// sameKey: members of groups have the same keys by both rows.
func sameKey(a, b *sb.PortBinding) bool {
	return a == b || a.UUID == b.UUID && a.TunnelKey == b.TunnelKey
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
