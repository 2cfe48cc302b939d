package compile

import (
	"cmp"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch/config"
)

// Groups that ovn-northd makes for every switch, ovn-northd(8) "Destination Lookup": of all enabled ports, of those with unknown
// addresses, of those with options:mcast_flood, of those that lead to multicast routers.
const (
	floodGroup   = "_MC_flood"
	unknownGroup = "_MC_unknown"
	staticGroup  = "_MC_static"
	routersGroup = "_MC_mrouter_flood"
)

// switchModule makes the l2switch instance of a logical switch, with what it has in common with the last one.
func switchModule(now, last compiled) (*netstate.Module, logical.Problems) {
	sw := now.from
	cfg, problems := patch(sw, last), logical.Problems(nil)
	if cfg == nil {
		cfg, problems = ports(sw)
	}
	m := &netstate.Module{
		ID: sw.UUID, Kind: config.Kind, Name: sw.Name, Key: sw.Key,
		Ports:  modulePorts(now, last),
		Groups: make([]netstate.Group, len(sw.Groups)),
		Config: cfg, Services: now.acls.service(now.meters, connectionLimits(sw)),
	}
	keys := make(map[string]uint16, len(sw.Groups))
	for i, g := range sw.Groups {
		m.Groups[i] = netstate.Group{Name: g.Name, Key: g.Key, Ports: g.Ports}
		keys[g.Name] = g.Key
	}
	cfg.VLANPassthru, cfg.DNS = sw.VLANPassthru, len(sw.DNS) > 0
	cfg.FloodGroup, cfg.UnknownGroup = keys[floodGroup], keys[unknownGroup]
	cfg.Snooping = snooping(sw, keys)
	cfg.Proxies = proxies(sw, &problems)
	cfg.Meters = metersFor(config.Metered, now.meters)
	checkMeters(sw.Copp, now.meters, "logical_switch", sw.Name, &problems)
	return m, problems
}

// ports is the part of a switch's configuration that comes of its ports.
func ports(sw *logical.Switch) (*config.Config, logical.Problems) {
	macs, addrs := 0, 0
	for _, p := range sw.Ports {
		macs += len(p.Addresses)
		for _, a := range p.Addresses {
			addrs += len(a.Prefixes)
		}
	}
	cfg := &config.Config{
		Ports:      make(map[uint16]config.Port, len(sw.Ports)),
		FDB:        make(map[[6]byte]uint16, macs),
		Neighbours: make(map[netip.Addr]config.Neighbour, addrs),
	}
	var problems logical.Problems
	parents := virtualParents(sw)
	for _, p := range sw.Ports {
		addPort(cfg, sw, p, parents, &problems)
	}
	return cfg, problems
}

// virtualParents names the ports that virtual ports of a switch may be at; nil: there are none.
func virtualParents(sw *logical.Switch) map[string]bool {
	var parents map[string]bool
	for _, p := range sw.Ports {
		for _, name := range p.VirtualParents {
			if parents == nil {
				parents = map[string]bool{}
			}
			parents[name] = true
		}
	}
	return parents
}

func addPort(cfg *config.Config, sw *logical.Switch, p *logical.Port, parents map[string]bool, problems *logical.Problems) {
	cfg.Ports[p.Key] = config.Port{Enabled: p.Enabled, Security: security(p), Learn: learns(p), Activation: activation(p),
		DHCPv4: p.DHCPv4 != nil, DHCPv6: p.DHCPv6 != nil, Parent: p.Device != nil && parents[p.Name]}
	addAddresses(cfg, sw, p, problems)
}

// modulePorts are a switch's ports. Most are those that it had before.
func modulePorts(now, last compiled) []netstate.Port {
	var have []*logical.Port
	if last.module != nil && slices.Equal(last.links, now.links) {
		have = last.from.Ports
	}
	ports := make([]netstate.Port, len(now.from.Ports))
	next := 0 // in have
	for i, p := range now.from.Ports {
		for next < len(have) && have[next] != p && have[next].Key < p.Key {
			next++
		}
		if next < len(have) && have[next] == p {
			ports[i] = last.module.Ports[next]
			next++
		} else {
			ports[i] = port(p, slices.Contains(now.links, p.Key))
		}
	}
	return ports
}

// port says where a port is. linked: it leads to another module.
func port(p *logical.Port, linked bool) netstate.Port {
	out := netstate.Port{Name: p.Name, Key: p.Key, Tag: p.Tag, Nodes: p.Peers, HereOnly: p.Type == "localport"}
	if linked {
		out.Peer = &netstate.Link{Module: p.Link.Datapath, Key: p.Link.Key}
	}
	if p.Device != nil {
		out.Device = &netstate.Device{Name: p.Device.Name, Ifindex: p.Device.Ifindex}
		if p.Device.PeerElsewhere && p.Tag == 0 && len(p.Addresses) > 0 {
			out.Device.PeerMAC = p.Addresses[0].MAC
		}
	}
	return out
}

// learns: ovn-northd(8), "Learn MAC of 'unknown' ports".
func learns(p *logical.Port) bool {
	return p.Type == "" && p.Unknown && len(p.PortSecurity) == 0
}

// activation is what a port waits for.
func activation(p *logical.Port) config.Activation {
	kinds := map[string]config.Activation{"rarp": config.RARP, "garp": config.GARP, "na": config.NA}
	var set config.Activation
	for _, kind := range p.Activation {
		set |= kinds[kind]
	}
	return set
}

// snooping is where a switch with mcast_snoop sends IP multicast; keys are those of its groups, by name. As ovn-northd's flows have it,
// what nobody joined goes to the ports that want all (mcast_flood), or to every port where the switch asks for that. Those who want
// reports are the ports with mcast_flood_reports and those behind which routers were heard.
func snooping(sw *logical.Switch, keys map[string]uint16) *config.Snooping {
	if !sw.Snooping {
		return nil
	}
	s := &config.Snooping{Groups: map[netip.Addr]uint16{}, UnregisteredGroup: keys[staticGroup], AlwaysGroup: keys[staticGroup], ControlGroup: keys[routersGroup]}
	if sw.FloodUnregistered {
		s.UnregisteredGroup = keys[floodGroup]
	}
	for _, g := range sw.Groups {
		if g.Addr.IsValid() && !g.Addr.IsLinkLocalMulticast() { // those are for every port, RFC 4541 section 2.1.2
			s.Groups[g.Addr] = g.Key
		}
	}
	return s
}

// security is the port security of a port that is here; elsewhere the other chassis sees to it.
func security(p *logical.Port) []config.Address {
	if p.Device == nil {
		return nil
	}
	var list []config.Address
	for _, a := range p.PortSecurity {
		list = append(list, config.Address(a))
	}
	return list
}

// addAddresses enters what ovn-northd(8) has flows for in "Destination Lookup" and "ARP/ND responder": each MAC address,
// also of disabled ports, and an answer for each known IP address. Routers are asked for their addresses
// themselves. Of two ports with one address the one with the lower key has it.
func addAddresses(cfg *config.Config, sw *logical.Switch, p *logical.Port, problems *logical.Problems) {
	if p.Type == "external" {
		return // never gets a frame from here
	}
	asked := p.Link != nil
	answer := asked || !p.Unknown && !sw.VLANPassthru && p.Type != "virtual" && p.Type != "router"
	for _, mac := range macs(p) {
		if other, taken := cfg.FDB[mac]; !taken {
			cfg.FDB[mac] = p.Key
		} else if other != p.Key {
			problems.Add("logical_switch_port", p.Name, "its MAC address %s is that of port %s: frames go there",
				logical.MAC(mac), logical.Quote(portName(sw, other)))
		}
	}
	if !answer {
		return
	}
	for _, a := range p.Addresses {
		for _, prefix := range a.Prefixes {
			addr := prefix.Addr()
			if other, taken := cfg.Neighbours[addr]; !taken {
				cfg.Neighbours[addr] = config.Neighbour{MAC: a.MAC, Port: p.Key, Asked: asked}
			} else if other.Port != p.Key {
				problems.Add("logical_switch_port", p.Name, "its address %s is that of port %s: ARP and ND are answered for that one",
					addr, logical.Quote(portName(sw, other.Port)))
			}
		}
	}
}

// portName is the name of the port with a key.
func portName(sw *logical.Switch, key uint16) string {
	i, _ := slices.BinarySearchFunc(sw.Ports, key, func(p *logical.Port, key uint16) int { return cmp.Compare(p.Key, key) })
	return sw.Ports[i].Name
}
