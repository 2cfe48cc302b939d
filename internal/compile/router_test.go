package compile

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/router/config"
)

// known are the neighbours of a router's configuration, one a line.
func known(c *config.Config) string {
	var lines []string
	for line := range strings.Lines(c.String()) {
		if rest, ok := strings.CutPrefix(line, "neighbour "); ok {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	return strings.Join(lines, "\n")
}

func prefixesOf(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// A router knows the addresses of the ports of a switch, and of the routers there, as far as they are on the network of its port; of a router at the
// other end of a link its addresses; else what was learned, which never takes their place.
func TestRouterNeighbours(t *testing.T) {
	const vm, other = "10.0.1.5 on port 1 is 02:01:00:00:00:00\nfd00:1::5 on port 1 is 02:01:00:00:00:00", "10.0.1.9 on port 1 is 02:09:00:00:00:00"
	build := func(change func(r *logical.Router, sw *logical.Switch)) *logical.Network {
		n := proxied(logical.Address{})
		r, sw := n.Routers["dp"], n.Switches["sw"]
		sw.Ports[0].Addresses = []logical.Address{{MAC: [6]byte{2, 1}, Prefixes: prefixesOf("10.0.1.5/32", "fd00:1::5/128", "192.0.2.5/32")}}
		change(r, sw)
		return n
	}
	beside := func(_ *logical.Router, sw *logical.Switch) {
		sw.Ports = append(sw.Ports, &logical.Port{Name: "other", Key: 10, Type: "router",
			Link: &logical.Link{Datapath: "elsewhere", Key: 1, Router: true, MAC: [6]byte{2, 9}, Networks: prefixesOf("10.0.1.9/24", "192.0.2.9/24")}})
	}
	for _, tt := range []struct {
		name   string
		change func(r *logical.Router, sw *logical.Switch)
		want   string
	}{
		{"a VM", func(*logical.Router, *logical.Switch) {}, vm},
		{"another router on the switch", beside, "10.0.1.5 on port 1 is 02:01:00:00:00:00\n" + other + "\nfd00:1::5 on port 1 is 02:01:00:00:00:00"},
		{"one that is to be asked for", func(r *logical.Router, sw *logical.Switch) { beside(r, sw); r.DynamicRouters = true }, vm},
		{"a virtual port", func(_ *logical.Router, sw *logical.Switch) { sw.Ports[0].Type = "virtual" }, ""},
		{"a virtual port that is at the VM", func(_ *logical.Router, sw *logical.Switch) {
			sw.Ports = append(sw.Ports, &logical.Port{Name: "vip", Key: 20, Type: "virtual", VirtualIP: netip.MustParseAddr("10.0.1.4"), VirtualParent: sw.Ports[0].Name})
		}, "10.0.1.4 on port 1 is 02:01:00:00:00:00\n" + vm},
		{"one at a port that is gone", func(_ *logical.Router, sw *logical.Switch) {
			sw.Ports = append(sw.Ports, &logical.Port{Name: "vip", Key: 20, Type: "virtual", VirtualIP: netip.MustParseAddr("10.0.1.4"), VirtualParent: "gone"})
		}, vm},
		{"learned", func(r *logical.Router, _ *logical.Switch) {
			r.Neighbours = []logical.Neighbour{{Port: 1, Addr: netip.MustParseAddr("10.0.1.5"), MAC: [6]byte{2, 7}}, {Port: 2, Addr: netip.MustParseAddr("10.0.2.7"), MAC: [6]byte{2, 7}}}
		}, vm + "\n10.0.2.7 on port 2 is 02:07:00:00:00:00"},
		{"a router at the other end", func(r *logical.Router, sw *logical.Switch) {
			sw.Ports = nil
			r.Ports[2].Link = &logical.Link{Datapath: "peer", Key: 4, Router: true, MAC: [6]byte{2, 3}, Networks: prefixesOf("10.0.3.2/24", "fe80::2/64", "10.7.0.1/24")}
		}, "10.0.3.2 on port 3 is 02:03:00:00:00:00\nfe80::2 on port 3 is 02:03:00:00:00:00"},
	} {
		var c Compiler
		state, _ := c.Compile(build(tt.change))
		if got := known(state.Modules["dp"].Config.(*config.Config)); got != tt.want {
			t.Errorf("%s: is\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

// A port passes nothing when it or its router is disabled, or when it is a gateway's; without a link it leads nowhere.
func TestRouterPorts(t *testing.T) {
	n := proxied(logical.Address{})
	n.Routers["dp"].Ports[1].Enabled = false
	n.Routers["dp"].Ports[2].Gateway = true
	for _, enabled := range []bool{true, false} {
		r := *n.Routers["dp"]
		r.Enabled = enabled
		n.Routers["dp"] = &r
		var c Compiler
		state, _ := c.Compile(n)
		m := state.Modules["dp"]
		for i, want := range []bool{enabled, false, false, enabled} {
			if got := m.Config.(*config.Config).Ports[uint16(i+1)].Enabled; got != want {
				t.Errorf("router enabled %v: port %d is enabled: %v", enabled, i+1, got)
			}
			if linked := m.Ports[i].Peer != nil; linked != (i == 0) {
				t.Errorf("port %d is linked: %v", i+1, linked)
			}
		}
	}
}

// Of two ports with one address the first has it; the router goes on.
func TestRouterAddresses(t *testing.T) {
	n := proxied(logical.Address{})
	ports := n.Routers["dp"].Ports
	ports[1].Networks = prefixesOf("10.0.1.1/16", "fd00:1::1/64", "10.0.2.1/24", "10.0.2.1/25", "fe80::1/64")
	var c Compiler
	state, problems := c.Compile(n)
	cfg := state.Modules["dp"].Config.(*config.Config)
	if err := cfg.Validate(); err != nil {
		t.Errorf("the module refuses: %v", err)
	}
	if got, want := fmt.Sprint(cfg.Ports[1].Networks, cfg.Ports[2].Networks), "[10.0.1.1/24 fd00:1::1/64 fe80::1/64] [10.0.2.1/24 10.0.2.1/25 fe80::1/64]"; got != want {
		t.Errorf("networks %s, want %s", got, want)
	}
	if len(problems) != 2 || problems[0] != (logical.Problem{Object: "logical_router_port p2", Reason: `networks: 10.0.1.1 is port "p1"'s address: it is left out`}) {
		t.Errorf("problems %v", problems)
	}
}

// Of what the interconnection has learned, routes to connected networks come before static ones, and never beside them.
func TestRouteOrigins(t *testing.T) {
	n := routed(newNames())
	row := func(uuid, hop, origin string) *logical.StaticRoute {
		return &logical.StaticRoute{UUID: uuid, Prefix: netip.MustParsePrefix("192.0.2.0/24"), NextHop: netip.MustParseAddr(hop), Origin: origin}
	}
	for _, rows := range [][]*logical.StaticRoute{
		{row("u1", "10.0.1.9", "static"), row("u2", "10.0.2.9", "connected"), row("u3", "10.0.3.9", "static")},
		{row("u2", "10.0.2.9", "connected"), row("u1", "10.0.1.9", "static")},
	} {
		n.Routers["dp"].Routes = rows
		var c Compiler
		state, _ := c.Compile(n)
		routes := state.Modules["dp"].Config.(*config.Config).Routes
		if len(routes) != 1 || len(routes[0].Hops) != 1 || routes[0].Hops[0].Addr.String() != "10.0.2.9" {
			t.Errorf("routes %v, want that by 10.0.2.9", routes)
		}
	}
}
