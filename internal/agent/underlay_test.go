package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/sb"
)

var compareAddrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestPeerAddrs(t *testing.T) {
	rows := &sb.Rows{Encap: map[string]*sb.Encap{
		"1": {Type: "geneve", IP: "192.0.2.3"}, "2": {Type: "geneve", IP: "192.0.2.2"}, "3": {Type: "vxlan", IP: "192.0.2.4"},
		"4": {Type: "geneve", IP: "nonsense"}, "5": {Type: "geneve", IP: "192.0.2.1"}, "6": {Type: "geneve", IP: "2001:db8::2"},
	}}
	got := fmt.Sprint(peerAddrs(rows, encapOf("192.0.2.1").IPs))
	if want := "[192.0.2.2 192.0.2.3 2001:db8::2]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRouteTable(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.4")
	own, asked := encapOf("192.0.2.1"), 0
	ask := func(to, _ netip.Addr) (hostnet.Route, error) {
		asked++
		switch to {
		case b:
			return hostnet.Route{}, hostnet.ErrNoRoute
		case c:
			return hostnet.Route{}, errors.New("no memory")
		}
		return hostnet.Route{Ifindex: 2, NextHop: to, MTU: 1500}, nil
	}
	var table routeTable
	for _, step := range []struct {
		gen   uint64
		peers []netip.Addr
		asks  int
		fails bool
	}{
		{1, []netip.Addr{a, b}, 2, false}, {1, []netip.Addr{a, b}, 0, false}, {1, []netip.Addr{a, b, c}, 1, true},
		{1, []netip.Addr{a, c}, 1, true}, {2, []netip.Addr{a, b}, 2, false},
	} {
		asked = 0
		got, err := table.lookup(ask, step.gen, &own, step.peers)
		if asked != step.asks || (err != nil) != step.fails {
			t.Errorf("step %+v: asked %d times, error %v", step, asked, err)
		}
		if diff := cmp.Diff(logical.Route{Ifindex: 2, From: own.IPs[0], NextHop: a, MTU: 1500}, got[a], compareAddrs); diff != "" {
			t.Errorf("step %+v: %s", step, diff)
		}
		if _, ok := got[c]; ok || got[b].Ifindex != 0 {
			t.Errorf("step %+v: %+v", step, got)
		}
	}
}

// A peer is asked for from our address of its family; without one there is no route, and nobody to ask.
func TestRoutesByFamily(t *testing.T) {
	var from []string
	ask := func(to, own netip.Addr) (hostnet.Route, error) {
		from = append(from, own.String()+" to "+to.String())
		return hostnet.Route{Ifindex: 2, NextHop: to, MTU: 1500}, nil
	}
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")}
	for _, c := range []struct {
		own  Encap
		asks string
	}{
		{encapOf("2001:db8::1", "192.0.2.2", "192.0.2.1"), "[192.0.2.2 to 192.0.2.9 2001:db8::1 to 2001:db8::9]"},
		{encapOf("192.0.2.1"), "[192.0.2.1 to 192.0.2.9]"},
		{encapOf(), "[]"},
	} {
		var table routeTable
		from = nil
		routes, err := table.lookup(ask, 1, &c.own, peers)
		if got := fmt.Sprint(from); err != nil || got != c.asks || len(routes) != 2 {
			t.Errorf("own %v: asked %s, want %s; %d routes, error %v", c.own.IPs, got, c.asks, len(routes), err)
		}
	}
}

func TestTunnelOf(t *testing.T) {
	peer := netip.MustParseAddr("198.51.100.2")
	snap := &hostnet.Snapshot{
		Links: map[string]hostnet.Link{"lo": {Name: "lo", Index: 1}, "eth0": {Name: "eth0", Index: 2}, "eth1": {Name: "eth1", Index: 3}, "tap": {Name: "tap", Index: 9}},
		Addrs: []hostnet.Addr{{Ifindex: 1, Prefix: netip.MustParsePrefix("192.0.2.1/32")}, {Ifindex: 2, Prefix: netip.MustParsePrefix("192.0.2.7/24")}},
	}
	routes := map[netip.Addr]logical.Route{peer: {Ifindex: 3}, netip.MustParseAddr("10.9.9.9"): {}}
	of := func(routes map[netip.Addr]logical.Route, ips ...string) (*logical.Tunnel, logical.Problems) {
		own := encapOf(ips...)
		own.TOS, own.MayFragment = 8, true
		return tunnelOf(&own, snap, routes)
	}
	got, problems := of(routes, "192.0.2.1")
	want := &logical.Tunnel{Addrs: encapOf("192.0.2.1").IPs, TOS: 8, MayFragment: true, Devices: []logical.Device{{Name: "eth1", Ifindex: 3}}}
	if diff := cmp.Diff(want, got, compareAddrs); diff != "" || len(problems) > 0 {
		t.Errorf("address on lo (-want +got):\n%s problems %v", diff, problems)
	}
	got, problems = of(routes, "192.0.2.7", "192.0.2.1")
	if len(got.Devices) != 2 || got.Devices[0].Name != "eth0" || len(problems) > 0 {
		t.Errorf("address on eth0: %+v, %v", got, problems)
	}
	_, problems = of(nil, "192.0.2.1", "10.1.1.1")
	expectProblems(t, problems, `open_vswitch external_ids:ovn-encap-ip: 10.1.1.1 is no address of this host: other chassis can't be reached by it`)
	if got, problems := of(routes); got != nil || problems != nil {
		t.Errorf("no address: %+v, %v", got, problems)
	}
}

func TestNextHops(t *testing.T) {
	gw := netip.MustParseAddr("192.0.2.254")
	got := nextHops(map[string]*netstate.Node{
		"a": {Ifindex: 2, NextHop: gw}, "b": {Ifindex: 2, NextHop: gw}, "c": {}, "d": {Ifindex: 1, NextHop: gw},
	})
	if diff := cmp.Diff([]hostnet.Neighbour{{Ifindex: 1, Addr: gw}, {Ifindex: 2, Addr: gw}}, got, compareAddrs); diff != "" {
		t.Errorf("next hops (-want +got):\n%s", diff)
	}
}

func TestLivePorts(t *testing.T) {
	device := &logical.Device{Name: "tap", Ifindex: 1}
	network := &logical.Network{Switches: map[string]*logical.Switch{
		"s1": {Ports: []*logical.Port{
			{Name: "ok", NBUUID: "n", Device: device}, {Name: "pending", NBUUID: "n", Device: device}, {Name: "failed", NBUUID: "n", Device: device}, {Name: "remote", NBUUID: "n"},
			{Name: "not in NB", Device: device}}},
		"s2": {Ports: []*logical.Port{{Name: "of a failed module", NBUUID: "n", Device: device}, {Name: "there before", NBUUID: "n", Device: device}}},
	}}
	failures := []netstate.Failure{{Module: "s1", Port: "failed"}, {Module: "s2", Former: []string{"there before"}}}
	if diff := cmp.Diff(map[string]bool{"ok": true, "there before": true}, livePorts(network, netstate.Result{Failures: failures, Pending: []netstate.PortID{{Module: "s1", Port: "pending"}}})); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	if !moduleFailed(failures) || moduleFailed(failures[:1]) || moduleFailed([]netstate.Failure{{}}) {
		t.Error("only a failed module holds a generation back")
	}
}
