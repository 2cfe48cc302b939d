package ingest

import (
	"cmp"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// routerType is the type of a Logical_Switch_Port that leads to a router, ovn-nb(5).
const routerType = "router"

// localSwitch is the rows of a logical switch that has a port here.
type localSwitch struct {
	datapath *sb.DatapathBinding
	row      *nb.LogicalSwitch // nil when the Northbound database has none
	bindings []*sb.PortBinding
	groups   []*sb.MulticastGroup
	ports    map[string]*nb.LogicalSwitchPort // by name
}

// findSwitches fills in locals, whose keys are Datapath_Binding UUIDs, from the rows of both databases.
func (n *network) findSwitches(locals map[string]*localSwitch) {
	for uuid := range locals {
		dp := n.SB.DatapathBinding[uuid]
		l := &localSwitch{datapath: dp, row: n.NB.LogicalSwitch[dp.ExternalIDs["logical-switch"]]}
		if l.row != nil {
			l.ports = make(map[string]*nb.LogicalSwitchPort, len(l.row.Ports))
			for _, port := range l.row.Ports {
				if lsp := n.NB.LogicalSwitchPort[port]; lsp != nil {
					l.ports[lsp.Name] = lsp
				}
			}
		}
		locals[uuid] = l
	}
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

// logicalSwitch is the switch that the rows describe.
func (n *network) logicalSwitch(l *localSwitch) *logical.Switch {
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
		n.checkSwitch(l.row)
	}
	ports := make([]logical.Port, len(l.bindings))
	for i, pb := range l.bindings {
		n.fillPort(&ports[i], pb, l.ports[pb.LogicalPort])
		sw.Ports[i] = &ports[i]
	}
	slices.SortFunc(sw.Ports, func(a, b *logical.Port) int { return cmp.Compare(a.Key, b.Key) })
	for i, g := range l.groups {
		sw.Groups[i] = n.group(g)
	}
	slices.SortFunc(sw.Groups, func(a, b logical.Group) int { return cmp.Compare(a.Key, b.Key) })
	return sw
}

// fillPort fills in a port from its binding and its Northbound row. Without the latter (it was deleted, or is about to
// arrive) the policy is not known: the port is there with what its binding says, but disabled.
func (n *network) fillPort(p *logical.Port, pb *sb.PortBinding, lsp *nb.LogicalSwitchPort) {
	p.UUID, p.Name, p.Key, p.Type = pb.UUID, pb.LogicalPort, uint16(pb.TunnelKey), portType(pb)
	p.Device = n.devices[pb.UUID]
	p.Chassis = n.boundTo(pb)
	addresses, dynamic, security := pb.MAC, (*string)(nil), pb.PortSecurity
	if lsp != nil {
		p.NBUUID = lsp.UUID
		p.Enabled = lsp.Enabled == nil || *lsp.Enabled
		addresses, dynamic, security = lsp.Addresses, lsp.DynamicAddresses, lsp.PortSecurity
	}
	var garbage []string
	p.Addresses, p.Unknown, garbage = portAddresses(p.Type, addresses, dynamic)
	for _, bad := range garbage {
		n.Add("logical_switch_port", p.Name, "addresses: %s is no unicast address: it and what follows it are left out", bad)
	}
	p.PortSecurity, garbage = portSecurity(security)
	for _, bad := range garbage {
		n.Add("logical_switch_port", p.Name, "port_security: %s is no unicast address: it and what follows it are left out", bad)
	}
	if len(security) > 0 && len(p.PortSecurity) == 0 {
		p.Enabled = false
		n.Add("logical_switch_port", p.Name, "port_security has no usable element: all traffic of the port is dropped")
	}
	n.checkPort(p, pb, lsp)
}

// portType is the type of a port in terms of ovn-nb(5); ovn-northd calls both ends of a switch's link to a router
// patch, or l3gateway where the router is bound to a chassis.
func portType(pb *sb.PortBinding) string {
	switch pb.Type {
	case "patch", "l3gateway":
		return routerType
	}
	return pb.Type
}

// boundTo is the name of the chassis that has the port.
func (n *network) boundTo(pb *sb.PortBinding) string {
	if n.devices[pb.UUID] != nil {
		return n.Chassis
	}
	if pb.Chassis == nil {
		return ""
	}
	if c := n.SB.Chassis[*pb.Chassis]; c != nil {
		return c.Name
	}
	return ""
}

// group resolves the members of a multicast group; members that are gone are left out.
func (n *network) group(row *sb.MulticastGroup) logical.Group {
	g := logical.Group{Name: row.Name, Key: uint16(row.TunnelKey), Ports: make([]uint16, 0, len(row.Ports))}
	for _, uuid := range row.Ports {
		if pb := n.SB.PortBinding[uuid]; pb != nil && pb.Datapath == row.Datapath {
			g.Ports = append(g.Ports, uint16(pb.TunnelKey))
		}
	}
	slices.Sort(g.Ports)
	return g
}

// portKind names what kind of port a binding is, for messages.
func portKind(pb *sb.PortBinding) string {
	if pb.Type == "" && pb.ParentPort != nil {
		return "container (parent_name and tag)"
	}
	return portType(pb)
}
