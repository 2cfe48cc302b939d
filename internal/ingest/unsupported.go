package ingest

import (
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

// ownOptions are those of a VIF that are carried out, or are the business of ovn-northd or of a DHCP server.
var ownOptions = []string{
	"requested-chassis", "requested-tnl-key", "iface-id-ver", "hostname", "activation-strategy", "mcast_flood", "mcast_flood_reports",
	limitOption,
}

// routerPortOptions are those of a port that leads to a router that are carried out, are told otherwise, or have no effect.
var routerPortOptions = []string{
	"router-port", "arp_proxy", "nat-addresses", "exclude-lb-vips-from-garp", "requested-chassis", "requested-tnl-key", "mcast_flood", "mcast_flood_reports",
}

// lossByType says what does not work for want of a port type.
var lossByType = map[string]string{
	localnetType: "localnet ports are not supported yet: the switch is not connected to the physical network",
	"l2gateway":  "l2gateway ports are not supported yet: it is not bound, what is sent to it is dropped",
	"vtep":       "vtep ports are not supported: what is sent to it is dropped",
	"external":   "external ports are not supported yet: its DHCP, DNS and router requests are not answered",
	"remote":     "remote ports (OVN interconnection) are not supported yet: use it within one availability zone",
}

// checkSwitch notes what Woven does not do of what a row of Logical_Switch asks for.
func (n *network) checkSwitch(ls *nb.LogicalSwitch) {
	for _, c := range []struct {
		asked  bool
		reason string
	}{
		{len(ls.LoadBalancer)+len(ls.LoadBalancerGroup) > 0,
			"load balancers are not supported yet: packets to their addresses are switched unchanged"},
		{len(ls.QOSRules) > 0, "qos_rules are not supported yet: traffic is neither limited nor marked"},
		{len(ls.ForwardingGroups) > 0, "forwarding_groups are not supported: their addresses are not answered"},
	} {
		if c.asked {
			n.Add("logical_switch", ls.Name, "%s", c.reason)
		}
	}
	for _, key := range sortedKeys(ls.OtherConfig) {
		n.checkSwitchOption(ls.Name, key)
	}
}

// checkSwitchOption notes an other_config of a switch that is not carried out.
func (n *network) checkSwitchOption(name, key string) {
	switch {
	case key == "subnet", key == "exclude_ips", key == "ipv6_prefix", key == "mac_only", key == "requested-tnl-key":
		// ovn-northd's business.
	case key == "vlan-passthru", key == "fdb_age_threshold", key == limitOption, strings.HasPrefix(key, "mcast_"):
	default:
		n.Add("logical_switch", name, "other_config:%s is not known to Woven: it is ignored", logical.Quote(key))
	}
}

// check notes what Woven does not do of what a port asks for. What is up to the chassis that has the port is noted only there.
func (r *portReader) check() {
	p := r.port
	elsewhere := p.Chassis != "" && p.Chassis != r.chassis
	loss, unsupported := lossByType[p.Type]
	switch {
	case p.Type == "" || p.Type == localportType || p.Type == routerType || p.Type == virtualType:
	case elsewhere && p.Type != "remote":
	case unsupported:
		r.problem("%s", loss)
	default:
		r.problem("type %s is not known to Woven: the port is not bound", logical.Quote(p.Type))
	}
	for _, word := range strings.Split(r.binding.Options["activation-strategy"], ",") {
		if word != "" && !slices.Contains(logical.ActivationKinds, word) {
			r.problem("options:activation-strategy: %s is not known to Woven: it is ignored", logical.Quote(word))
		}
	}
	if r.row != nil && r.row.Type != "" && p.Type == "" && lossByType[r.row.Type] == "" {
		r.problem("type %s is not known to ovn-northd: the port is like one without a type", logical.Quote(r.row.Type))
	}
	if p.Device != nil && r.row != nil {
		r.checkLocal()
	}
	if p.Type == routerType && r.row != nil {
		r.checkRouterPort(elsewhere)
	}
}

// checkRouterPort notes what a port that leads to a router lacks. What is sent to a gateway router elsewhere gets there.
func (r *portReader) checkRouterPort(elsewhere bool) {
	if r.link == nil && !elsewhere {
		r.problem("options:router-port: %s is no port of a router: nothing is routed", logical.Quote(r.row.Options["router-port"]))
	}
	if r.binding.Type == l3gatewayType && !elsewhere {
		r.problem("gateway routers are not supported yet: what is sent to it is dropped")
	}
	if r.row.Options["nat-addresses"] != "" {
		r.problem("options:nat-addresses is not supported yet: external addresses are not announced")
	}
	for _, key := range sortedKeys(r.row.Options) {
		if !slices.Contains(routerPortOptions, key) {
			r.problem("options:%s is not known to Woven: it is ignored", logical.Quote(key))
		}
	}
}

// checkLocal notes what a port that is plugged here lacks.
func (r *portReader) checkLocal() {
	if len(r.row.MirrorRules) > 0 {
		r.problem("mirror_rules are not supported yet: nothing is mirrored")
	}
	for _, key := range sortedKeys(r.row.Options) {
		switch {
		case slices.Contains(ownOptions, key):
		case strings.HasPrefix(key, "qos_"):
			r.problem("options:%s is not supported yet: the port's rate is not limited", logical.Quote(key))
		case strings.HasPrefix(key, "vif-plug"):
			r.problem("options:%s is not supported: plug the interface by ovs-vsctl add-port", logical.Quote(key))
		default:
			r.problem("options:%s is not known to Woven: it is ignored", logical.Quote(key))
		}
	}
}
