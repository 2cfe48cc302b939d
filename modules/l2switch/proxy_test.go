package l2switch_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iomtest"
)

// Addresses in a proxy's networks are answered for unless a port has them; the proxy's own port gets no answer.
func TestProxy(t *testing.T) {
	prefix := netip.MustParsePrefix
	c := &config.Config{FloodGroup: 32768, Ports: map[uint16]config.Port{1: {Enabled: true}, 2: {Enabled: true}, 3: {Enabled: true}},
		Neighbours: map[netip.Addr]config.Neighbour{ip2: {MAC: [6]byte(mac2), Port: 2}},
		Proxies: map[netip.Prefix]config.Neighbour{
			prefix("10.0.0.0/24"): {MAC: [6]byte(mac3), Port: 3}, prefix("10.0.0.64/26"): {MAC: [6]byte(mac4), Port: 3}, prefix("169.254.0.7/32"): {MAC: [6]byte(mac3), Port: 3},
			prefix("fd00::/64"): {MAC: [6]byte(mac3), Port: 3},
		}}
	k := iomtest.New(t, l2switch.Kind())
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 7, Config: c, Groups: map[uint16][]uint16{32768: {1, 2, 3}},
		Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "lp2", Key: 2}, {Name: "lp3", Key: 3}}})
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 8, Config: &config.Config{Ports: map[uint16]config.Port{1: {Enabled: true}}}, Ports: []iomtest.Port{{Name: "other1", Key: 1}}})
	ask := func(target string) []byte {
		return iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, netip.MustParseAddr(target))
	}
	solicit := func(target string) []byte {
		group, groupMAC := solicited(netip.MustParseAddr(target))
		return iomtest.Solicit(t, mac1, groupMAC, v6a, group, netip.MustParseAddr(target), mac1)
	}
	const flood = "flood 32768\ncopy lp2\ncopy lp3"
	run(t, k, []story{
		{"in a network", "lp1", ask("10.0.0.9"), "decide l2switch.answered 3\nrewrite 0+42\noutput lp1"},
		{"a port's", "lp1", ask("10.0.0.2"), "decide l2switch.answered 2\nrewrite 0+42\noutput lp1"},
		{"one address", "lp1", ask("169.254.0.7"), "decide l2switch.answered 3\nrewrite 0+42\noutput lp1"},
		{"beside it", "lp1", ask("169.254.0.8"), flood},
		{"outside", "lp1", ask("10.0.1.1"), flood},
		{"by the proxy's port", "lp3", ask("10.0.0.9"), "flood 32768\ncopy lp1\ncopy lp2"},
		{"of another tenant", "other1", ask("10.0.0.9"), "drop l2switch.no_flood"},
		{"in an IPv6 network", "lp1", solicit("fd00::99"), "decide l2switch.answered 3\nrewrite 0+86\noutput lp1"},
		{"outside, IPv6", "lp1", solicit("fd01::99"), flood},
	})
	for target, mac := range map[string]net.HardwareAddr{"10.0.0.9": mac3, "10.0.0.65": mac4} { // the longer prefix
		arp, ok := k.Send("lp1", ask(target)).Packet.Layer(layers.LayerTypeARP).(*layers.ARP)
		if !ok || arp.Operation != 2 || net.HardwareAddr(arp.SourceHwAddress).String() != mac.String() || netip.AddrFrom4([4]byte(arp.SourceProtAddress)).String() != target {
			t.Errorf("%s: answer %+v, want it at %s", target, arp, mac)
		}
	}
}
