package compile

import (
	"maps"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/meter"
)

// routerSource is all that a router's module follows from. Equal sources give equal modules.
type routerSource struct {
	router *logical.Router
	// around are the datapaths at the other ends of its ports: *logical.Switch or *logical.Router, nil where there is none.
	around []any
	meters map[string]meter.Meter
	// matches are those of its policies, in their order; exempt those of its ports' options:gateway_mtu_bypass.
	matches, exempt []routerMatch
}

func (s routerSource) equal(o routerSource) bool {
	return s.router == o.router && slices.Equal(s.around, o.around) && maps.Equal(s.meters, o.meters) &&
		slices.EqualFunc(s.matches, o.matches, routerMatch.equal) && slices.EqualFunc(s.exempt, o.exempt, routerMatch.equal)
}

// sourceOf finds what a router's module follows from.
func sourceOf(r *logical.Router, n *logical.Network) routerSource {
	s := routerSource{router: r, around: make([]any, len(r.Ports)), meters: meters(r.Copp, n.Meters)}
	for i, p := range r.Ports {
		if p.Link == nil {
			continue
		}
		if sw := n.Switches[p.Link.Datapath]; sw != nil {
			s.around[i] = sw
		} else if peer := n.Routers[p.Link.Datapath]; peer != nil {
			s.around[i] = peer
		}
	}
	return s
}

// routerModule makes the router instance of a logical router.
func routerModule(s routerSource) (*netstate.Module, logical.Problems) {
	var problems logical.Problems
	r := s.router
	cfg := &config.Config{
		Ports:          make(map[uint16]config.Port, len(r.Ports)),
		Neighbours:     map[config.Neighbour][6]byte{},
		LearnOnlyKnown: r.IgnoreARPRequests,
		Meters:         metersFor(config.Metered, s.meters),
	}
	networks := networksOf(r, &problems)
	m := &netstate.Module{ID: r.UUID, Kind: config.Kind, Name: r.Name, Key: r.Key, Ports: make([]netstate.Port, len(r.Ports)), Config: cfg}
	for i, p := range r.Ports {
		m.Ports[i] = netstate.Port{Name: p.Name, Key: p.Key}
		if s.around[i] != nil {
			m.Ports[i].Peer = &netstate.Link{Module: p.Link.Datapath, Key: p.Link.Key}
		}
		cfg.Ports[p.Key] = config.Port{Enabled: r.Enabled && p.Enabled && !p.Gateway, MAC: p.MAC, ProxyMAC: proxyMAC(p, s.around[i]), Networks: networks[i],
			Table: p.RouteTable, MTU: p.MTU, Exempt: exemptions(p, s.exempt[i], &problems), Advertises: p.RA != nil}
		addNeighbours(cfg, r, p, s.around[i])
	}
	for _, n := range r.Neighbours {
		at := config.Neighbour{Port: n.Port, Addr: n.Addr}
		if _, known := cfg.Neighbours[at]; !known {
			cfg.Neighbours[at] = n.MAC
		}
	}
	named := objects{}
	cfg.Routes = routes(r, named, &problems)
	cfg.Policies = policies(r, s.matches, named, &problems)
	m.Objects = named
	checkMeters(r.Copp, s.meters, "logical_router", r.Name, &problems)
	return m, problems
}

// networksOf are those of a router's ports, in their order. Of two ports with one address the one with the lower key has it, unless it is
// link-local.
func networksOf(r *logical.Router, problems *logical.Problems) [][]netip.Prefix {
	owners := map[netip.Addr]*logical.RouterPort{}
	out := make([][]netip.Prefix, len(r.Ports))
	for i, p := range r.Ports {
		for _, n := range p.Networks {
			owner, taken := owners[n.Addr()]
			switch {
			case n.Addr().IsLinkLocalUnicast():
			case !taken:
				owners[n.Addr()] = p
			case owner != p:
				problems.Add("logical_router_port", p.Name, "networks: %s is port %s's address: it is left out", n.Addr(), logical.Quote(owner.Name))
				continue
			}
			out[i] = append(out[i], n)
		}
	}
	return out
}

// addNeighbours enters the addresses that are known to be on the network of port p, as ovn-northd(8) does in "ARP/ND Resolution":
// those of the ports of a switch and of the routers there, or those of the router at the other end.
func addNeighbours(cfg *config.Config, r *logical.Router, p *logical.RouterPort, around any) {
	add := func(addr netip.Addr, mac [6]byte) {
		if slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(addr) }) {
			cfg.Neighbours[config.Neighbour{Port: p.Key, Addr: addr}] = mac
		}
	}
	sw, ok := around.(*logical.Switch)
	if !ok {
		if p.Link != nil && p.Link.Router {
			for _, n := range p.Link.Networks {
				add(n.Addr(), p.Link.MAC)
			}
		}
		return
	}
	for _, port := range sw.Ports {
		if port.Link != nil {
			if port.Key != p.Link.Key && !r.DynamicRouters {
				for _, n := range port.Link.Networks {
					add(n.Addr(), port.Link.MAC)
				}
			}
			continue
		}
		if port.Type == "virtual" {
			if mac, known := virtualMAC(sw, port); known {
				add(port.VirtualIP, mac)
			}
			continue
		}
		for _, a := range port.Addresses {
			for _, prefix := range a.Prefixes {
				add(prefix.Addr(), a.MAC)
			}
		}
	}
}

// virtualMAC is the MAC address of the port that a virtual port is at. As long as that is not known its address is asked for.
func virtualMAC(sw *logical.Switch, virtual *logical.Port) (mac [6]byte, known bool) {
	i := slices.IndexFunc(sw.Ports, func(p *logical.Port) bool { return p.Name == virtual.VirtualParent })
	if i < 0 || len(sw.Ports[i].Addresses) == 0 {
		return mac, false
	}
	return sw.Ports[i].Addresses[0].MAC, true
}
