package neigh_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/internal/slowpath/neigh"
)

const (
	macHost   = "02:00:00:00:00:05"
	macRouter = "0a:00:00:00:00:01"
)

var (
	hostMAC   = frame.MAC{2, 0, 0, 0, 0, 5}
	routerMAC = frame.MAC{10, 0, 0, 0, 0, 1}
)

// TestAnnounced: what the sender has, or probes for.
func TestAnnounced(t *testing.T) {
	vip := netip.MustParseAddr("fd00::100")
	for _, b := range neigh.Announce(hostMAC, []netip.Addr{netip.MustParseAddr("10.0.0.5"), vip}) {
		if _, err := neigh.Announced(b); err != nil {
			t.Error(err)
		}
	}
	probe := neigh.Ask(hostMAC, netip.Addr{}, vip)
	copy(probe[frame.EtherLength+8:], make([]byte, 16)) // from nowhere; nobody looks at the checksum
	if got, err := neigh.Announced(probe); got != vip || err != nil {
		t.Errorf("probe: %v, %v", got, err)
	}
	if got, err := neigh.Announced(arp(t, 1, macHost, "0.0.0.0", "10.0.0.5")); err == nil {
		t.Errorf("ARP probe: %v", got)
	}
	if _, err := neigh.Announced([]byte{1}); err == nil {
		t.Error("a byte announces an address")
	}
}

// arp is a message of the host: that sha has spa, and asks for tpa.
func arp(t testing.TB, op uint16, sha, spa, tpa string) []byte {
	t.Helper()
	mac, err := net.ParseMAC(sha)
	if err != nil {
		t.Fatal(err)
	}
	return frametest.Build(t,
		&layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr(frame.Broadcast[:]), EthernetType: layers.EthernetTypeARP},
		&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
			SourceHwAddress: mac, SourceProtAddress: netip.MustParseAddr(spa).AsSlice(), DstHwAddress: make([]byte, 6), DstProtAddress: netip.MustParseAddr(tpa).AsSlice()})
}

// nd is a message of the host of type 135 or 136, with options.
func nd(t testing.TB, kind uint8, src, target string, options ...byte) []byte {
	t.Helper()
	body := append(append(make([]byte, 4), netip.MustParseAddr(target).AsSlice()...), options...)
	return frametest.Build(t, append(frametest.IP(t, macHost, macRouter, src, "fd00::1", layers.IPProtocolICMPv6),
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}, gopacket.Payload(body))...)
}

// edited is a copy of b with bytes replaced from place at on.
func edited(b []byte, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

func TestParse(t *testing.T) {
	sll, tll := []byte{1, 1, 2, 0, 0, 0, 0, 6}, []byte{2, 1, 2, 0, 0, 0, 0, 7}
	request := arp(t, 1, macHost, "10.0.0.5", "10.0.0.1")
	solicit := nd(t, 135, "fd00::5", "fd00::1", sll...)
	const nothing, cut, other = "message names no station", "packet is cut", "packet is no neighbour discovery"
	for _, test := range []struct {
		name string
		b    []byte
		want string
	}{
		{"ARP request", request, "0 10.0.0.5 020000000005 10.0.0.1"},
		{"ARP request, padded", append(bytes.Clone(request), make([]byte, 18)...), "0 10.0.0.5 020000000005 10.0.0.1"},
		{"ARP reply", arp(t, 2, macHost, "10.0.0.5", "10.0.0.1"), "1 10.0.0.5 020000000005 10.0.0.1"},
		{"gratuitous ARP", arp(t, 1, macHost, "10.0.0.5", "10.0.0.5"), "0 10.0.0.5 020000000005 10.0.0.5"},
		{"solicitation", solicit, "0 fd00::5 020000000006 fd00::1"},
		{"advertisement", nd(t, 136, "fe80::5", "fd00::5", tll...), "1 fd00::5 020000000007 fd00::5"},
		{"advertisement without MAC address", nd(t, 136, "fe80::5", "fd00::5"), "1 fd00::5 020000000005 fd00::5"},
		{"advertisement with the wrong option", nd(t, 136, "fe80::5", "fd00::5", sll...), "1 fd00::5 020000000005 fd00::5"},
		{"other options", nd(t, 135, "fd00::5", "fd00::1", append([]byte{14, 1, 1, 2, 3, 4, 5, 6}, sll...)...), "0 fd00::5 020000000006 fd00::1"},

		{"ARP probe", arp(t, 1, macHost, "0.0.0.0", "10.0.0.5"), nothing},
		{"ARP of a group's MAC address", arp(t, 2, "01:00:5e:00:00:05", "10.0.0.5", "10.0.0.1"), nothing},
		{"ARP of no MAC address", arp(t, 2, "00:00:00:00:00:00", "10.0.0.5", "10.0.0.1"), nothing},
		{"ARP of a group", arp(t, 2, macHost, "224.0.0.5", "10.0.0.1"), nothing},
		{"ARP of all", arp(t, 2, macHost, "255.255.255.255", "10.0.0.1"), nothing},
		{"ARP of the loopback", arp(t, 2, macHost, "127.0.0.1", "10.0.0.1"), nothing},
		{"probe for an address", nd(t, 135, "::", "fd00::5"), nothing},
		{"solicitation without MAC address", nd(t, 135, "fd00::5", "fd00::1"), nothing},
		{"ARP operation", arp(t, 9, macHost, "10.0.0.5", "10.0.0.1"), "ARP operation 9"},
		{"ARP of Infiniband", edited(request, 15, 32), "ARP is not of Ethernet and IPv4"},
		{"ARP of long addresses", edited(request, 18, 16), "ARP is not of Ethernet and IPv4"},
		{"ARP cut", request[:41], cut},
		{"no frame", request[:13], cut},
		{"router solicitation", nd(t, 133, "fd00::5", "fd00::1"), "ICMPv6 type 133"},
		{"of a group", nd(t, 136, "fd00::5", "ff02::1"), "neighbour discovery of a group"},
		{"from off the link", edited(solicit, 21, 64), "neighbour discovery from off the link"},
		{"code", edited(solicit, 55, 1), other},
		{"UDP", frametest.UDP(t, macHost, macRouter, "fd00::5", "fd00::1", 4000, 4001, make([]byte, 30)), other},
		{"too short", frametest.Build(t, append(frametest.IP(t, macHost, macRouter, "fd00::5", "fd00::1", 58), gopacket.Payload{135, 0, 0, 0})...), other},
		{"option without length", nd(t, 135, "fd00::5", "fd00::1", 1, 0, 0, 0, 0, 0, 0, 0), cut},
		{"option cut", nd(t, 135, "fd00::5", "fd00::1", 1, 2, 0, 0, 0, 0, 0, 0), cut},
		{"IPv4", frametest.UDP(t, macHost, macRouter, "10.0.0.5", "10.0.0.1", 4000, 4001, nil), other},
		{"cut", solicit[:70], cut},
	} {
		m, err := neigh.Parse(test.b)
		got := fmt.Sprintf("%d %s %x %s", m.Kind, m.IP, m.MAC, m.Target)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestAsk(t *testing.T) {
	for _, test := range []struct{ from, target, want string }{
		{"10.0.0.1", "10.0.0.5", macRouter + " > ff:ff:ff:ff:ff:ff arp 1 " + macRouter + " 10.0.0.1 > 00:00:00:00:00:00 10.0.0.5"},
		{"fd00::1", "fd00::12:3456", macRouter + " > 33:33:ff:12:34:56 fe80::800:ff:fe00:1 > ff02::1:ff12:3456 ttl 255 icmp6 135/0 " +
			"ns fd00::12:3456 [ICMPv6Option(SourceAddress:0a:00:00:00:00:01)]"},
	} {
		b := neigh.Ask(routerMAC, netip.MustParseAddr(test.from), netip.MustParseAddr(test.target))
		if got := frametest.Text(t, b); got != test.want {
			t.Errorf("got %s\nwant %s", got, test.want)
		}
		if m, err := neigh.Parse(b); err != nil || m.MAC != routerMAC || m.Target.String() != test.target {
			t.Errorf("reads as %+v %v", m, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(arp(f, 1, macHost, "10.0.0.5", "10.0.0.1"))
	f.Add(nd(f, 135, "fd00::5", "fd00::1", 1, 1, 2, 0, 0, 0, 0, 6))
	f.Add(nd(f, 136, "fe80::5", "fd00::5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := neigh.Parse(b)
		if err == nil && (m.MAC[0]&1 != 0 || m.MAC == frame.MAC{} || !m.IP.IsValid() || m.IP.IsMulticast() || m.IP.IsUnspecified()) {
			t.Errorf("learned %+v", m)
		}
	})
}
