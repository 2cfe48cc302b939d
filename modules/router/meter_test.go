package router_test

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/router"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/meter"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

// metered is a frame of vm0 that user space is told of, and why.
type metered struct {
	frame  []byte
	reason uint32
	ip6    uint8
}

// meteredFrames are by the kind of packet that a meter is for.
func meteredFrames(t *testing.T) map[string]metered {
	to4, to6 := iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv4), iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv6)
	group, groupMAC := solicited(ip("fd00:0::1"))
	stranger := ip("fd00:0::66")
	rs := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: ip("fe80::10").AsSlice(), DstIP: ip("ff02::2").AsSlice()}
	return map[string]metered{
		"arp":           {arp(t, 2, lrpMAC(0), "10.0.0.66", "10.0.0.1"), router.PuntLearn, 0},
		"arp-resolve":   {udp(t, "10.0.0.10", "10.0.1.99"), router.PuntResolve, 0},
		"icmp4-error":   {withTTL(t, "10.0.0.10", "10.0.1.10", 1), router.PuntTTL, 0},
		"icmp6-error":   {withTTL(t, "fd00:0::10", "fd00:1::10", 1), router.PuntTTL, 1},
		"nd-na":         {iomtest.Advertise(t, vmMAC(0), lrpMAC(0), stranger, ip("fd00:0::1"), stranger, vmMAC(0)), router.PuntLearn, 1},
		"nd-ns":         {iomtest.Solicit(t, vmMAC(0), groupMAC, stranger, group, ip("fd00:0::1"), vmMAC(0)), router.PuntLearnAsked, 1},
		"nd-ns-resolve": {udp(t, "fd00:0::10", "fd00:1::99"), router.PuntResolve, 1},
		"nd-ra-opts": {iomtest.Frame(t, to6, rs, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeRouterSolicitation, 0)},
			gopacket.Payload(make([]byte, 4))), router.PuntSolicit, 1},
		"tcp-reset": {iomtest.Frame(t, to4, iomtest.IP(ip("10.0.0.10"), ip("10.0.0.1"), layers.IPProtocolTCP), &layers.TCP{SrcPort: 1000, DstPort: 80, SYN: true}),
			router.PuntReset, 0},
	}
}

// Each kind of packet has a meter of its own: user space gets as many as its burst before the first is lost, whatever it got of other kinds.
func TestMeters(t *testing.T) {
	const burst = 3
	k := storyNetwork(t, func(c *config.Config) {
		p := c.Ports[1]
		p.Advertises = true
		c.Ports[1] = p
		c.Meters = map[string]meter.Meter{}
		for _, kind := range config.Metered {
			c.Meters[kind] = meter.Meter{Rate: 1, Burst: burst}
		}
	})
	tables := &iom.Tables{}
	iom.Put(tables, "iom_bindings", uint32(1), k.Slot("vm0"))
	k.Write(tables)
	frames := meteredFrames(t)
	for _, kind := range config.Metered {
		if sent := sentBeforeLost(t, k, kind, frames[kind]); sent < burst || sent > 100 {
			t.Errorf("%s: user space got %d packets before the first was lost, want the burst of %d", kind, sent, burst)
		}
	}
}

// sentBeforeLost sends a frame by vm0, faster than its meter allows, until user space is not told of it.
func sentBeforeLost(t *testing.T, k *iomtest.Kit, kind string, m metered) uint64 {
	t.Helper()
	var limit wire.PuntLimit
	for range 1000 {
		k.Run("vif_in", 1, 0, m.frame)
		key := wire.PuntKey{Dp: 5, Kind: 2, Ip6: m.ip6, Reason: uint16(m.reason)} // the router is the fifth instance, its kind the second
		if err := k.Set().Maps["iom_punt_limits"].Lookup(key, &limit); err != nil {
			t.Fatalf("%s: user space is told of something else: %v", kind, err)
		}
		if limit.Lost > 0 {
			return limit.Sent
		}
	}
	t.Fatalf("%s: user space got 1,000 packets at once", kind)
	return 0
}
