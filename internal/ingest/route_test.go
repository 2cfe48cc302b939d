package ingest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

func TestReadRoute(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, tt := range []struct {
		name    string
		row     nb.StaticRoute
		want    *logical.StaticRoute
		problem string // part of the only one; "" for none
	}{
		{"default", nb.StaticRoute{IPPrefix: "0.0.0.0/0", Nexthop: "10.0.0.1"},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("0.0.0.0/0"), NextHop: netip.MustParseAddr("10.0.0.1")}, ""},
		{"host bits", nb.StaticRoute{IPPrefix: "10.1.2.3/16", Nexthop: "10.0.0.1/32"},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.1")}, ""},
		{"IPv6, by source, in a table, by a port", nb.StaticRoute{IPPrefix: "fd00::/64", Nexthop: "fd01::1", Policy: text("src-ip"), RouteTable: "t", OutputPort: text("lrp")},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("fd00::/64"), BySource: true, Table: "t", NextHop: netip.MustParseAddr("fd01::1"), OutputPort: "lrp"}, ""},
		{"IPv4 over IPv6", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "fe80::1", OutputPort: text("lrp")},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("fe80::1"), OutputPort: "lrp"}, ""},
		{"discard", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "discard", OutputPort: text("lrp")},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Discard: true}, ""},
		{"on link", nb.StaticRoute{IPPrefix: "10.0.0.7", OutputPort: text("lrp")},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.0.0.7/32"), OutputPort: "lrp"}, ""},
		{"options", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "10.0.0.1", Policy: text("dst-ip"), Options: map[string]string{"ecmp_symmetric_reply": "true", "origin": "connected"}},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("10.0.0.1"), SymmetricReply: true, Origin: "connected"}, ""},
		{"BFD", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "10.0.0.1", BFD: text("bfd")},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("10.0.0.1")}, "bfd is not supported yet"},
		{"hash fields", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "10.0.0.1", SelectionFields: []string{"ip_src"}},
			&logical.StaticRoute{Prefix: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("10.0.0.1")}, "selection_fields are not supported"},
		{"no prefix", nb.StaticRoute{IPPrefix: "ten", Nexthop: "10.0.0.1"}, nil, `ip_prefix: "ten" is none`},
		{"IPv4-mapped prefix", nb.StaticRoute{IPPrefix: "::ffff:10.0.0.0/104", Nexthop: "fd00::1"}, nil, `ip_prefix: "::ffff:10.0.0.0/104" is none`},
		{"IPv4-mapped next hop", nb.StaticRoute{IPPrefix: "fd00::/8", Nexthop: "::ffff:10.0.0.1"}, nil, "is no address"},
		{"no next hop", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "host"}, nil, `nexthop: "host" is no address`},
		{"a network as next hop", nb.StaticRoute{IPPrefix: "10.0.0.0/8", Nexthop: "10.0.0.0/24"}, nil, "is no address"},
		{"IPv6 over IPv4", nb.StaticRoute{IPPrefix: "fd00::/64", Nexthop: "10.0.0.1"}, nil, "is no IPv6 address"},
		{"nowhere", nb.StaticRoute{IPPrefix: "10.0.0.0/8"}, nil, "neither nexthop nor output_port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var problems logical.Problems
			if d := cmp.Diff(tt.want, readRoute(&tt.row, &problems), byValue); d != "" {
				t.Errorf("route (-want +got):\n%s", d)
			}
			checkProblem(t, problems, tt.problem)
		})
	}
}

// checkProblem fails unless there is one problem with a text in its reason, or with "" none.
func checkProblem(t *testing.T, problems logical.Problems, part string) {
	t.Helper()
	if part == "" && len(problems) > 0 || part != "" && (len(problems) != 1 || !strings.Contains(problems[0].Reason, part)) {
		t.Errorf("problems %q, want one with %q", problems, part)
	}
}

func TestReadPolicy(t *testing.T) {
	text := func(s string) *string { return &s }
	hops := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for _, tt := range []struct {
		name    string
		row     nb.RouterPolicy
		want    *logical.Policy
		problem string // as in TestReadRoute
	}{
		{"allow", nb.RouterPolicy{Priority: 9, Match: "ip4", Action: "allow"}, &logical.Policy{Priority: 9, Match: "ip4", Action: logical.PolicyAllow}, ""},
		{"drop, marked", nb.RouterPolicy{Action: "drop", Options: map[string]string{"pkt_mark": "4294967295"}}, &logical.Policy{Action: logical.PolicyDrop, Mark: 1<<32 - 1}, ""},
		{"reroute, old style", nb.RouterPolicy{Action: "reroute", Nexthop: text("10.0.0.1")}, &logical.Policy{Action: logical.PolicyReroute, NextHops: hops("10.0.0.1")}, ""},
		{"several next hops", nb.RouterPolicy{Action: "reroute", Nexthop: text("10.0.0.9"), Nexthops: []string{"10.0.0.2", "10.0.0.1", "10.0.0.2"}},
			&logical.Policy{Action: logical.PolicyReroute, NextHops: hops("10.0.0.1", "10.0.0.2")}, ""},
		{"two families", nb.RouterPolicy{Action: "reroute", Nexthops: []string{"10.0.0.2", "fd00::1"}}, nil, "the policy is left out"},
		{"garbage as next hop", nb.RouterPolicy{Action: "reroute", Nexthops: []string{"host"}}, nil, `nexthops: "host"`},
		{"no next hop", nb.RouterPolicy{Action: "reroute"}, nil, "it has no nexthops"},
		{"a mark too large", nb.RouterPolicy{Action: "allow", Options: map[string]string{"pkt_mark": "4294967296"}}, &logical.Policy{Action: logical.PolicyAllow}, "packets are not marked"},
		{"a newer action", nb.RouterPolicy{Action: "jump"}, &logical.Policy{Action: logical.PolicyDrop}, `action "jump" is not known to Woven: what matches is dropped`},
		{"in a chain", nb.RouterPolicy{Action: "drop", Chain: text("c")}, nil, ""},
		{"BFD", nb.RouterPolicy{Action: "allow", BFDSessions: []string{"b"}}, &logical.Policy{Action: logical.PolicyAllow}, "bfd_sessions"},
		{"a port", nb.RouterPolicy{Action: "allow", OutputPort: text("p")}, &logical.Policy{Action: logical.PolicyAllow}, "output_port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var problems logical.Problems
			if d := cmp.Diff(tt.want, readPolicy(&tt.row, &problems), byValue); d != "" {
				t.Errorf("policy (-want +got):\n%s", d)
			}
			checkProblem(t, problems, tt.problem)
		})
	}
}

// TestPolicyOrder: the order in which policies count.
func TestPolicyOrder(t *testing.T) {
	w := newWorld()
	for uuid, priority := range map[string]int{"a": 1, "b": 3, "c": 3, "d": 2} {
		w.NB.LogicalRouterPolicy[uuid] = &nb.RouterPolicy{UUID: uuid, Priority: priority, Action: "drop"}
	}
	edit(w.NB.LogicalRouter, "r1", func(r *nb.LogicalRouter) { r.Policies = []string{"d", "a", "dangling", "c", "b"} })
	order := ""
	for _, p := range w.read().Routers["r1"].Policies {
		order += p.UUID
	}
	if order != "bcda" {
		t.Errorf("order %s, want bcda", order)
	}
}

func TestRA(t *testing.T) {
	rdnss := netip.MustParseAddr("fd00::53")
	for _, tt := range []struct {
		name    string
		configs map[string]string
		want    *logical.RAConfig
		problem string // as in TestReadRoute
	}{
		{"none", nil, nil, ""},
		{"no mode", map[string]string{"mtu": "1400"}, nil, ""},
		{"SLAAC", map[string]string{"address_mode": "slaac"}, &logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 200, MaxInterval: 600}, ""},
		{"everything", map[string]string{
			"address_mode": "dhcpv6_stateful", "router_preference": "HIGH", "mtu": "1280", "send_periodic": "true", "max_interval": "30",
			"min_interval": "5", "rdnss": "fd00::53", "dnssl": "a.example, b.example", "route_info": "HIGH-aef1::11/48,LOW-aef2::11/96, MEDIUM-::/0",
		}, &logical.RAConfig{
			Mode: logical.RADHCPv6Stateful, Preference: logical.RAHigh, MTU: 1280, Periodic: true, MinInterval: 5, MaxInterval: 30,
			RDNSS: rdnss, DNSSL: []string{"a.example", "b.example"}, Routes: []logical.RARoute{
				{Preference: logical.RAHigh, Prefix: netip.MustParsePrefix("aef1::/48")},
				{Preference: logical.RALow, Prefix: netip.MustParsePrefix("aef2::/96")},
				{Preference: logical.RAMedium, Prefix: netip.MustParsePrefix("::/0")},
			}}, ""},
		{"too small", map[string]string{"address_mode": "dhcpv6_stateless", "mtu": "1279", "max_interval": "1", "min_interval": "0"},
			&logical.RAConfig{Mode: logical.RADHCPv6Stateless, MinInterval: 3, MaxInterval: 4}, ""},
		{"too large", map[string]string{"address_mode": "slaac", "max_interval": "100000", "min_interval": "100000"},
			&logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 1350, MaxInterval: 1800}, ""},
		{"a short one", map[string]string{"address_mode": "slaac", "max_interval": "8"}, &logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 6, MaxInterval: 8}, ""},
		{"an unknown mode", map[string]string{"address_mode": "magic"}, nil, `address_mode: "magic" is none`},
		{"no number", map[string]string{"address_mode": "slaac", "max_interval": "-5"}, &logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 200, MaxInterval: 600}, "taken as 600"},
		{"no IPv6 server", map[string]string{"address_mode": "slaac", "rdnss": "10.0.0.1"}, &logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 200, MaxInterval: 600}, "rdnss"},
		{"no route", map[string]string{"address_mode": "slaac", "route_info": "HIGH"}, &logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 200, MaxInterval: 600}, "route_info"},
		{"no IPv6 route", map[string]string{"address_mode": "slaac", "route_info": "LOW-10.0.0.0/8"}, &logical.RAConfig{Mode: logical.RASLAAC, MinInterval: 200, MaxInterval: 600}, "route_info"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := routerPortReader{port: &logical.RouterPort{Name: "lrp"}}
			if d := cmp.Diff(tt.want, r.readRA(tt.configs), byValue); d != "" {
				t.Errorf("RA (-want +got):\n%s", d)
			}
			checkProblem(t, r.Problems, tt.problem)
		})
	}
}

// TestRAOfRouterLink: a port that leads to a router has no hosts to advertise to.
func TestRAOfRouterLink(t *testing.T) {
	w := newWorld()
	for _, name := range []string{"r1-blue", "r1-r2"} {
		edit(w.NB.LogicalRouterPort, name, func(p *nb.RouterPort) { p.Ipv6RaConfigs = map[string]string{"address_mode": "slaac"} })
	}
	n := w.read()
	if routerPort(t, n, "r1", "r1-blue").RA == nil || routerPort(t, n, "r1", "r1-r2").RA != nil {
		t.Error("RA on the wrong port")
	}
}
