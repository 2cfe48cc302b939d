package ingest

import (
	"cmp"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
)

// neighbourRow is a row of MAC_Binding or Static_MAC_Binding.
type neighbourRow struct {
	table, port, addr, mac string
	// rank orders rows for one address: the highest counts, ovn-nb(5) Static_MAC_Binding override_dynamic_mac.
	rank int
}

const (
	staticRank = iota
	learnedRank
	overridingRank
)

// knownNeighbours are those that a Reader remembers of a router.
type knownNeighbours struct {
	list     []logical.Neighbour
	problems logical.Problems
}

// findNeighbours gives the routers their rows, unless these are the same.
func (n *network) findNeighbours() {
	unread := map[string]*localRouter{}
	for uuid, r := range n.routers {
		if !n.same.neighbours || r.known.neighbours == nil {
			r.known.neighbours, unread[uuid] = nil, r
		}
	}
	if len(unread) == 0 {
		return
	}
	for _, row := range n.SB.MACBinding {
		if r := unread[row.Datapath]; r != nil {
			r.neighbours = append(r.neighbours, neighbourRow{"mac_binding", row.LogicalPort, row.IP, row.MAC, learnedRank})
		}
	}
	for _, row := range n.SB.StaticMACBinding {
		if r := unread[row.Datapath]; r != nil {
			rank := staticRank
			if row.OverrideDynamicMAC {
				rank = overridingRank
			}
			r.neighbours = append(r.neighbours, neighbourRow{"static_mac_binding", row.LogicalPort, row.IP, row.MAC, rank})
		}
	}
}

// neighbours are those of a router with these ports.
func (n *network) neighbours(l *localRouter, ports []*logical.RouterPort) []logical.Neighbour {
	if l.known.neighbours == nil {
		l.known.neighbours = readNeighbours(l.neighbours, ports)
	}
	n.Problems = append(n.Problems, l.known.neighbours.problems...)
	return l.known.neighbours.list
}

// readNeighbours reads those of a router with these ports. Rows of ports that it has not are about to go.
func readNeighbours(rows []neighbourRow, ports []*logical.RouterPort) *knownNeighbours {
	var read knownNeighbours
	keys := make(map[string]uint16, len(ports))
	for _, p := range ports {
		keys[p.Name] = p.Key
	}
	type ranked struct {
		logical.Neighbour
		rank int
	}
	list := make([]ranked, 0, len(rows))
	for _, row := range rows {
		key, known := keys[row.port]
		if !known {
			continue
		}
		addr, err := netip.ParseAddr(row.addr)
		mac, ok := parseMAC(row.mac)
		if err != nil || !ok || addr.Zone() != "" || addr.Is4In6() || addr.IsMulticast() {
			read.problems.Add("logical_router_port", row.port, "%s: %s at %s is no address at a MAC address: it is left out",
				row.table, logical.Quote(row.addr), logical.Quote(row.mac))
			continue
		}
		list = append(list, ranked{logical.Neighbour{Port: key, Addr: addr, MAC: mac, Static: row.rank != learnedRank}, row.rank})
	}
	slices.SortFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), a.Addr.Compare(b.Addr), cmp.Compare(b.rank, a.rank), slices.Compare(a.MAC[:], b.MAC[:]))
	})
	for i, l := range list {
		if i == 0 || l.Port != list[i-1].Port || l.Addr != list[i-1].Addr {
			read.list = append(read.list, l.Neighbour)
		}
	}
	return &read
}
