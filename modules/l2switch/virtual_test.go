package l2switch_test

import (
	"net/netip"
	"testing"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iomtest"
)

// TestVirtual: of a parent of virtual ports user space is told the packets by which it says that it has an address, and of no others; they all go on.
func TestVirtual(t *testing.T) {
	k := iomtest.New(t, l2switch.Kind())
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 7, Groups: map[uint16][]uint16{32768: {1, 2}}, Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "lp2", Key: 2}},
		Config: &config.Config{FloodGroup: 32768, Ports: map[uint16]config.Port{1: {Enabled: true, Parent: true}, 2: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac2): 2}}})
	all, allMAC := netip.MustParseAddr("ff02::1"), iomtest.MAC(t, "33:33:00:00:00:01")
	group, groupMAC := solicited(v6a)
	const told, flooded = "punt l2switch.announced\nflood 32768\n", "flood 32768\n"
	run(t, k, []story{
		{"gratuitous ARP", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip1), told + "copy lp2"},
		{"ARP reply", "lp1", iomtest.ARP(t, 2, mac1, mac2, mac1, ip1, ip2), "punt l2switch.announced\noutput lp2"},
		{"ARP request", "lp1", iomtest.ARP(t, 1, mac1, broadcast, mac1, ip1, ip2), flooded + "copy lp2"},
		{"neighbour advertisement", "lp1", iomtest.Advertise(t, mac1, allMAC, v6a, all, v6a, mac1), told + "copy lp2"},
		{"duplicate address detection", "lp1", iomtest.Solicit(t, mac1, groupMAC, zero6, group, v6a, nil), told + "copy lp2"},
		{"neighbour solicitation", "lp1", iomtest.Solicit(t, mac1, groupMAC, v6a, group, v6b, mac1), flooded + "copy lp2"},
		{"UDP", "lp1", iomtest.UDP(t, mac1, mac2, ip1, ip2, 5, 6), "output lp2"},
		{"a port that is no parent", "lp2", iomtest.ARP(t, 1, mac2, broadcast, mac2, ip2, ip2), flooded + "copy lp1"},
	})
}
