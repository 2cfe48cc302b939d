package ingest

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// localSwitch is the rows of a logical switch that has a port here.
type localSwitch struct {
	datapath *sb.DatapathBinding
	row      *nb.LogicalSwitch // nil when the Northbound database has none
	bindings []*sb.PortBinding // in ascending order of key
	groups   []*sb.MulticastGroup
	members  members
	known    *knownSwitch
}

// knownSwitch is what a Reader remembers of a switch.
type knownSwitch struct {
	result   *logical.Switch
	row      *nb.LogicalSwitch                    // of the last call
	ports    map[*sb.PortBinding]*knownPort       // some of rows that are gone
	bindings []*sb.PortBinding                    // of the last call
	groups   map[*sb.MulticastGroup]logical.Group // of rows that are there still, if the ports have the same keys
}

func (n *network) newLocalSwitch(dp *sb.DatapathBinding, known *knownSwitch) *localSwitch {
	row := n.NB.LogicalSwitch[dp.ExternalIDs["logical-switch"]]
	l := &localSwitch{datapath: dp, row: row, known: known, members: newMembers(known.row, row, n.NB.LogicalSwitchPort)}
	known.row = row
	return l
}

// findRows fills in the rows that belong to local switches.
func (n *network) findRows(locals map[string]*localSwitch) {
	unread := map[string]*localSwitch{}
	for uuid, l := range locals {
		if n.same.bindings && l.known.result != nil {
			l.bindings = l.known.bindings
		} else {
			unread[uuid] = l
		}
	}
	if len(unread) > 0 {
		for _, pb := range n.SB.PortBinding {
			if l := unread[pb.Datapath]; l != nil {
				l.bindings = append(l.bindings, pb)
			}
		}
	}
	for _, l := range unread {
		slices.SortFunc(l.bindings, func(a, b *sb.PortBinding) int {
			if a.TunnelKey != b.TunnelKey {
				return cmp.Compare(uint16(a.TunnelKey), uint16(b.TunnelKey))
			}
			return strings.Compare(a.UUID, b.UUID)
		})
		if !slices.EqualFunc(l.bindings, l.known.bindings, sameKey) {
			l.known.groups = nil
		}
		l.known.bindings = l.bindings
	}
	for _, g := range n.SB.MulticastGroup {
		if l := locals[g.Datapath]; l != nil {
			l.groups = append(l.groups, g)
		}
	}
}

// sameKey: members of groups have the same keys by both rows.
func sameKey(a, b *sb.PortBinding) bool {
	return a == b || a.UUID == b.UUID && a.TunnelKey == b.TunnelKey
}

// readSwitch is the switch that the rows describe: the known one if that is equal.
func (n *network) readSwitch(l *localSwitch) *logical.Switch {
	known := l.known
	sw := &logical.Switch{
		UUID:   l.datapath.UUID,
		NBUUID: l.datapath.ExternalIDs["logical-switch"],
		Name:   l.datapath.ExternalIDs["name"],
		Key:    uint32(l.datapath.TunnelKey),
		Ports:  make([]*logical.Port, len(l.bindings)),
	}
	if l.row != nil {
		sw.Name = l.row.Name
		sw.VLANPassthru = l.row.OtherConfig["vlan-passthru"] == "true"
		sw.Snooping = l.row.OtherConfig["mcast_snoop"] == "true"
		sw.FloodUnregistered = sw.Snooping && l.row.OtherConfig["mcast_flood_unregistered"] == "true"
		n.checkSwitch(l.row)
	}
	for i, pb := range l.bindings {
		p := n.knownPort(l, pb)
		sw.Ports[i] = p.port
		n.Problems = append(n.Problems, p.problems...)
	}
	if len(known.ports) > 2*len(l.bindings) {
		known.forget(l.bindings)
	}
	sw.Groups = n.readGroups(l)
	if known.result == nil || !sameSwitch(known.result, sw) {
		known.result = sw
	}
	return known.result
}

// sameSwitch says whether two switches are equal, their ports being the same pointers.
func sameSwitch(a, b *logical.Switch) bool {
	x, y := *a, *b
	x.Ports, x.Groups, y.Ports, y.Groups = nil, nil, nil, nil
	return reflect.DeepEqual(x, y) && slices.Equal(a.Ports, b.Ports) &&
		slices.EqualFunc(a.Groups, b.Groups, func(a, b logical.Group) bool {
			return a.Name == b.Name && a.Key == b.Key && a.Addr == b.Addr && slices.Equal(a.Ports, b.Ports)
		})
}

// forget drops the ports of rows that are gone.
func (k *knownSwitch) forget(bindings []*sb.PortBinding) {
	ports := make(map[*sb.PortBinding]*knownPort, len(bindings))
	for _, pb := range bindings {
		ports[pb] = k.ports[pb]
	}
	k.ports = ports
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
