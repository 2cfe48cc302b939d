package compile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
)

// ruleText is one rule a line.
func ruleText(rules []match.Rule) string {
	lines := make([]string, len(rules))
	for i, r := range rules {
		lines[i] = r.String()
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestMatchRules: what Neutron, LXD and people write, and the corners of the language.
func TestMatchRules(t *testing.T) {
	for _, tt := range []struct{ match, want string }{
		{"1", "all"},
		{"0", ""},
		{"ip4 && ip6", ""},
		{"ip4", "proto {0x0800}"},
		{"ip", "proto {0x0800 0x86dd}"},
		{"tcp", "proto {0x0800:6 0x86dd:6}"},
		{"icmp", "proto {0x0800:1 0x86dd:58}"},
		{"inport == @pg && ip", "in {@pg}, proto {0x0800 0x86dd}"},
		{`inport == {@pg, "p3"}`, "in {@pg 3}"},
		{`inport == "p1" || inport == @pgone`, "in {@pgone 1}"},
		{`inport == "nobody"`, ""},
		{"outport == @pg && ip4 && ip4.src == $as4 && tcp && tcp.dst == 80", "out {@pg}, proto {0x0800:6}, src {$as4/32}, dport {80}"},
		{"outport == @pg && ip4 && ip4.src == $as4 && tcp.dst >= 8000 && tcp.dst <= 8003", "out {@pg}, proto {0x0800:6}, src {$as4/32}, dport {8000-8003}"},
		{"outport == @pg && ip4.src == 0.0.0.0/0 && ip.proto == 112", "out {@pg}, src {0.0.0.0/0}, proto {0x0800:112}"},
		{"icmp4 && icmp4.type == 8 && icmp4.code == 0", "proto {0x0800:1}, sport {8}, dport {0}"},
		{"(inport == @pg || outport == @pg) && ip4", "in {@pg}, proto {0x0800}\nout {@pg}, proto {0x0800}"},
		{"ip4.src == {$as4, $wide4, 192.168.0.0/16, 192.168.1.1}", "src {$as4/32 $wide4/32 192.168.0.0/16 192.168.1.1}, proto {0x0800}"},
		{"ip4.src == $as4 || ip6.src == $as6", "src {$as4/32}, proto {0x0800}\nsrc {$as6/128}, proto {0x86dd}"},
		{"ip4.src != $as4", "src not {$as4/32}, proto {0x0800}"},
		{"ip4.src == $as4 && ip4.src != {$one, 10.0.0.2}", "src {$as4/32}, proto {0x0800}, src not {$one/32 10.0.0.2}"},
		{"ip4.src == 10.0.0.0/8 && ip4.src == {10.1.0.0/16, 11.0.0.0/8}", "src {10.1.0.0/16}, proto {0x0800}"},
		{"ip4.src == 10.0.0.1 && ip4.src == 10.0.0.2", ""},
		{"ip4.src == 10.0.0.1 && ip4.src != 10.0.0.0/24", ""},
		{"ip4.src == $empty", ""},
		{"ip4.src != $empty", "all"}, // ARP, too, as in OVN
		{"inport == @pgempty", ""},
		{"ip6.src == $mixed", "src {$mixed/128}, proto {0x86dd}"},
		{"eth.src == $macs && eth.type == 0x1234", "eth.src {$macs/48}, proto {0x1234}"},
		{"arp.spa == $as4 && arp.op == 1", "src {$as4/32}, proto {0x0806:1}"},
		{"tcp.dst == 80 || tcp.dst == 443 || udp.dst == 53", "dport {53}, proto {0x0800:17 0x86dd:17}\ndport {80 443}, proto {0x0800:6 0x86dd:6}"},
		{"ip4.src[0..7] == 1", "proto {0x0800}, src/0xff == 0x1"},
		{"ip4.src[24..31] == 10", "src {10.0.0.0/8}, proto {0x0800}"},
		{"eth.mcast", "eth.dst/0x10000000000 == 0x10000000000"},
		{"ct.est && !ct.rpl", "ct_state/0x2a == 0x22"},
		{"ct.new && !ct.new", ""},
		{"ct_mark > 5", "ct_mark 0x6-0xffffffff"},
		{"ip.ttl == {1, 2}", "proto {0x0800 0x86dd}, ttl == 0x1\nproto {0x0800 0x86dd}, ttl == 0x2"},
		{"ip.ttl == 1 && ip.ttl == 2", ""},
		{"vlan.vid == 100", "vlan/0x1fff == 0x1064"},
		{"nd_ns && nd.target == fd00::1", "sport {135}, proto {0x86dd:58}, dport {0}, ttl == 0xff, nd.target == 0xfd000000000000000000000000000001"},
		{`is_chassis_resident("p1") && ip4`, "proto {0x0800}"},
		{`!is_chassis_resident("p1")`, ""},
	} {
		rules, err := newMatcher(&matchSets{}).rules(tt.match, newNames())
		if got := ruleText(rules); err != nil || got != tt.want {
			t.Errorf("%s: %v\n  is %s\nwant %s", tt.match, err, got, tt.want)
		}
	}
}

func TestMatchErrors(t *testing.T) {
	var products []string
	for _, field := range []string{"ip.ttl", "tcp.flags", "ip.dscp"} {
		var values []string
		for i := range 60 {
			values = append(values, fmt.Sprint(i))
		}
		products = append(products, fmt.Sprintf("%s == {%s}", field, strings.Join(values, ",")))
	}
	var checks []string
	for i := range 65 {
		checks = append(checks, fmt.Sprintf("tcp.flags != %d", i))
	}
	for text, want := range map[string]string{
		strings.Join(checks, " && "):            "column 1: more than 64 comparisons have to be made one by one",
		"ip4 && ip4.src == $nosuch":             "column 19: address set $nosuch does not exist",
		`ip4 && "@x" == inport && inport == @x`: "column 36: port group @x does not exist",
		"ip4 &&\n ip4.src == $as6":              "line 2, column 13: address set $as6 has the member fd00::1, which is too wide for ip4.src",
		"ip4.src == $macs":                      "column 12: address set $macs has the member 02:00:00:00:00:01, which is too wide for ip4.src",
		"ip4 && reg0[0] == 1":                   "column 8: reg0 is not supported: it is a variable of OVN's own pipeline",
		"flags.loopback":                        "column 1: flags.loopback is not supported: it is a variable of OVN's own pipeline",
		"ip4 ||":                                "column 7: expecting a constant",
		strings.Join(products, " && "):          "column 1: too many combinations: take sets, or split it into several matches",
	} {
		rules, err := newMatcher(&matchSets{}).rules(text, newNames())
		if err == nil || err.Error() != want || rules != nil {
			t.Errorf("%s:\n  is %v\nwant %s", text, err, want)
		}
	}
}

// TestMatchRemembers: a match is translated anew when something that it names has changed, and rules share their sets.
func TestMatchRemembers(t *testing.T) {
	names, m := newNames(), newMatcher(&matchSets{})
	const text = `inport == {@pg, "p3"} && ip4.src == $as4 && is_chassis_resident("p1")`
	have, err := m.rules(text, names)
	if err != nil || len(have) != 1 {
		t.Fatal(have, err)
	}
	for _, step := range []struct {
		name   string
		change func()
		same   bool
		want   string
	}{
		{"nothing", func() {}, true, "in {@pg 3}, src {$as4/32}, proto {0x0800}"},
		{"another set", func() { names.set("one", "10.9.9.9") }, true, "in {@pg 3}, src {$as4/32}, proto {0x0800}"},
		{"the address set", func() { names.set("as4", "10.9.9.9") }, false, "in {@pg 3}, src {$as4/32}, proto {0x0800}"},
		{"the port group", func() { names.groups["pg"] = []uint16{1} }, false, "in {@pg 3}, src {$as4/32}, proto {0x0800}"},
		{"the port's key", func() { names.ports["p3"] = 9 }, false, "in {@pg 9}, src {$as4/32}, proto {0x0800}"},
		{"the port's chassis", func() { names.resident["p1"] = false }, false, ""},
		{"the port is back", func() { names.resident["p1"] = true }, false, "in {@pg 9}, src {$as4/32}, proto {0x0800}"},
		{"the address set is gone", func() { delete(names.sets, "as4") }, false, ""},
	} {
		step.change()
		rules, _ := m.rules(text, names)
		if same := len(rules) == 1 && len(have) == 1 && &rules[0] == &have[0]; same != step.same || ruleText(rules) != step.want {
			t.Errorf("%s changed: the same rules: %v; they are %s", step.name, same, ruleText(rules))
		}
		have = rules
	}
	m.forget()
	m.forget()
	if len(m.done) > 0 {
		t.Errorf("%d matches remembered that nobody asks for", len(m.done))
	}
}

// TestMatchMembership: rules of a set with other members have the same version; matches that name one set share it.
func TestMatchMembership(t *testing.T) {
	names, m := newNames(), newMatcher(&matchSets{})
	put := func() (uint32, uint64) {
		var rules []match.Rule
		for _, text := range []string{"outport == @pg && ip4.src == $as4", "ip4.dst == $as4 && tcp", "ip4.src == $as4 && udp"} {
			some, err := m.rules(text, names)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, some...)
		}
		version, generation, err := match.Put(&iom.Tables{}, 1, 1, rules)
		if err != nil {
			t.Fatal(err)
		}
		return version, generation
	}
	version, generation := put()
	names.set("as4", "10.0.0.1", "10.0.0.7")
	names.groups["pg"] = []uint16{1, 2, 4}
	if v, g := put(); v != version || g == generation {
		t.Errorf("version %d -> %d, generation %d -> %d", version, v, generation, g)
	}
	m.sets.keep(names.sets)
	if len(m.sets.built) != 1 {
		t.Errorf("%d sets, want one", len(m.sets.built))
	}
	delete(names.sets, "as4")
	if m.sets.keep(names.sets); len(m.sets.built) != 0 {
		t.Errorf("%d sets remembered that there are not", len(m.sets.built))
	}
}

// FuzzMatch: what can be evaluated can be translated, or is refused with a reason and a place.
func FuzzMatch(f *testing.F) {
	r := matchRandom{rand.New(rand.NewPCG(5, 5))}
	for range 50 {
		f.Add(r.expression(2))
	}
	names := newNames()
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := newMatcher(&matchSets{}).rules(text, names)
		if err != nil {
			if _, ok := err.(*ovnexpr.SyntaxError); !ok || rules != nil {
				t.Errorf("%q: %d rules, %v", text, len(rules), err)
			}
			return
		}
		if _, err := readMatch(text, names); err != nil {
			t.Errorf("%q: translated, but %v", text, err)
		}
		if _, _, err := match.Put(&iom.Tables{}, 1, 1, rules); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// BenchmarkMatchRules translates 10,000 ACLs as Neutron writes them, and then again after a set that one of them names has changed.
func BenchmarkMatchRules(b *testing.B) {
	texts := make([]string, 10000)
	for i := range texts {
		texts[i] = fmt.Sprintf("outport == @pg && ip4 && ip4.src == $as4 && tcp && tcp.dst == %d", i)
	}
	texts[0] = "outport == @pg && ip4 && ip4.src == $one"
	names := newNames()
	translate := func(m *matcher) {
		for _, text := range texts {
			if _, err := m.rules(text, names); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			translate(newMatcher(&matchSets{}))
		}
	})
	b.Run("set-changed", func(b *testing.B) {
		m := newMatcher(&matchSets{})
		translate(m)
		for b.Loop() {
			names.set("one", "10.0.0.1")
			translate(m)
		}
	})
}
