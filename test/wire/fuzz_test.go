package wire

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iomtest"
)

// seeds are good frames of all kinds that the programs look into.
func seeds(t *testing.T) [][]byte {
	v6a, v6b := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	ip4 := iomtest.IP(ip1, ip2, layers.IPProtocolTCP).(*layers.IPv4)
	ip4.Options = []layers.IPv4Option{{OptionType: 7, OptionLength: 7, OptionData: make([]byte, 5)}, {OptionType: 1}}
	ext := &layers.IPv6{Version: 6, HopLimit: 1, NextHeader: layers.IPProtocolIPv6HopByHop, SrcIP: v6a.AsSlice(), DstIP: v6b.AsSlice()}
	return [][]byte{
		frame(t, mac2), frame(t, mac3), frame(t, broadcast),
		iomtest.UDP(t, mac1, mac2, v6a, v6b, 1, 2),
		iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip2),
		iomtest.Solicit(t, mac1, broadcast, v6a, netip.MustParseAddr("ff02::1:ff00:2"), v6b, mac1),
		iomtest.Advertise(t, mac1, mac2, v6a, v6b, v6a, mac1),
		iomtest.Frame(t, iomtest.Eth(mac1, mac2, layers.EthernetTypeIPv4), ip4, &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true}),
		iomtest.Frame(t, iomtest.Eth(mac1, mac2, layers.EthernetTypeIPv6), ext, gopacket.Payload{43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0,
			17, 0, 0, 9, 0, 0, 0, 1, 0, 1, 0, 2, 0, 8, 0, 0}),
		iomtest.Frame(t, iomtest.Eth(mac1, mac2, layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeQinQ}, gopacket.Payload(make([]byte, 50))),
	}
}

// spoil changes, cuts and lengthens a frame.
func spoil(r *rand.Rand, good []byte) []byte {
	f := append([]byte{}, good...)
	for range 1 + r.IntN(4) {
		switch r.IntN(6) {
		case 0:
			f = f[:min(len(f), 14+r.IntN(len(f)))]
		case 1:
			f = append(f, make([]byte, r.IntN(40))...)
		default:
			i := r.IntN(len(f))
			f[i] = []byte{0, 0xff, byte(r.Uint32()), f[i] ^ 1<<r.IntN(8)}[r.IntN(4)]
		}
	}
	return f
}

// rounds is how many spoilt frames a test tries; the environment multiplies it, for soaks.
func rounds(t *testing.T, n int) int {
	if s := os.Getenv("WOVEN_FUZZ_FACTOR"); s != "" {
		factor, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("WOVEN_FUZZ_FACTOR: %v", err)
		}
		return n * factor
	}
	return n
}

// refused: the kernel's test-run takes no frame that ends within an IP header.
func refused(f []byte) bool {
	if len(f) < 14 {
		return true
	}
	switch proto := uint16(f[12])<<8 | uint16(f[13]); proto {
	case 0x0800:
		return len(f) < 34
	case 0x86dd:
		return len(f) < 54
	}
	return false
}

// Whatever a port sends, the programs end in a verdict with a name, and nothing reaches another tenant.
func TestSpoiltFrames(t *testing.T) {
	k := node(t)
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: vni + 1, Ports: []iomtest.Port{{Name: "other1", Key: 1}, {Name: "other2", Key: 2}},
		Config: &config.Config{FloodGroup: floodGroup, Ports: map[uint16]config.Port{1: {Enabled: true}, 2: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac2): 2, {0xfe}: 1}}})
	r := rand.New(rand.NewPCG(1, 2))
	good, passed := seeds(t), 0
	for i := range rounds(t, 20_000) {
		f := spoil(r, good[i%len(good)])
		if refused(f) {
			continue
		}
		text := k.Send("lp1", f).Text
		last := text[strings.LastIndexByte(text, '\n')+1:]
		if strings.Contains(text, "other") || strings.Contains(text, "vni "+strconv.Itoa(vni+1)) {
			t.Fatalf("frame %x reaches another tenant:\n%s", f, text)
		}
		if text == "" || strings.HasPrefix(last, "enter") || strings.HasPrefix(last, "rewrite") {
			t.Fatalf("frame %x ends without a verdict:\n%s", f, text)
		}
		if !strings.HasPrefix(last, "drop") {
			passed++
		}
	}
	if passed == 0 {
		t.Error("not one frame passed: the test tries nothing")
	}
}

// Whatever arrives on the underlay, it is the host's, dropped with a count, or delivered.
func TestSpoiltTunnelPackets(t *testing.T) {
	k := node(t)
	reasons, err := k.Spec().Drops("iom")
	if err != nil {
		t.Fatal(err)
	}
	module, err := k.Spec().Drops("l2switch")
	if err != nil {
		t.Fatal(err)
	}
	dropped := func() (n uint64) {
		for dp := range uint32(2) {
			for _, m := range reasons {
				n += k.Counter("iom", m.Name, dp, 0)
			}
			for _, m := range module {
				n += k.Counter("l2switch", m.Name, dp, 0)
			}
		}
		return n
	}
	good := [][]byte{geneve(t, peer, 1, frame(t, mac1), nil), geneve(t, peer6, 1, frame(t, mac1), nil), geneve(t, peer, 1, iomtest.ARP(t, 1, mac3, mac1, mac3, ip2, ip1), nil)}
	r, seen := rand.New(rand.NewPCG(3, 4)), map[uint32]int{}
	for i := range rounds(t, 5_000) {
		f := spoil(r, good[i%len(good)])
		if refused(f) {
			continue
		}
		before := dropped()
		verdict, _ := k.Run("underlay_in", lo, 0, f)
		counted := dropped() - before
		seen[verdict]++
		if (verdict == shot) != (counted == 1) || (verdict != shot && verdict != redirect && verdict != next) {
			t.Fatalf("packet %x: verdict %d, %d drops counted", f, int32(verdict), counted)
		}
	}
	for _, v := range []uint32{shot, redirect, next} {
		if seen[v] == 0 {
			t.Errorf("no packet had verdict %d: the test tries too little", int32(v))
		}
	}
}
