package match_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
)

// ip6Frame is a packet with extension headers before what follows; each begins with the number of the next one.
func ip6Frame(first byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	h := append(make([]byte, 12), 0x86, 0xdd, 0x60, 0, 0, 0)
	h = binary.BigEndian.AppendUint16(h, uint16(len(body)))
	return slices.Concat(h, []byte{first, 64}, make([]byte, 32), body)
}

// ip4Frame is a TCP packet from port 7 to 9, with SYN set.
func ip4Frame(frag uint16, length int) []byte {
	h := append(make([]byte, 12), 8, 0, 0x45, 0, 0, byte(20+length), 0, 0)
	h = binary.BigEndian.AppendUint16(h, frag)
	h = append(h, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
	return append(h, tcpHeader[:length]...)
}

var tcpHeader = []byte{0, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0}

// TestFields: what packets have, and that they have 0 where they have nothing.
func TestFields(t *testing.T) {
	k := matchtest.Load(t)
	hop, fragment, later := []byte{44, 0, 0, 0, 0, 0, 0, 0}, []byte{6, 0, 0, 1, 0, 0, 0, 0}, []byte{6, 0, 0, 8, 0, 0, 0, 0}
	auth := []byte{60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	mac := []byte{2, 0, 0, 0, 0, 7}
	solicitation := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 16)...)
	nonce, source := []byte{14, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, append([]byte{1, 1}, mac...)
	for i, tt := range []struct {
		name  string
		frame []byte
		field match.Field
		want  uint64
	}{
		{"port", ip4Frame(0, 20), match.FieldDstPort, 9},
		{"flags", ip4Frame(0, 20), match.FieldTCPFlags, 0x5002},
		{"port of a first fragment", ip4Frame(0x2000, 20), match.FieldDstPort, 9},
		{"port of a later fragment", ip4Frame(0x2001, 20), match.FieldDstPort, 0},
		{"flags of a later fragment", ip4Frame(1, 20), match.FieldTCPFlags, 0},
		{"port of a packet that is too short", ip4Frame(0, 3), match.FieldDstPort, 0},
		{"flags of a packet that ends before them", ip4Frame(0, 13), match.FieldTCPFlags, 0},
		{"no fragment", ip4Frame(0x4000, 20), match.FieldFrag, 0},
		{"first fragment", ip4Frame(0x2000, 20), match.FieldFrag, 1},
		{"last fragment", ip4Frame(5, 20), match.FieldFrag, 3},
		{"no fragment of IPv6", ip6Frame(6, tcpHeader), match.FieldFrag, 0},
		{"first fragment of IPv6", ip6Frame(44, fragment, tcpHeader), match.FieldFrag, 1},
		{"first fragment behind other headers", ip6Frame(0, hop, fragment, tcpHeader), match.FieldFrag, 1},
		{"first fragment behind authentication", ip6Frame(51, auth, hop, fragment, tcpHeader), match.FieldFrag, 1},
		{"port behind other headers", ip6Frame(51, auth, hop, fragment, tcpHeader), match.FieldDstPort, 9},
		{"later fragment of IPv6", ip6Frame(0, hop, later, tcpHeader), match.FieldFrag, 3},
		{"port of a later fragment of IPv6", ip6Frame(44, later, tcpHeader), match.FieldDstPort, 0},
		{"hop limit", ip6Frame(6, tcpHeader), match.FieldTTL, 64},
		{"TTL of ARP", append(make([]byte, 12), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 255, 255, 255), match.FieldTTL, 0},
		{"link-layer address", ip6Frame(58, solicitation, source), match.FieldNDSLL, 0x020000000007},
		{"link-layer address after another option", ip6Frame(58, solicitation, nonce, source), match.FieldNDSLL, 0x020000000007},
		{"link-layer address of the target", ip6Frame(58, solicitation, source), match.FieldNDTLL, 0},
		{"option that ends with the packet", ip6Frame(58, solicitation, source[:6]), match.FieldNDSLL, 0},
		{"option of no length", ip6Frame(58, solicitation, make([]byte, 8), source), match.FieldNDSLL, 0},
		{"source of what has no addresses", append(make([]byte, 12), 0x88, 0xcc, 1), match.FieldSrc, 0},
	} {
		v := match.Uint128{Lo: tt.want}
		rules := []match.Rule{{Checks: []match.Check{{Field: tt.field, Mask: match.Ones(tt.field.Bits()), Low: v, High: v}}}}
		p := matchtest.Packet{Frame: tt.frame}
		if got := k.First(put(t, k, uint32(i+1), rules), p, 0); got != 0 {
			t.Errorf("%s: not %#x", tt.name, tt.want)
		}
		if got := matchtest.First(rules, p, 0); got != 0 {
			t.Errorf("%s: not %#x in the meaning of rules", tt.name, tt.want)
		}
	}
}

// TestStaleAddresses: a packet without addresses is in no set of addresses, whatever the one before it on this CPU had.
func TestStaleAddresses(t *testing.T) {
	k := matchtest.Load(t)
	rules := []match.Rule{{Terms: []match.Term{one(match.Src, match.Prefix{})}}}
	l := put(t, k, 1, rules)
	for range 100 {
		if got := k.First(l, tcp(t, "10.0.0.1", "10.0.0.2", 1, 2), 0); got != 0 {
			t.Fatalf("IP: %d", got)
		}
		if got := k.First(l, matchtest.Packet{Frame: append(make([]byte, 12), 0x88, 0xcc, 1)}, 0); got != -1 {
			t.Fatalf("no IP: %d", got)
		}
	}
}
