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

// localSwitch is the rows of a logical switch that has a port here.
type localSwitch struct {
	datapath *sb.DatapathBinding
	row      *nb.LogicalSwitch // nil when the Northbound database has none
	bindings []*sb.PortBinding
	groups   []*sb.MulticastGroup
	ports    map[string]*nb.LogicalSwitchPort // by name; nil until rowOf needs it
}

// knownSwitch is what a Reader remembers of a switch.
type knownSwitch struct {
	result *logical.Switch
	ports  map[*sb.PortBinding]*knownPort // some of rows that are gone
}

func (n *network) newLocalSwitch(dp *sb.DatapathBinding) *localSwitch {
	return &localSwitch{datapath: dp, row: n.NB.LogicalSwitch[dp.ExternalIDs["logical-switch"]]}
}

// findRows fills in the rows that belong to local switches.
func (n *network) findRows(locals map[string]*localSwitch) {
	for _, pb := range n.SB.PortBinding {
		if l := locals[pb.Datapath]; l != nil {
			l.bindings = append(l.bindings, pb)
		}
	}
	for _, g := range n.SB.MulticastGroup {
		if l := locals[g.Datapath]; l != nil {
			l.groups = append(l.groups, g)
		}
	}
}

// readSwitch is the switch that the rows describe: the known one if that is equal.
func (n *network) readSwitch(l *localSwitch, known *knownSwitch) *logical.Switch {
	sw := &logical.Switch{
		UUID:   l.datapath.UUID,
		NBUUID: l.datapath.ExternalIDs["logical-switch"],
		Name:   l.datapath.ExternalIDs["name"],
		Key:    uint32(l.datapath.TunnelKey),
		Ports:  make([]*logical.Port, len(l.bindings)),
		Groups: make([]logical.Group, len(l.groups)),
	}
	if l.row != nil {
		sw.Name = l.row.Name
		sw.VLANPassthru = l.row.OtherConfig["vlan-passthru"] == "true"
		sw.Snooping = l.row.OtherConfig["mcast_snoop"] == "true"
		sw.FloodUnregistered = sw.Snooping && l.row.OtherConfig["mcast_flood_unregistered"] == "true"
		n.checkSwitch(l.row)
	}
	for i, pb := range l.bindings {
		p := n.knownPort(l, pb, known.ports)
		sw.Ports[i] = p.port
		n.Problems = append(n.Problems, p.problems...)
	}
	if len(known.ports) > 2*len(l.bindings) {
		known.forget(l.bindings)
	}
	slices.SortFunc(sw.Ports, func(a, b *logical.Port) int { return cmp.Compare(a.Key, b.Key) })
	for i, g := range l.groups {
		sw.Groups[i] = n.group(g)
	}
	slices.SortFunc(sw.Groups, func(a, b logical.Group) int { return cmp.Compare(a.Key, b.Key) })
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

// rowOf is the Northbound row of a binding; nil when the switch has no such port. known is what was found the last time, or nil.
func (n *network) rowOf(l *localSwitch, pb *sb.PortBinding, known *knownPort) *nb.LogicalSwitchPort {
	if l.row == nil {
		return nil
	}
	if known != nil && known.row != nil && known.owner == l.row {
		if row := n.NB.LogicalSwitchPort[known.row.UUID]; row != nil && row.Name == pb.LogicalPort {
			return row
		}
	}
	if l.ports == nil {
		l.ports = make(map[string]*nb.LogicalSwitchPort, len(l.row.Ports))
		for _, uuid := range l.row.Ports {
			if lsp := n.NB.LogicalSwitchPort[uuid]; lsp != nil {
				l.ports[lsp.Name] = lsp
			}
		}
	}
	return l.ports[pb.LogicalPort]
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
