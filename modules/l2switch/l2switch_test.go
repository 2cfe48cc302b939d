package l2switch_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iomtest"
)

// The switch of the stories: lp1 and lp2 are here, secured to their addresses; lp3 on node 1; lp4 plugged nowhere; lp5 disabled; lp6
// here without port security; lp7 here with several addresses; lp8 restricted to IPv6; lp9 on a node without a route.
var (
	mac1, mac2, mac3, mac4 = mac(1), mac(2), mac(3), mac(4)
	mac5, mac6, mac7, mac8 = mac(5), mac(6), mac(7), mac(8)
	mac7b, mac9            = mac(0x77), mac(9)

	ip1, ip2, ip3 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
	ip7, ip7b     = netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.7.7")
	v6a, v6b      = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	v6h           = netip.MustParseAddr("fd00::8")

	broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	zero4     = netip.IPv4Unspecified()
	zero6     = netip.IPv6Unspecified()
)

func mac(n byte) net.HardwareAddr { return net.HardwareAddr{0x0a, 0, 0, 0, 0, n} }

// solicited is the solicited-node group of an address and its MAC.
func solicited(a netip.Addr) (netip.Addr, net.HardwareAddr) {
	b := a.As16()
	g := netip.MustParseAddr("ff02::1:ff00:0").As16()
	copy(g[13:], b[13:])
	return netip.AddrFrom16(g), net.HardwareAddr{0x33, 0x33, 0xff, b[13], b[14], b[15]}
}

func address(m net.HardwareAddr, prefixes ...string) config.Address {
	a := config.Address{MAC: [6]byte(m)}
	for _, p := range prefixes {
		a.Prefixes = append(a.Prefixes, netip.MustParsePrefix(p))
	}
	return a
}

func storySwitch(t *testing.T) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	own := iom.Addr(netip.MustParseAddr("172.31.0.10"))
	k.Tunnel(own)
	k.Node(1, iom.Addr(netip.MustParseAddr("172.31.0.11")), own, 1500)
	k.Node(2, iom.Addr(netip.MustParseAddr("172.31.0.12")), own, 0)
	c := &config.Config{FloodGroup: 32768, Ports: map[uint16]config.Port{
		1: {Enabled: true, Security: []config.Address{address(mac1, "10.0.0.1/32", "fd00::1/128")}},
		2: {Enabled: true, Security: []config.Address{address(mac2, "10.0.0.2/32", "fd00::2/128")}},
		3: {Enabled: true}, 4: {Enabled: true}, 5: {}, 6: {Enabled: true}, 9: {Enabled: true},
		7: {Enabled: true, Security: []config.Address{address(mac7, "10.0.0.7/24", "10.0.7.0/24"), address(mac7b)}},
		8: {Enabled: true, Security: []config.Address{address(mac8, "fd00::8/128")}},
	}, FDB: map[[6]byte]uint16{}, Neighbours: map[netip.Addr]config.Neighbour{
		ip1: {MAC: [6]byte(mac1), Port: 1}, ip2: {MAC: [6]byte(mac2), Port: 2}, ip3: {MAC: [6]byte(mac3), Port: 3},
		v6a: {MAC: [6]byte(mac1), Port: 1}, v6b: {MAC: [6]byte(mac2), Port: 2},
	}}
	for key := range c.Ports {
		c.FDB[[6]byte(mac(byte(key)))] = key
	}
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 7, Config: c, Groups: map[uint16][]uint16{32768: {1, 2, 3, 6}},
		Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "lp2", Key: 2}, {Name: "lp3", Key: 3, Node: 1}, {Name: "lp4", Key: 4, Unplugged: true},
			{Name: "lp5", Key: 5}, {Name: "lp6", Key: 6}, {Name: "lp7", Key: 7}, {Name: "lp8", Key: 8}, {Name: "lp9", Key: 9, Node: 2}}})
	// A second tenant with the same MACs, whose ports must never show up; and a switch without a flood group.
	other := &config.Config{Ports: map[uint16]config.Port{1: {Enabled: true}, 2: {Enabled: true}},
		FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac2): 2}}
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 8, Config: other, Ports: []iomtest.Port{{Name: "other1", Key: 1}, {Name: "other2", Key: 2}}})
	return k
}

type story struct {
	name  string
	port  string
	frame []byte
	want  string
}

func run(t *testing.T, k *iomtest.Kit, stories []story) {
	t.Helper()
	before := k.Footprint()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			if diff := cmp.Diff("enter l2switch\n"+s.want, k.Send(s.port, s.frame).Text); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(before, k.Footprint()); diff != "" {
		t.Errorf("tracing left something behind:\n%s", diff)
	}
}

func TestUnicast(t *testing.T) {
	k := storySwitch(t)
	udp := func(smac, dmac net.HardwareAddr, src, dst netip.Addr) []byte {
		return iomtest.UDP(t, smac, dmac, src, dst, 1000, 2000)
	}
	big := iomtest.Frame(t, iomtest.Eth(mac1, mac3, layers.EthernetTypeIPv4), iomtest.IP(ip1, ip3, layers.IPProtocolUDP),
		&layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload(make([]byte, 1415)))
	fits := iomtest.Frame(t, iomtest.Eth(mac1, mac3, layers.EthernetTypeIPv4), iomtest.IP(ip1, ip3, layers.IPProtocolUDP),
		&layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload(make([]byte, 1414)))
	tagged := iomtest.Frame(t, iomtest.Eth(mac6, mac1, layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4},
		iomtest.IP(ip3, ip1, layers.IPProtocolUDP), &layers.UDP{})
	run(t, k, []story{
		{"to a port here", "lp1", udp(mac1, mac2, ip1, ip2), "output lp2"},
		{"to a port here, IPv6", "lp1", udp(mac1, mac2, v6a, v6b), "output lp2"},
		{"to a port elsewhere", "lp1", udp(mac1, mac3, ip1, ip3), "tunnel node 1 key 3 vni 7"},
		{"as large as the tunnel carries", "lp1", fits, "tunnel node 1 key 3 vni 7"},
		{"too large for the tunnel", "lp1", big, "drop iom.too_big"},
		{"to a node without a route", "lp1", udp(mac1, mac9, ip1, ip3), "drop iom.no_route"},
		{"to an unknown MAC", "lp1", udp(mac1, mac(0x99), ip1, ip2), "drop l2switch.unknown_mac"},
		{"to a port plugged nowhere", "lp1", udp(mac1, mac4, ip1, ip2), "drop iom.not_bound"},
		{"to a disabled port", "lp1", udp(mac1, mac5, ip1, ip2), "drop l2switch.dst_disabled"},
		{"from a disabled port", "lp5", udp(mac5, mac1, ip1, ip2), "drop l2switch.port_disabled"},
		{"to itself", "lp1", udp(mac1, mac1, ip1, ip1), "drop iom.hairpin"},
		{"tagged", "lp6", tagged, "drop l2switch.vlan_tagged"},
		{"from a multicast address", "lp6", udp(net.HardwareAddr{1, 0, 0x5e, 0, 0, 1}, mac1, ip3, ip1), "drop l2switch.src_multicast"},
		{"another tenant, same addresses", "other1", udp(mac1, mac2, ip1, ip2), "output other2"},
		{"another tenant has no such port", "other1", udp(mac1, mac3, ip1, ip3), "drop l2switch.unknown_mac"},
		{"not IP", "lp6", append(append(append([]byte{}, mac1...), mac6...), 0x88, 0xcc, 1, 2, 3, 4), "output lp1"},
	})
}

func TestFlood(t *testing.T) {
	k := storySwitch(t)
	mdns := net.HardwareAddr{1, 0, 0x5e, 0, 0, 0xfb}
	run(t, k, []story{
		{"broadcast", "lp1", iomtest.UDP(t, mac1, broadcast, ip1, netip.MustParseAddr("255.255.255.255"), 5, 6),
			"flood 32768\ncopy lp2\ncopy node 1 key 32768\ncopy lp6"},
		{"multicast", "lp6", iomtest.UDP(t, mac6, mdns, ip3, netip.MustParseAddr("224.0.0.251"), 5353, 5353),
			"flood 32768\ncopy lp1\ncopy lp2\ncopy node 1 key 32768"},
		{"no group", "other1", iomtest.UDP(t, mac1, broadcast, ip1, ip2, 5, 6), "drop l2switch.no_flood"},
	})
}

func TestMalformed(t *testing.T) {
	k := storySwitch(t)
	good := iomtest.UDP(t, mac6, mac1, ip3, ip1, 5, 6)
	mutate := func(offset int, b byte) []byte {
		out := append([]byte{}, good...)
		out[offset] = b
		return out
	}
	v6 := iomtest.UDP(t, mac6, mac1, netip.MustParseAddr("fd00::6"), v6a, 5, 6)
	v6[18], v6[19] = 0xff, 0xff
	for name, frame := range map[string][]byte{
		"IPv4 version": mutate(14, 0x65), "IPv4 header length": mutate(14, 0x44),
		"IPv4 total length": mutate(16, 0xff), "IPv6 payload length": v6,
	} {
		t.Run(name, func(t *testing.T) {
			if got := k.Send("lp6", frame).Text; got != "drop iom.truncated" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestPortSecurity(t *testing.T) {
	k := storySwitch(t)
	udp := func(smac net.HardwareAddr, src, dst netip.Addr, sport, dport uint16) []byte {
		return iomtest.UDP(t, smac, mac6, src, dst, sport, dport)
	}
	dhcp := iomtest.UDP(t, mac1, broadcast, zero4, netip.MustParseAddr("255.255.255.255"), 68, 67)
	flood := "flood 32768\ncopy lp2\ncopy node 1 key 32768\ncopy lp6"
	lla := netip.MustParseAddr("fe80::800:ff:fe00:1")
	group, groupMAC := solicited(v6b)
	run(t, k, []story{
		{"own addresses", "lp1", udp(mac1, ip1, ip3, 1, 2), "output lp6"},
		{"foreign MAC", "lp1", udp(mac2, ip1, ip3, 1, 2), "drop l2switch.port_security_mac"},
		{"foreign IPv4", "lp1", udp(mac1, ip2, ip3, 1, 2), "drop l2switch.port_security_ip"},
		{"foreign IPv6", "lp1", udp(mac1, v6b, v6h, 1, 2), "drop l2switch.port_security_ip"},
		{"link-local of the MAC", "lp1", udp(mac1, lla, v6h, 1, 2), "output lp6"},
		{"another link-local", "lp1", udp(mac1, netip.MustParseAddr("fe80::1"), v6h, 1, 2), "drop l2switch.port_security_ip"},
		{"DHCP client", "lp1", dhcp, flood},
		{"0.0.0.0 but no DHCP", "lp1", iomtest.UDP(t, mac1, broadcast, zero4, netip.MustParseAddr("255.255.255.255"), 68, 68), "drop l2switch.port_security_ip"},
		{"ARP, own", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, netip.MustParseAddr("10.0.0.99")), flood},
		{"ARP, foreign sender MAC", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac2, ip1, ip2), "drop l2switch.port_security_arp"},
		{"ARP, foreign sender IP", "lp1", iomtest.ARP(t, 2, mac1, broadcast, mac1, ip2, ip3), "drop l2switch.port_security_arp"},
		{"NS with a foreign option", "lp1", iomtest.Solicit(t, mac1, groupMAC, v6a, group, v6b, mac2), "drop l2switch.port_security_nd"},
		{"NA for itself", "lp1", iomtest.Advertise(t, mac1, mac6, v6a, v6h, v6a, mac1), "output lp6"},
		{"NA for another", "lp1", iomtest.Advertise(t, mac1, mac6, v6a, v6h, v6b, mac1), "drop l2switch.port_security_nd"},
		{"NA with a foreign option", "lp1", iomtest.Advertise(t, mac1, mac6, v6a, v6h, v6a, mac2), "drop l2switch.port_security_nd"},
		{"unspecified source, no ND", "lp1", udp(mac1, zero6, v6h, 1, 2), "drop l2switch.port_security_ip"},
		{"neither IP nor ARP", "lp1", iomtest.Frame(t, iomtest.Eth(mac1, broadcast, layers.EthernetTypeLinkLayerDiscovery)), "drop l2switch.port_security_proto"},
		{"RARP is not restricted", "lp1", iomtest.Frame(t, iomtest.Eth(mac1, mac6, 0x8035), gopacket.Payload(make([]byte, 28))), "output lp6"},
		{"neither IP nor ARP, a MAC without addresses", "lp7", iomtest.Frame(t, iomtest.Eth(mac7b, mac6, layers.EthernetTypeLinkLayerDiscovery)), "output lp6"},
		{"several: host of a subnet", "lp7", udp(mac7, ip7, ip3, 1, 2), "output lp6"},
		{"several: its neighbour", "lp7", udp(mac7, ip1, ip3, 1, 2), "drop l2switch.port_security_ip"},
		{"several: a whole subnet", "lp7", udp(mac7, ip7b, ip3, 1, 2), "output lp6"},
		{"several: not as source", "lp7", udp(mac7, netip.MustParseAddr("10.0.0.255"), ip3, 1, 2), "drop l2switch.port_security_ip"},
		{"several: a MAC without addresses", "lp7", udp(mac7b, ip1, ip3, 1, 2), "output lp6"},
		{"several: no IPv6 with IPv4 only", "lp7", udp(mac7, v6a, v6h, 1, 2), "drop l2switch.port_security_ip"},
		{"IPv6 only: no IPv4", "lp8", udp(mac8, ip1, ip3, 1, 2), "drop l2switch.port_security_ip"},
		{"IPv6 only: no ARP", "lp8", iomtest.ARP(t, 1, mac8, broadcast, mac8, ip1, ip3), "drop l2switch.port_security_arp"},
		{"to a foreign address of a port", "lp6", iomtest.UDP(t, mac6, mac1, ip3, ip2, 1, 2), "drop l2switch.dst_security"},
		{"to a port's subnet broadcast", "lp6", iomtest.UDP(t, mac6, mac7, ip3, netip.MustParseAddr("10.0.0.255"), 1, 2), "output lp7"},
		{"to a port's MAC, IPv4 multicast", "lp6", iomtest.UDP(t, mac6, mac1, ip3, netip.MustParseAddr("224.0.0.5"), 1, 2), "output lp1"},
		{"to a port without that family", "lp6", iomtest.UDP(t, mac6, mac8, ip3, ip1, 1, 2), "drop l2switch.dst_security"},
		{"to a port's IPv6", "lp6", iomtest.UDP(t, mac6, mac8, v6a, v6h, 1, 2), "output lp8"},
	})
}

func TestARPAnswer(t *testing.T) {
	k := storySwitch(t)
	asked := netip.MustParseAddr("10.0.0.99")
	flood := "flood 32768\ncopy lp2\ncopy node 1 key 32768\ncopy lp6"
	answer := func(owner string) string { return "decide l2switch.answered " + owner + "\nrewrite 0+42\noutput lp1" }
	run(t, k, []story{
		{"known here", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip2), answer("2")},
		{"known elsewhere", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip3), answer("3")},
		{"unknown", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, asked), flood},
		{"its own address", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip1), flood},
		{"an answer is none", "lp1", iomtest.ARP(t, 2, mac1, broadcast, mac1, ip1, ip2), flood},
		{"of another tenant", "other1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip2), "drop l2switch.no_flood"},
	})
	got := k.Send("lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip2)).Packet
	want := iomtest.Decode(iomtest.Frame(t, iomtest.Eth(mac2, mac1, layers.EthernetTypeARP), &layers.ARP{AddrType: layers.LinkTypeEthernet,
		Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 2, SourceHwAddress: mac2,
		SourceProtAddress: ip2.AsSlice(), DstHwAddress: mac1, DstProtAddress: ip1.AsSlice()}))
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Errorf("answer: -want +got:\n%s", diff)
	}
}

func TestNDAnswer(t *testing.T) {
	k := storySwitch(t)
	group, groupMAC := solicited(v6b)
	own, ownMAC := solicited(v6a)
	flood := "flood 32768\ncopy lp2\ncopy node 1 key 32768\ncopy lp6"
	answer := "decide l2switch.answered 2\nrewrite 0+86\noutput lp1"
	lowHops := iomtest.Solicit(t, mac1, groupMAC, v6a, group, v6b, mac1)
	lowHops[21] = 254
	run(t, k, []story{
		{"known", "lp1", iomtest.Solicit(t, mac1, groupMAC, v6a, group, v6b, mac1), answer},
		{"known, unicast", "lp1", iomtest.Solicit(t, mac1, mac2, v6a, v6b, v6b, mac1), answer},
		{"known, asker without address", "lp1", iomtest.Solicit(t, mac1, groupMAC, zero6, group, v6b, nil), answer},
		{"wrong group", "lp1", iomtest.Solicit(t, mac1, ownMAC, v6a, own, v6b, mac1), flood},
		{"not from the link", "lp1", lowHops, flood},
		{"duplicate address detection of its own", "lp1", iomtest.Solicit(t, mac1, ownMAC, zero6, own, v6a, nil), flood},
	})
	check := func(frame []byte, dmac net.HardwareAddr, dst netip.Addr, flags uint8) {
		t.Helper()
		ip := iomtest.IP(v6b, dst, layers.IPProtocolICMPv6).(*layers.IPv6)
		ip.HopLimit = 255
		want := iomtest.Decode(iomtest.Frame(t, iomtest.Eth(mac2, dmac, layers.EthernetTypeIPv6), ip,
			&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborAdvertisement, 0)},
			&layers.ICMPv6NeighborAdvertisement{Flags: flags, TargetAddress: v6b.AsSlice(),
				Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptTargetAddress, Data: mac2}}}))
		if diff := cmp.Diff(want.String(), k.Send("lp1", frame).Packet.String()); diff != "" {
			t.Errorf("answer: -want +got:\n%s", diff)
		}
	}
	check(iomtest.Solicit(t, mac1, groupMAC, v6a, group, v6b, mac1), mac1, v6a, 0x60)
	check(iomtest.Solicit(t, mac1, groupMAC, zero6, group, v6b, nil), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, netip.MustParseAddr("ff02::1"), 0x20)
}

// The switch of these stories: lp1 is an ordinary port, un2 and un3 have unknown addresses and learn, un4 does elsewhere; act5 waits
// for activation by RARP or a gratuitous ARP, act6 by an advertisement; loc7 is a localport; both8 is here and on node 1.
func wideSwitch(t *testing.T) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	own := iom.Addr(netip.MustParseAddr("172.31.0.10"))
	k.Tunnel(own)
	k.Node(1, iom.Addr(netip.MustParseAddr("172.31.0.11")), own, 1500)
	joined, silent := netip.MustParseAddr("239.1.1.1"), netip.MustParseAddr("ff0e::1")
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 7, Groups: map[uint16][]uint16{32768: {1, 2, 4}, 32769: {2, 3, 4}, 40000: {3}, 40001: {1}, 40002: {2}, 40003: {2}},
		Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "un2", Key: 2}, {Name: "un3", Key: 3}, {Name: "un4", Key: 4, Node: 1},
			{Name: "act5", Key: 5}, {Name: "act6", Key: 6}, {Name: "loc7", Key: 7, HereOnly: true}},
		Config: &config.Config{FloodGroup: 32768, UnknownGroup: 32769, VLANPassthru: true,
			Snooping: &config.Snooping{Groups: map[netip.Addr]uint16{joined: 40000, silent: 40000}, UnregisteredGroup: 40001, AlwaysGroup: 40003, ControlGroup: 40002},
			Ports: map[uint16]config.Port{1: {Enabled: true}, 2: {Enabled: true, Learn: true}, 3: {Enabled: true, Learn: true}, 4: {Enabled: true},
				5: {Enabled: true, Activation: config.RARP | config.GARP}, 6: {Enabled: true, Activation: config.NA}, 7: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac4): 4, [6]byte(mac5): 5}}})
	return k
}

func TestUnknownAddresses(t *testing.T) {
	k := wideSwitch(t)
	flood := "flood 32769\ncopy un2\ncopy un3\ncopy node 1 key 32769"
	stranger := mac(0x42)
	run(t, k, []story{
		{"to an address nobody has", "lp1", iomtest.UDP(t, mac1, stranger, ip1, ip2, 1, 2), flood},
		{"from an address nobody knows", "un2", iomtest.UDP(t, stranger, mac1, ip2, ip1, 1, 2), "learn un2\noutput lp1"},
		{"a port without unknown addresses learns none", "lp1", iomtest.UDP(t, stranger, mac4, ip2, ip1, 1, 2), "tunnel node 1 key 4 vni 7"},
		{"a localport reaches ports here", "loc7", iomtest.UDP(t, mac(7), mac1, ip2, ip1, 1, 2), "output lp1"},
		{"a localport does not leave the node", "loc7", iomtest.UDP(t, mac(7), mac4, ip2, ip1, 1, 2), "drop iom.here_only"},
		{"nor do its broadcasts", "loc7", iomtest.UDP(t, mac(7), broadcast, ip2, ip1, 1, 2), "flood 32768\ncopy lp1\ncopy un2"},
	})
}

// Learning for real: the address is found afterwards, moves with its owner, and a port has a limit.
func TestLearning(t *testing.T) {
	k := wideSwitch(t)
	stranger := mac(0x42)
	bind := func(port string) {
		bt := &iom.Tables{}
		iom.Put(bt, "iom_bindings", uint32(1), k.Slot(port))
		k.Write(bt)
	}
	to := func() string { return k.Send("lp1", iomtest.UDP(t, mac1, stranger, ip1, ip2, 1, 2)).Text }
	say := func(port string, smac net.HardwareAddr) {
		bind(port)
		k.Run("vif_in", 1, 0, iomtest.UDP(t, smac, mac1, ip2, ip1, 1, 2))
	}
	say("un2", stranger)
	if got := to(); got != "enter l2switch\ndecide l2switch.learned\noutput un2" {
		t.Errorf("learned: %q", got)
	}
	say("un3", stranger)
	if got := to(); got != "enter l2switch\ndecide l2switch.learned\noutput un3" {
		t.Errorf("moved: %q", got)
	}
	count := func(port string) l2switch.L2switchL2switchLearnCount {
		var c l2switch.L2switchL2switchLearnCount
		if err := k.Set().Maps["l2switch_learn_counts"].Lookup(k.Slot(port), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if n2, n3 := count("un2").Learned, count("un3").Learned; n2 != 0 || n3 != 1 {
		t.Errorf("learned addresses: %d and %d, want 0 and 1", n2, n3)
	}
	for i := range 1100 {
		say("un2", net.HardwareAddr{0x0a, 1, 0, 0, byte(i >> 8), byte(i)})
	}
	if c := count("un2"); c.Learned != 1024 || c.Refused != 76 {
		t.Errorf("at the limit: %d learned, %d refused", c.Learned, c.Refused)
	}
}

func TestActivation(t *testing.T) {
	k := wideSwitch(t)
	rarp := append(append(append([]byte{}, broadcast...), mac5...), 0x80, 0x35)
	rarp = append(rarp, make([]byte, 28)...)
	garp := iomtest.ARP(t, 1, mac5, broadcast, mac5, ip1, ip1)
	flood := "flood 32768\ncopy lp1\ncopy un2\ncopy node 1 key 32768"
	run(t, k, []story{
		{"waits", "act5", iomtest.UDP(t, mac5, mac1, ip2, ip1, 1, 2), "drop l2switch.not_active"},
		{"receives nothing", "lp1", iomtest.UDP(t, mac1, mac5, ip2, ip1, 1, 2), "drop l2switch.not_active"},
		{"an ordinary ARP does not do", "act5", iomtest.ARP(t, 1, mac5, broadcast, mac5, ip1, ip2), "drop l2switch.not_active"},
		{"RARP activates", "act5", rarp, "punt l2switch.activated\n" + flood},
		{"a gratuitous ARP activates", "act5", garp, "punt l2switch.activated\n" + flood},
		{"not where an advertisement is wanted", "act6", garp, "drop l2switch.not_active"},
		{"an advertisement activates", "act6", iomtest.Advertise(t, mac6, mac1, v6a, v6b, v6a, mac6), "punt l2switch.activated\noutput lp1"},
	})
	bt := &iom.Tables{}
	iom.Put(bt, "iom_bindings", uint32(1), k.Slot("act6"))
	k.Write(bt)
	k.Run("vif_in", 1, 0, iomtest.Advertise(t, mac6, mac4, v6a, v6b, v6a, mac6))
	if got := k.Send("act6", iomtest.UDP(t, mac6, mac1, ip2, ip1, 1, 2)).Text; got != "enter l2switch\noutput lp1" {
		t.Errorf("after activation: %q", got)
	}
}

func TestSnooping(t *testing.T) {
	k := wideSwitch(t)
	udp := func(dst string) []byte {
		a := netip.MustParseAddr(dst)
		src := ip1
		if a.Is6() {
			src = v6a
		}
		return iomtest.UDP(t, mac1, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 9}, src, a, 1, 2)
	}
	igmp := func(kind byte) []byte {
		return iomtest.Frame(t, iomtest.Eth(mac1, net.HardwareAddr{1, 0, 0x5e, 0, 0, 22}, layers.EthernetTypeIPv4),
			iomtest.IP(ip1, netip.MustParseAddr("224.0.0.22"), layers.IPProtocolIGMP), gopacket.Payload{kind, 0, 0, 0, 239, 1, 1, 1})
	}
	mld := func(kind uint8) []byte {
		return iomtest.Frame(t, iomtest.Eth(mac1, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 0x16}, layers.EthernetTypeIPv6),
			iomtest.IP(v6a, netip.MustParseAddr("ff02::16"), layers.IPProtocolICMPv6),
			&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}, gopacket.Payload(make([]byte, 8)))
	}
	pim := func(kind byte) []byte {
		return iomtest.Frame(t, iomtest.Eth(mac1, net.HardwareAddr{1, 0, 0x5e, 0, 0, 13}, layers.EthernetTypeIPv4),
			iomtest.IP(ip1, netip.MustParseAddr("224.0.0.13"), 103), gopacket.Payload{kind, 0, 0, 0})
	}
	flood := "flood 32768\ncopy un2\ncopy node 1 key 32768"
	run(t, k, []story{
		{"joined", "lp1", udp("239.1.1.1"), "flood 40003\ncopy un2\nflood 40000\ncopy un3"},
		{"joined, IPv6", "lp1", udp("ff0e::1"), "flood 40003\ncopy un2\nflood 40000\ncopy un3"},
		{"not joined", "lp1", udp("239.1.1.2"), "flood 40001"},
		{"not joined, IPv6", "lp1", udp("ff0e::2"), "flood 40001"},
		{"link-local goes to all", "lp1", udp("224.0.0.251"), flood},
		{"link-local goes to all, IPv6", "lp1", udp("ff02::fb"), flood},
		{"broadcast goes to all", "lp1", iomtest.UDP(t, mac1, broadcast, ip1, netip.MustParseAddr("255.255.255.255"), 1, 2), flood},
		{"IGMP", "lp1", igmp(0x16), "punt l2switch.mcast\nflood 40002\ncopy un2"},
		{"MLD", "lp1", mld(143), "punt l2switch.mcast\nflood 40002\ncopy un2"},
		{"IGMP query", "lp1", igmp(0x11), "punt l2switch.mcast\n" + flood},
		{"MLD query", "lp1", mld(130), "punt l2switch.mcast\n" + flood},
		{"PIM hello", "lp1", pim(0x20), "punt l2switch.mcast\n" + flood},
		{"PIM join", "lp1", pim(0x23), flood},
	})
	bt := &iom.Tables{}
	iom.Put(bt, "l2switch_configs", uint32(1), l2switch.L2switchL2switchConfig{Flood: 32768, Flags: l2switch.L2switchL2switchConfigFlagL2SWITCH_SNOOP})
	k.Write(bt)
	run(t, k, []story{
		{"not joined, dropped", "lp1", udp("239.1.1.2"), "drop l2switch.mcast_unregistered"},
		{"IGMP report that nobody wants", "lp1", igmp(0x16), "punt l2switch.mcast\ndrop l2switch.mcast_control"},
	})
}

func TestTagged(t *testing.T) {
	k := wideSwitch(t)
	tagged := iomtest.Frame(t, iomtest.Eth(mac(6), mac1, layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4},
		iomtest.IP(ip3, ip1, layers.IPProtocolUDP), &layers.UDP{})
	run(t, k, []story{{"passes where the switch lets it", "un2", tagged, "learn un2\noutput lp1"}})
}

func TestEgressOfCopies(t *testing.T) {
	k := storySwitch(t)
	frame := iomtest.UDP(t, mac6, broadcast, ip3, netip.MustParseAddr("255.255.255.255"), 5, 6)
	if got := k.Leave("lp1", 6, frame).Text; got != "output lp1" {
		t.Errorf("copy: %q", got)
	}
	if got := k.Leave("lp5", 6, frame).Text; got != "drop l2switch.dst_disabled" {
		t.Errorf("copy to a disabled port: %q", got)
	}
}

func TestEntriesRefuse(t *testing.T) {
	for name, c := range map[string]any{
		"another module's configuration":  "x",
		"fdb to a port that is not there": &config.Config{FDB: map[[6]byte]uint16{{2}: 9}},
	} {
		if err := l2switch.Entries(iom.Instance{Slot: 1, Config: c}, &iom.Tables{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
