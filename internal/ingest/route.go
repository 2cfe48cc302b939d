package ingest

import (
	"net/netip"
	"slices"
	"strconv"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

// readRoute reads a static route; nil when it is unusable, as with ovn-northd.
func readRoute(row *nb.StaticRoute, problems *logical.Problems) *logical.StaticRoute {
	problem := func(format string, args ...any) {
		problems.Add("logical_router_static_route", row.UUID, format, args...)
	}
	prefix, ok := parseNetwork(row.IPPrefix)
	if !ok {
		problem("ip_prefix: %s is none: the route is left out", logical.Quote(row.IPPrefix))
		return nil
	}
	r := &logical.StaticRoute{
		UUID: row.UUID, Prefix: prefix.Masked(), Table: row.RouteTable, Discard: row.Nexthop == "discard",
		BySource:       row.Policy != nil && *row.Policy == nb.LogicalRouterStaticRoutePolicySrcIP,
		SymmetricReply: row.Options["ecmp_symmetric_reply"] == "true", Origin: row.Options["origin"],
	}
	if !r.Discard && row.OutputPort != nil {
		r.OutputPort = *row.OutputPort
	}
	switch {
	case r.Discard:
	case row.Nexthop != "":
		if r.NextHop, ok = parseHost(row.Nexthop); !ok {
			problem("nexthop: %s is no address: the route is left out", logical.Quote(row.Nexthop))
			return nil
		}
		if r.NextHop.Is4() && !r.Prefix.Addr().Is4() {
			problem("nexthop: %s is no IPv6 address, as the ip_prefix is: the route is left out", r.NextHop)
			return nil
		}
	case r.OutputPort == "":
		problem("it has neither nexthop nor output_port: it is left out")
		return nil
	}
	if row.BFD != nil {
		problem("bfd is not supported yet: the route is used whether its next hop answers or not")
	}
	if len(row.SelectionFields) > 0 {
		problem("selection_fields are not supported: equal routes are chosen by addresses, protocol and ports")
	}
	return r
}

// readPolicy reads a routing policy; nil when it is left out.
func readPolicy(row *nb.RouterPolicy, problems *logical.Problems) *logical.Policy {
	problem := func(format string, args ...any) {
		problems.Add("logical_router_policy", row.UUID, format, args...)
	}
	if row.Chain != nil && *row.Chain != "" {
		return nil // is only looked up by a policy that jumps
	}
	p := &logical.Policy{UUID: row.UUID, Priority: row.Priority, Match: row.Match, Action: logical.PolicyAction(row.Action)}
	switch p.Action {
	case logical.PolicyAllow, logical.PolicyDrop:
	case logical.PolicyReroute:
		if p.NextHops = nextHops(row, problem); len(p.NextHops) == 0 {
			return nil
		}
	default:
		problem("action %s is not known to Woven: what matches is dropped", logical.Quote(row.Action))
		p.Action = logical.PolicyDrop
	}
	if text := row.Options["pkt_mark"]; text != "" {
		mark, err := strconv.ParseUint(text, 10, 32)
		if err == nil {
			p.Mark = uint32(mark)
		} else {
			problem("options:pkt_mark: %s is no number below 2^32: packets are not marked", logical.Quote(text))
		}
	}
	if len(row.BFDSessions) > 0 {
		problem("bfd_sessions are not supported yet: next hops are used whether they answer or not")
	}
	if row.OutputPort != nil {
		problem("output_port is not supported: the port follows from the next hop")
	}
	return p
}

// nextHops are those of a policy; none when they can't be used, as with ovn-northd.
func nextHops(row *nb.RouterPolicy, problem func(string, ...any)) []netip.Addr {
	texts := row.Nexthops
	if len(texts) == 0 && row.Nexthop != nil {
		texts = []string{*row.Nexthop}
	}
	if len(texts) == 0 {
		problem("it has no nexthops: it is left out")
		return nil
	}
	hops := make([]netip.Addr, 0, len(texts))
	for _, text := range texts {
		addr, ok := parseHost(text)
		if !ok || len(hops) > 0 && addr.Is4() != hops[0].Is4() {
			problem("nexthops: %s is no address of the others' family: the policy is left out", logical.Quote(text))
			return nil
		}
		hops = append(hops, addr)
	}
	slices.SortFunc(hops, netip.Addr.Compare)
	return slices.Compact(hops)
}

// parseNetwork is parsePrefix for what routers go by: an IPv4-mapped IPv6 address is none there, since no packet has it.
func parseNetwork(text string) (netip.Prefix, bool) {
	p, ok := parsePrefix(text)
	return p, ok && !p.Addr().Is4In6()
}

// parseHost parses one address, alone or with the length of a whole address as prefix length.
func parseHost(text string) (netip.Addr, bool) {
	p, ok := parseNetwork(text)
	return p.Addr(), ok && p.IsSingleIP() && !p.Addr().IsUnspecified() && !p.Addr().IsMulticast()
}
