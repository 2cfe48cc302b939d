package compile

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
)

// testNames is sets and ports for tests, for rules and for ovnexpr.
type testNames struct {
	sets     map[string]*logical.AddressSet
	texts    map[string][]string // the same as text
	groups   map[string][]uint16
	ports    map[string]uint16
	resident map[string]bool
}

func newNames() *testNames {
	n := &testNames{
		sets: map[string]*logical.AddressSet{},
		texts: map[string][]string{
			"empty": nil, "as4": {"10.0.0.1", "10.0.0.2", "10.0.1.0/24"}, "wide4": {"10.0.0.0/8", "10.0.0.0/30"}, "one": {"10.0.0.255"},
			"as6": {"fd00::1", "fd00:0:0:1::/64", "fe80::/10"}, "mixed": {"10.0.0.1", "fd00::2"}, "masked": {"10.0.0.0/24", "fd00::2"},
			"macs": {"02:00:00:00:00:01", "33:33:00:00:00:01"},
		},
		groups:   map[string][]uint16{"pg": {1, 2}, "pgone": {3}, "pgempty": nil},
		ports:    map[string]uint16{"p1": 1, "p2": 2, "p3": 3, "p4": 4},
		resident: map[string]bool{"p1": true},
	}
	for name, members := range n.texts {
		n.set(name, members...)
	}
	return n
}

// set gives an address set other members.
func (n *testNames) set(name string, members ...string) {
	set := &logical.AddressSet{Name: name}
	for _, text := range members {
		v, err := ovnexpr.ParseInteger(text)
		switch p, prefixErr := netip.ParsePrefix(text); {
		case err != nil:
			panic(err)
		case v.Format == ovnexpr.Ethernet:
			var mac [6]byte
			for i := range mac {
				mac[i] = byte(v.Bits.Lo >> (40 - 8*i))
			}
			set.MACs = append(set.MACs, mac)
		case prefixErr == nil:
			set.Prefixes = append(set.Prefixes, p)
		default:
			a := netip.MustParseAddr(text)
			set.Prefixes = append(set.Prefixes, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	n.sets[name], n.texts[name] = set, members
}

func (n *testNames) AddressSet(name string) *logical.AddressSet { return n.sets[name] }
func (n *testNames) Port(name string) uint16                    { return n.ports[name] }
func (n *testNames) Resident(port string) bool                  { return n.resident[port] }
func (n *testNames) PortGroup(name string) ([]uint16, bool) {
	keys, ok := n.groups[name]
	return keys, ok
}

// exprSets is the same for ovnexpr.
type exprSets struct{ *testNames }

func (n exprSets) AddressSet(name string) ([]ovnexpr.Integer, bool) {
	texts, ok := n.texts[name]
	var all []ovnexpr.Integer
	for _, text := range texts {
		v, err := ovnexpr.ParseInteger(text)
		if err != nil {
			panic(err)
		}
		all = append(all, v)
	}
	return all, ok
}

func (n exprSets) PortGroup(name string) ([]string, bool) {
	keys, ok := n.groups[name]
	var all []string
	for _, key := range keys {
		all = append(all, fmt.Sprintf("p%d", key))
	}
	return all, ok
}

// exprPacket is a packet for ovnexpr.
type exprPacket struct {
	ovnexpr.Fields
	names *testNames
}

func (p exprPacket) Resident(port string) bool { return p.names.resident[port] }

type matchRandom struct{ *rand.Rand }

func oneOf[T any](r matchRandom, from ...T) T { return from[r.IntN(len(from))] }

var (
	ip4Values  = []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.255", "10.0.1.0", "10.1.0.0", "0.0.0.0", "255.255.255.255", "224.0.0.1"}
	ip6Values  = []string{"fd00::1", "fd00::2", "fd00:0:0:1::5", "fe80::1", "::", "::10.0.0.1", "::ffff:10.0.0.1", "ff02::1", "ff02::2", "ff02::5", "ff02::16", "ff02::1:ff00:1"}
	macValues  = []string{"02:00:00:00:00:01", "02:00:00:00:00:02", "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}
	portValues = []string{"0", "1", "8", "79", "80", "81", "135", "136", "1024", "65535"}
	byteValues = []string{"0", "1", "2", "6", "17", "58", "132", "254", "255"}
	wordValues = []string{"0", "1", "2", "0x21", "0x80000000", "0xffffffff"}
)

// valuesOf are values at which comparisons of a field of packets tend to change.
func valuesOf(field string) []string {
	switch {
	case strings.HasPrefix(field, "ip4."), strings.HasSuffix(field, ".spa"), strings.HasSuffix(field, ".tpa"):
		return ip4Values
	case field == "ip6.src", field == "ip6.dst", field == "nd.target":
		return ip6Values
	case strings.HasPrefix(field, "eth.") && field != "eth.type", strings.HasSuffix(field, ".sha"), strings.HasSuffix(field, ".tha"),
		field == "nd.sll", field == "nd.tll":
		return macValues
	}
	return map[string][]string{"eth.type": {"0x800", "0x806", "0x8035", "0x86dd", "0x88cc"}, "ip.proto": byteValues, "ip.ttl": byteValues,
		"ip.dscp": {"0", "1", "63"}, "ip.ecn": {"0", "1", "3"}, "ip.frag": {"0", "1", "3"}, "ip6.label": {"0", "1", "0xfffff"},
		"arp.op": {"0", "1", "2", "255"}, "rarp.op": {"0", "3", "4"}, "tcp.flags": {"0", "2", "0x12", "0xfff"},
		"tcp.src": portValues, "tcp.dst": portValues, "udp.src": portValues, "udp.dst": portValues, "sctp.src": portValues, "sctp.dst": portValues,
		"icmp4.type": {"0", "3", "8"}, "icmp4.code": {"0", "1", "255"}, "icmp6.type": {"128", "129", "131", "133", "134", "135", "136", "143"}, "icmp6.code": {"0", "1"},
		"ct_state": {"0", "0x21", "0x22", "0x2a", "0x31", "0x64", "0xa2"}, "ct_mark": wordValues, "ct_label": append(wordValues, "0x800000000000000000000000", "0x123456789abcdef0123456789abcdef"),
		"pkt.mark": wordValues, "vlan.tci": {"0", "0x1000", "0x1064", "0xf064", "0xffff"}}[field]
}

// names of ports, sets and predicates that expressions use.
var (
	portNames  = []string{`"p1"`, `"p2"`, `"p4"`, `"nobody"`, `@pg`, `@pgone`, `@pgempty`}
	setNames   = []string{"$as4", "$wide4", "$one", "$as6", "$mixed", "$masked", "$macs", "$empty"}
	predicates = []string{"ip4", "ip6", "ip", "tcp", "udp", "sctp", "icmp", "icmp4", "icmp6", "arp", "rarp", "nd", "nd_ns", "nd_na", "nd_rs", "eth.bcast", "eth.mcast",
		"eth.mcastv6", "ip.is_frag", "ip.later_frag", "ip.first_frag", "ip4.mcast", "ip6.mcast", "ip6.mcast_flood", "vlan.present", "mldv1", "mldv2", "igmp",
		"ct.trk", "ct.new", "ct.est", "ct.rpl", "ct.inv", "ct_mark.blocked", "ct_label.natted", "1", "0", `is_chassis_resident("p1")`, `is_chassis_resident("p2")`}
	compared = []string{"eth.src", "eth.dst", "eth.type", "ip.proto", "ip.ttl", "ip.dscp", "ip.ecn", "ip.frag", "ip4.src", "ip4.dst", "ip6.src", "ip6.dst", "ip6.label",
		"arp.op", "arp.spa", "arp.tpa", "arp.sha", "arp.tha", "rarp.op", "rarp.spa", "tcp.src", "tcp.dst", "tcp.flags", "udp.src", "udp.dst", "sctp.dst",
		"icmp4.type", "icmp4.code", "icmp6.type", "icmp6.code", "nd.target", "nd.sll", "nd.tll", "ct_state", "ct_mark", "ct_label", "pkt.mark", "vlan.tci"}
)

// expression writes one at random; some are not valid.
func (r matchRandom) expression(depth int) string {
	if depth == 0 {
		return r.comparison()
	}
	terms := make([]string, 1+r.IntN(3))
	for i := range terms {
		terms[i] = oneOf(r, "", "", "", "!") + "(" + r.expression(depth-1) + ")"
	}
	return strings.Join(terms, oneOf(r, " && ", " && ", " || "))
}

func (r matchRandom) comparison() string {
	switch r.IntN(8) {
	case 0, 1:
		return oneOf(r, predicates...)
	case 2:
		return oneOf(r, "inport", "outport") + " == " + oneOf(r, portNames...)
	case 3:
		return oneOf(r, "ip4.src", "ip4.dst", "ip6.src", "ip6.dst", "eth.src", "arp.spa", "nd.target", "ip4.src[8..31]") + oneOf(r, " == ", " != ") +
			oneOf(r, oneOf(r, setNames...), "{"+oneOf(r, setNames...)+", "+oneOf(r, setNames...)+"}")
	}
	field := oneOf(r, compared...)
	values := valuesOf(field)
	value := oneOf(r, values...)
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("%s %s {%s, %s}", field, oneOf(r, "==", "!="), value, oneOf(r, values...))
	case 1:
		return fmt.Sprintf("%s %s %s", field, oneOf(r, "<", "<=", ">", ">="), value)
	case 2:
		mask := oneOf(r, values...)
		if strings.Contains(field, "ip4.") || strings.Contains(field, "ip6.") {
			mask = oneOf(r, mask, "0", "8", "24", "31", "32")
		}
		return fmt.Sprintf("%s == %s/%s", field, value, mask)
	case 3:
		low := r.IntN(20)
		return fmt.Sprintf("%s[%d..%d] %s %d", field, low, low+r.IntN(12), oneOf(r, "==", "!=", "<", ">"), r.IntN(4))
	}
	return field + oneOf(r, " == ", " == ", " != ") + value
}

// fields is a packet at random.
func (r matchRandom) fields() ovnexpr.Fields {
	f := ovnexpr.Fields{Ints: map[string]ovnexpr.Uint128{}, Texts: map[string]string{
		"inport": oneOf(r, "p1", "p2", "p3", "p4"), "outport": oneOf(r, "", "p1", "p2", "p3")}}
	set := func(fields ...string) {
		for _, name := range fields {
			v, err := ovnexpr.ParseInteger(oneOf(r, valuesOf(name)...))
			if err != nil {
				panic(err)
			}
			f.Ints[name] = v.Bits
		}
	}
	set("eth.src", "eth.dst", "ct_state", "ct_mark", "ct_label", "pkt.mark")
	if r.IntN(4) == 0 {
		set("vlan.tci")
		f.Ints["vlan.tci"] = ovnexpr.Uint(f.Ints["vlan.tci"].Lo | 0x1000)
	}
	kind := oneOf(r, "ip4", "ip4", "ip4", "ip6", "ip6", "ip6", "arp", "rarp", "other")
	switch kind {
	case "arp", "rarp":
		f.Ints["eth.type"] = ovnexpr.Uint(map[string]uint64{"arp": 0x806, "rarp": 0x8035}[kind])
		set(kind+".op", kind+".spa", kind+".tpa", kind+".sha", kind+".tha")
	case "other":
		f.Ints["eth.type"] = ovnexpr.Uint(0x88cc)
	default:
		f.Ints["eth.type"] = ovnexpr.Uint(map[string]uint64{"ip4": 0x800, "ip6": 0x86dd}[kind])
		set(kind+".src", kind+".dst", "ip.ttl", "ip.dscp", "ip.ecn")
		if kind == "ip6" {
			set("ip6.label")
		}
		r.transport(kind, f, set)
	}
	return f
}

func (r matchRandom) transport(kind string, f ovnexpr.Fields, set func(...string)) {
	proto := oneOf(r, "tcp", "udp", "sctp", "icmp", "nd", "2")
	number := map[string]uint64{"tcp": 6, "udp": 17, "sctp": 132, "icmp": 58, "nd": 58, "2": 2}[proto]
	if kind == "ip4" && number == 58 {
		proto, number = "icmp", 1
	}
	f.Ints["ip.proto"] = ovnexpr.Uint(number)
	if frag := oneOf(r, 0, 0, 0, 0, 1, 3); frag > 0 {
		f.Ints["ip.frag"] = ovnexpr.Uint(uint64(frag))
		if frag == 3 {
			return
		}
	}
	switch {
	case proto == "tcp":
		set("tcp.src", "tcp.dst", "tcp.flags")
	case proto == "udp", proto == "sctp":
		set(proto+".src", proto+".dst")
	case proto == "nd":
		f.Ints["icmp6.type"] = ovnexpr.Uint(uint64(oneOf(r, 135, 136)))
		f.Ints["icmp6.code"] = ovnexpr.Uint(0)
		f.Ints["ip.ttl"] = ovnexpr.Uint(255)
		set("nd.target", map[uint64]string{135: "nd.sll", 136: "nd.tll"}[f.Ints["icmp6.type"].Lo])
	case number == 1:
		set("icmp4.type", "icmp4.code")
	case proto == "icmp":
		set("icmp6.code")
		f.Ints["icmp6.type"] = ovnexpr.Uint(uint64(oneOf(r, 128, 129, 131, 133, 134, 143)))
	}
}

// rulePacket is the packet as a frame.
func rulePacket(t testing.TB, f ovnexpr.Fields, names *testNames) matchtest.Packet {
	t.Helper()
	p := matchtest.Packet{In: names.ports[f.Texts["inport"]], Out: names.ports[f.Texts["outport"]], CTState: uint32(f.Ints["ct_state"].Lo),
		CTMark: uint32(f.Ints["ct_mark"].Lo), Mark: uint32(f.Ints["pkt.mark"].Lo), CTLabel: match.Uint128(f.Ints["ct_label"]), VLAN: uint16(f.Ints["vlan.tci"].Lo)}
	inFrame := ovnexpr.Fields{Ints: map[string]ovnexpr.Uint128{}, Texts: f.Texts}
	for name, v := range f.Ints {
		if !strings.HasPrefix(name, "ct_") && name != "pkt.mark" && name != "vlan.tci" {
			inFrame.Ints[name] = v
		}
	}
	frame, _, err := inFrame.Frame()
	if err != nil {
		t.Fatal(err)
	}
	p.Frame = append(frame, make([]byte, max(0, 60-len(frame)))...)
	return p
}

// randomMatch is a random expression that is valid, and the rules that it became.
type randomMatch struct {
	text  string
	expr  ovnexpr.Expr
	rules []match.Rule
}

// randomMatches are n of them. What can't be translated can't be evaluated, and the other way round.
func randomMatches(t testing.TB, r matchRandom, names *testNames, n int) []randomMatch {
	t.Helper()
	var all []randomMatch
	m := newMatcher(&matchSets{})
	for range 4 * n {
		text := r.expression(r.IntN(3))
		rules, err := m.rules(text, names)
		e, want := readMatch(text, names)
		if (err == nil) != (want == nil) && !strings.Contains(fmt.Sprint(err), errTooManyWays.Error()) {
			t.Fatalf("%s\n  translated: %v\n  evaluated: %v", text, err, want)
		}
		if err == nil {
			all = append(all, randomMatch{text, e, rules})
		}
		if len(all) == n {
			return all
		}
	}
	t.Fatalf("only %d of %d random expressions are valid", len(all), 4*n)
	return nil
}

// TestMatchRandom: for random expressions and packets the rules mean what the expression means.
func TestMatchRandom(t *testing.T) {
	names, r := newNames(), matchRandom{rand.New(rand.NewPCG(1, 2))}
	outcomes := map[bool]int{}
	for _, m := range randomMatches(t, r, names, 2000) {
		for range 10 {
			f := r.fields()
			want := ovnexpr.Eval(m.expr, exprPacket{f, names})
			outcomes[want]++
			if first := matchtest.First(m.rules, rulePacket(t, f, names), 0); (first >= 0) != want {
				t.Fatalf("%s\n  is %v for %s, but rule %d matches of\n  %v", m.text, want, f, first, m.rules)
			}
		}
	}
	expectBoth(t, outcomes, 3000)
}

// TestMatchKernel: and so the program in the kernel decides.
func TestMatchKernel(t *testing.T) {
	k := matchtest.Load(t)
	names, r := newNames(), matchRandom{rand.New(rand.NewPCG(3, 4))}
	outcomes := map[bool]int{}
	for i, m := range randomMatches(t, r, names, 500) {
		tables := &iom.Tables{}
		l := matchtest.List{DP: uint32(i + 1), List: 1}
		var err error
		if l.Version, _, err = match.Put(tables, l.DP, l.List, m.rules); err != nil {
			t.Fatalf("%s: %v", m.text, err)
		}
		k.Write(tables)
		for range 10 {
			f := r.fields()
			want := ovnexpr.Eval(m.expr, exprPacket{f, names})
			outcomes[want]++
			if first := k.First(l, rulePacket(t, f, names), 0); (first >= 0) != want {
				t.Fatalf("%s\n  is %v for %s, but the program finds rule %d of\n  %v", m.text, want, f, first, m.rules)
			}
		}
	}
	expectBoth(t, outcomes, 700)
}

func expectBoth(t *testing.T, outcomes map[bool]int, least int) {
	t.Helper()
	if outcomes[true] < least || outcomes[false] < least {
		t.Errorf("outcomes %v: the test tests little", outcomes)
	}
}

// readMatch is the expression as ovnexpr evaluates it.
func readMatch(text string, names *testNames) (ovnexpr.Expr, error) {
	e, err := ovnexpr.Parse(text)
	if err != nil {
		return nil, err
	}
	return ovnexpr.Resolve(e, exprSets{names})
}
