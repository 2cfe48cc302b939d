package l2switch_test

import (
	"net/netip"
	"testing"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/meter"
	"woven.dev/woven/sdk/iomtest"
)

// servedSwitch has a port lp1 whose DHCP requests are answered, and one lp2 whose are not; its DNS requests are if dns says so.
func servedSwitch(t *testing.T, dns bool, meters map[string]meter.Meter) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: 7, Groups: map[uint16][]uint16{32768: {1, 2}},
		Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "lp2", Key: 2}},
		Config: &config.Config{DNS: dns, FloodGroup: 32768, Ports: map[uint16]config.Port{1: {Enabled: true, DHCPv4: true, DHCPv6: true}, 2: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac2): 2}, Meters: meters}})
	tables := &iom.Tables{}
	iom.Put(tables, "iom_bindings", uint32(1), k.Slot("lp1"))
	k.Write(tables)
	return k
}

func TestServe(t *testing.T) {
	all := netip.MustParseAddr("255.255.255.255")
	mcast6, mcastMAC := netip.MustParseAddr("ff02::1:2"), iomtest.MAC(t, "33:33:00:01:00:02")
	linkLocal := netip.MustParseAddr("fe80::1")
	discover := iomtest.UDP(t, mac1, broadcast, zero4, all, 68, 67)
	solicit := iomtest.UDP(t, mac1, mcastMAC, linkLocal, mcast6, 546, 547)
	query, query6 := iomtest.UDP(t, mac1, mac2, ip1, ip2, 4000, 53), iomtest.UDP(t, mac1, mac2, v6a, v6b, 4000, 53)
	run(t, servedSwitch(t, true, nil), []story{
		{"DHCP request", "lp1", discover, "punt l2switch.dhcp\ndrop l2switch.served"},
		{"DHCP renewal", "lp1", iomtest.UDP(t, mac1, mac2, ip1, ip2, 68, 67), "punt l2switch.dhcp\ndrop l2switch.served"},
		{"DHCPv6 request", "lp1", solicit, "punt l2switch.dhcp\ndrop l2switch.served"},
		{"DHCP request of a port without options", "lp2", iomtest.UDP(t, mac2, broadcast, zero4, all, 68, 67), "flood 32768\ncopy lp1"},
		{"DHCP reply", "lp1", iomtest.UDP(t, mac1, mac2, ip1, ip2, 67, 68), "output lp2"},
		{"DNS request", "lp1", query, "punt l2switch.dns\ndrop l2switch.served"},
		{"DNS request, IPv6", "lp1", query6, "punt l2switch.dns\ndrop l2switch.served"},
		{"DNS reply", "lp2", iomtest.UDP(t, mac2, mac1, ip2, ip1, 53, 4000), "output lp1"},
	})
	run(t, servedSwitch(t, false, nil), []story{{"DNS request in a switch without records", "lp1", query, "output lp2"}})
}

// requests that user space answers, of lp1, by the kind of packet that a meter is for.
func requests(t *testing.T) map[string][]byte {
	return map[string][]byte{
		"dhcpv4-opts": iomtest.UDP(t, mac1, broadcast, zero4, netip.MustParseAddr("255.255.255.255"), 68, 67),
		"dhcpv6-opts": iomtest.UDP(t, mac1, iomtest.MAC(t, "33:33:00:01:00:02"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("ff02::1:2"), 546, 547),
		"dns":         iomtest.UDP(t, mac1, mac2, ip1, ip2, 4000, 53),
	}
}

// TestServeBusy: over the rate of punts requests are dropped, l2switch.service_busy, and each kind has a rate of its own.
func TestServeBusy(t *testing.T) {
	k := servedSwitch(t, true, nil)
	for kind, request := range requests(t) {
		if n := servedBeforeBusy(t, k, request); n <= 200 {
			t.Errorf("%s: user space was too busy after %d requests, want more than of other punts", kind, n)
		}
	}
}

// TestServeMeter: a meter says what the rate is, of its kind of packet only.
func TestServeMeter(t *testing.T) {
	for kind, request := range requests(t) {
		k := servedSwitch(t, true, map[string]meter.Meter{kind: {Rate: 1, Burst: 5}})
		if n := servedBeforeBusy(t, k, request); n < 5 || n > 1000 {
			t.Errorf("%s: user space was too busy after %d requests, want the burst of 5", kind, n)
		}
		for other, request := range requests(t) {
			if n := servedBeforeBusy(t, k, request); other != kind && n <= 200 {
				t.Errorf("a meter for %s limits %s to %d", kind, other, n)
			}
		}
	}
}

// TestServeBits: a meter in kbit/s counts bits, and a request of more bits than its burst has never reaches user space.
func TestServeBits(t *testing.T) {
	request := iomtest.UDP(t, mac1, mac2, ip1, ip2, 4000, 53)
	large := append(request, make([]byte, 1000/8-len(request)+1)...)
	k := servedSwitch(t, true, map[string]meter.Meter{"dns": {Rate: 1, Bits: true}})
	for range 100 {
		if n := servedBeforeBusy(t, k, large); n != 0 {
			t.Fatalf("%d requests of %d bytes within 1 kbit/s, want none", n, len(large))
		}
	}
	if n := servedBeforeBusy(t, k, request); n == 0 {
		t.Errorf("no request of %d bytes within 1 kbit/s", len(request))
	}
}

// servedBeforeBusy sends a frame by lp1 again and again, faster than punts are allowed, until it is dropped for that, and says how many were not.
func servedBeforeBusy(t *testing.T, k *iomtest.Kit, frame []byte) (served uint64) {
	t.Helper()
	count := func(reason string) uint64 { return k.Counter("l2switch", reason, 1, 0) }
	before, busy := count("served"), count("service_busy")
	for range 100_000 {
		k.Run("vif_in", 1, 0, frame)
		if count("service_busy") > busy {
			return count("served") - before
		}
	}
	t.Fatal("user space took 100,000 requests at once")
	return 0
}
