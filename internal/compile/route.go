package compile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/router/config"
)

// waysOut are the static routes with one table, prefix and policy: ways out of one.
type waysOut struct {
	config.Route
	rows []*logical.StaticRoute // one for each of Hops, or that which discards
}

// routes are the static routes of a router.
func routes(r *logical.Router, named objects, problems *logical.Problems) []config.Route {
	all := groupRoutes(r, problems)
	slices.SortFunc(all, func(a, b waysOut) int {
		bySource := func(w waysOut) int { return map[bool]int{true: 1}[w.BySource] }
		return cmp.Or(cmp.Compare(a.Table, b.Table), a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
			cmp.Compare(bySource(a), bySource(b)))
	})
	list := make([]config.Route, len(all))
	for i, w := range all {
		list[i] = w.Route
		list[i].Object = named.add(fmt.Sprint("route ", w.Table, w.Prefix, w.BySource), rowsOf(w.rows)...)
	}
	return list
}

// groupRoutes brings those together of which one is chosen.
func groupRoutes(r *logical.Router, problems *logical.Problems) []waysOut {
	type target struct {
		table    string
		prefix   netip.Prefix
		bySource bool
	}
	var out []waysOut
	index := map[target]int{}
	for _, row := range r.Routes {
		var hops []config.Hop
		if !row.Discard {
			hop, ok := wayOut(r, row, problems)
			if !ok {
				continue
			}
			hops = []config.Hop{hop}
		}
		to := target{row.Table, row.Prefix, row.BySource}
		i, known := index[to]
		switch {
		case !known:
			index[to] = len(out)
			out = append(out, waysOut{config.Route{Table: row.Table, Prefix: row.Prefix, BySource: row.BySource, Hops: hops}, []*logical.StaticRoute{row}})
		case row.Origin == "connected" && out[i].rows[0].Origin != row.Origin: // what the interconnection knows as connected comes before what is static
			out[i].Hops, out[i].rows = hops, []*logical.StaticRoute{row}
		case row.Origin != out[i].rows[0].Origin:
		case len(out[i].Hops) == config.MaxHops:
			problems.Add("logical_router_static_route", row.UUID, "more than %d routes to %s: the route is left out", config.MaxHops, row.Prefix)
		default:
			out[i].Hops, out[i].rows = append(out[i].Hops, hops...), append(out[i].rows, row)
		}
	}
	return out
}

// wayOut is where a route leads: by the port that it names, else by the one on whose network its next hop is.
func wayOut(r *logical.Router, row *logical.StaticRoute, problems *logical.Problems) (config.Hop, bool) {
	problem := func(format string, args ...any) {
		problems.Add("logical_router_static_route", row.UUID, format, args...)
	}
	var port *logical.RouterPort
	if row.OutputPort == "" {
		if port = portTowards(r, row.NextHop); port == nil {
			problem("next hop %s is on no network of router %s: the route to %s is left out", row.NextHop, logical.Quote(r.Name), row.Prefix)
		}
	} else {
		i := slices.IndexFunc(r.Ports, func(p *logical.RouterPort) bool { return p.Name == row.OutputPort })
		switch {
		case i < 0:
			problem("output_port %s is no port of router %s: the route is left out", logical.Quote(row.OutputPort), logical.Quote(r.Name))
		case !canReach(r.Ports[i], row):
			problem("output_port %s has no address to reach %s from: the route is left out", logical.Quote(row.OutputPort), row.Prefix)
		default:
			port = r.Ports[i]
		}
	}
	if port == nil {
		return config.Hop{}, false
	}
	return config.Hop{Port: port.Key, Addr: row.NextHop, Symmetric: row.SymmetricReply}, true
}

// canReach: the next hop is on a network of the port that a route names or, as ovn-northd allows, the port has some address of the family of the route.
func canReach(p *logical.RouterPort, row *logical.StaticRoute) bool {
	return onNetwork(p, row.NextHop) ||
		slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Addr().Is4() == row.Prefix.Addr().Is4() })
}

// portTowards is the port on whose network an address is; nil: there is none.
func portTowards(r *logical.Router, a netip.Addr) *logical.RouterPort {
	i := slices.IndexFunc(r.Ports, func(p *logical.RouterPort) bool { return onNetwork(p, a) })
	if i < 0 {
		return nil
	}
	return r.Ports[i]
}

func onNetwork(p *logical.RouterPort, a netip.Addr) bool {
	return slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

func rowsOf(routes []*logical.StaticRoute) []netstate.Row {
	rows := make([]netstate.Row, len(routes))
	for i, r := range routes {
		rows[i] = routeRow(r)
	}
	return rows
}
