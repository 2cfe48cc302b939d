package neigh

import (
	"net/netip"
	"slices"

	"woven.dev/woven/internal/slowpath/frame"
)

// Port is a router's port that hears messages.
type Port struct {
	// Always: Logical_Router.options:always_learn_from_arp_request.
	Always bool
	// Networks are those of the port, Own its addresses.
	Networks []netip.Prefix
	Own      []netip.Addr
}

// Learns says whether a message makes a MAC_Binding at the port, as ovn-northd(8), "Neighbor lookup" and "Neighbor learning", have it. known
// is the MAC address that the table has for the message's address, if any. why says the reason, for people.
func (p *Port) Learns(m Message, known frame.MAC, has bool) (learns bool, why string) {
	switch {
	case slices.Contains(p.Own, m.IP):
		return false, "the address is the router's own"
	case has && known == m.MAC:
		return false, "is known"
	case m.Kind == Reply:
		return true, "reply"
	case m.IP.Is4() && !slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(m.IP) }):
		return false, "request from an address that is not of the port's networks"
	case p.Always:
		return true, "request, of which all are learned from"
	case has:
		return true, "request from a known address with a new MAC address"
	case m.IP.Is4() && slices.Contains(p.Own, m.Target):
		return true, "request for the router's address"
	}
	return false, "request, of which only known addresses are learned from"
}
