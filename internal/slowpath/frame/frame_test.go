package frame_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
)

const macA, macB = "02:00:00:00:00:0a", "02:00:00:00:00:0b"

// text is what was read of a packet.
func text(p frame.Packet) string {
	return fmt.Sprintf("%x > %x %s > %s ttl %d proto %d frag %v later %v length %d transport %d",
		p.SrcMAC, p.DstMAC, p.Src, p.Dst, p.HopLimit, p.Protocol, p.Fragment, p.Later, p.Length, len(p.Transport))
}

// with is an IPv6 frame with bytes behind its header, the first of which is of the given kind.
func with(t *testing.T, next layers.IPProtocol, b ...byte) []byte {
	return frametest.Build(t, append(frametest.IP(t, macA, macB, "fd00::1", "fd00::2", next), gopacket.Payload(b))...)
}

func udp4(t *testing.T) []byte {
	return frametest.UDP(t, macA, macB, "10.0.0.1", "10.0.0.2", 1000, 53, []byte("hello"))
}

// edited is a copy of b with bytes replaced from place at on.
func edited(b []byte, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

func TestWhole(t *testing.T) {
	v4, v6 := udp4(t), frametest.UDP(t, macA, macB, "fd00::1", "fd00::2", 546, 547, []byte("hello"))
	const head4 = "02000000000a > 02000000000b 10.0.0.1 > 10.0.0.2 ttl 64 proto 17 "
	const head6 = "02000000000a > 02000000000b fd00::1 > fd00::2 ttl 255 proto "
	for _, test := range []struct {
		name  string
		frame []byte
		want  string // or an error
	}{
		{"IPv4", v4, head4 + "frag false later false length 33 transport 13"},
		{"IPv6", v6, head6 + "17 frag false later false length 53 transport 13"},
		{"padding is no part", append(bytes.Clone(v4), make([]byte, 20)...), head4 + "frag false later false length 33 transport 13"},
		{"first fragment", edited(v4, 20, 0x20, 0), head4 + "frag true later false length 33 transport 13"},
		{"later fragment", edited(v4, 20, 0, 1), head4 + "frag true later true length 33 transport 13"},
		{"don't fragment is none", edited(v4, 20, 0x40, 0), head4 + "frag false later false length 33 transport 13"},
		{"extension headers", with(t, 0, 43, 0, 0, 0, 0, 0, 0, 0 /**/, 60, 0, 0, 0, 0, 0, 0, 0 /**/, 51, 0, 0, 0, 0, 0, 0, 0 /**/, 17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 /**/, 9),
			head6 + "17 frag false later false length 77 transport 1"},
		{"IPv6 later fragment", with(t, 44, 17, 0, 0, 8, 0, 0, 0, 0, 9), head6 + "17 frag true later true length 49 transport 1"},
		{"IPv6 first fragment", with(t, 44, 17, 0, 0, 1, 0, 0, 0, 0, 9), head6 + "17 frag true later false length 49 transport 1"},
		{"no next header", with(t, 59), head6 + "59 frag false later false length 40 transport 0"},
		{"nothing", nil, "packet is cut"},
		{"only Ethernet", v4[:14], "packet is cut"},
		{"IPv4 header cut", v4[:33], "packet is cut"},
		{"IPv6 header cut", v6[:53], "packet is cut"},
		{"payload cut", v4[:40], "packet is cut"},
		{"IPv6 payload cut", v6[:60], "packet is cut"},
		{"header length too small", edited(v4, 14, 0x44), "packet is cut"},
		{"header longer than packet", edited(v4, 14, 0x4f), "packet is cut"},
		{"total smaller than header", edited(v4, 16, 0, 19), "packet is cut"},
		{"wrong version", edited(v4, 14, 0x65), "packet is no IP"},
		{"wrong version of IPv6", edited(v6, 14, 0x40), "packet is no IP"},
		{"ARP", edited(v4, 12, 8, 6), "read ethertype 0x0806: packet is no IP"},
		{"VLAN", edited(v4, 12, 0x81, 0), "read ethertype 0x8100: packet is no IP"},
		{"extension header cut", with(t, 0, 17, 0, 0), "packet is cut"},
		{"extension header longer than packet", with(t, 0, 17, 1, 0, 0, 0, 0, 0, 0), "packet is cut"},
		{"endless extension headers", with(t, 60, bytes.Repeat([]byte{60, 0, 0, 0, 0, 0, 0, 0}, 9)...), "read extension headers: more than 8"},
	} {
		p, err := frame.Whole(test.frame)
		got := text(p)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// A packet of which only the beginning is there says how long it was.
func TestHead(t *testing.T) {
	p, err := frame.Head(udp4(t)[:40])
	if err != nil {
		t.Fatal(err)
	}
	if p.Length != 33 || len(p.IP) != 26 || len(p.Transport) != 6 || !p.Is4() {
		t.Errorf("got %s", text(p))
	}
}

func TestDatagram(t *testing.T) {
	whole := udp4(t)
	for _, test := range []struct {
		name  string
		frame []byte
		want  string
		err   error
	}{
		{"whole", whole, "hello", nil},
		{"shorter than the packet", edited(whole, 38, 0, 10), "he", nil},
		{"longer than the packet", edited(whole, 38, 0, 14), "", frame.ErrShort},
		{"shorter than its header", edited(whole, 38, 0, 7), "", frame.ErrShort},
		{"no room for a header", edited(whole, 16, 0, 27), "", frame.ErrShort},
		{"fragment", edited(whole, 20, 0x20), "", nil},
		{"TCP", edited(whole, 23, frame.TCP), "", nil},
	} {
		p, err := frame.Whole(test.frame)
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.Datagram()
		switch {
		case test.want != "":
			if err != nil || string(d.Payload) != test.want || d.Src != 1000 || d.Dst != 53 {
				t.Errorf("%s: got %+v %v", test.name, d, err)
			}
		case err == nil, test.err != nil && !errors.Is(err, test.err):
			t.Errorf("%s: got %v, want an error %v", test.name, err, test.err)
		}
	}
}

func TestSeal(t *testing.T) {
	a, b := frame.MAC{2, 0, 0, 0, 0, 0xa}, frame.MAC{2, 0, 0, 0, 0, 0xb}
	v4 := frame.Envelope{a, b, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), 64}
	v6 := frame.Envelope{a, b, netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2"), 255}
	tcp := []byte{0, 80, 0, 90, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x14, 0, 0, 0xaa, 0xaa, 0, 0}
	for _, test := range []struct {
		frame []byte
		want  string
	}{
		{v4.Datagram(4000, 4001, []byte("odd")), macA + " > " + macB + " 10.0.0.1 > 10.0.0.2 ttl 64 udp 4000 > 4001"},
		{v6.Datagram(4000, 4001, []byte("even")), macA + " > " + macB + " fd00::1 > fd00::2 ttl 255 udp 4000 > 4001"},
		{v4.Seal(frame.TCP, tcp), macA + " > " + macB + " 10.0.0.1 > 10.0.0.2 ttl 64 tcp 80 > 90 seq 1 ack 2 RA"},
		{v6.Seal(frame.TCP, tcp), macA + " > " + macB + " fd00::1 > fd00::2 ttl 255 tcp 80 > 90 seq 1 ack 2 RA"},
		{v4.Seal(frame.ICMP, []byte{11, 0, 9, 9, 0, 0, 0, 0}), macA + " > " + macB + " 10.0.0.1 > 10.0.0.2 ttl 64 icmp 11/0"},
		{v6.Seal(frame.ICMP6, []byte{3, 0, 9, 9, 0, 0, 0, 0}), macA + " > " + macB + " fd00::1 > fd00::2 ttl 255 icmp6 3/0"},
	} {
		if got := frametest.Text(t, test.frame); got != test.want {
			t.Errorf("got %s\nwant %s", got, test.want)
		}
	}
}

// A UDP checksum that comes out as 0 is written as all ones.
func TestZeroChecksum(t *testing.T) {
	e := frame.Envelope{Src: netip.MustParseAddr("fd00::1"), Dst: netip.MustParseAddr("fd00::2")}
	b := e.Datagram(1, 2, []byte{0, 0})
	c := b[len(b)-4 : len(b)-2]
	if b = e.Datagram(1, 2, c); !bytes.Equal(b[len(b)-4:len(b)-2], []byte{0xff, 0xff}) {
		t.Errorf("checksum is % x", b[len(b)-4:len(b)-2])
	}
}

func TestAddresses(t *testing.T) {
	mac := frame.MAC{0x0a, 0, 0, 1, 2, 3}
	if got, want := frame.LinkLocal(mac), netip.MustParseAddr("fe80::800:ff:fe01:203"); got != want {
		t.Errorf("link-local address is %s, want %s", got, want)
	}
	if got := frame.MulticastMAC(netip.MustParseAddr("ff02::1:ff01:203")); got != (frame.MAC{0x33, 0x33, 0xff, 1, 2, 3}) {
		t.Errorf("MAC address is %x", got)
	}
}

func FuzzHead(f *testing.F) {
	f.Add(frametest.UDP(f, macA, macB, "10.0.0.1", "10.0.0.2", 1, 2, []byte("x")))
	f.Add(frametest.UDP(f, macA, macB, "fd00::1", "fd00::2", 1, 2, []byte("x")))
	f.Add(frametest.Build(f, append(frametest.IP(f, macA, macB, "fd00::1", "fd00::2", 0), gopacket.Payload{44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 0})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := frame.Head(b)
		if err != nil {
			return
		}
		if len(p.IP) > p.Length || len(p.Transport) > len(p.IP) {
			t.Errorf("parts are longer than the packet: %s", text(p))
		}
		if d, err := p.Datagram(); err == nil && len(d.Payload) > len(p.Transport)-frame.UDPLength {
			t.Errorf("payload of %d bytes in %d", len(d.Payload), len(p.Transport))
		}
	})
}
