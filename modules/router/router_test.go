package router_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	l2switch "woven.dev/woven/modules/l2switch"
	l2config "woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/modules/router"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iomtest"
)

// The network of the stories: switches sw0 (port vm0), sw1 (vm1), sw2 (vm2, on node 1) and sw3 (vm3), each on a port of one router, which has
// key 1..4 there and 9 in its switch. The router's ports are 10.0.N.1/24 and fd00:N::1/64; port 4 is disabled. vm0 has 10.0.0.10, and so on.
var (
	mcast = net.HardwareAddr{1, 0, 0x5e, 0, 0, 0xfb}
	all   = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

func vmMAC(n byte) net.HardwareAddr  { return net.HardwareAddr{0x0a, 0, 0, 0, n, 0x10} }
func lrpMAC(n byte) net.HardwareAddr { return net.HardwareAddr{0x0a, 0, 0, 0, n, 1} }
func ip(s string) netip.Addr         { return netip.MustParseAddr(s) }

func storyNetwork(t *testing.T, change func(*config.Config)) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind(), router.Kind())
	own := iom.Addr(ip("172.31.0.10"))
	k.Tunnel(own)
	k.Node(1, iom.Addr(ip("172.31.0.11")), own, 1500)
	c := &config.Config{Ports: map[uint16]config.Port{}, Neighbours: map[config.Neighbour][6]byte{}}
	lr := iomtest.Instance{Kind: config.Kind, VNI: 99, Config: c}
	for n := byte(0); n < 4; n++ {
		addSwitch(k, n)
		key, name := uint16(n+1), string('0'+rune(n))
		c.Ports[key] = config.Port{Enabled: n != 3, MAC: [6]byte(lrpMAC(n)), Networks: []netip.Prefix{
			netip.MustParsePrefix("10.0." + name + ".1/24"), netip.MustParsePrefix("fd00:" + name + "::1/64"), netip.MustParsePrefix("fe80::1/64")}}
		for _, a := range []string{"10.0." + name + ".10", "fd00:" + name + "::10", "fe80::10"} {
			c.Neighbours[config.Neighbour{Port: key, Addr: ip(a)}] = [6]byte(vmMAC(n))
		}
		lr.Ports = append(lr.Ports, iomtest.Port{Name: "lrp" + name, Key: key, Peer: "sw" + name + "-lr"})
	}
	if change != nil {
		change(c)
	}
	k.Add(lr)
	return k
}

func addSwitch(k *iomtest.Kit, n byte) {
	name := string('0' + rune(n))
	vm := iomtest.Port{Name: "vm" + name, Key: 1}
	if n == 2 {
		vm.Node = 1
	}
	c := &l2config.Config{FloodGroup: 32768, Ports: map[uint16]l2config.Port{1: {Enabled: true}, 9: {Enabled: true}},
		FDB: map[[6]byte]uint16{[6]byte(vmMAC(n)): 1, [6]byte(lrpMAC(n)): 9},
		Neighbours: map[netip.Addr]l2config.Neighbour{
			ip("10.0." + name + ".1"): {MAC: [6]byte(lrpMAC(n)), Port: 9, Asked: true}, ip("fd00:" + name + "::1"): {MAC: [6]byte(lrpMAC(n)), Port: 9, Asked: true}}}
	k.Add(iomtest.Instance{Kind: l2config.Kind, VNI: uint32(10 + n), Config: c, Groups: map[uint16][]uint16{32768: {1, 9}},
		Ports: []iomtest.Port{vm, {Name: "sw" + name + "-lr", Key: 9}}})
}

type story struct {
	name, port string
	frame      []byte
	want       string
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

// udp is a datagram from vm0 to the router.
func udp(t *testing.T, src, dst string) []byte {
	return iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip(src), ip(dst), 1000, 2000)
}

// withTTL is a datagram of vm0 with a time to live.
func withTTL(t *testing.T, src, dst string, ttl uint8) []byte {
	return iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), iomtest.EtherType(ip(src))), setTTL(iomtest.IP(ip(src), ip(dst), layers.IPProtocolUDP), ttl),
		&layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("hello"))
}

func setTTL(l gopacket.SerializableLayer, ttl uint8) gopacket.SerializableLayer {
	switch h := l.(type) {
	case *layers.IPv4:
		h.TTL = ttl
	case *layers.IPv6:
		h.HopLimit = ttl
	}
	return l
}

const (
	rewrite4 = "rewrite 22+1\nrewrite 0+12\n"
	rewrite6 = "rewrite 21+1\nrewrite 0+12\n"
)

// connected is the decision for the network of a port.
func connected(key int) string { return fmt.Sprintf("decide router.connected %d\n", key) }

func TestForwarding(t *testing.T) {
	k := storyNetwork(t, nil)
	later := iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv4), &layers.IPv4{Version: 4, TTL: 1, Protocol: layers.IPProtocolUDP,
		SrcIP: net.IP{10, 0, 0, 10}, DstIP: net.IP{10, 0, 1, 10}, FragOffset: 100}, gopacket.Payload("hello"))
	run(t, k, []story{
		{"to another switch", "vm0", udp(t, "10.0.0.10", "10.0.1.10"), "enter router\n" + connected(2) + rewrite4 + "enter l2switch\noutput vm1"},
		{"to another switch, IPv6", "vm0", udp(t, "fd00:0::10", "fd00:1::10"), "enter router\n" + connected(2) + rewrite6 + "enter l2switch\noutput vm1"},
		{"to another node, as the other switch", "vm0", udp(t, "10.0.0.10", "10.0.2.10"), "enter router\n" + connected(3) + rewrite4 + "enter l2switch\ntunnel node 1 key 1 vni 12"},
		{"back to where it came from", "vm0", udp(t, "10.0.1.77", "10.0.0.10"), "enter router\n" + connected(1) + rewrite4 + "enter l2switch\noutput vm0"},
		{"link-local stays on its port", "vm0", udp(t, "fe80::77", "fe80::10"), "enter router\n" + connected(1) + rewrite6 + "enter l2switch\noutput vm0"},
		{"time to live ends", "vm0", withTTL(t, "10.0.0.10", "10.0.1.10", 1), "enter router\npunt router.ttl\ndrop router.ttl_exceeded"},
		{"time to live has ended", "vm0", withTTL(t, "10.0.0.10", "10.0.1.10", 0), "enter router\npunt router.ttl\ndrop router.ttl_exceeded"},
		{"hop limit ends", "vm0", withTTL(t, "fd00:0::10", "fd00:1::10", 1), "enter router\npunt router.ttl\ndrop router.ttl_exceeded"},
		{"later fragment's time to live ends", "vm0", later, "enter router\ndrop router.ttl_exceeded"},
		{"no route", "vm0", udp(t, "10.0.0.10", "192.0.2.1"), "enter router\npunt router.no_route\ndrop router.no_route"},
		{"no route, IPv6", "vm0", udp(t, "fd00:0::10", "2001:db8::1"), "enter router\npunt router.no_route\ndrop router.no_route"},
		{"next hop unknown", "vm0", udp(t, "10.0.0.10", "10.0.1.99"), "enter router\n" + connected(2) + "punt router.resolve\ndrop router.unresolved"},
		{"next hop unknown, IPv6", "vm0", udp(t, "fd00:0::10", "fd00:1::99"), "enter router\n" + connected(2) + "punt router.resolve\ndrop router.unresolved"},
		{"network of a disabled port", "vm0", udp(t, "10.0.0.10", "10.0.3.10"), "enter router\n" + connected(4) + "drop router.port_disabled"},
		{"into a disabled port", "vm3", iomtest.UDP(t, vmMAC(3), lrpMAC(3), ip("10.0.3.10"), ip("10.0.0.10"), 1, 2), "enter router\ndrop router.port_disabled"},
	})
}

func TestRewrite(t *testing.T) {
	k := storyNetwork(t, nil)
	for _, c := range []struct{ src, dst string }{{"10.0.0.10", "10.0.1.10"}, {"fd00:0::10", "fd00:1::10"}} {
		got := k.Send("vm0", withTTL(t, c.src, c.dst, 64)).Packet
		want := iomtest.Decode(iomtest.Frame(t, iomtest.Eth(lrpMAC(1), vmMAC(1), iomtest.EtherType(ip(c.src))),
			setTTL(iomtest.IP(ip(c.src), ip(c.dst), layers.IPProtocolUDP), 63), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("hello")))
		if diff := cmp.Diff(want.Dump(), got.Dump()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.dst, diff)
		}
	}
}

func TestAdmission(t *testing.T) {
	k := storyNetwork(t, nil)
	frame := func(smac, dmac net.HardwareAddr, src, dst string) []byte {
		return iomtest.UDP(t, smac, dmac, ip(src), ip(dst), 1000, 2000)
	}
	run(t, k, []story{
		{"not IP", "vm0", append(append(append([]byte{}, lrpMAC(0)...), vmMAC(0)...), 0x88, 0xcc, 1, 2, 3, 4), "enter router\ndrop router.not_ip"},
		{"from the router's own address", "vm0", udp(t, "10.0.1.1", "10.0.2.10"), "enter router\ndrop router.src_invalid"},
		{"from the router's own address, IPv6", "vm0", udp(t, "fd00:1::1", "fd00:2::10"), "enter router\ndrop router.src_invalid"},
		{"from a network's broadcast address", "vm0", udp(t, "10.0.1.255", "10.0.2.10"), "enter router\ndrop router.src_invalid"},
		{"from a multicast address", "vm0", udp(t, "224.0.0.5", "10.0.2.10"), "enter router\ndrop router.src_invalid"},
		{"from loopback", "vm0", udp(t, "127.0.0.1", "10.0.2.10"), "enter router\ndrop router.src_invalid"},
		{"from nowhere", "vm0", udp(t, "0.0.0.0", "10.0.2.10"), "enter router\ndrop router.src_invalid"},
		{"to loopback", "vm0", udp(t, "10.0.0.10", "127.0.0.1"), "enter router\ndrop router.dst_invalid"},
		{"multicast", "vm0", frame(vmMAC(0), lrpMAC(0), "10.0.0.10", "224.0.0.251"), "enter router\ndrop router.multicast"},
		{"multicast, IPv6", "vm0", frame(vmMAC(0), lrpMAC(0), "fd00:0::10", "ff05::1"), "enter router\ndrop router.multicast"},
	})
	// What a switch would not bring the router: straight into its port.
	for _, s := range []story{
		{"another MAC", "lrp0", frame(vmMAC(0), lrpMAC(1), "10.0.0.10", "10.0.1.10"), "enter router\ndrop router.not_for_router"},
		{"multicast source", "lrp0", frame(mcast, lrpMAC(0), "10.0.0.10", "10.0.1.10"), "enter router\ndrop router.src_multicast"},
		{"broadcast", "lrp0", frame(vmMAC(0), all, "10.0.0.10", "10.0.1.10"), "enter router\ndrop router.multicast"},
		{"tagged", "lrp0", iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4},
			iomtest.IP(ip("10.0.0.10"), ip("10.0.1.10"), layers.IPProtocolUDP), &layers.UDP{}), "enter router\ndrop router.vlan_tagged"},
	} {
		if diff := cmp.Diff(s.want, k.Send(s.port, s.frame).Text); diff != "" {
			t.Errorf("%s: -want +got:\n%s", s.name, diff)
		}
	}
}

// A port takes what is for the MAC address of its proxy as for its own.
func TestProxyMAC(t *testing.T) {
	proxy := net.HardwareAddr{0x0a, 0, 0, 0, 0, 0x55}
	k := storyNetwork(t, func(c *config.Config) {
		p := c.Ports[1]
		p.ProxyMAC = [6]byte(proxy)
		c.Ports[1] = p
	})
	for _, c := range []struct {
		port  string
		dmac  net.HardwareAddr
		taken bool
	}{{"lrp0", proxy, true}, {"lrp0", lrpMAC(0), true}, {"lrp1", proxy, false}, {"lrp1", make(net.HardwareAddr, 6), false}} {
		got := k.Send(c.port, iomtest.UDP(t, vmMAC(0), c.dmac, ip("10.0.0.77"), ip("10.0.1.10"), 1, 2)).Text
		if taken := !strings.Contains(got, "drop router.not_for_router"); taken != c.taken {
			t.Errorf("to %s by %s: %s", c.dmac, c.port, got)
		}
	}
}

func TestOwnAddress(t *testing.T) {
	k := storyNetwork(t, nil)
	icmp4 := func(kind uint8) []byte {
		return iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv4), iomtest.IP(ip("10.0.0.10"), ip("10.0.1.1"), layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, 0), Id: 7, Seq: 9}, gopacket.Payload("ping"))
	}
	icmp6 := func(kind uint8) []byte {
		l3 := iomtest.IP(ip("fd00:0::10"), ip("fd00:1::1"), layers.IPProtocolICMPv6).(*layers.IPv6)
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
		if err := icmp.SetNetworkLayerForChecksum(l3); err != nil {
			t.Fatal(err)
		}
		return iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv6), l3, icmp, gopacket.Payload("\x00\x07\x00\x09ping"))
	}
	run(t, k, []story{
		{"UDP", "vm0", udp(t, "10.0.0.10", "10.0.0.1"), "enter router\npunt router.own\ndrop router.own_address"},
		{"UDP to another port's address", "vm0", udp(t, "10.0.0.10", "10.0.1.1"), "enter router\npunt router.own\ndrop router.own_address"},
		{"UDP, IPv6", "vm0", udp(t, "fd00:0::10", "fd00:0::1"), "enter router\npunt router.own\ndrop router.own_address"},
		{"ICMP that is no echo request", "vm0", icmp4(layers.ICMPv4TypeEchoReply), "enter router\ndrop router.own_address"},
		{"ICMPv6 that is no echo request", "vm0", icmp6(layers.ICMPv6TypeEchoReply), "enter router\ndrop router.own_address"},
	})
	t.Run("echo", func(t *testing.T) {
		r := k.Send("vm0", icmp4(layers.ICMPv4TypeEchoRequest))
		if want := "enter l2switch\nenter router\nrewrite 26+8\nrewrite 22+2\nrewrite 34+1\n" + connected(1) + rewrite4 + "enter l2switch\noutput vm0"; r.Text != want {
			t.Errorf("steps:\n%s", cmp.Diff(want, r.Text))
		}
		want := iomtest.Frame(t, iomtest.Eth(lrpMAC(0), vmMAC(0), layers.EthernetTypeIPv4), setTTL(iomtest.IP(ip("10.0.1.1"), ip("10.0.0.10"), layers.IPProtocolICMPv4), 254),
			&layers.ICMPv4{Id: 7, Seq: 9}, gopacket.Payload("ping"))
		if diff := cmp.Diff(iomtest.Decode(want).Dump(), r.Packet.Dump()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("echo, IPv6", func(t *testing.T) {
		r := k.Send("vm0", icmp6(layers.ICMPv6TypeEchoRequest))
		l3 := setTTL(iomtest.IP(ip("fd00:1::1"), ip("fd00:0::10"), layers.IPProtocolICMPv6), 254).(*layers.IPv6)
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoReply, 0)}
		if err := icmp.SetNetworkLayerForChecksum(l3); err != nil {
			t.Fatal(err)
		}
		want := iomtest.Frame(t, iomtest.Eth(lrpMAC(0), vmMAC(0), layers.EthernetTypeIPv6), l3, icmp, gopacket.Payload("\x00\x07\x00\x09ping"))
		if diff := cmp.Diff(iomtest.Decode(want).Dump(), r.Packet.Dump()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
