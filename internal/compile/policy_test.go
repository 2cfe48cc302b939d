package compile

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
)

// routed has router lr0 with ports p1 (10.0.1.1/24, fd00:1::1/64) to p4 and what names stand for; p1 is also the name of a VIF on this chassis.
func routed(names *testNames, policies ...*logical.Policy) *logical.Network {
	r := &logical.Router{UUID: "dp", Name: "lr0", Key: 9, Enabled: true, Policies: policies}
	for key := uint16(1); key <= 4; key++ {
		p := &logical.RouterPort{Name: fmt.Sprintf("p%d", key), Key: key, Enabled: true, MAC: [6]byte{0x0a, 0, 0, 0, 0, byte(key)}}
		for _, network := range []string{"10.0.%d.1/24", "fd00:%d::1/64", "fe80::%d/64"} {
			p.Networks = append(p.Networks, netip.MustParsePrefix(fmt.Sprintf(network, key)))
		}
		r.Ports = append(r.Ports, p)
	}
	sw := &logical.Switch{UUID: "sw", Name: "sw0", Key: 1, Ports: []*logical.Port{{Name: "p1", Key: 1, Chassis: "hv1"}, {Name: "p2", Key: 2, Chassis: "hv2"}}}
	return &logical.Network{Chassis: "hv1", Routers: map[string]*logical.Router{"dp": r}, Switches: map[string]*logical.Switch{"sw": sw}, AddressSets: names.sets}
}

// policyText is what policies became: those of the module, the names of objects, and the problems.
func policyText(state *netstate.State, problems []logical.Problem) string {
	m := state.Modules["dp"]
	var lines []string
	for _, p := range m.Config.(*config.Config).Policies {
		name := m.Objects[p.Object]
		p.Object = 0
		lines = append(lines, p.String(), "  "+name)
	}
	for _, p := range problems {
		lines = append(lines, p.Object+": "+p.Reason)
	}
	return strings.Join(lines, "\n")
}

func via(addrs ...string) (out []netip.Addr) {
	for _, a := range addrs {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		policy logical.Policy
		want   string
	}{
		{logical.Policy{Priority: 5, Match: "ip4.dst == 10.0.0.0/8", Action: logical.PolicyAllow},
			"policy object 0 allow if dst {10.0.0.0/8}, proto {0x0800}\n  logical_router_policy uuid=u1 priority=5 action=allow match=\"ip4.dst == 10.0.0.0/8\""},
		{logical.Policy{Match: `inport == "p2" && ip6`, Action: logical.PolicyDrop, Mark: 7},
			"policy object 0 drop if in {2}, proto {0x86dd}\n  logical_router_policy uuid=u1 priority=0 action=drop match=`inport == \"p2\" && ip6`"},
		{logical.Policy{Match: "ip4.src == $as4", Action: logical.PolicyReroute, NextHops: via("10.0.3.9"), Mark: 7},
			"policy object 0 reroute via 10.0.3.9 port 3 mark 0x7 if src {$as4/32}, proto {0x0800}\n" +
				"  logical_router_policy uuid=u1 priority=0 action=reroute nexthops=10.0.3.9 pkt_mark=7 match=\"ip4.src == $as4\""},
		{logical.Policy{Match: "ip6 || tcp", Action: logical.PolicyReroute, NextHops: via("fd00:2::9", "fd00:4::9", "fe80::9")},
			"policy object 0 reroute via fd00:2::9 port 2 via fd00:4::9 port 4 via fe80::9 port 1 if proto {0x0800:6 0x86dd 0x86dd:6}\n" +
				"  logical_router_policy uuid=u1 priority=0 action=reroute nexthops=fd00:2::9,fd00:4::9,fe80::9 match=\"ip6 || tcp\""},
		{logical.Policy{Match: `is_chassis_resident("p1")`, Action: logical.PolicyDrop}, "policy object 0 drop if all\n  logical_router_policy uuid=u1 priority=0 action=drop match=`is_chassis_resident(\"p1\")`"},
		{logical.Policy{Match: `is_chassis_resident("p2")`, Action: logical.PolicyDrop}, ""},
		{logical.Policy{Match: `inport == "nobody"`, Action: logical.PolicyDrop}, ""},
		{logical.Policy{Match: "ip4 &&", Action: logical.PolicyAllow}, "logical_router_policy u1: match: column 7: expecting a constant: the policy is left out"},
		{logical.Policy{Match: "ip4.dst == $nosuch", Action: logical.PolicyDrop},
			"logical_router_policy u1: SECURITY: match: column 12: address set $nosuch does not exist: the policy is NOT enforced, what it forbids passes"},
		{logical.Policy{Match: "inport == @pg", Action: logical.PolicyDrop},
			"logical_router_policy u1: SECURITY: match: column 11: port group @pg does not exist: the policy is NOT enforced, what it forbids passes"},
		{logical.Policy{Match: "ip4", Action: logical.PolicyReroute, NextHops: via("10.0.2.9", "192.0.2.1")},
			"logical_router_policy u1: next hop 192.0.2.1 is on no network of router \"lr0\": the policy is left out"},
		{logical.Policy{Match: "ip4", Action: logical.PolicyReroute, NextHops: make([]netip.Addr, 257)},
			"logical_router_policy u1: it has 257 next hops, at most 256 are possible: the policy is left out"},
	} {
		tt.policy.UUID = "u1"
		var c Compiler
		state, problems := c.Compile(routed(newNames(), &tt.policy))
		if got := policyText(state, problems); got != tt.want {
			t.Errorf("%s:\n  is %s\nwant %s", tt.policy.Match, got, tt.want)
		}
		if err := state.Modules["dp"].Config.(*config.Config).Validate(); err != nil {
			t.Errorf("%s: the module refuses: %v", tt.policy.Match, err)
		}
	}
}

// What options:gateway_mtu_bypass of p2 becomes; the other ports are not touched by it.
func TestExemptions(t *testing.T) {
	for _, tt := range []struct {
		mtu         uint16
		match, want string
	}{
		{1300, "ip4.src == $as4 && tcp", "[src {$as4/32}, proto {0x0800:6}]"},
		{1300, "udp || icmp6", "[proto {0x0800:17 0x86dd:17 0x86dd:58}]"},
		{1300, "", "[]"},
		{0, "tcp", "[]"},
		{0, "tcp &&", "[]"},
		{1300, `inport == "nobody"`, "[]"},
		{1300, "tcp &&", "[] logical_router_port p2: options:gateway_mtu_bypass: match: column 7: expecting a constant: the size of all packets is checked"},
		{1300, "ip4.src == $late", "[] logical_router_port p2: options:gateway_mtu_bypass: match: column 12: address set $late does not exist: the size of all packets is checked"},
	} {
		names := newNames()
		n := routed(names)
		n.Routers["dp"].Ports[1].MTU, n.Routers["dp"].Ports[1].MTUBypass = tt.mtu, tt.match
		var c Compiler
		state, problems := c.Compile(n)
		ports := state.Modules["dp"].Config.(*config.Config).Ports
		got := fmt.Sprint(ports[2].Exempt)
		for _, p := range problems {
			got += " " + p.Object + ": " + p.Reason
		}
		if got != tt.want || len(ports[1].Exempt) > 0 || ports[2].MTU != tt.mtu {
			t.Errorf("%q: is %s, port 1 %v\nwant %s", tt.match, got, ports[1], tt.want)
		}
		names.set("late", "10.9.9.9") // is looked up again
		if _, problems := c.Compile(n); len(problems) != strings.Count(tt.want, "expecting") {
			t.Errorf("%q: with the set: problems %v", tt.match, problems)
		}
	}
}

// Those that find no room any more are left out, and the others count.
func TestTooManyPolicies(t *testing.T) {
	values := make([]string, 60)
	for i := range values {
		values[i] = fmt.Sprint(i)
	}
	list := strings.Join(values, ",")
	var all []*logical.Policy
	for i := range 10 {
		all = append(all, &logical.Policy{UUID: fmt.Sprint("u", i), Priority: 10 - i, Match: "ip.ttl == {" + list + "} && tcp.flags == {" + list + "}", Action: logical.PolicyAllow})
	}
	all = append(all, &logical.Policy{UUID: "last", Match: "ip4", Action: logical.PolicyDrop})
	var c Compiler
	state, problems := c.Compile(routed(newNames(), all...))
	if n := len(state.Modules["dp"].Config.(*config.Config).Policies); n != 10 || len(problems) != 1 || problems[0].Object != "logical_router_policy u9" ||
		!strings.Contains(problems[0].Reason, "more than 32768 rules") {
		t.Errorf("%d policies, problems %v", n, problems)
	}
}

// A router is compiled anew when what its policies name has changed, and only then.
func TestPoliciesFollowSets(t *testing.T) {
	names := newNames()
	var c Compiler
	policies := []*logical.Policy{{UUID: "u1", Match: "ip4.src == $as4", Action: logical.PolicyDrop}, {UUID: "u2", Match: "ip4.src == $late", Action: logical.PolicyDrop}}
	n := routed(names, policies...)
	state, problems := c.Compile(n)
	last := state.Modules["dp"]
	if len(problems) != 1 {
		t.Fatalf("problems: %v", problems)
	}
	for _, step := range []struct {
		name     string
		change   func()
		same     bool
		problems int
	}{
		{"nothing", func() {}, true, 1},
		{"another set", func() { names.set("one", "10.9.9.9") }, true, 1},
		{"a member", func() { names.set("as4", "10.9.9.9") }, false, 1},
		{"a set that a policy waits for", func() { names.set("late", "10.9.9.8") }, false, 0},
		{"it goes", func() { delete(names.sets, "late") }, false, 1},
	} {
		step.change()
		state, problems := c.Compile(n)
		if same := state.Modules["dp"] == last; same != step.same || len(problems) != step.problems {
			t.Errorf("%s: same module: %v, want %v; problems: %v", step.name, same, step.same, problems)
		}
		last = state.Modules["dp"]
		var fresh Compiler
		if full, _ := fresh.Compile(n); !full.Modules["dp"].Equal(last) {
			t.Errorf("%s: a new compiler makes something else of it", step.name)
		}
	}
}

// TestPolicyChoice: of random policies the one decides that OVN's expressions say: the first that is true for a packet.
func TestPolicyChoice(t *testing.T) {
	names, r := newNames(), matchRandom{rand.New(rand.NewPCG(5, 6))}
	decided, none := map[int]int{}, 0
	for range 100 {
		n, exprs := randomPolicies(r, names)
		var c Compiler
		state, problems := c.Compile(n)
		for _, p := range problems {
			delete(exprs, strings.TrimPrefix(p.Object, "logical_router_policy "))
		}
		m := state.Modules["dp"]
		rules := flatten(m.Config.(*config.Config).Policies)
		for range 30 {
			f := r.fields()
			want := slices.IndexFunc(n.Routers["dp"].Policies, func(p *logical.Policy) bool {
				e := exprs[p.UUID]
				return e != nil && ovnexpr.Eval(e, exprPacket{f, names})
			})
			first, got := matchtest.First(rules, rulePacket(t, f, names), 0), ""
			if first >= 0 {
				got = m.Objects[rules[first].Value]
			}
			if want < 0 {
				none++
			} else {
				decided[want]++
			}
			if want < 0 && got != "" || want >= 0 && got != netstate.RowsText(policyRow(n.Routers["dp"].Policies[want])) {
				t.Fatalf("%s: policy %d decides, want %q; rules:\n%v", f, want, got, rules)
			}
		}
	}
	if none < 100 || len(decided) < 8 {
		t.Errorf("none %d times, decided %v: the test tests little", none, decided)
	}
}

// randomPolicies are of a router, with what their matches mean; those that can't be carried out are among them.
func randomPolicies(r matchRandom, names *testNames) (*logical.Network, map[string]ovnexpr.Expr) {
	var all []*logical.Policy
	exprs := map[string]ovnexpr.Expr{}
	for i := range 1 + r.IntN(12) {
		p := &logical.Policy{UUID: fmt.Sprint("u", i), Priority: r.IntN(5), Match: r.expression(r.IntN(3)), Action: oneOf(r, logical.PolicyAllow, logical.PolicyDrop, logical.PolicyReroute)}
		if p.Action == logical.PolicyReroute {
			p.NextHops = via("10.0.2.9")
		}
		if e, err := readMatch(p.Match, names); err == nil && !strings.Contains(p.Match, "@") {
			exprs[p.UUID] = e
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *logical.Policy) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.UUID, b.UUID))
	})
	return routed(names, all...), exprs
}

// flatten are the rules of policies as the module puts them.
func flatten(policies []config.Policy) (rules []match.Rule) {
	for _, p := range policies {
		for _, r := range p.Rules {
			r.Value = p.Object
			rules = append(rules, r)
		}
	}
	return rules
}
