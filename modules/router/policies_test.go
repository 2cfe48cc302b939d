package router_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"

	l2switch "woven.dev/woven/modules/l2switch"
	l2config "woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/modules/router"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

func in(d match.Dim, values ...match.Prefix) match.Term {
	return match.Term{Dim: d, Sets: []*match.Set{match.NewSet("", values)}}
}

func prefix(p string) match.Prefix { return match.IP(netip.MustParsePrefix(p)) }

func rule(terms ...match.Term) match.Rule { return match.Rule{Terms: terms} }

// is compares a field of the packet, or of its metadata.
func is(f match.Field, v uint64) match.Rule {
	u := match.Uint128{Lo: v}
	return match.Rule{Checks: []match.Check{{Field: f, Mask: match.Ones(f.Bits()), Low: u, High: u}}}
}

func policy(action config.Action, rules ...match.Rule) config.Policy {
	return config.Policy{Action: action, Rules: rules}
}

func reroute(r match.Rule, hops ...config.Hop) config.Policy {
	return config.Policy{Action: config.Reroute, Rules: []match.Rule{r}, Hops: hops}
}

// withPolicies gives the policies of a story their numbers, in order, after those of numbered.
func withPolicies(policies ...config.Policy) func(*config.Config) {
	for i := range policies {
		policies[i].Object = firstPolicy + uint32(i)
	}
	return func(c *config.Config) { c.Policies = policies }
}

const firstPolicy = config.FirstObject + 1000

// policed are the decisions on what leaves for the network of a port; policy -1: none matches.
func policed(port int, decision string, policy int) string {
	if policy < 0 {
		return connected(port) + "decide router.no_policy\n"
	}
	return connected(port) + fmt.Sprintf("decide router.policy_%s %d\n", decision, firstPolicy+policy)
}

// Of the policies that match the first decides, in both families.
func TestPolicies(t *testing.T) {
	clients := match.NewSet("$clients", []match.Prefix{prefix("10.0.0.77/32"), prefix("fd00::77/128")})
	k := storyNetwork(t, withPolicies(
		policy(config.Drop, rule(in(match.Proto, match.IPProto(0x0800, 17), match.IPProto(0x86dd, 17)), in(match.DstPort, match.Key(53)))),
		reroute(rule(in(match.Dst, prefix("10.0.1.0/28"))), hop(1, "10.0.0.10")),
		policy(config.Allow, rule(in(match.Dst, prefix("10.0.1.0/27"))), rule(in(match.Dst, prefix("fd00:1::/112")))),
		reroute(rule(in(match.Dst, prefix("fd00:1::/64"))), hop(1, "fd00:0::10")),
		policy(config.Drop, rule(match.Term{Dim: match.Src, Sets: []*match.Set{clients}})),
		policy(config.Drop, rule(in(match.OutPort, match.Key(3)), in(match.InPort, match.Key(2)))),
		policy(config.Drop, rule(in(match.EthSrc, match.MAC([6]byte(lrpMAC(1)))), in(match.SrcPort, match.Key(7)))),
		reroute(rule(in(match.Src, prefix("10.0.0.99/32"))), hop(4, "10.0.3.10")),
		reroute(rule(in(match.Src, prefix("10.0.0.98/32"))), hop(2, "fd00:1::10")),
		policy(config.Drop, is(match.FieldTTL, 8)),
		policy(config.Drop, rule(in(match.Dst, prefix("fe80::/10")))),
		policy(config.Drop, rule(in(match.Src, prefix("10.0.1.1/32")), in(match.Proto, match.IPProto(0x0800, 1)))),
	))
	to := func(vm string) string { return rewrite4 + "enter l2switch\noutput " + vm }
	to6 := func(vm string) string { return rewrite6 + "enter l2switch\noutput " + vm }
	sent := func(src, dst string, sport, dport layers.UDPPort) []byte {
		return iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip(src), ip(dst), uint16(sport), uint16(dport))
	}
	const drop = "drop router.policy"
	stories := []story{
		{"drop by port", "vm0", sent("10.0.0.10", "10.0.1.10", 1, 53), policed(2, "drops", 0) + drop},
		{"drop by port, IPv6", "vm0", sent("fd00::10", "fd00:1::10", 1, 53), policed(2, "drops", 0) + drop},
		{"reroute", "vm0", sent("10.0.0.10", "10.0.1.10", 1, 2), policed(2, "reroutes", 1) + to("vm0")},
		{"reroute, IPv6", "vm0", sent("fd00::10", "fd00:1::1:0", 1, 2), policed(2, "reroutes", 3) + to6("vm0")},
		{"allow, by another rule of the policy", "vm0", sent("fd00::10", "fd00:1::10", 1, 2), policed(2, "allows", 2) + to6("vm1")},
		{"allow, and the next hop is unknown", "vm0", sent("10.0.0.10", "10.0.1.20", 1, 2), policed(2, "allows", 2) + "punt router.resolve\ndrop router.unresolved"},
		{"member of a set", "vm0", sent("10.0.0.77", "10.0.2.10", 1, 2), policed(3, "drops", 4) + drop},
		{"member of a set, IPv6", "vm0", sent("fd00::77", "fd00:2::10", 1, 2), policed(3, "drops", 4) + drop},
		{"no member", "vm0", sent("10.0.0.76", "10.0.2.10", 1, 2), policed(3, "", -1) + rewrite4 + "enter l2switch\ntunnel node 1 key 1 vni 12"},
		{"from another port", "vm1", iomtest.UDP(t, vmMAC(1), lrpMAC(1), ip("10.0.1.10"), ip("10.0.2.10"), 1, 2), policed(3, "drops", 5) + drop},
		{"the router's MAC is the source", "vm0", sent("10.0.0.10", "10.0.1.200", 7, 2), policed(2, "drops", 6) + drop},
		{"by a disabled port", "vm0", sent("10.0.0.99", "10.0.2.10", 1, 2), policed(3, "reroutes", 7) + "drop router.port_disabled"},
		{"to a next hop of the other family", "vm0", sent("10.0.0.98", "10.0.2.10", 1, 2), policed(3, "reroutes", 8) + to("vm1")},
		{"the time to live is one less", "vm0", withTTL(t, "10.0.0.10", "10.0.0.10", 9), policed(1, "drops", 9) + drop},
		{"and not what it was", "vm0", withTTL(t, "10.0.0.10", "10.0.0.10", 8), policed(1, "", -1) + to("vm0")},
		{"link-local destinations, too", "vm0", sent("fe80::77", "fe80::10", 1, 2), policed(1, "drops", 10) + drop},
		{"no route, no policy", "vm0", sent("10.0.0.77", "192.0.2.1", 1, 2), "punt router.no_route\ndrop router.no_route"},
		{"the router's own answers, too", "vm0", iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv4), iomtest.IP(ip("10.0.0.10"), ip("10.0.1.1"), layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0)}), "rewrite 26+8\nrewrite 22+2\nrewrite 34+1\n" + policed(1, "drops", 11) + drop},
	}
	for i := range stories {
		stories[i].want = "enter router\n" + stories[i].want
	}
	run(t, k, stories)
}

// The flows of a policy spread over its next hops, and each keeps to its own.
func TestPolicyECMP(t *testing.T) {
	k := storyNetwork(t, withPolicies(
		reroute(rule(in(match.Proto, match.Ethertype(0x0800))), hop(1, "10.0.0.10"), hop(2, "10.0.1.10"), hop(3, "10.0.2.10")),
		reroute(rule(), hop(1, "fd00:0::10"), hop(2, "fd00:1::10"))))
	for _, c := range []struct {
		src, dst string
		ways     int
	}{{"10.0.0.10", "10.0.2.77", 3}, {"fd00::10", "fd00:2::77", 2}} {
		took := map[string]int{}
		for port := range uint16(300) {
			frame := iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip(c.src), ip(c.dst), 1000+port, 2000)
			first := k.Send("vm0", frame).Text
			if again := k.Send("vm0", frame).Text; again != first {
				t.Fatalf("port %d: a flow changed its way:\n%s\n%s", port, first, again)
			}
			took[first[strings.LastIndexByte(first, '\n'):]]++
		}
		for way, n := range took {
			if n < 300/c.ways/2 {
				t.Errorf("%s: only %d of 300 flows went by %q", c.dst, n, way)
			}
		}
		if len(took) != c.ways {
			t.Errorf("%s: ways taken: %v, want %d", c.dst, took, c.ways)
		}
	}
}

// marking has VM vm0 behind routers a and b: a marks what goes to port 80, b drops what is marked.
func marking(t *testing.T) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind(), router.Kind())
	k.Add(iomtest.Instance{Kind: l2config.Kind, VNI: 10, Config: &l2config.Config{Ports: map[uint16]l2config.Port{1: {Enabled: true}, 9: {Enabled: true}},
		FDB: map[[6]byte]uint16{[6]byte(lrpMAC(0)): 9}}, Ports: []iomtest.Port{{Name: "vm0", Key: 1}, {Name: "sw0-lr", Key: 9}}})
	port := func(n byte, network string) config.Port {
		return config.Port{Enabled: true, MAC: [6]byte(lrpMAC(n)), Networks: []netip.Prefix{netip.MustParsePrefix(network)}}
	}
	a := &config.Config{Ports: map[uint16]config.Port{1: port(0, "10.0.0.1/24"), 2: port(1, "10.0.1.1/24")},
		Neighbours: map[config.Neighbour][6]byte{{Port: 2, Addr: ip("10.0.1.2")}: [6]byte(lrpMAC(2))}}
	marks := policy(config.Allow, rule(in(match.DstPort, match.Key(80))))
	marks.Mark = 0x80000007
	withPolicies(marks)(a)
	b := &config.Config{Ports: map[uint16]config.Port{1: port(2, "10.0.1.2/24")}, Routes: numbered([]config.Route{to("10.0.2.0/24")})}
	b.Routes[0].Hops = []config.Hop{{Port: 1}}
	withPolicies(policy(config.Drop, is(match.FieldMark, 0x80000007)))(b)
	a.Routes = []config.Route{to("10.0.2.0/24", hop(2, "10.0.1.2")), to("10.0.3.0/24", hop(2, "10.0.1.9"))}
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 98, Config: a, Ports: []iomtest.Port{{Name: "a1", Key: 1, Peer: "sw0-lr"}, {Name: "a2", Key: 2}}})
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 99, Config: b, Ports: []iomtest.Port{{Name: "b1", Key: 1, Peer: "a2"}}})
	return k
}

// A mark stays with the packet: policies of the next router match it.
func TestPolicyMark(t *testing.T) {
	k := marking(t)
	for dport, want := range map[uint16]string{80: "drop router.policy", 81: "drop router.unresolved"} {
		got := k.Send("vm0", iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip("10.0.0.10"), ip("10.0.2.10"), 1000, dport)).Text
		if !strings.HasSuffix(got, want) || strings.Count(got, "enter router") != 2 {
			t.Errorf("port %d: want two routers, then %s:\n%s", dport, want, got)
		}
	}
}

// It stays, too, with a packet that waits in user space for its next hop.
func TestPolicyMarkWaits(t *testing.T) {
	k := marking(t)
	tables := &iom.Tables{}
	iom.Put(tables, "iom_bindings", uint32(1), k.Slot("vm0"))
	k.Write(tables)
	k.Run("vif_in", 1, 0, iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip("10.0.0.10"), ip("10.0.3.10"), 1000, 80))
	punts := k.Punts()
	if len(punts) != 1 || punts[0].Reason != router.PuntResolve || punts[0].Mark != 0x80000007 {
		t.Fatalf("user space gets %+v", punts)
	}
	const a, b = 2, 3 // instances
	waited := iomtest.UDP(t, lrpMAC(1), lrpMAC(2), ip("10.0.0.10"), ip("10.0.2.10"), 1000, 80)
	for _, mark := range []uint32{punts[0].Mark, 0} {
		k.Run("relay_out", 1, uint32(wire.MarkResume), append(slices.Clone(waited), iom.Bytes(wire.Resume{Dp: a, Port: k.Slot("a2"), Leaves: 1, Mark: mark})...))
	}
	for _, reason := range []string{"policy", "unresolved"} {
		if n := k.Counter("router", reason, b, k.Slot("b1")); n != 1 {
			t.Errorf("%d packets are dropped as %s, want 1", n, reason)
		}
	}
}

// A packet that meets policies whose list is gone is dropped: nothing passes that a policy may forbid.
func TestPoliciesGone(t *testing.T) {
	k := storyNetwork(t, withPolicies(policy(config.Drop, rule(in(match.DstPort, match.Key(53))))))
	frame := udp(t, "10.0.0.10", "10.0.1.10")
	for _, table := range []string{"router_policies", "iom_match_lists"} {
		m := k.Set().Maps[table]
		var key, value []byte
		for it := m.Iterate(); it.Next(&key, &value); {
			if err := m.Delete(key); err != nil {
				t.Fatal(err)
			}
		}
		if table == "router_policies" {
			frame = iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip("10.0.0.10"), ip("10.0.1.10"), 1000, 53)
		}
		want := "enter l2switch\nenter router\n" + connected(2) + "drop router.undecided"
		if diff := cmp.Diff(want, k.Send("vm0", frame).Text); diff != "" {
			t.Errorf("without %s: -want +got:\n%s", table, diff)
		}
	}
}

// Without policies there are no rows of any.
func TestNoPolicies(t *testing.T) {
	tables := &iom.Tables{}
	if err := router.Entries(iom.Instance{Slot: 1, Config: &config.Config{}}, tables); err != nil {
		t.Fatal(err)
	}
	for table := range tables.Rows {
		if strings.HasPrefix(table, "iom_match") || table == "router_policies" {
			t.Errorf("there are rows of %s", table)
		}
	}
}

// What programs look up first comes last.
func TestPolicyOrder(t *testing.T) {
	c := &config.Config{Ports: map[uint16]config.Port{1: {Enabled: true}}, Routes: []config.Route{to("10.0.0.0/8", hop(1, "10.0.0.1"))}}
	withPolicies(reroute(rule(), hop(1, "10.0.0.1"), hop(1, "10.0.0.2")))(c)
	tables := &iom.Tables{}
	if err := router.Entries(iom.Instance{Slot: 1, Config: c}, tables); err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, table := range []string{"router_hops", "router_policies", "iom_match_rules", "iom_match_lists", "router_configs"} {
		at := slices.Index(tables.Order, table)
		if at <= last {
			t.Errorf("%s comes too early in %v", table, tables.Order)
		}
		last = at
	}
}

func TestPoliciesRefused(t *testing.T) {
	ports := map[uint16]config.Port{1: {Enabled: true}}
	via := []config.Hop{{Port: 1, Addr: ip("10.0.0.1")}}
	good := config.Policy{Object: firstPolicy, Action: config.Allow, Rules: []match.Rule{{}}}
	changed := func(change func(*config.Policy)) []config.Policy {
		p := good
		change(&p)
		return []config.Policy{p}
	}
	for _, c := range []struct {
		policies []config.Policy
		routes   []config.Route
		want     string
	}{
		{changed(func(*config.Policy) {}), nil, ""},
		{changed(func(p *config.Policy) { p.Action = 0 }), nil, "has no action"},
		{changed(func(p *config.Policy) { p.Action = 9 }), nil, "has no action"},
		{changed(func(p *config.Policy) { p.Action = config.Reroute }), nil, "has 0 next hops"},
		{changed(func(p *config.Policy) { p.Hops = via }), nil, "has 1 next hops"},
		{changed(func(p *config.Policy) { p.Action, p.Hops = config.Reroute, []config.Hop{{Port: 2}} }), nil, "port key 2"},
		{changed(func(p *config.Policy) { p.Action, p.Hops = config.Reroute, make([]config.Hop, 257) }), nil, "257 next hops"},
		{changed(func(p *config.Policy) { p.Action, p.Mark = config.Drop, 1 }), nil, "marks what it drops"},
		{changed(func(p *config.Policy) { p.Object = 0 }), nil, "is below 65536"},
		{[]config.Policy{good, good}, nil, "two routes or policies have the number"},
		{[]config.Policy{good}, []config.Route{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Object: firstPolicy}}, "two routes or policies have the number"},
		{nil, []config.Route{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Object: 7}}, "is below 65536"},
		{nil, []config.Route{to("10.0.0.0/8", via[0], via[0])}, "no number"},
		{changed(func(p *config.Policy) { p.Rules = make([]match.Rule, match.MaxRules+1) }), nil, "at most"},
		{changed(func(p *config.Policy) { p.Rules = []match.Rule{rule(match.Term{Dim: 99})} }), nil, "no dimension 99"},
	} {
		err := router.Entries(iom.Instance{Slot: 1, Config: &config.Config{Ports: ports, Policies: c.policies, Routes: c.routes}}, &iom.Tables{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: error %v, want %q", c.policies, c.routes, err, c.want)
		}
	}
}
