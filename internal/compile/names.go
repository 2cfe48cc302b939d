package compile

import "woven.dev/woven/internal/logical"

// networkNames are what names in matches stand for in a network.
type networkNames struct {
	network  *logical.Network
	resident map[string]bool // ports on this chassis; nil: nobody has asked yet
}

// routerNames are what they stand for at a router.
type routerNames struct {
	*networkNames
	router *logical.Router
}

func (n *networkNames) AddressSet(name string) *logical.AddressSet {
	return n.network.AddressSets[name]
}

// Resident: of ports of switches; gateway ports are not carried out yet, and other ports of routers are on no chassis.
func (n *networkNames) Resident(port string) bool {
	if n.resident == nil {
		n.resident = map[string]bool{}
		for _, sw := range n.network.Switches {
			for _, p := range sw.Ports {
				if p.Chassis == n.network.Chassis && p.Chassis != "" {
					n.resident[p.Name] = true
				}
			}
		}
	}
	return n.resident[port]
}

// PortGroup: no port of a router is in a group, and to ovn-controller groups do not exist there.
func (n routerNames) PortGroup(string) ([]uint16, bool) { return nil, false }

func (n routerNames) Port(name string) uint16 {
	for _, p := range n.router.Ports {
		if p.Name == name {
			return p.Key
		}
	}
	return 0
}

// switchNames are what they stand for at a switch.
type switchNames struct {
	*networkNames
	sw   *logical.Switch
	keys map[string]uint16 // of its ports; nil: nobody has asked yet
}

func (n *switchNames) PortGroup(name string) ([]uint16, bool) {
	group := n.network.PortGroups[name]
	if group == nil {
		return nil, false
	}
	return group.Ports[n.sw.UUID], true
}

func (n *switchNames) Port(name string) uint16 {
	if n.keys == nil {
		n.keys = make(map[string]uint16, len(n.sw.Ports))
		for _, p := range n.sw.Ports {
			n.keys[p.Name] = p.Key
		}
	}
	return n.keys[name]
}
