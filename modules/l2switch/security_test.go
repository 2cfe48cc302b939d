package l2switch_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iomtest"
)

// The hosts of ovn-nb(5)'s examples of port_security, and a peer without it, whose MAC address and those of the hosts end in the port's key.
const (
	open     = "open"     // port_security is empty
	macOnly  = "macOnly"  // "0a:...:2"
	hostIn   = "hostIn"   // "0a:...:3 192.168.1.10/24"
	both     = "both"     // "0a:...:40", "0a:...:4 192.168.1.10/24"
	subnet   = "subnet"   // "0a:...:5 192.168.1.0/24 fd00:1::/64"
	six      = "six"      // "0a:...:6 fd00::6"
	vrrp     = "vrrp"     // "VRRPv3 0a:...:7"
	vrrpSome = "vrrpSome" // "VRRPv3 0a:...:8 00:00:5e:00:01:10 00:00:5e:00:02:10 192.168.1.1 fd00::1"
)

var securityPorts = []string{open, macOnly, hostIn, both, subnet, six, vrrp, vrrpSome}

var (
	virtual4, virtual6 = net.HardwareAddr{0, 0, 0x5e, 0, 1, 0x10}, net.HardwareAddr{0, 0, 0x5e, 0, 2, 0x10}
	another4, another6 = net.HardwareAddr{0, 0, 0x5e, 0, 1, 0x11}, net.HardwareAddr{0, 0, 0x5e, 0, 2, 0x11}
)

func securedSwitch(t *testing.T) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	c := &config.Config{FloodGroup: 32768, Ports: map[uint16]config.Port{}, FDB: map[[6]byte]uint16{[6]byte(mac(0x40)): 4}}
	in := iomtest.Instance{Kind: config.Kind, VNI: 1, Config: c, Groups: map[uint16][]uint16{32768: {1}}}
	router := func(m net.HardwareAddr, virtual []net.HardwareAddr, prefixes ...string) config.Address {
		a := address(m, prefixes...)
		for _, v := range virtual {
			a.VRRP = append(a.VRRP, [6]byte(v))
		}
		return a
	}
	security := map[string][]config.Address{
		macOnly:  {address(mac(2))},
		hostIn:   {address(mac(3), "192.168.1.10/24")},
		both:     {address(mac(0x40)), address(mac(4), "192.168.1.10/24")},
		subnet:   {address(mac(5), "192.168.1.0/24", "fd00:1::/64")},
		six:      {address(mac(6), "fd00::6/128")},
		vrrp:     {router(mac(7), []net.HardwareAddr{{0, 0, 0x5e, 0, 1, 0}, {0, 0, 0x5e, 0, 2, 0}})},
		vrrpSome: {router(mac(8), []net.HardwareAddr{virtual4, virtual6}, "192.168.1.1/32", "fd00::1/128")},
	}
	for i, name := range securityPorts {
		key := uint16(i + 1)
		c.Ports[key] = config.Port{Enabled: true, Security: security[name]}
		c.FDB[[6]byte(mac(byte(key)))] = key
		in.Ports = append(in.Ports, iomtest.Port{Name: name, Key: key})
	}
	k.Add(in)
	return k
}

// What ovn-nb(5), Logical_Switch_Port:port_security, says, sentence by sentence.
func TestPortSecuritySentences(t *testing.T) {
	k := securedSwitch(t)
	ip := netip.MustParseAddr
	udp := func(from, to net.HardwareAddr, src, dst string) []byte {
		return iomtest.UDP(t, from, to, ip(src), ip(dst), 1, 2)
	}
	arp := func(from, sha net.HardwareAddr, spa string) []byte {
		return iomtest.ARP(t, 1, from, broadcast, sha, ip(spa), ip("192.168.1.99"))
	}
	lla := func(m net.HardwareAddr) string {
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}).String()
	}
	ns := func(from, sll net.HardwareAddr, src, dst string) []byte {
		return iomtest.Solicit(t, from, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 9}, ip(src), ip(dst), ip("fd00::99"), sll)
	}
	na := func(from, tll net.HardwareAddr, src, target string) []byte {
		return iomtest.Advertise(t, from, mac(1), ip(src), ip("fd00::99"), ip(target), tll)
	}
	rarp := func(from net.HardwareAddr) []byte {
		return iomtest.Frame(t, iomtest.Eth(from, mac(1), 0x8035), gopacket.Payload(make([]byte, 28)))
	}
	multicast := net.HardwareAddr{1, 0, 0x5e, 0, 0, 5}
	lldp := iomtest.Frame(t, iomtest.Eth(mac(1), net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0xe}, layers.EthernetTypeLinkLayerDiscovery))
	sent, flooded := "output open", "flood 32768\ncopy open"
	drop := func(reason string) string { return "drop l2switch." + reason }
	badMAC, badIP, badARP, badND := drop("port_security_mac"), drop("port_security_ip"), drop("port_security_arp"), drop("port_security_nd")
	notFor := drop("dst_security")
	any4, any6, a10, a11 := "203.0.113.1", "2001:db8::1", "192.168.1.10", "192.168.1.11"
	for sentence, stories := range map[string][]story{
		"If this column is empty, all addresses are permitted.": {
			{"any", open, udp(mac(0x77), mac(2), any4, a10), "output macOnly"},
			{"to any", macOnly, udp(mac(2), mac(1), any4, a10), sent},
		},
		"This would restrict the host to sending packets from and receiving packets to the ethernet addresses defined": {
			{"from it", macOnly, udp(mac(2), mac(1), any4, a10), sent},
			{"from another", macOnly, udp(mac(3), mac(1), any4, a10), badMAC},
			{"to it", open, udp(mac(1), mac(2), any4, a10), "output macOnly"},
		},
		"It also restricts the inner source MAC addresses that the host may send in ARP and IPv6 Neighbor Discovery packets.": {
			{"ARP", macOnly, arp(mac(2), mac(2), any4), flooded},
			{"ARP, another", macOnly, arp(mac(2), mac(3), any4), badARP},
			{"NS, another", macOnly, ns(mac(2), mac(3), any6, "ff02::9"), badND},
			{"NA, another", macOnly, na(mac(2), mac(3), any6, any6), badND},
			{"NA", macOnly, na(mac(2), mac(2), any6, any6), sent},
		},
		"The host is always allowed to receive packets to multicast and broadcast Ethernet addresses.": {
			{"sent by all", hostIn, arp(mac(3), mac(3), a10), flooded},
		},
		"such an element restricts the IPv4 or IPv6 addresses from which the host may send and to which it may receive packets": {
			{"from it", hostIn, udp(mac(3), mac(1), a10, any4), sent},
			{"from another", hostIn, udp(mac(3), mac(1), a11, any4), badIP},
			{"to it", open, udp(mac(1), mac(3), any4, a10), "output hostIn"},
			{"to another", open, udp(mac(1), mac(3), any4, a11), notFor},
			{"from it, IPv6", six, udp(mac(6), mac(1), "fd00::6", any6), sent},
			{"from another, IPv6", six, udp(mac(6), mac(1), any6, any6), badIP},
			{"to another, IPv6", open, udp(mac(1), mac(6), any6, "fd00::7"), notFor},
		},
		"A masked address, if the host part is zero, indicates that the host is allowed to use any address in the subnet": {
			{"first", subnet, udp(mac(5), mac(1), "192.168.1.0", any4), sent},
			{"last", subnet, udp(mac(5), mac(1), "192.168.1.255", any4), sent},
			{"outside", subnet, udp(mac(5), mac(1), "192.168.2.0", any4), badIP},
			{"IPv6", subnet, udp(mac(5), mac(1), "fd00:1::ffff", any6), sent},
			{"outside, IPv6", subnet, udp(mac(5), mac(1), "fd00:2::1", any6), badIP},
		},
		"the host is also allowed to receive packets to the IPv4 local broadcast address 255.255.255.255 and to IPv4 multicast addresses (224.0.0.0/4)": {
			{"broadcast", open, udp(mac(1), mac(3), any4, "255.255.255.255"), "output hostIn"},
			{"multicast", open, udp(mac(1), mac(3), any4, "239.255.255.255"), "output hostIn"},
			{"no multicast any more", open, udp(mac(1), mac(3), any4, "240.0.0.1"), notFor},
		},
		"If an IPv4 address with a mask is given, the host is also allowed to receive packets to the broadcast address in that specified subnet.": {
			{"to it", open, udp(mac(1), mac(3), any4, "192.168.1.255"), "output hostIn"},
			{"not from it", hostIn, udp(mac(3), mac(1), "192.168.1.255", any4), badIP},
		},
		"If any IPv4 address is given, the host is additionally restricted to sending ARP packets with the specified source IPv4 address.": {
			{"with it", hostIn, arp(mac(3), mac(3), a10), flooded},
			{"with another", hostIn, arp(mac(3), mac(3), a11), badARP},
			{"probe", hostIn, arp(mac(3), mac(3), "0.0.0.0"), badARP},
		},
		"(RARP is not restricted.)": {{"RARP", hostIn, rarp(mac(3)), sent}},
		"the host is also allowed to receive packets to IPv6 multicast addresses (ff00::/8)": {
			{"multicast", open, udp(mac(1), mac(6), any6, "ff0e::1"), "output six"},
		},
		"sending IPv6 Neighbor Discovery Solicitation or Advertisement packets with the specified source address or, for solicitations, the unspecified address": {
			{"NS", six, ns(mac(6), mac(6), "fd00::6", "ff02::9"), flooded},
			{"NS, link-local", six, ns(mac(6), mac(6), lla(mac(6)), "ff02::9"), flooded},
			{"NS, another", six, ns(mac(6), mac(6), any6, "ff02::9"), badIP},
			{"NS, unspecified", six, ns(mac(6), nil, "::", "ff02::9"), flooded},
			{"NS, unspecified, beyond the link", six, ns(mac(6), nil, "::", "ff05::9"), badIP},
			{"NA, another", six, na(mac(6), mac(6), any6, any6), badIP},
			{"NA, unspecified", six, na(mac(6), mac(6), "::", "fd00::6"), badIP},
			{"NA for another", six, na(mac(6), mac(6), "fd00::6", any6), badND},
			{"NA", six, na(mac(6), mac(6), "fd00::6", "fd00::6"), sent},
		},
		"If an element includes an IPv4 address, but no IPv6 addresses, then IPv6 traffic is not allowed.": {
			{"from it", hostIn, udp(mac(3), mac(1), lla(mac(3)), any6), badIP},
			{"ND", hostIn, ns(mac(3), mac(3), lla(mac(3)), "ff02::9"), badIP},
			{"to it", open, udp(mac(1), mac(3), any6, lla(mac(3))), notFor},
		},
		"If an element includes an IPv6 address, but no IPv4 address, then IPv4 and ARP traffic is not allowed.": {
			{"from it", six, udp(mac(6), mac(1), a10, any4), badIP},
			{"ARP", six, arp(mac(6), mac(6), a10), badARP},
			{"to it", open, udp(mac(1), mac(6), any4, a10), notFor},
		},
		"With MAC 80:fa:5b:12:42:ba, the host may send traffic from and receive traffic to any L3 address. With MAC 80:fa:5b:06:72:b7, ... only 192.168.1.10": {
			{"the first", both, udp(mac(0x40), mac(1), any4, any4), sent},
			{"to the first", open, udp(mac(1), mac(0x40), any6, any6), "output both"},
			{"the second", both, udp(mac(4), mac(1), any4, any4), badIP},
			{"the second, its own", both, udp(mac(4), mac(1), a10, any4), sent},
		},
		`"VRRPv3 <PHYSICAL_MAC>": ARP/ND packets with physical MAC as a source and any of the VRRPv3 MACs as inner SHA/TLL/SLL`: {
			{"ARP", vrrp, arp(mac(7), virtual4, any4), flooded},
			{"ARP, itself", vrrp, arp(mac(7), mac(7), any4), badARP},
			{"ARP of the other family", vrrp, arp(mac(7), virtual6, any4), badARP},
			{"ARP, another's", vrrp, arp(mac(7), mac(1), any4), badARP},
			{"ARP, not from the physical one", vrrp, arp(virtual4, virtual4, any4), badARP},
			{"NS", vrrp, ns(mac(7), virtual6, any6, "ff02::9"), flooded},
			{"NA", vrrp, na(mac(7), virtual6, any6, any6), sent},
			{"NA of the other family", vrrp, na(mac(7), virtual4, any6, any6), badND},
			{"NA, itself", vrrp, na(mac(7), mac(7), any6, any6), badND},
		},
		"It may also send or receive any traffic with any of VRRPv3 MAC addresses as a source or destination. But not with the physical MAC address.": {
			{"IPv4", vrrp, udp(virtual4, mac(1), any4, any4), sent},
			{"IPv6", vrrp, udp(another6, mac(1), any6, any6), sent},
			{"neither", vrrp, rarp(virtual4), sent},
			{"physical", vrrp, udp(mac(7), mac(1), any4, any4), badIP},
			{"physical, IPv6", vrrp, udp(mac(7), mac(1), any6, any6), badIP},
			{"physical, neither", vrrp, rarp(mac(7)), drop("port_security_proto")},
			{"to the physical one", open, udp(mac(1), mac(7), any4, any4), notFor},
		},
		"allowed VRRPv3 MAC addresses are limited to the specified ones": {
			{"another", vrrpSome, udp(another4, mac(1), "192.168.1.1", any4), badMAC},
			{"ARP for another", vrrpSome, arp(mac(8), another4, "192.168.1.1"), badARP},
		},
		"the provided IP addresses further restrict the inner IP for ARP/ND. As well as IP/IPv6 traffic to/from given VRRPv3 MACs.": {
			{"IPv4", vrrpSome, udp(virtual4, mac(1), "192.168.1.1", any4), sent},
			{"another IPv4", vrrpSome, udp(virtual4, mac(1), a10, any4), badIP},
			{"IPv6", vrrpSome, udp(virtual6, mac(1), "fd00::1", any6), sent},
			{"another IPv6", vrrpSome, udp(virtual6, mac(1), any6, any6), badIP},
			{"of the other family", vrrpSome, udp(virtual4, mac(1), "fd00::1", any6), badIP},
			{"ARP", vrrpSome, arp(mac(8), virtual4, "192.168.1.1"), flooded},
			{"ARP, another", vrrpSome, arp(mac(8), virtual4, a10), badARP},
			{"NA", vrrpSome, na(mac(8), virtual6, "fd00::1", "fd00::1"), sent},
			{"NA for another", vrrpSome, na(mac(8), virtual6, "fd00::1", any6), badND},
			{"NS from another", vrrpSome, ns(mac(8), virtual6, any6, "ff02::9"), badND},
		},
	} {
		t.Run(sentence, func(t *testing.T) { run(t, k, stories) })
	}
	if got := k.Leave(hostIn, 1, lldp).Text; got != "output hostIn" {
		t.Errorf("multicast Ethernet address: %q", got)
	}
	if got := k.Leave(hostIn, 1, udp(mac(1), multicast, any4, a11)).Text; got != "output hostIn" {
		t.Errorf("multicast Ethernet address, foreign IP: %q", got)
	}
	if got := k.Leave(macOnly, 1, udp(mac(1), mac(3), any4, a10)).Text; got != notFor {
		t.Errorf("another Ethernet address: %q", got)
	}
	for to, want := range map[string]string{virtual4.String(): "output vrrpSome", another4.String(): notFor, mac(8).String(): notFor} {
		if got := k.Leave(vrrpSome, 1, udp(mac(1), iomtest.MAC(t, to), any4, "192.168.1.1")).Text; got != want {
			t.Errorf("to %s: %q, want %q", to, got, want)
		}
	}
	if got := k.Leave(vrrp, 1, udp(mac(1), another6, any6, any6)).Text; got != "output vrrp" {
		t.Errorf("to the range: %q", got)
	}
}
