package ingest

import (
	"cmp"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// peers are the other chassis that can be reached by Geneve, by name.
func (n *network) peers() map[string]*logical.Peer {
	peers := make(map[string]*logical.Peer, len(n.SB.Chassis))
	for _, c := range n.SB.Chassis {
		if c.Name == n.Chassis || !n.zoneShared(c) {
			continue
		}
		addr := n.tunnelAddr(c)
		if !addr.IsValid() {
			continue
		}
		if n.Tunnel != nil && addr == n.Tunnel.Addr {
			n.Add("chassis", c.Name,
				"it has our own tunnel address %s: if it is a former name of this node, remove it with ovn-sbctl chassis-del", addr)
			continue
		}
		route := n.Routes[addr]
		if route.Ifindex == 0 {
			n.Add("chassis", c.Name, "there is no route to its tunnel address %s: packets for its ports are dropped", addr)
		}
		peers[c.Name] = &logical.Peer{Name: c.Name, Addr: addr, Route: route}
	}
	if n.Tunnel == nil && len(peers) > 0 {
		n.Add("chassis", n.Chassis,
			"external_ids:ovn-encap-ip of Open_vSwitch gives no tunnel address: nothing is sent to other chassis")
	}
	return peers
}

// zoneShared: two chassis have a tunnel if they share a transport zone or neither is in any, ovn-controller(8)
// external_ids:ovn-transport-zones.
func (n *network) zoneShared(c *sb.Chassis) bool {
	var own []string
	if n.self != nil {
		own = n.self.TransportZones
	}
	if len(own) == 0 && len(c.TransportZones) == 0 {
		return true
	}
	return slices.ContainsFunc(own, func(zone string) bool { return slices.Contains(c.TransportZones, zone) })
}

// tunnelAddr is the address of a chassis' Geneve end: of several the one of our own tunnel's family, then the lowest. The
// zero Addr means that there is none, which is a Problem unless its rows are about to arrive.
func (n *network) tunnelAddr(c *sb.Chassis) netip.Addr {
	var addrs []netip.Addr
	others, invalid := "", ""
	for _, uuid := range inOrder(c.Encaps) {
		e := n.SB.Encap[uuid]
		if e == nil {
			continue
		}
		if e.Type != sb.EncapTypeGeneve {
			others = e.Type
			continue
		}
		if addr, err := netip.ParseAddr(e.IP); err == nil && addr.Zone() == "" && !addr.IsMulticast() && !addr.IsUnspecified() {
			addrs = append(addrs, addr)
		} else {
			invalid = e.IP
		}
	}
	switch {
	case len(addrs) > 0:
		return slices.MinFunc(addrs, n.preferAddr)
	case invalid != "":
		n.Add("chassis", c.Name, "its Geneve encapsulation has no valid address (%s): packets for its ports are dropped", logical.Quote(invalid))
	case others != "":
		n.Add("chassis", c.Name, "it has encapsulation %s only, not geneve: packets for its ports are dropped", logical.Quote(others))
	}
	return netip.Addr{}
}

// preferAddr orders tunnel addresses: our own family first, then by value.
func (n *network) preferAddr(a, b netip.Addr) int {
	foreign := func(x netip.Addr) int {
		if n.Tunnel != nil && x.Is4() != n.Tunnel.Addr.Is4() {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(foreign(a), foreign(b)), a.Compare(b))
}
