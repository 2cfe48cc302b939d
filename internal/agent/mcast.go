package agent

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/slowpath"
)

// Defaults of IP_Multicast's columns, ovn-sb(5).
const (
	mcastIdle        = 300 * time.Second
	mcastMaxResponse = time.Second
	mcastTableSize   = 2048
)

// maxIGMPOps bounds how many rows of IGMP_Group a round changes.
const maxIGMPOps = 256

// keepMulticast tells the snooper what the rows of IP_Multicast ask for, and returns what the Southbound database is to be told of the
// groups that ports of this node have joined: ovn-northd makes multicast groups of those of all nodes.
func (l *loop) keepMulticast(r *round) []piece {
	if r.self == nil {
		return nil
	}
	modules := map[string]*netstate.Module{}
	for _, in := range l.plane.Instances() {
		modules[in.Module.ID] = in.Module
	}
	l.snooper.Configure(snoopedSwitches(r.sb, modules, &r.problems))
	if !l.mcastRestored {
		l.mcastRestored = true
		l.snooper.Restore(igmpGroups(r.sb, r.self.UUID))
	}
	for _, id := range l.snooper.Full() {
		if m := modules[id]; m != nil {
			r.problems.Add("logical_switch", m.Name, "more multicast addresses are joined than other_config:mcast_table_size: further ones are refused")
		}
	}
	groups := l.snooper.Groups()
	pieces := igmpPieces(r.sb, r.self, portBindings(l.live.network, groups), groups)
	return pieces[:min(len(pieces), maxIGMPOps)]
}

// snoopedSwitches are the settings of the switches that are snooped on, by module.
func snoopedSwitches(rows *sb.Rows, modules map[string]*netstate.Module, problems *logical.Problems) map[string]slowpath.Switch {
	out := map[string]slowpath.Switch{}
	for _, row := range rows.IPMulticast {
		m := modules[row.Datapath]
		if m == nil || !value(row.Enabled) {
			continue
		}
		sw := slowpath.Switch{Idle: seconds(row.IdleTimeout, mcastIdle), Size: mcastTableSize, Flush: row.SeqNo, Ports: map[uint16]slowpath.Port{}}
		if row.TableSize != nil {
			sw.Size = *row.TableSize
		}
		for _, p := range m.Ports {
			if p.Device != nil {
				sw.Ports[p.Key] = slowpath.Port{Ifindex: p.Device.Ifindex, Tag: p.Tag}
			}
		}
		if value(row.Querier) {
			sw.Querier = querier(row, m.Name, sw.Idle, problems)
		}
		out[m.ID] = sw
	}
	return out
}

// querier reads how a switch asks; nil: it can't.
func querier(row *sb.IPMulticast, name string, idle time.Duration, problems *logical.Problems) *slowpath.Querier {
	mac, err := net.ParseMAC(row.EthSrc)
	ip4, err4 := netip.ParseAddr(row.Ip4Src)
	ip6, err6 := netip.ParseAddr(row.Ip6Src)
	if err != nil || len(mac) != 6 || row.Ip4Src != "" && (err4 != nil || !ip4.Is4()) || row.Ip6Src != "" && (err6 != nil || !ip6.IsLinkLocalUnicast()) {
		problems.Add("logical_switch", name, "other_config: mcast_eth_src %s, mcast_ip4_src %s, mcast_ip6_src %s are no addresses of a querier: nobody is asked",
			logical.Quote(row.EthSrc), logical.Quote(row.Ip4Src), logical.Quote(row.Ip6Src))
		return nil
	}
	return &slowpath.Querier{Interval: seconds(row.QueryInterval, idle/2), MaxResponse: seconds(row.QueryMaxResp, mcastMaxResponse),
		MAC: [6]byte(mac), IP4: ip4, IP6: ip6}
}

// seconds is a column of that unit.
func seconds(column *int, absent time.Duration) time.Duration {
	if column == nil || *column <= 0 {
		return absent
	}
	return time.Duration(*column) * time.Second
}

// routersAddress is in the column address of the rows of ports that lead to multicast routers: ovn-northd puts them in _MC_mrouter_flood, to which
// reports go.
const routersAddress = "mrouters"

func parseGroup(address string) (netip.Addr, error) {
	if address == routersAddress {
		return slowpath.MulticastRouters, nil
	}
	return netip.ParseAddr(address)
}

func groupAddress(addr netip.Addr) string {
	if addr == slowpath.MulticastRouters {
		return routersAddress
	}
	return addr.String()
}

// igmpGroups are a chassis' rows as the snooper has them.
func igmpGroups(rows *sb.Rows, chassis string) []slowpath.Group {
	var groups []slowpath.Group
	for _, row := range rows.IGMPGroup {
		addr, err := parseGroup(row.Address)
		if err != nil || value(row.Chassis) != chassis {
			continue
		}
		g := slowpath.Group{Module: value(row.Datapath), Addr: addr, Protocol: slowpath.Protocol(row.Protocol)}
		for _, uuid := range row.Ports {
			if b := rows.PortBinding[uuid]; b != nil && b.Datapath == g.Module {
				g.Ports = append(g.Ports, uint16(b.TunnelKey))
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// portKey names a port by its datapath and key.
type portKey struct {
	module string
	key    uint16
}

// portBindings are the UUIDs of the Port_Bindings of our ports in switches that have groups.
func portBindings(n *logical.Network, groups []slowpath.Group) map[portKey]string {
	out, last := map[portKey]string{}, ""
	for _, g := range groups { // by module
		if sw := n.Switches[g.Module]; sw != nil && g.Module != last {
			for _, p := range sw.Ports {
				if p.Device != nil {
					out[portKey{g.Module, p.Key}] = p.UUID
				}
			}
		}
		last = g.Module
	}
	return out
}

// igmpKey tells our rows apart.
type igmpKey struct{ module, address string }

// igmpPieces make our rows of IGMP_Group those of the groups. ports are the UUIDs of Port_Bindings.
func igmpPieces(rows *sb.Rows, self *sb.Chassis, ports map[portKey]string, groups []slowpath.Group) []piece {
	have := map[igmpKey]*sb.IGMPEntry{}
	var pieces []piece
	for _, row := range rows.IGMPGroup {
		if value(row.Chassis) == self.UUID {
			have[igmpKey{value(row.Datapath), row.Address}] = row
		}
	}
	for _, g := range groups {
		want := &sb.IGMPEntry{Address: groupAddress(g.Addr), Chassis: &self.UUID, ChassisName: self.Name, Datapath: &g.Module, Protocol: string(g.Protocol)}
		for _, key := range g.Ports {
			if uuid := ports[portKey{g.Module, key}]; uuid != "" {
				want.Ports = append(want.Ports, uuid)
			}
		}
		key := igmpKey{g.Module, want.Address}
		row := have[key]
		delete(have, key)
		switch {
		case row == nil:
			pieces = append(pieces, igmpPiece(key, ovsdb.Op{Kind: ovsdb.Insert, Row: want}))
		case !sameSet(row.Ports, want.Ports):
			want.UUID = row.UUID
			columns := []string{"ports"}
			if want.Protocol != "" {
				columns = append(columns, "protocol")
			}
			pieces = append(pieces, igmpPiece(key, ovsdb.Op{Kind: ovsdb.Update, Row: want, Columns: columns}))
		}
	}
	for key, row := range have {
		pieces = append(pieces, igmpPiece(key, ovsdb.Op{Kind: ovsdb.Delete, Row: row}))
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.about.name, b.about.name) })
	return pieces
}

func igmpPiece(key igmpKey, op ovsdb.Op) piece {
	return piece{subject{"igmp_group", fmt.Sprintf("%s in %s", key.address, key.module)}, []ovsdb.Op{op}}
}

// leaveGroupOps delete our rows of IGMP_Group.
func leaveGroupOps(rows *sb.Rows, self *sb.Chassis) (ops []ovsdb.Op) {
	for _, p := range igmpPieces(rows, self, nil, nil) {
		ops = append(ops, p.ops...)
	}
	return ops
}
