package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// ownOptions are those of a VIF that are carried out, or are the business of ovn-northd, of a DHCP server or of additional
// chassis only. mcast_* means nothing without mcast_snoop.
var ownOptions = []string{
	"requested-chassis", "requested-tnl-key", "iface-id-ver", "hostname", "activation-strategy", "mcast_flood", "mcast_flood_reports",
}

// lossByType says what does not work for want of a port type.
var lossByType = map[string]string{
	routerType:  "routers are not supported yet: nothing is routed, and the router's addresses are not answered",
	"localnet":  "localnet ports are not supported yet: the switch is not connected to the physical network",
	"localport": "localport ports are not supported yet: what is sent to it is dropped",
	"l2gateway": "l2gateway ports are not supported yet: it is not bound, what is sent to it is dropped",
	"vtep":      "vtep ports are not supported: what is sent to it is dropped",
	"external":  "external ports are not supported yet: its DHCP, DNS and router requests are not answered",
	"virtual":   "virtual ports are not supported yet: its address is not bound to any of its parents here",
	"remote":    "remote ports (OVN interconnection) are not supported yet: use it within one availability zone",
}

// checkGlobals notes what Woven does not do of what the databases ask of every node.
func (n *network) checkGlobals() {
	for _, g := range n.SB.SBGlobal {
		if g.Ipsec {
			n.Add("sb_global", "ipsec", "SECURITY: IPsec is not supported yet: what this node sends through tunnels is NOT encrypted")
		}
	}
	for _, g := range n.NB.NBGlobal {
		if g.Options["ignore_lsp_down"] == "false" {
			n.Add("nb_global", "options:ignore_lsp_down", "false is not supported yet: ARP and ND are answered for ports that are down, too")
		}
	}
}

// checkSwitch notes what Woven does not do of what a row of Logical_Switch asks for; ACLs are checkACLs' business.
func (n *network) checkSwitch(ls *nb.LogicalSwitch) {
	for _, c := range []struct {
		asked  bool
		reason string
	}{
		{len(ls.LoadBalancer)+len(ls.LoadBalancerGroup) > 0,
			"load balancers are not supported yet: packets to their addresses are switched unchanged"},
		{len(ls.QOSRules) > 0, "qos_rules are not supported yet: traffic is neither limited nor marked"},
		{len(ls.DNSRecords) > 0, "dns_records are not supported yet: DNS requests go to the server that they name"},
		{len(ls.ForwardingGroups) > 0, "forwarding_groups are not supported: their addresses are not answered"},
		{ls.Copp != nil, "copp is not supported: punted packets have built-in limits"},
	} {
		if c.asked {
			n.Add("logical_switch", ls.Name, "%s", c.reason)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(ls.OtherConfig)) {
		n.checkSwitchOption(ls.Name, key, ls.OtherConfig[key])
	}
}

// checkSwitchOption notes an other_config of a switch that is not carried out.
func (n *network) checkSwitchOption(name, key, value string) {
	switch {
	case key == "subnet", key == "exclude_ips", key == "ipv6_prefix", key == "mac_only", key == "requested-tnl-key":
		// ovn-northd's business.
	case key == "vlan-passthru":
		if value == "true" {
			n.Add("logical_switch", name, "other_config:vlan-passthru is not supported yet: frames with a VLAN tag are dropped")
		}
	case key == "mcast_snoop":
		if value == "true" {
			n.Add("logical_switch", name, "other_config:mcast_snoop is not supported yet: IP multicast is flooded to every port")
		}
	case strings.HasPrefix(key, "mcast_"):
		// Means nothing without mcast_snoop.
	default:
		n.Add("logical_switch", name, "other_config:%s is not known to Woven: it is ignored", logical.Quote(key))
	}
}

// checkPort notes what Woven does not do of what a port asks for. What is up to the chassis that has the port is
// noted only there.
func (n *network) checkPort(p *logical.Port, pb *sb.PortBinding, lsp *nb.LogicalSwitchPort) {
	elsewhere := p.Chassis != "" && p.Chassis != n.Chassis
	if p.Type != "" && (!elsewhere || p.Type == "remote") {
		loss, known := lossByType[p.Type]
		if !known {
			loss = fmt.Sprintf("type %s is not known to Woven: the port is not bound", logical.Quote(p.Type))
		}
		n.Add("logical_switch_port", p.Name, "%s", loss)
	}
	if lsp != nil && lsp.Type != "" && p.Type == "" && lossByType[lsp.Type] == "" {
		n.Add("logical_switch_port", p.Name, "type %s is not known to ovn-northd: the port is like one without a type", logical.Quote(lsp.Type))
	}
	if pb.ParentPort != nil && !elsewhere {
		n.Add("logical_switch_port", p.Name,
			"container ports (parent_name and tag) are not supported yet: it is not bound, what is sent to it is dropped")
	}
	if p.Unknown && p.Type != "localnet" {
		n.Add("logical_switch_port", p.Name,
			`addresses: "unknown" is not supported yet: frames for MAC addresses of no port are dropped`)
	}
	if len(pb.AdditionalChassis) > 0 {
		n.Add("logical_switch_port", p.Name, "additional chassis are not supported yet: only the main chassis gets its frames")
	}
	if p.Device != nil && lsp != nil {
		n.checkLocalPort(lsp)
	}
}

// checkLocalPort notes what a port that is plugged here lacks.
func (n *network) checkLocalPort(lsp *nb.LogicalSwitchPort) {
	if lsp.Dhcpv4Options != nil || lsp.Dhcpv6Options != nil {
		n.Add("logical_switch_port", lsp.Name, "DHCP options are not supported yet: configure the workload's addresses by hand")
	}
	if len(lsp.MirrorRules) > 0 {
		n.Add("logical_switch_port", lsp.Name, "mirror_rules are not supported yet: nothing is mirrored")
	}
	for _, key := range slices.Sorted(maps.Keys(lsp.Options)) {
		switch {
		case slices.Contains(ownOptions, key):
		case strings.HasPrefix(key, "qos_"):
			n.Add("logical_switch_port", lsp.Name, "options:%s is not supported yet: the port's rate is not limited", logical.Quote(key))
		case strings.HasPrefix(key, "vif-plug"):
			n.Add("logical_switch_port", lsp.Name, "options:%s is not supported: plug the interface by ovs-vsctl add-port", logical.Quote(key))
		default:
			n.Add("logical_switch_port", lsp.Name, "options:%s is not known to Woven: it is ignored", logical.Quote(key))
		}
	}
}

// checkACLs notes the ACLs of the local switches, those of port groups with one of their ports among them. They are
// not enforced, which nobody may overlook.
func (n *network) checkACLs(locals map[string]*localSwitch) {
	acls := make(map[string]map[string]bool, len(locals)) // ACL UUIDs by Datapath_Binding UUID
	owner := map[string]string{}                          // Datapath_Binding UUID by Logical_Switch_Port UUID
	for uuid, l := range locals {
		acls[uuid] = map[string]bool{}
		if l.row == nil {
			continue
		}
		mark(acls[uuid], l.row.ACLs)
		for _, port := range l.row.Ports {
			owner[port] = uuid
		}
	}
	for _, group := range n.NB.PortGroup {
		if len(group.ACLs) == 0 {
			continue
		}
		reached := map[string]bool{}
		for _, port := range group.Ports {
			if uuid, ok := owner[port]; ok && !reached[uuid] {
				reached[uuid] = true
				mark(acls[uuid], group.ACLs)
			}
		}
	}
	for uuid, l := range locals {
		if count := len(acls[uuid]); count > 0 {
			n.Add("logical_switch", l.row.Name,
				"SECURITY: %d ACLs of the switch and of its port groups are NOT enforced: traffic that they forbid passes", count)
		}
	}
}

func mark(set map[string]bool, keys []string) {
	for _, key := range keys {
		set[key] = true
	}
}
