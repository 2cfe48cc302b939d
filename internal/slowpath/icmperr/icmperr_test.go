package icmperr_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/internal/slowpath/icmperr"
)

const (
	macHost   = "02:00:00:00:00:05"
	macRouter = "0a:00:00:00:00:01"
	macGroup  = "01:00:5e:00:00:05"
	back      = "0a:00:00:00:00:01 > 02:00:00:00:00:05 "
)

var router4, router6 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")

// udp is a frame of n bytes of payload between hosts of either family.
func udp(t testing.TB, v4 bool, n int) []byte {
	t.Helper()
	if v4 {
		return frametest.UDP(t, macHost, macRouter, "10.0.0.5", "10.0.1.5", 40000, 4000, bytes.Repeat([]byte{7}, n))
	}
	return frametest.UDP(t, macHost, macRouter, "fd00::5", "fd01::5", 40000, 4000, bytes.Repeat([]byte{7}, n))
}

// ip is a frame with any payload.
func ip(t testing.TB, dstMAC, src, dst string, protocol layers.IPProtocol, b ...byte) []byte {
	t.Helper()
	return frametest.Build(t, append(frametest.IP(t, macHost, dstMAC, src, dst, protocol), gopacket.Payload(b))...)
}

// edited is a copy of b with bytes replaced from place at on.
func edited(b []byte, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

func TestKinds(t *testing.T) {
	const head4, head6 = back + "10.0.0.1 > 10.0.0.5 ttl 255 icmp ", back + "fd00::1 > fd00::5 ttl 255 icmp6 "
	for _, test := range []struct {
		kind         icmperr.Kind
		name         string
		want4, want6 string
	}{
		{icmperr.TimeExceeded, "time exceeded", "11/0", "3/0"},
		{icmperr.NetUnreachable, "network unreachable", "3/0", "1/0"},
		{icmperr.HostUnreachable, "host unreachable", "3/1", "1/3"},
		{icmperr.ProtocolUnreachable, "protocol unreachable", "3/2", "1/3"},
		{icmperr.PortUnreachable, "port unreachable", "3/3", "1/4"},
		{icmperr.AdminProhibited, "administratively prohibited", "3/13", "1/1"},
		{icmperr.TooBig, "packet too big", "3/4", "2/0"},
	} {
		reply, why := icmperr.Error(udp(t, true, 9), test.kind, router4, 1400)
		if got := frametest.Text(t, reply); got != head4+test.want4 || why != test.name {
			t.Errorf("got %s (%s), want %s (%s)", got, why, head4+test.want4, test.name)
		}
		reply, _ = icmperr.Error(udp(t, false, 9), test.kind, router6, 1400)
		if got := frametest.Text(t, reply); got != head6+test.want6 {
			t.Errorf("got %s, want %s", got, head6+test.want6)
		}
	}
}

// The error quotes the packet from its IP header on, without padding, and as much as may be.
func TestQuote(t *testing.T) {
	for _, test := range []struct {
		name   string
		v4     bool
		n      int // bytes of UDP payload
		length int // of the error's IP packet
	}{
		{"short", true, 9, 20 + 8 + 37}, {"long", true, 1400, 576}, {"just", true, 520, 576},
		{"short", false, 9, 40 + 8 + 57}, {"long", false, 1400, 1280}, {"just", false, 1184, 1280},
	} {
		from := router6
		if test.v4 {
			from = router4
		}
		original := udp(t, test.v4, test.n)
		reply, why := icmperr.Error(append(bytes.Clone(original), 0, 0, 0), icmperr.TimeExceeded, from, 0)
		if len(reply) != 14+test.length {
			t.Errorf("%s %v: %d bytes: %s", test.name, test.v4, len(reply)-14, why)
			continue
		}
		header := 40
		if test.v4 {
			header = 20
		}
		if quoted := reply[14+header+8:]; !bytes.HasPrefix(original[14:], quoted) {
			t.Errorf("%s %v: quotes % x", test.name, test.v4, quoted)
		}
		frametest.Decode(t, reply) // checks the checksums
	}
}

func TestMTU(t *testing.T) {
	four, _ := icmperr.Error(udp(t, true, 9), icmperr.TooBig, router4, 1400)
	six, _ := icmperr.Error(udp(t, false, 9), icmperr.TooBig, router6, 1400)
	if got4, got6 := binary.BigEndian.Uint32(four[38:]), binary.BigEndian.Uint32(six[58:]); got4 != 1400 || got6 != 1400 {
		t.Errorf("MTU is %d and %d, want 1400", got4, got6)
	}
	if four, _ = icmperr.Error(udp(t, true, 9), icmperr.TooBig, router4, 1<<20); binary.BigEndian.Uint32(four[38:]) != 0xffff {
		t.Errorf("MTU is % x", four[38:42])
	}
}

// Checksums of punted packets may be unfinished, and packets be there in part: neither matters.
func TestUnfinished(t *testing.T) {
	whole := udp(t, true, 100)
	for name, b := range map[string][]byte{"checksum": edited(whole, 40, 0xde, 0xad), "cut": whole[:60]} {
		reply, why := icmperr.Error(b, icmperr.TimeExceeded, router4, 0)
		if reply == nil {
			t.Errorf("%s: %s", name, why)
			continue
		}
		frametest.Decode(t, reply)
	}
}

// Some packets are never answered.
func TestSilence(t *testing.T) {
	four, six := udp(t, true, 9), udp(t, false, 9)
	const group, nobody, itself, short = "packet is for several", "packet comes from no single host", "packet is itself an error", "packet is cut"
	echo := func(kind byte) []byte { return ip(t, macRouter, "10.0.0.5", "10.0.1.5", 1, kind, 0, 0, 0, 0, 0, 0, 0) }
	echo6 := func(kind byte) []byte { return ip(t, macRouter, "fd00::5", "fd01::5", 58, kind, 0, 0, 0, 0, 0, 0, 0) }
	for _, test := range []struct {
		name string
		b    []byte
		want string // "": is answered
	}{
		{"IPv4", four, ""},
		{"IPv6", six, ""},
		{"to a MAC group", edited(four, 0, 1), group},
		{"to a MAC group, IPv6", edited(six, 0, 0x33), group},
		{"to a group", ip(t, macRouter, "10.0.0.5", "224.0.0.9", 17, make([]byte, 8)...), group},
		{"to all", ip(t, macRouter, "10.0.0.5", "255.255.255.255", 17, make([]byte, 8)...), group},
		{"to an IPv6 group", ip(t, macRouter, "fd00::5", "ff02::9", 17, make([]byte, 8)...), group},
		{"from a MAC group", edited(four, 6, 1), nobody},
		{"from no address", ip(t, macRouter, "0.0.0.0", "10.0.1.5", 17, make([]byte, 8)...), nobody},
		{"from this network", ip(t, macRouter, "0.1.2.3", "10.0.1.5", 17, make([]byte, 8)...), nobody},
		{"from itself", ip(t, macRouter, "127.0.0.1", "10.0.1.5", 17, make([]byte, 8)...), nobody},
		{"from a group", ip(t, macRouter, "224.0.0.1", "10.0.1.5", 17, make([]byte, 8)...), nobody},
		{"from all", ip(t, macRouter, "255.255.255.255", "10.0.1.5", 17, make([]byte, 8)...), nobody},
		{"from no IPv6 address", ip(t, macRouter, "::", "fd01::5", 17, make([]byte, 8)...), nobody},
		{"from an IPv6 group", ip(t, macRouter, "ff02::5", "fd01::5", 17, make([]byte, 8)...), nobody},
		{"later fragment", edited(four, 20, 0, 1), "packet is a later fragment"},
		{"first fragment", edited(four, 20, 0x20, 0), ""},
		{"later IPv6 fragment", ip(t, macRouter, "fd00::5", "fd01::5", 44, 17, 0, 0, 8, 0, 0, 0, 0, 1), "packet is a later fragment"},
		{"echo request", echo(8), ""},
		{"echo reply", echo(0), ""},
		{"unreachable", echo(3), itself},
		{"redirect", echo(5), itself},
		{"time exceeded", echo(11), itself},
		{"parameter problem", echo(12), itself},
		{"unknown ICMP", echo(77), itself},
		{"ICMPv6 echo request", echo6(128), ""},
		{"ICMPv6 unreachable", echo6(1), itself},
		{"ICMPv6 unknown error", echo6(100), itself},
		{"ICMPv6 redirect", echo6(137), itself},
		{"empty ICMP", ip(t, macRouter, "10.0.0.5", "10.0.1.5", 1), short},
		{"short packet", ip(t, macRouter, "10.0.0.5", "10.0.1.5", 200, 1, 2), ""},
		{"transport header cut", four[:40], short},
		{"cut", four[:30], short},
		{"no IP", edited(four, 12, 8, 6), "read ethertype 0x0806: packet is no IP"},
	} {
		from := router4
		if test.b[12] == 0x86 {
			from = router6
		}
		reply, why := icmperr.Error(test.b, icmperr.HostUnreachable, from, 0)
		if want := test.want; (reply != nil) != (want == "") || want != "" && why != want {
			t.Errorf("%s: answered %v, %q, want %q", test.name, reply != nil, why, want)
		}
	}
	if reply, why := icmperr.Error(ip(t, "33:33:00:00:00:09", "fd00::5", "ff02::9", 17, make([]byte, 8)...), icmperr.TooBig, router6, 1280); reply == nil {
		t.Errorf("IPv6 multicast that is too big: %s", why)
	}
	if reply, why := icmperr.Error(four, icmperr.HostUnreachable, router6, 0); reply != nil || why != "no address to send it from: fd00::1" {
		t.Errorf("address of the other family: %q", why)
	}
	if reply, _ := icmperr.Error(six, icmperr.HostUnreachable, netip.Addr{}, 0); reply != nil {
		t.Error("no address: answered")
	}
}

// tcp is a segment with n bytes of payload.
func tcp(t testing.TB, v4 bool, n int, segment layers.TCP) []byte {
	t.Helper()
	segment.SrcPort, segment.DstPort, segment.Seq, segment.Ack = 40000, 80, 1000, 2000
	list := frametest.IP(t, macHost, macRouter, "fd00::5", "fd01::5", layers.IPProtocolTCP)
	if v4 {
		list = frametest.IP(t, macHost, macRouter, "10.0.0.5", "10.0.1.5", layers.IPProtocolTCP)
	}
	return frametest.Build(t, append(list, &segment, gopacket.Payload(make([]byte, n)))...)
}

// Resets are in answer to each case of RFC 9293 section 3.10.7.1.
func TestReset(t *testing.T) {
	options := []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}
	for _, test := range []struct {
		name    string
		n       int
		segment layers.TCP
		want    string
	}{
		{"SYN", 0, layers.TCP{SYN: true, Options: options}, "seq 0 ack 1001 RA"},
		{"SYN with data", 10, layers.TCP{SYN: true}, "seq 0 ack 1011 RA"},
		{"SYN FIN", 0, layers.TCP{SYN: true, FIN: true}, "seq 0 ack 1002 RA"},
		{"no ACK", 5, layers.TCP{}, "seq 0 ack 1005 RA"},
		{"ACK", 0, layers.TCP{ACK: true}, "seq 2000 ack 0 R"},
		{"data", 10, layers.TCP{ACK: true, PSH: true}, "seq 2000 ack 0 R"},
		{"SYN ACK", 0, layers.TCP{SYN: true, ACK: true}, "seq 2000 ack 0 R"},
		{"FIN ACK", 0, layers.TCP{FIN: true, ACK: true}, "seq 2000 ack 0 R"},
	} {
		for v4, head := range map[bool]string{true: "10.0.1.5 > 10.0.0.5", false: "fd01::5 > fd00::5"} {
			b := tcp(t, v4, test.n, test.segment)
			want := back + head + " ttl 255 tcp 80 > 40000 " + test.want
			for name, reply := range map[string][]byte{"Reject": first(icmperr.Reject(b)), "Reset": first(icmperr.Reset(b))} {
				if got := frametest.Text(t, reply); got != want {
					t.Errorf("%s of %s:\n got %s\nwant %s", name, test.name, got, want)
				}
			}
		}
	}
	// The length that counts is what the packet says, not what is there of it.
	if got, want := frametest.Text(t, first(icmperr.Reset(tcp(t, true, 1000, layers.TCP{SYN: true})[:60]))),
		back+"10.0.1.5 > 10.0.0.5 ttl 255 tcp 80 > 40000 seq 0 ack 2001 RA"; got != want {
		t.Errorf("cut:\n got %s\nwant %s", got, want)
	}
}

func first(b []byte, _ string) []byte { return b }

func TestNoReset(t *testing.T) {
	syn := tcp(t, true, 0, layers.TCP{SYN: true})
	for _, test := range []struct {
		name string
		b    []byte
		want string
	}{
		{"RST", tcp(t, true, 0, layers.TCP{RST: true}), "packet is itself an error"},
		{"header too small", edited(syn, 46, 0x40), "packet is cut"},
		{"header longer than packet", edited(syn, 46, 0xf0), "packet is cut"},
		{"header cut", syn[:50], "packet is cut"},
		{"to all", edited(syn, 0, 0xff), "packet is for several"},
		{"later fragment", edited(syn, 20, 0, 9), "packet is a later fragment"},
		{"UDP", udp(t, true, 9), "packet has no connection"},
	} {
		if reply, why := icmperr.Reset(test.b); reply != nil || why != test.want {
			t.Errorf("%s: %q, want %q", test.name, why, test.want)
		}
	}
}

// What is no connection is rejected by ICMP.
func TestReject(t *testing.T) {
	for _, test := range []struct {
		name string
		b    []byte
		want string
	}{
		{"UDP", udp(t, true, 9), "10.0.1.5 > 10.0.0.5 ttl 255 icmp 3/3"},
		{"UDP over IPv6", udp(t, false, 9), "fd01::5 > fd00::5 ttl 255 icmp6 1/4"},
		{"echo request", ip(t, macRouter, "10.0.0.5", "10.0.1.5", 1, 8, 0, 0, 0, 0, 0, 0, 0), "10.0.1.5 > 10.0.0.5 ttl 255 icmp 3/1"},
		{"GRE over IPv6", ip(t, macRouter, "fd00::5", "fd01::5", 47, make([]byte, 8)...), "fd01::5 > fd00::5 ttl 255 icmp6 1/1"},
	} {
		if got := frametest.Text(t, first(icmperr.Reject(test.b))); got != back+test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, back+test.want)
		}
	}
	if reply, why := icmperr.Reject(ip(t, macGroup, "10.0.0.5", "224.0.0.5", 17, make([]byte, 8)...)); reply != nil || why != "packet is for several" {
		t.Errorf("multicast: %q", why)
	}
}

// sctp is a packet with one chunk and the tag 0x01020304, or 0.
func sctp(t testing.TB, tag byte, chunk ...byte) []byte {
	t.Helper()
	head := []byte{0x9c, 0x40, 0x0b, 0x59, tag, 2 * tag, 3 * tag, 4 * tag, 0xff, 0xff, 0xff, 0xff}
	return ip(t, macRouter, "10.0.0.5", "10.0.1.5", 132, append(head, chunk...)...)
}

// Aborts are in answer to each case of RFC 9260 section 8.4.
func TestAbort(t *testing.T) {
	start := make([]byte, 20)
	start[0], start[3] = 1, 20
	copy(start[4:], []byte{9, 8, 7, 6})
	for _, test := range []struct {
		name string
		b    []byte
		want []byte // of the common header without checksum and of the chunk; nil: none
		why  string
	}{
		{"INIT", sctp(t, 0, start...), []byte{0x0b, 0x59, 0x9c, 0x40, 9, 8, 7, 6, 6, 0, 0, 4}, "connection reset"},
		{"DATA", sctp(t, 1, 0, 3, 0, 16, 0, 0, 0, 0), []byte{0x0b, 0x59, 0x9c, 0x40, 1, 2, 3, 4, 6, 1, 0, 4}, "connection reset"},
		{"INIT with a tag", sctp(t, 1, start...), nil, "SCTP INIT with a tag"},
		{"INIT cut", sctp(t, 0, start[:19]...), nil, "packet is cut"},
		{"ABORT", sctp(t, 1, 6, 0, 0, 4), nil, "packet is itself an error"},
		{"SHUTDOWN COMPLETE", sctp(t, 1, 14, 0, 0, 4), nil, "packet is itself an error"},
		{"no chunk", sctp(t, 1), nil, "packet is cut"},
	} {
		reply, why := icmperr.Reject(test.b)
		if why != test.why || (reply != nil) != (test.want != nil) {
			t.Errorf("%s: %q, want %q", test.name, why, test.why)
			continue
		}
		if reply == nil {
			continue
		}
		b := bytes.Clone(frametest.Decode(t, reply).NetworkLayer().LayerPayload())
		sum := binary.LittleEndian.Uint32(b[8:])
		copy(b[8:], []byte{0, 0, 0, 0})
		if want := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)); sum != want {
			t.Errorf("%s: checksum %#x, want %#x", test.name, sum, want)
		}
		if got := append(b[:8:8], b[12:]...); !bytes.Equal(got, test.want) {
			t.Errorf("%s: % x, want % x", test.name, got, test.want)
		}
	}
}

func FuzzReject(f *testing.F) {
	f.Add(udp(f, true, 9))
	f.Add(udp(f, false, 1300))
	f.Add(tcp(f, true, 5, layers.TCP{SYN: true}))
	f.Add(tcp(f, false, 5, layers.TCP{ACK: true}))
	f.Add(sctp(f, 1, 0, 3, 0, 16, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		replies := [][]byte{first(icmperr.Reject(b)), first(icmperr.Reset(b)), first(icmperr.Error(b, icmperr.TooBig, router4, 1400)), first(icmperr.Error(b, icmperr.TimeExceeded, router6, 0))}
		for _, reply := range replies {
			if reply == nil {
				continue
			}
			frametest.Decode(t, reply)
			if again, _ := icmperr.Reject(reply); again != nil {
				t.Errorf("an error is answered by an error: % x", again)
			}
		}
	})
}
