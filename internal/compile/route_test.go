package compile

import (
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/router/config"
)

func TestRoutes(t *testing.T) {
	only4 := func(r *logical.Router) { r.Ports[0].Networks = r.Ports[0].Networks[:1] }
	only6 := func(r *logical.Router) { r.Ports[0].Networks = r.Ports[0].Networks[1:] }
	for _, tt := range []struct {
		name   string
		change func(*logical.Router)
		route  logical.StaticRoute
		want   string // the way out and the object's name, or the problem
	}{
		{"next hop", nil, logical.StaticRoute{NextHop: via("10.0.3.9")[0]}, "via 10.0.3.9 port 3\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=10.0.3.9 policy=dst-ip"},
		{"answered the way that it came", nil, logical.StaticRoute{NextHop: via("10.0.3.9")[0], SymmetricReply: true},
			"via 10.0.3.9 port 3 symmetric\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=10.0.3.9 policy=dst-ip"},
		{"by source, in a table", nil, logical.StaticRoute{NextHop: via("10.0.3.9")[0], BySource: true, Table: "blue"},
			"via 10.0.3.9 port 3\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=10.0.3.9 policy=src-ip route_table=blue"},
		{"discard", nil, logical.StaticRoute{Discard: true}, "discard\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=discard policy=dst-ip"},
		{"port", nil, logical.StaticRoute{OutputPort: "p2"}, "by port 2\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 output_port=p2 policy=dst-ip"},
		{"port and next hop", nil, logical.StaticRoute{NextHop: via("10.0.2.9")[0], OutputPort: "p2"}, "via 10.0.2.9 port 2\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=10.0.2.9 output_port=p2 policy=dst-ip"},
		{"next hop on no network of the port", nil, logical.StaticRoute{NextHop: via("10.0.3.9")[0], OutputPort: "p2"}, "via 10.0.3.9 port 2\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=10.0.3.9 output_port=p2 policy=dst-ip"},
		{"next hop on no network", nil, logical.StaticRoute{NextHop: via("10.9.9.9")[0]}, "next hop 10.9.9.9 is on no network of router \"lr0\": the route to 192.0.2.0/24 is left out"},
		{"no such port", nil, logical.StaticRoute{OutputPort: "nobody"}, "output_port \"nobody\" is no port of router \"lr0\": the route is left out"},
		{"port without address of the family", only6, logical.StaticRoute{OutputPort: "p1"}, "output_port \"p1\" has no address to reach 192.0.2.0/24 from: the route is left out"},
		{"but the next hop is of the other one", only6, logical.StaticRoute{NextHop: via("fd00:1::9")[0], OutputPort: "p1"},
			"via fd00:1::9 port 1\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=fd00:1::9 output_port=p1 policy=dst-ip"},
		{"IPv6 next hop of a port without", only4, logical.StaticRoute{NextHop: via("fd00:1::9")[0], OutputPort: "p1"}, "via fd00:1::9 port 1\nlogical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=fd00:1::9 output_port=p1 policy=dst-ip"},
	} {
		n := routed(newNames())
		r := n.Routers["dp"]
		if tt.change != nil {
			tt.change(r)
		}
		tt.route.UUID, tt.route.Prefix = "u1", netip.MustParsePrefix("192.0.2.0/24")
		r.Routes = []*logical.StaticRoute{&tt.route}
		var c Compiler
		state, problems := c.Compile(n)
		var got []string
		for _, route := range state.Modules["dp"].Config.(*config.Config).Routes {
			words := strings.Fields(route.String())
			_, way, _ := strings.Cut(strings.Join(words[:len(words)-2], " "), "192.0.2.0/24 ")
			got = append(got, strings.TrimPrefix(way, "table \"blue\" "), state.Modules["dp"].Objects[route.Object])
		}
		for _, p := range problems {
			got = append(got, p.Reason)
		}
		if text := strings.Join(got, "\n"); text != tt.want {
			t.Errorf("%s:\n  is %s\nwant %s", tt.name, text, tt.want)
		}
	}
}

// Routes of one prefix are ways out of one, which has all their names.
func TestRoutesTogether(t *testing.T) {
	n := routed(newNames())
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	for i, hop := range via("10.0.2.9", "10.0.3.9") {
		n.Routers["dp"].Routes = append(n.Routers["dp"].Routes, &logical.StaticRoute{UUID: []string{"u1", "u2"}[i], Prefix: prefix, NextHop: hop})
	}
	var c Compiler
	state, _ := c.Compile(n)
	routes := state.Modules["dp"].Config.(*config.Config).Routes
	const want = "logical_router_static_route uuid=u1 ip_prefix=192.0.2.0/24 nexthop=10.0.2.9 policy=dst-ip; logical_router_static_route uuid=u2 ip_prefix=192.0.2.0/24 nexthop=10.0.3.9 policy=dst-ip"
	if len(routes) != 1 || len(routes[0].Hops) != 2 || state.Modules["dp"].Objects[routes[0].Object] != want {
		t.Errorf("routes %v, objects %v", routes, state.Modules["dp"].Objects)
	}
	for range 300 {
		n.Routers["dp"].Routes = append(n.Routers["dp"].Routes, n.Routers["dp"].Routes[0])
	}
	var fresh Compiler
	state, problems := fresh.Compile(n)
	cfg := state.Modules["dp"].Config.(*config.Config)
	if err := cfg.Validate(); err != nil || len(cfg.Routes[0].Hops) != config.MaxHops || len(problems) == 0 {
		t.Errorf("too many: %v, %d ways out, problems %v", err, len(cfg.Routes[0].Hops), problems)
	}
}

// Numbers are those of their objects, whatever else there is, and never shared.
func TestObjects(t *testing.T) {
	alone, many := objects{}, objects{}
	first, another := netstate.Row{Table: "first"}, netstate.Row{Table: "another"}
	want := alone.add("u1", first)
	for i := range 1000 {
		many.add(string(rune('a'+i)), another)
	}
	if got := many.add("u1", first); got != want || got < netstate.FirstObject {
		t.Errorf("number %d, alone %d", got, want)
	}
	taken := objects{want: "taken", ^uint32(0): "last"}
	if got := taken.add("u1", first); got == want || got < netstate.FirstObject || taken[got] != "first" || taken[want] != "taken" {
		t.Errorf("number %d, taken is %d", got, want)
	}
}
