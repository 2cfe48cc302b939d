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
	bindings []*sb.PortBinding
	groups   []*sb.MulticastGroup
	rows     map[string]*nb.LogicalSwitchPort // by name; nil until rowOf needs it
	ports    []*logical.Port
	acls     []*acls // of port groups
	dns      []*logical.DNS
}

// knownSwitch is what a Reader remembers of a switch.
type knownSwitch struct {
	result     *logical.Switch
	ports      map[*sb.PortBinding]*knownPort // some of rows that are gone
	own        acls
	aclSources []aclSource
	acls       []*logical.ACL // of aclSources
}

func (n *network) newLocalSwitch(dp *sb.DatapathBinding) *localSwitch {
	return &localSwitch{datapath: dp, row: n.NB.LogicalSwitch[dp.ExternalIDs["logical-switch"]]}
}

// switchPorts reads the ports of a switch, in ascending order of key.
func (n *network) switchPorts(l *localSwitch, known *knownSwitch) []*logical.Port {
	ports := make([]*logical.Port, len(l.bindings))
	for i, pb := range l.bindings {
		p := n.knownPort(l, pb, known.ports)
		ports[i] = p.port
		n.Problems = append(n.Problems, p.problems...)
		if p.row != nil {
			n.members.enter(p)
		}
	}
	if len(known.ports) > 2*len(l.bindings) {
		known.forget(l.bindings)
	}
	slices.SortFunc(ports, func(a, b *logical.Port) int { return compareKeys(a.Key, b.Key, a.UUID, b.UUID) })
	return ports
}

// readSwitch is the switch that the rows describe: the known one if that is equal.
func (n *network) readSwitch(l *localSwitch, known *knownSwitch) *logical.Switch {
	sw := &logical.Switch{
		UUID:   l.datapath.UUID,
		NBUUID: l.datapath.ExternalIDs["logical-switch"],
		Name:   l.datapath.ExternalIDs["name"],
		Key:    uint32(l.datapath.TunnelKey),
		Ports:  l.ports,
		Groups: make([]logical.Group, len(l.groups)),
		DNS:    l.dns,
	}
	if l.row != nil {
		sw.Name = l.row.Name
		sw.VLANPassthru = l.row.OtherConfig["vlan-passthru"] == "true"
		sw.Snooping = l.row.OtherConfig["mcast_snoop"] == "true"
		sw.FloodUnregistered = sw.Snooping && l.row.OtherConfig["mcast_flood_unregistered"] == "true"
		sw.Copp = n.copp(l.row.Copp)
		n.readACLs(sw, l, known)
		n.checkSwitch(l.row)
	}
	for i, g := range l.groups {
		sw.Groups[i] = n.group(g)
	}
	slices.SortFunc(sw.Groups, func(a, b logical.Group) int { return cmp.Compare(a.Key, b.Key) })
	known.result = keepEqual(known.result, sw, sameSwitch)
	return known.result
}

// readACLs gives a switch its ACLs and what NB_Global says of them.
func (n *network) readACLs(sw *logical.Switch, l *localSwitch, known *knownSwitch) {
	known.own.read(n, l.row.ACLs)
	sources := append(l.acls, &known.own)
	for _, s := range sources {
		n.Problems = append(n.Problems, s.problems...)
		n.mention(s.sets)
	}
	sw.ACLs = known.switchACLs(sources)
	for _, g := range n.NB.NBGlobal {
		sw.DefaultACLDrop = g.Options["default_acl_drop"] == "true"
		sw.AllowInvalid = g.Options["use_ct_inv_match"] == "false"
	}
	n.checkACLs(sw)
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
	if l.rows == nil {
		l.rows = make(map[string]*nb.LogicalSwitchPort, len(l.row.Ports))
		for _, uuid := range l.row.Ports {
			if lsp := n.NB.LogicalSwitchPort[uuid]; lsp != nil {
				l.rows[lsp.Name] = lsp
			}
		}
	}
	return l.rows[pb.LogicalPort]
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
