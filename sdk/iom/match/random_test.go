package match_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
	"woven.dev/woven/sdk/iomtest"
)

// random makes rules and packets of few values, so that they meet: prefixes that contain each other, in sets that overlap.
type random struct {
	*rand.Rand
	t    testing.TB
	sets [match.DstPort + 1][]*match.Set
}

func newRandom(t testing.TB, seed uint64) *random {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 4)), t: t}
	for d := range r.sets {
		for i := range 5 {
			name := ""
			if i < 3 {
				name = fmt.Sprintf("set%d-%d", d, i)
			}
			r.sets[d] = append(r.sets[d], r.set(match.Dim(d), name))
		}
	}
	return r
}

func pick[T any](r *random, from []T) T { return from[r.IntN(len(from))] }

var (
	addrs = []string{"10.0.0.1", "10.0.0.2", "10.0.0.255", "10.0.1.0", "10.255.255.255", "192.168.0.1", "0.0.0.0", "255.255.255.255",
		"fd00::1", "fd00::2", "fd00:0:0:1::1", "fe80::1", "::", "::ffff:10.0.0.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}
	macs = [][6]byte{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {0x33, 0x33, 0, 0, 0, 1}, {255, 255, 255, 255, 255, 255}, {}}
	nums = []uint16{0, 1, 3, 8, 80, 128, 135, 136, 1023, 1024, 8080, 65535}
	lens = []int{0, 8, 9, 16, 24, 31, 32, 64, 96, 104, 120, 127, 128}
)

func (r *random) prefix(d match.Dim) match.Prefix {
	switch d {
	case match.InPort, match.OutPort:
		return match.Key(uint16(1 + r.IntN(6)))
	case match.Src, match.Dst:
		a := netip.MustParseAddr(pick(r, addrs))
		return match.IP(netip.PrefixFrom(a, min(pick(r, lens), a.BitLen())))
	case match.EthSrc, match.EthDst:
		return match.MAC(pick(r, macs))
	case match.Proto:
		t := pick(r, []uint16{0x0800, 0x0806, 0x86dd, 0x8035, 0x88cc})
		if r.IntN(2) == 0 {
			return match.Ethertype(t)
		}
		return match.IPProto(t, pick(r, []uint8{0, 1, 2, 6, 17, 58, 132}))
	}
	low := pick(r, nums)
	return pick(r, match.Between(d, match.Uint128{Lo: uint64(low)}, match.Uint128{Lo: uint64(low) + uint64(r.IntN(65536-int(low)))}))
}

func (r *random) set(d match.Dim, name string) *match.Set {
	prefixes := make([]match.Prefix, r.IntN(6))
	for i := range prefixes {
		prefixes[i] = r.prefix(d)
	}
	return match.NewSet(name, prefixes)
}

var fields = []match.Field{match.FieldSrc, match.FieldDst, match.FieldEthSrc, match.FieldEthDst, match.FieldEthType, match.FieldSrcPort, match.FieldDstPort,
	match.FieldCTState, match.FieldCTMark, match.FieldCTLabel, match.FieldMark, match.FieldVLAN, match.FieldTTL, match.FieldTOS, match.FieldFrag,
	match.FieldFlowLabel, match.FieldARPSha, match.FieldARPTha, match.FieldTCPFlags, match.FieldNDTarget, match.FieldNDSLL, match.FieldNDTLL}

// check compares a few bits, so that it holds now and then.
func (r *random) check() match.Check {
	f := pick(r, fields)
	most := match.Ones(f.Bits())
	bit := match.Uint128{Lo: 1}.ShiftLeft(r.IntN(f.Bits()))
	switch r.IntN(4) {
	case 0:
		return match.Check{Field: f, Mask: bit, Low: bit, High: bit, Not: r.IntN(2) == 0}
	case 1:
		return match.Check{Field: f, Mask: most, Low: bit, High: most, Not: r.IntN(2) == 0}
	case 2:
		return match.Check{Field: f, Mask: most, High: bit, Not: r.IntN(2) == 0}
	}
	return match.Check{Field: f, Mask: most, Not: r.IntN(2) == 0}
}

func (r *random) rule() match.Rule {
	rule := match.Rule{Value: r.Uint32()}
	for range r.IntN(5) {
		term := match.Term{Dim: match.Dim(r.IntN(len(r.sets))), Not: r.IntN(4) == 0}
		for range 1 + r.IntN(2) {
			term.Sets = append(term.Sets, pick(r, r.sets[term.Dim]))
		}
		rule.Terms = append(rule.Terms, term)
	}
	for r.IntN(3) == 0 && len(rule.Checks) < 5 {
		rule.Checks = append(rule.Checks, r.check())
	}
	return rule
}

// rules: some never match, so that lists are walked to their end.
func (r *random) rules(n int) []match.Rule {
	rules := make([]match.Rule, n)
	for i := range rules {
		rules[i] = r.rule()
		if len(rules[i].Terms) < 2 && len(rules[i].Checks) == 0 || n > 20 && r.IntN(10) > 0 {
			rules[i].Terms = append(rules[i].Terms, match.Term{Dim: match.InPort, Sets: []*match.Set{match.NewSet("", []match.Prefix{match.Key(77)})}})
		}
	}
	return rules
}

func (r *random) packet() matchtest.Packet {
	p := matchtest.Packet{Frame: r.frame(), In: uint16(r.IntN(7)), Out: uint16(r.IntN(7)), CTState: r.word(), CTMark: r.word(), Mark: r.word(),
		CTLabel: match.Uint128{Hi: uint64(r.word()), Lo: uint64(r.word()) << 32}}
	if r.IntN(3) == 0 {
		p.VLAN = 0x1000 | uint16(r.word())
	}
	return p
}

func (r *random) word() uint32 { return pick(r, []uint32{0, 1, 1 << 31, 0xffffffff, 0x21}) }

// frame is IP, ARP or something else; often with less than a whole header.
func (r *random) frame() []byte {
	src, dst := pick(r, macs), pick(r, macs)
	eth := &layers.Ethernet{SrcMAC: src[:], DstMAC: dst[:]}
	var frame []byte
	switch a, b := netip.MustParseAddr(pick(r, addrs)), netip.MustParseAddr(pick(r, addrs)); {
	case r.IntN(6) == 0:
		eth.EthernetType = pick(r, []layers.EthernetType{0x88cc, 0x8035, 0x0806})
		frame = iomtest.Frame(r.t, eth, gopacket.Payload(r.arp()))
	case a.Is4() && b.Is4():
		eth.EthernetType = layers.EthernetTypeIPv4
		frame = iomtest.Frame(r.t, eth, gopacket.Payload(r.ip4(a, b)))
	default:
		eth.EthernetType = layers.EthernetTypeIPv6
		frame = iomtest.Frame(r.t, eth, gopacket.Payload(r.ip6(a.As16(), b.As16())))
	}
	return frame
}

func (r *random) arp() []byte {
	a := []byte{0, 1, 8, 0, 6, 4, byte(r.IntN(8) / 7), byte(r.IntN(3))}
	sha, tha := pick(r, macs), pick(r, macs)
	a = append(append(a, sha[:]...), 10, 0, 0, byte(r.IntN(3)))
	a = append(append(a, tha[:]...), 10, 0, 0, byte(r.IntN(3)))
	if r.IntN(4) == 0 {
		a[r.IntN(6)]++
	}
	return a[:len(a)-r.IntN(2)]
}

// transport is a header of a protocol, in one of four cases cut off.
func (r *random) transport(proto byte) []byte {
	h := make([]byte, 24, 64)
	binary.BigEndian.PutUint16(h, pick(r, nums))
	binary.BigEndian.PutUint16(h[2:], pick(r, nums))
	binary.BigEndian.PutUint16(h[12:], uint16(5<<12|r.IntN(0x200)))
	if proto == 58 {
		h[0], h[1] = pick(r, []byte{135, 136, 128}), 0
		a := netip.MustParseAddr(pick(r, addrs)).As16()
		copy(h[8:], a[:])
		for range r.IntN(4) {
			mac := pick(r, macs)
			h = append(append(h, byte(1+r.IntN(3)), 1), mac[:]...)
		}
	}
	if r.IntN(4) == 0 {
		h = h[:r.IntN(len(h))]
	}
	return h
}

func (r *random) ip4(src, dst netip.Addr) []byte {
	proto := pick(r, []byte{1, 2, 6, 17, 132})
	options := make([]byte, 4*r.IntN(2))
	body := append(options, r.transport(proto)...)
	h := []byte{byte(0x45 + len(options)/4), byte(r.IntN(256))}
	h = binary.BigEndian.AppendUint16(h, uint16(20+len(body)))
	h = append(h, 0, 0)
	h = binary.BigEndian.AppendUint16(h, pick(r, []uint16{0, 0, 0x4000, 0x2000, 0x2001, 7}))
	h = append(h, pick(r, []byte{0, 1, 64, 255}), proto, 0, 0)
	h = append(append(h, src.AsSlice()...), dst.AsSlice()...)
	return append(h, body...)
}

func (r *random) ip6(src, dst [16]byte) []byte {
	proto := pick(r, []byte{2, 6, 17, 58, 132})
	body := r.transport(proto)
	for range r.IntN(5) {
		extension := pick(r, []byte{0, 43, 44, 51, 60})
		header := []byte{proto, 0, 0, 0, 0, 0, 0, 0}
		switch extension {
		case 44:
			binary.BigEndian.PutUint16(header[2:], pick(r, []uint16{0, 1, 8, 9}))
		case 51:
			header[1] = 1
			header = append(header, 0, 0, 0, 0)
		}
		proto, body = extension, append(header, body...)
	}
	h := binary.BigEndian.AppendUint32(nil, 6<<28|uint32(r.IntN(256))<<20|uint32(r.IntN(1<<20)))
	h = binary.BigEndian.AppendUint16(h, uint16(len(body)))
	h = append(h, proto, pick(r, []byte{0, 1, 64, 255}))
	return append(append(append(h, src[:]...), dst[:]...), body...)
}

// TestRandom compares the program with the meaning of rules.
func TestRandom(t *testing.T) {
	k := matchtest.Load(t)
	answers := map[bool]int{}
	for i := range 150 {
		r := newRandom(t, uint64(i))
		n := pick(r, []int{0, 1, 5, 20, 511, 512, 513, 2000})
		rules := r.rules(n)
		l := put(t, k, uint32(i+1), rules)
		for range 40 {
			p := r.packet()
			from := r.IntN(3) * r.IntN(n+1)
			want := matchtest.First(rules, p, from)
			if got := k.First(l, p, from); got != want {
				t.Fatalf("seed %d: of %d rules from %d on the first is %d, want %d\n%+v", i, n, from, got, want, p)
			}
			answers[want >= 0]++
		}
	}
	t.Logf("matched: %v", answers)
	if answers[true] < 1000 || answers[false] < 1000 {
		t.Errorf("matched: %v: the test tests little", answers)
	}
}

// put writes a list and names it.
func put(t testing.TB, k *matchtest.Kernel, dp uint32, rules []match.Rule) matchtest.List {
	t.Helper()
	tables := &iom.Tables{}
	version, generation, err := match.Put(tables, dp, 7, rules)
	if err != nil || version == 0 || generation == 0 {
		t.Fatalf("put: version %d, generation %d, %v", version, generation, err)
	}
	k.Write(tables)
	return matchtest.List{DP: dp, Version: version, List: 7}
}
