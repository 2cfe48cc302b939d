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

// findNeighbours gives the routers their rows.
func (n *network) findNeighbours() {
	for _, row := range n.SB.MACBinding {
		if r := n.routers[row.Datapath]; r != nil {
			r.neighbours = append(r.neighbours, neighbourRow{"mac_binding", row.LogicalPort, row.IP, row.MAC, learnedRank})
		}
	}
	for _, row := range n.SB.StaticMACBinding {
		if r := n.routers[row.Datapath]; r != nil {
			rank := staticRank
			if row.OverrideDynamicMAC {
				rank = overridingRank
			}
			r.neighbours = append(r.neighbours, neighbourRow{"static_mac_binding", row.LogicalPort, row.IP, row.MAC, rank})
		}
	}
}

// neighbours are those of a router with these ports. Rows of ports that it has not are about to go.
func (n *network) neighbours(rows []neighbourRow, ports []*logical.RouterPort) []logical.Neighbour {
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
		if err != nil || !ok || addr.Zone() != "" {
			n.Add("logical_router_port", row.port, "%s: %s at %s is no address at a MAC address: it is left out",
				row.table, logical.Quote(row.addr), logical.Quote(row.mac))
			continue
		}
		list = append(list, ranked{logical.Neighbour{Port: key, Addr: addr, MAC: mac, Static: row.rank != learnedRank}, row.rank})
	}
	slices.SortFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), a.Addr.Compare(b.Addr), cmp.Compare(b.rank, a.rank), slices.Compare(a.MAC[:], b.MAC[:]))
	})
	var out []logical.Neighbour
	for i, l := range list {
		if i == 0 || l.Port != list[i-1].Port || l.Addr != list[i-1].Addr {
			out = append(out, l.Neighbour)
		}
	}
	return out
}
