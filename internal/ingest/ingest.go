// Package ingest turns rows of the three databases into the virtual networks of one chassis. It is pure: rows
// and facts about the host in, a logical.Network out. Rows may straddle transactions: a reference that leads nowhere is
// taken as absent, silently.
package ingest

import (
	"net/netip"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// Input is everything that Plugs and Reader.Network look at. They change nothing of it.
type Input struct {
	// Chassis is our own name (system-id).
	Chassis string
	// NB, SB and VS are complete copies of the databases; none is nil, but Plugs needs no NB. A row that changed is another
	// pointer.
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

// Reader reads networks, and remembers what it read of rows that stay the same. What it gives depends on its arguments
// alone: a new Reader would give an equal network. The zero value is ready. It is not for concurrent use.
type Reader struct {
	switches map[string]*knownSwitch // by Datapath_Binding UUID
	routers  map[string]*knownRouter // likewise
	groups   map[string]*knownGroup  // by Port_Group UUID
	sets     map[string]*knownSet    // by name
	members  members
	rows     knownRows
	dhcpv4   map[string]logical.DHCPCode
	dhcpv6   map[string]logical.DHCPCode
}

// knownRows are values that stay the same pointers, by UUID of their rows.
type knownRows struct {
	links       lasting[logical.Link] // by that of the port which leads to it
	routerPorts lasting[logical.RouterPort]
	dhcpRows    lasting[logical.DHCPOptions]
	meters      lasting[logical.Meter]
	dnsRows     memo[*sb.DNSEntry, *logical.DNS]
}

func (k *knownRows) begin() {
	k.links.begin()
	k.routerPorts.begin()
	k.dhcpRows.begin()
	k.meters.begin()
	k.dnsRows.begin()
}

// network is one call of Network under way.
type network struct {
	Input
	logical.Problems
	*knownRows
	members *members
	// self is our own row; nil before it is written.
	self *sb.Chassis
	// held are the plugs whose ports are here, by Port_Binding UUID.
	held    map[string]*Plug
	sites   sites
	patches patches
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
	r.rows.begin()
	r.members.begin()
	n := &network{
		Input: in, knownRows: &r.rows, members: &r.members, self: chassisByName(in.SB, in.Chassis), held: map[string]*Plug{},
		locals: map[string]*localSwitch{}, routers: map[string]*localRouter{}, mentioned: map[string]bool{},
	}
	n.findSites()
	n.findPatches()
	n.findDatapaths(plugs)
	n.findRows()
	n.findNeighbours()
	n.findDNS()
	out := &logical.Network{
		Chassis: in.Chassis, Peers: n.sites.peers, Tunnel: in.Tunnel,
		Routers: r.readRouters(n), Meters: n.readMeters(),
	}
	r.readPorts(n)
	out.PortGroups = r.readGroups(n)
	out.Switches = r.readSwitches(n)
	out.AddressSets = r.readSets(n)
	r.readDHCPCodes(n)
	out.DHCPv4Codes, out.DHCPv6Codes = r.dhcpv4, r.dhcpv6
	n.checkGlobals()
	out.Problems = n.Problems.Sorted()
	return out
}

// findDatapaths finds the switches and routers that packets of the plugs' ports can reach.
func (n *network) findDatapaths(plugs []Plug) {
	local := map[string]bool{}
	for i, p := range plugs {
		if p.Refusal == "" {
			n.held[p.Binding.UUID] = &plugs[i]
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

// findRows fills in the bindings and groups of the datapaths.
func (n *network) findRows() {
	for _, pb := range n.SB.PortBinding {
		if l := n.locals[pb.Datapath]; l != nil {
			l.bindings = append(l.bindings, pb)
		} else if l := n.routers[pb.Datapath]; l != nil {
			l.bindings = append(l.bindings, pb)
		}
	}
	for _, g := range n.SB.MulticastGroup {
		if l := n.locals[g.Datapath]; l != nil {
			l.groups = append(l.groups, g)
		}
	}
}

// readRouters reads the routers, and forgets those that went.
func (r *Reader) readRouters(n *network) map[string]*logical.Router {
	known := r.routers
	r.routers = make(map[string]*knownRouter, len(n.routers))
	out := make(map[string]*logical.Router, len(n.routers))
	for uuid, l := range n.routers {
		k := known[uuid]
		if k == nil {
			k = &knownRouter{}
		}
		r.routers[uuid] = k
		out[uuid] = n.readRouter(l, k)
	}
	return out
}

// readPorts reads the ports of the switches, and forgets the switches that went.
func (r *Reader) readPorts(n *network) {
	known := r.switches
	r.switches = make(map[string]*knownSwitch, len(n.locals))
	for uuid, l := range n.locals {
		k := known[uuid]
		if k == nil {
			k = &knownSwitch{ports: map[*sb.PortBinding]*knownPort{}, own: acls{uuid: uuid}}
		}
		r.switches[uuid] = k
		l.ports = n.switchPorts(l, k)
	}
	r.members.end()
}

// readSwitches makes the switches of what was read before.
func (r *Reader) readSwitches(n *network) map[string]*logical.Switch {
	out := make(map[string]*logical.Switch, len(n.locals))
	for uuid, l := range n.locals {
		out[uuid] = n.readSwitch(l, r.switches[uuid])
	}
	return out
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
