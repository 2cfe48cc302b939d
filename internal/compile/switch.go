package compile

import (
	"cmp"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch/config"
)

// floodGroup is the group that ovn-northd makes of all enabled ports of a switch, ovn-northd(8) "Destination Lookup".
const floodGroup = "_MC_flood"

// switchModule makes the l2switch instance of a logical switch. Ports on a chassis that is not among peers
// lead nowhere.
func switchModule(sw *logical.Switch, peers map[string]bool) (*netstate.Module, logical.Problems) {
	cfg := &config.Config{
		Ports:      make(map[uint16]config.Port, len(sw.Ports)),
		FDB:        make(map[[6]byte]uint16, len(sw.Ports)),
		Neighbours: make(map[netip.Addr]config.Neighbour, len(sw.Ports)),
	}
	m := &netstate.Module{
		ID: sw.UUID, Kind: config.Kind, Name: sw.Name, Key: sw.Key,
		Ports:  make([]netstate.Port, len(sw.Ports)),
		Groups: make([]netstate.Group, len(sw.Groups)),
		Config: cfg,
	}
	var problems logical.Problems
	for i, p := range sw.Ports {
		m.Ports[i] = port(p, peers)
		cfg.Ports[p.Key] = config.Port{Enabled: p.Enabled, Security: security(p)}
		addAddresses(cfg, sw, p, &problems)
	}
	for i, g := range sw.Groups {
		m.Groups[i] = netstate.Group(g)
		if g.Name == floodGroup {
			cfg.FloodGroup = g.Key
		}
	}
	return m, problems
}

// port says where a port is.
func port(p *logical.Port, peers map[string]bool) netstate.Port {
	out := netstate.Port{Name: p.Name, Key: p.Key}
	switch {
	case p.Device != nil:
		out.Device = &netstate.Device{Name: p.Device.Name, Ifindex: p.Device.Ifindex}
		if p.Device.PeerElsewhere && len(p.Addresses) > 0 {
			out.Device.PeerMAC = p.Addresses[0].MAC
		}
	case peers[p.Chassis]:
		out.Nodes = []string{p.Chassis}
	}
	return out
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
// also of disabled ports, and an answer for each known IP address. Routers answer for their addresses
// themselves. Of two ports with one address the one with the lower key has it.
func addAddresses(cfg *config.Config, sw *logical.Switch, p *logical.Port, problems *logical.Problems) {
	if p.Type == "external" {
		return // never gets a frame from here
	}
	answer := !p.Unknown && !sw.VLANPassthru && p.Type != "virtual" && p.Type != "router"
	for _, a := range p.Addresses {
		if other, taken := cfg.FDB[a.MAC]; !taken {
			cfg.FDB[a.MAC] = p.Key
		} else if other != p.Key {
			problems.Add("logical_switch_port", p.Name, "its MAC address %s is that of port %s: frames go there",
				logical.MAC(a.MAC), logical.Quote(portName(sw, other)))
		}
		if !answer {
			continue
		}
		for _, prefix := range a.Prefixes {
			addr := prefix.Addr()
			if other, taken := cfg.Neighbours[addr]; !taken {
				cfg.Neighbours[addr] = config.Neighbour{MAC: a.MAC, Port: p.Key}
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
