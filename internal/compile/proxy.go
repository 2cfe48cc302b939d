package compile

import (
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/l2switch/config"
)

// proxies are the networks that a switch answers ARP and ND for because a port to a router asks for it (options:arp_proxy). Of two ports with one
// network the one with the lower key has it.
func proxies(sw *logical.Switch, problems *logical.Problems) map[netip.Prefix]config.Neighbour {
	var out map[netip.Prefix]config.Neighbour
	for _, p := range sw.Ports {
		if p.Link == nil || !p.Link.Router || len(p.ARPProxy.Prefixes) == 0 {
			continue
		}
		if out == nil {
			out = map[netip.Prefix]config.Neighbour{}
		}
		mac := p.ARPProxy.MAC
		if mac == [6]byte{} {
			mac = p.Link.MAC
		}
		for _, prefix := range p.ARPProxy.Prefixes {
			network := prefix.Masked()
			if other, taken := out[network]; !taken {
				out[network] = config.Neighbour{MAC: mac, Port: p.Key}
			} else if other.Port != p.Key {
				problems.Add("logical_switch_port", p.Name, "options:arp_proxy: %s is port %s's: ARP and ND are answered for that one",
					network, logical.Quote(portName(sw, other.Port)))
			}
		}
	}
	return out
}

// macs are the MAC addresses for which frames go to a port.
func macs(p *logical.Port) [][6]byte {
	var out [][6]byte
	for _, a := range p.Addresses {
		out = append(out, a.MAC)
	}
	if p.ARPProxy.MAC != [6]byte{} && len(p.ARPProxy.Prefixes) > 0 {
		out = append(out, p.ARPProxy.MAC)
	}
	return out
}

// proxyMAC is the MAC address that the switch at the other end of a router's port gives as an answer for it; zero: only the port's own.
func proxyMAC(p *logical.RouterPort, around any) (none [6]byte) {
	sw, ok := around.(*logical.Switch)
	if !ok {
		return none
	}
	i := slices.IndexFunc(sw.Ports, func(port *logical.Port) bool { return port.Key == p.Link.Key })
	if i < 0 || len(sw.Ports[i].ARPProxy.Prefixes) == 0 {
		return none
	}
	return sw.Ports[i].ARPProxy.MAC
}
