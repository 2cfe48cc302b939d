package compile

import (
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
)

// objects are what decides in a module or service, by number: netstate.Module.Objects.
type objects map[uint32]string

// add gives rows that decide together a number. That depends on their identity and, where two numbers would be the same, on what was added before.
func (o objects) add(identity string, rows ...netstate.Row) uint32 {
	h := fnv.New32a()
	h.Write([]byte(identity))
	n := max(h.Sum32(), netstate.FirstObject)
	for o[n] != "" {
		n = max(n+1, netstate.FirstObject)
	}
	o[n] = netstate.RowsText(rows...)
	return n
}

// addACL enters an ACL by its number. Two of the switch may have the same one: then traces tell of both.
func (o objects) addACL(number uint32, a *logical.ACL) {
	text := netstate.RowsText(aclRow(a))
	if other := o[number]; other != "" {
		text = other + "; " + text
	}
	o[number] = text
}

func aclRow(a *logical.ACL) netstate.Row {
	label := ""
	if a.Label != 0 {
		label = strconv.Itoa(int(a.Label))
	}
	direction := string(a.Direction)
	if a.AfterLB {
		direction += " after-lb"
	}
	return netstate.Row{Table: "acl", Columns: []netstate.Column{
		{Name: "uuid", Value: a.UUID}, {Name: "name", Value: a.Name}, {Name: "direction", Value: direction}, {Name: "tier", Value: strconv.Itoa(a.Tier)},
		{Name: "priority", Value: strconv.Itoa(a.Priority)}, {Name: "action", Value: string(a.Action)}, {Name: "label", Value: label},
		{Name: "port_group", Value: a.Group}, {Name: "match", Value: a.Match}}}
}

// routeRow is a static route; of several that share their traffic each has its own.
func routeRow(r *logical.StaticRoute) netstate.Row {
	hop, policy := "", "dst-ip"
	switch {
	case r.Discard:
		hop = "discard"
	case r.NextHop.IsValid():
		hop = r.NextHop.String()
	}
	if r.BySource {
		policy = "src-ip"
	}
	return netstate.Row{Table: "logical_router_static_route", Columns: []netstate.Column{
		{Name: "uuid", Value: r.UUID}, {Name: "ip_prefix", Value: r.Prefix.String()}, {Name: "nexthop", Value: hop}, {Name: "output_port", Value: r.OutputPort},
		{Name: "policy", Value: policy}, {Name: "route_table", Value: r.Table}}}
}

func policyRow(p *logical.Policy) netstate.Row {
	mark := ""
	if p.Mark != 0 && p.Action != logical.PolicyDrop {
		mark = strconv.FormatUint(uint64(p.Mark), 10)
	}
	return netstate.Row{Table: "logical_router_policy", Columns: []netstate.Column{
		{Name: "uuid", Value: p.UUID}, {Name: "priority", Value: strconv.Itoa(p.Priority)}, {Name: "action", Value: string(p.Action)},
		{Name: "nexthops", Value: addressList(p.NextHops)}, {Name: "pkt_mark", Value: mark}, {Name: "match", Value: p.Match}}}
}

func addressList(list []netip.Addr) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = a.String()
	}
	return strings.Join(words, ",")
}
