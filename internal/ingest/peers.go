package ingest

import (
	"cmp"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// sites is where ports of other chassis are reached.
type sites struct {
	peers map[string]*logical.Peer
	// chassis by UUID; those without a tunnel end, and our own, have a name only.
	chassis map[string]site
	// ends are the names of peers, by Encap UUID.
	ends map[string]string
}

// site is a chassis as a place of ports.
type site struct {
	name  string
	peers []string // the one that the chassis prefers; nil: it can't be reached
}

// tunnelEnd is a usable row of Encap.
type tunnelEnd struct {
	uuid      string
	addr      netip.Addr
	isDefault bool
}

// findSites finds the other chassis that can be reached by Geneve.
func (n *network) findSites() {
	n.sites = sites{
		peers:   make(map[string]*logical.Peer, len(n.SB.Chassis)),
		chassis: make(map[string]site, len(n.SB.Chassis)),
		ends:    make(map[string]string, len(n.SB.Encap)),
	}
	for uuid, c := range n.SB.Chassis {
		s := site{name: c.Name}
		if c.Name != n.Chassis && n.zoneShared(c) {
			s.peers = n.addPeers(c)
		}
		n.sites.chassis[uuid] = s
	}
	if n.Tunnel == nil && len(n.sites.peers) > 0 {
		n.Add("chassis", n.Chassis,
			"external_ids:ovn-encap-ip of Open_vSwitch gives no tunnel address: nothing is sent to other chassis")
	}
}

// addPeers adds the tunnel ends of a chassis and returns the name of the preferred one, nil if there is none. Of the others those of a
// family in which we have no address are left out: nobody can mean them.
func (n *network) addPeers(c *sb.Chassis) []string {
	ends := n.tunnelEnds(c)
	for i, end := range ends {
		if i > 0 && !n.haveFamily(end.addr) {
			continue
		}
		name := c.Name
		if i > 0 {
			name += "@" + end.addr.String()
		}
		route := n.Routes[end.addr]
		if route.Ifindex == 0 {
			n.Add("chassis", c.Name, "there is no route to its tunnel address %s: packets for its ports are dropped", end.addr)
		}
		n.sites.ends[end.uuid] = name
		n.sites.peers[name] = &logical.Peer{Name: name, Chassis: c.Name, Addr: end.addr, Route: route}
	}
	if len(ends) == 0 {
		return nil
	}
	return []string{c.Name}
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

// tunnelEnds are the Geneve ends of a chassis, the preferred one first: of a family in which we have an address, then the one that the
// chassis calls its default, then the lowest address. That there is none is a Problem unless its rows are about to arrive.
func (n *network) tunnelEnds(c *sb.Chassis) []tunnelEnd {
	var ends []tunnelEnd
	others, invalid, own := "", "", netip.Addr{}
	for _, uuid := range inOrder(c.Encaps) {
		e := n.SB.Encap[uuid]
		if e == nil {
			continue
		}
		addr, err := netip.ParseAddr(e.IP)
		switch {
		case e.Type != sb.EncapTypeGeneve:
			others = e.Type
		case err != nil || addr.Zone() != "" || addr.IsMulticast() || addr.IsUnspecified():
			invalid = e.IP
		case n.Tunnel != nil && slices.Contains(n.Tunnel.Addrs, addr):
			own = addr
		default:
			ends = append(ends, tunnelEnd{uuid, addr, e.Options["is_default"] == "true"})
		}
	}
	switch {
	case own.IsValid():
		n.Add("chassis", c.Name,
			"it has our own tunnel address %s: if it is a former name of this node, remove it with ovn-sbctl chassis-del", own)
	case len(ends) > 0:
	case invalid != "":
		n.Add("chassis", c.Name, "its Geneve encapsulation has no valid address (%s): packets for its ports are dropped", logical.Quote(invalid))
	case others != "":
		n.Add("chassis", c.Name, "it has encapsulation %s only, not geneve: packets for its ports are dropped", logical.Quote(others))
	}
	slices.SortFunc(ends, n.compareEnds)
	return ends
}

func (n *network) compareEnds(a, b tunnelEnd) int {
	rank := func(e tunnelEnd) int {
		switch {
		case !n.haveFamily(e.addr):
			return 2
		case !e.isDefault:
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.addr.Compare(b.addr))
}

// haveFamily: one of our tunnel addresses is of a's family.
func (n *network) haveFamily(a netip.Addr) bool {
	return n.Tunnel != nil && slices.ContainsFunc(n.Tunnel.Addrs, func(own netip.Addr) bool { return own.Is4() == a.Is4() })
}
