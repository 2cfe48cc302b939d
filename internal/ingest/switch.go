package ingest

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// localSwitch is the rows of a logical switch that packets can reach from here, and what was made of some.
type localSwitch struct {
	datapath *sb.DatapathBinding
	row      *nb.LogicalSwitch // nil when the Northbound database has none
	rows     portRows
	groups   []*sb.MulticastGroup
	ports    []*logical.Port // in ascending order of key
	acls     []*acls         // of port groups
	dns      []*logical.DNS
	known    *knownSwitch
}

// knownSwitch is what a Reader remembers of a switch.
type knownSwitch struct {
	result     *logical.Switch
	row        *nb.LogicalSwitch                    // of the last call
	bindings   []*sb.PortBinding                    // in ascending order of key; nil: not found yet
	ports      []listedPort                         // of the last call, in ascending order of key
	groups     map[*sb.MulticastGroup]logical.Group // of rows that are there still, if the ports have the same keys
	own        acls
	aclSources []aclSource
	acls       []*logical.ACL // of aclSources
}

func (n *network) newLocalSwitch(dp *sb.DatapathBinding) *localSwitch {
	known := n.knownSwitches.get(dp.UUID, func() *knownSwitch {
		return &knownSwitch{own: acls{uuid: dp.UUID}}
	})
	row := n.NB.LogicalSwitch[dp.ExternalIDs["logical-switch"]]
	l := &localSwitch{datapath: dp, row: row, known: known, rows: newPortRows(known.row, row, n.NB.LogicalSwitchPort)}
	known.row = row
	return l
}

// findGroups gives the switches their multicast groups.
func (n *network) findGroups() {
	for _, g := range n.SB.MulticastGroup {
		if l := n.locals[g.Datapath]; l != nil {
			l.groups = append(l.groups, g)
		}
	}
}

// readPorts reads the ports of the switches.
func (n *network) readPorts() {
	for _, l := range n.locals {
		n.readSwitchPorts(l)
	}
	n.members.end()
}

func (n *network) readSwitchPorts(l *localSwitch) {
	bindings, last := l.known.bindings, l.known.ports
	l.ports, l.known.ports = make([]*logical.Port, len(bindings)), make([]listedPort, len(bindings))
	for i, pb := range bindings {
		key := uint16(pb.TunnelKey)
		for len(last) > 0 && last[0].key < key {
			last = last[1:]
		}
		p := n.knownPort(l, pb, listed(last, key, pb))
		l.ports[i], l.known.ports[i] = p.port, listedPort{pb, key, p}
		n.Problems = append(n.Problems, p.problems...)
		n.members.enter(p)
	}
}

// listedPort is what was read of a binding.
type listedPort struct {
	binding *sb.PortBinding
	key     uint16
	*knownPort
}

// listed finds what was read of a binding in a list that begins with its key, if that is there; nil: nothing.
func listed(list []listedPort, key uint16, pb *sb.PortBinding) *knownPort {
	for i := 0; i < len(list) && list[i].key == key; i++ {
		if list[i].binding == pb {
			return list[i].knownPort
		}
	}
	return nil
}

// readSwitches makes the switches of what was read before.
func (n *network) readSwitches() map[string]*logical.Switch {
	out := make(map[string]*logical.Switch, len(n.locals))
	for uuid, l := range n.locals {
		out[uuid] = n.readSwitch(l)
	}
	return out
}

// readSwitch is the switch that the rows describe: the known one if that is equal.
func (n *network) readSwitch(l *localSwitch) *logical.Switch {
	known := l.known
	sw := &logical.Switch{
		UUID:   l.datapath.UUID,
		NBUUID: l.datapath.ExternalIDs["logical-switch"],
		Name:   l.datapath.ExternalIDs["name"],
		Key:    uint32(l.datapath.TunnelKey),
		Ports:  l.ports,
		Groups: n.readGroups(l),
		DNS:    l.dns,
	}
	if l.row != nil {
		sw.Name = l.row.Name
		sw.VLANPassthru = l.row.OtherConfig["vlan-passthru"] == "true"
		sw.Snooping = l.row.OtherConfig["mcast_snoop"] == "true"
		sw.FloodUnregistered = sw.Snooping && l.row.OtherConfig["mcast_flood_unregistered"] == "true"
		sw.Copp = n.copp(l.row.Copp)
		sw.ConnectionLimit = connectionLimit(l.row.OtherConfig, func(text string) {
			n.Add("logical_switch", sw.Name, "other_config:%s: %s", limitOption, text)
		})
		n.readACLs(sw, l, known)
		n.checkSwitch(l.row)
	}
	known.result = keepEqual(known.result, sw, sameSwitch)
	return known.result
}

// readACLs gives a switch its ACLs and what is asked of all of them.
func (n *network) readACLs(sw *logical.Switch, l *localSwitch, known *knownSwitch) {
	known.own.read(n, l.row.ACLs, "")
	sources := append(l.acls, &known.own)
	for _, s := range sources {
		n.Problems = append(n.Problems, s.problems...)
		n.mention(s.sets)
	}
	sw.ACLs = known.switchACLs(sources)
	sw.DefaultACLDrop, sw.AllowInvalid = n.globals.defaultACLDrop, n.globals.allowInvalid
}

// sameSwitch says whether two switches are equal, their ports, ACLs and DNS rows being the same pointers.
func sameSwitch(a, b *logical.Switch) bool {
	x, y := *a, *b
	x.Ports, x.Groups, x.ACLs, x.DNS = nil, nil, nil, nil
	y.Ports, y.Groups, y.ACLs, y.DNS = nil, nil, nil, nil
	return reflect.DeepEqual(x, y) && slices.Equal(a.Ports, b.Ports) && slices.Equal(a.ACLs, b.ACLs) && slices.Equal(a.DNS, b.DNS) &&
		slices.EqualFunc(a.Groups, b.Groups, func(a, b logical.Group) bool {
			return a.Name == b.Name && a.Key == b.Key && a.Addr == b.Addr && slices.Equal(a.Ports, b.Ports)
		})
}

// readGroups are the multicast groups of a switch, in ascending order of key.
func (n *network) readGroups(l *localSwitch) []logical.Group {
	last := l.known.groups
	l.known.groups = make(map[*sb.MulticastGroup]logical.Group, len(l.groups))
	groups := make([]logical.Group, len(l.groups))
	for i, row := range l.groups {
		g, known := last[row]
		if !known {
			g = n.group(row)
		}
		l.known.groups[row], groups[i] = g, g
	}
	slices.SortFunc(groups, func(a, b logical.Group) int { return cmp.Compare(a.Key, b.Key) })
	return groups
}

// group resolves the members of a multicast group; members that are gone are left out.
func (n *network) group(row *sb.MulticastGroup) logical.Group {
	g := logical.Group{Name: row.Name, Key: uint16(row.TunnelKey), Ports: make([]uint16, 0, len(row.Ports))}
	if addr, err := netip.ParseAddr(row.Name); err == nil && addr.IsMulticast() {
		g.Addr = addr
	}
	for _, uuid := range row.Ports {
		if pb := n.SB.PortBinding[uuid]; pb != nil && pb.Datapath == row.Datapath {
			g.Ports = append(g.Ports, uint16(pb.TunnelKey))
		}
	}
	slices.Sort(g.Ports)
	return g
}
