package match_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
	"woven.dev/woven/sdk/iomtest"
)

// maxVerified is what the program may cost the verifier, in instructions; the limit of the kernel is a million.
const maxVerified = 100_000

func TestVerifierBudget(t *testing.T) {
	info, err := matchtest.Load(t).Program().Info()
	if err != nil {
		t.Fatal(err)
	}
	n, ok := info.VerifiedInstructions()
	if !ok || n > maxVerified {
		t.Errorf("%d instructions were verified, want at most %d", n, maxVerified)
	}
	t.Logf("%d instructions were verified", n)
}

func tcp(t testing.TB, src, dst string, sport, dport uint16) matchtest.Packet {
	a, b := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	proto := layers.EthernetTypeIPv4
	if a.Is6() {
		proto = layers.EthernetTypeIPv6
	}
	return matchtest.Packet{In: 1, Out: 2, Frame: iomtest.Frame(t, iomtest.Eth(macs[0][:], macs[1][:], proto), iomtest.IP(a, b, layers.IPProtocolTCP),
		&layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), SYN: true}, gopacket.Payload("x"))}
}

func one(d match.Dim, p match.Prefix) match.Term {
	return match.Term{Dim: d, Sets: []*match.Set{match.NewSet("", []match.Prefix{p})}}
}

func TestSwap(t *testing.T) {
	k := matchtest.Load(t)
	request := tcp(t, "10.0.0.1", "10.0.0.2", 4000, 80)
	reply := tcp(t, "10.0.0.2", "10.0.0.1", 80, 4000)
	reply.In, reply.Out = request.Out, request.In
	copy(reply.Frame, slices.Concat(request.Frame[6:12], request.Frame[:6]))
	l := put(t, k, 1, []match.Rule{{Terms: []match.Term{one(match.InPort, match.Key(1)), one(match.OutPort, match.Key(2)),
		one(match.EthSrc, match.MAC(macs[0])), one(match.EthDst, match.MAC(macs[1])),
		one(match.Src, match.IP(netip.MustParsePrefix("10.0.0.1/32"))), one(match.Dst, match.IP(netip.MustParsePrefix("10.0.0.2/32"))),
		one(match.SrcPort, match.Key(4000)), one(match.DstPort, match.Key(80))}}})
	if there, back, swapped := k.First(l, request, 0), k.First(l, reply, 0), k.FirstSwapped(l, reply); there != 0 || back != -1 || swapped != 0 {
		t.Errorf("request %d, reply %d, reply swapped %d", there, back, swapped)
	}
	icmp := matchtest.Packet{Frame: iomtest.Frame(t, iomtest.Eth(macs[0][:], macs[1][:], layers.EthernetTypeIPv4),
		iomtest.IP(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: 8 << 8})}
	l = put(t, k, 2, []match.Rule{{Terms: []match.Term{one(match.SrcPort, match.Key(8)), one(match.DstPort, match.Key(0))}}})
	if got := k.FirstSwapped(l, icmp); got != 0 {
		t.Errorf("ICMP swapped: %d, want type and code as they were", got)
	}
}

// TestLost: a packet that meets the end of a version gets no answer, rather than a wrong one.
func TestLost(t *testing.T) {
	k := matchtest.Load(t)
	for _, n := range []int{1, 1000} {
		rules := make([]match.Rule, n)
		rules[n-1] = match.Rule{Terms: []match.Term{one(match.Src, match.IP(netip.MustParsePrefix("10.0.0.0/8")))},
			Checks: []match.Check{{Field: match.FieldTTL, Mask: match.Ones(8), Low: match.Ones(6), High: match.Ones(8)}}}
		for i := range n - 1 {
			rules[i].Terms = []match.Term{one(match.InPort, match.Key(9))}
		}
		p := tcp(t, "10.0.0.1", "10.0.0.2", 1, 2)
		for _, table := range []string{"iom_match_chunks", "iom_match_classes", "iom_match_checks", "iom_match_rules", "iom_match_lists"} {
			l := put(t, k, 1, rules)
			if got := k.First(l, p, 0); got != n-1 {
				t.Fatalf("%d rules: %d", n, got)
			}
			tables := &iom.Tables{}
			if _, _, err := match.Put(tables, l.DP, l.List, rules); err != nil {
				t.Fatal(err)
			}
			gone := slices.Collect(maps.Keys(tables.Rows[table]))
			if n == 1 && table == "iom_match_chunks" {
				if len(gone) > 0 {
					t.Errorf("a short list has chunks")
				}
				continue
			}
			k.Delete(table, gone...)
			if got := k.First(l, p, 0); got != -2 {
				t.Errorf("%d rules without %s: %d, want -2", n, table, got)
			}
		}
		if got := k.First(matchtest.List{DP: 1, Version: 1, List: 1}, p, 0); got != -2 {
			t.Errorf("unknown list: %d, want -2", got)
		}
	}
}

// TestManyRules: the first of 10,000 rules is found wherever it is, and so is that there is none.
func TestManyRules(t *testing.T) {
	const n = 10000
	k := matchtest.Load(t)
	l := put(t, k, 1, securityGroups(n, match.NewSet("@web", keys(1000)), match.NewSet("$clients", addresses(10000))))
	for dport, want := range map[uint16]int{1: 0, 64: 63, 65: 64, 512: 511, 513: 512, 5000: 4999, n: n - 1, n + 1: -1} {
		if got := k.First(l, tcp(t, "10.0.0.1", "10.0.0.2", 4000, dport), 0); got != want {
			t.Errorf("port %d: rule %d, want %d", dport, got, want)
		}
	}
	if got := k.First(l, tcp(t, "192.168.0.1", "10.0.0.2", 4000, n), 0); got != -1 {
		t.Errorf("an address that is in no set: rule %d", got)
	}
}

// TestSteps: a list that demands more checks than there are steps gives no answer.
func TestSteps(t *testing.T) {
	k := matchtest.Load(t)
	rules := make([]match.Rule, match.MaxRules)
	always := match.Check{Field: match.FieldTTL, Mask: match.Ones(8), High: match.Ones(8)}
	never := match.Check{Field: match.FieldTTL, Mask: match.Ones(8)}
	for i := range rules {
		rules[i].Checks = []match.Check{never, always, always}
	}
	l := put(t, k, 1, rules)
	if got := k.First(l, tcp(t, "10.0.0.1", "10.0.0.2", 1, 2), 0); got != -2 {
		t.Errorf("%d, want -2", got)
	}
	if got := k.First(l, tcp(t, "10.0.0.1", "10.0.0.2", 1, 2), 20000); got != -1 {
		t.Errorf("from rule 20000 on: %d, want -1", got)
	}
}

// TestInstancesAreApart: lists of other instances, with other numbers and of other versions are not seen.
func TestInstancesAreApart(t *testing.T) {
	k := matchtest.Load(t)
	p := tcp(t, "10.0.0.1", "10.0.0.2", 1, 2)
	here := put(t, k, 1, []match.Rule{{Terms: []match.Term{one(match.Src, match.IP(netip.MustParsePrefix("10.0.0.1/32")))}}})
	there := put(t, k, 2, []match.Rule{{Terms: []match.Term{one(match.Src, match.IP(netip.MustParsePrefix("10.0.0.9/32")))}}})
	if a, b := k.First(here, p, 0), k.First(there, p, 0); a != 0 || b != -1 {
		t.Errorf("%d and %d, want 0 and -1", a, b)
	}
}
