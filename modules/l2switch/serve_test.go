package l2switch_test

import (
	"net/netip"
	"testing"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

// servedSwitch has a port lp1 whose DHCP requests are answered, and one lp2 whose are not; its DNS requests are if dns says so.
func servedSwitch(t *testing.T, dns bool) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 7, Groups: map[uint16][]uint16{32768: {1, 2}},
		Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "lp2", Key: 2}},
		Config: &config.Config{DNS: dns, FloodGroup: 32768, Ports: map[uint16]config.Port{1: {Enabled: true, DHCPv4: true, DHCPv6: true}, 2: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac2): 2}}})
	return k
}

func TestServe(t *testing.T) {
	all := netip.MustParseAddr("255.255.255.255")
	mcast6, mcastMAC := netip.MustParseAddr("ff02::1:2"), iomtest.MAC(t, "33:33:00:01:00:02")
	linkLocal := netip.MustParseAddr("fe80::1")
	discover := iomtest.UDP(t, mac1, broadcast, zero4, all, 68, 67)
	solicit := iomtest.UDP(t, mac1, mcastMAC, linkLocal, mcast6, 546, 547)
	query, query6 := iomtest.UDP(t, mac1, mac2, ip1, ip2, 4000, 53), iomtest.UDP(t, mac1, mac2, v6a, v6b, 4000, 53)
	run(t, servedSwitch(t, true), []story{
		{"DHCP request", "lp1", discover, "punt l2switch.dhcp\ndrop l2switch.served"},
		{"DHCP renewal", "lp1", iomtest.UDP(t, mac1, mac2, ip1, ip2, 68, 67), "punt l2switch.dhcp\ndrop l2switch.served"},
		{"DHCPv6 request", "lp1", solicit, "punt l2switch.dhcp\ndrop l2switch.served"},
		{"DHCP request of a port without options", "lp2", iomtest.UDP(t, mac2, broadcast, zero4, all, 68, 67), "flood 32768\ncopy lp1"},
		{"DHCP reply", "lp1", iomtest.UDP(t, mac1, mac2, ip1, ip2, 67, 68), "output lp2"},
		{"DNS request", "lp1", query, "punt l2switch.dns\ndrop l2switch.served"},
		{"DNS request, IPv6", "lp1", query6, "punt l2switch.dns\ndrop l2switch.served"},
		{"DNS reply", "lp2", iomtest.UDP(t, mac2, mac1, ip2, ip1, 53, 4000), "output lp1"},
	})
	run(t, servedSwitch(t, false), []story{{"DNS request in a switch without records", "lp1", query, "output lp2"}})
}

// TestServeBusy: over the rate of punts DHCP requests are dropped, l2switch.service_busy, and DNS requests go to the server that they name.
func TestServeBusy(t *testing.T) {
	k := servedSwitch(t, true)
	t.Run("DHCP", func(t *testing.T) {
		request := iomtest.UDP(t, mac1, broadcast, zero4, netip.MustParseAddr("255.255.255.255"), 68, 67)
		until(t, k, request, func() bool { return k.Counter("l2switch", "service_busy", 1, 0) > 0 })
	})
	t.Run("DNS", func(t *testing.T) {
		until(t, k, iomtest.UDP(t, mac1, mac2, ip1, ip2, 4000, 53), func() bool { return delivered(t, k, "lp2") > 0 })
	})
}

// until sends a frame by lp1 again and again, faster than punts are allowed, until done.
func until(t *testing.T, k *iomtest.Kit, frame []byte, done func() bool) {
	t.Helper()
	tables := &iom.Tables{}
	iom.Put(tables, "iom_bindings", uint32(1), k.Slot("lp1"))
	k.Write(tables)
	served := k.Counter("l2switch", "served", 1, 0)
	for range 100 {
		for range 200 {
			k.Run("vif_in", 1, 0, frame)
		}
		if done() {
			if k.Counter("l2switch", "served", 1, 0) == served {
				t.Error("no request reached user space")
			}
			return
		}
	}
	t.Error("user space took 20,000 requests at once")
}

// delivered is how many packets a port got.
func delivered(t *testing.T, k *iomtest.Kit, port string) (n uint64) {
	t.Helper()
	var perCPU []wire.Stats
	if err := k.Set().Maps["iom_port_stats"].Lookup(k.Slot(port), &perCPU); err != nil {
		t.Fatal(err)
	}
	for _, s := range perCPU {
		n += s.TxPackets
	}
	return n
}
