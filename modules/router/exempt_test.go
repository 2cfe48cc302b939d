package router_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iomtest"
)

// limited gives a port a largest packet size, and rules for packets that may be larger.
func limited(key uint16, mtu uint16, exempt ...match.Rule) func(*config.Config) {
	return func(c *config.Config) {
		p := c.Ports[key]
		p.MTU, p.Exempt = mtu, exempt
		c.Ports[key] = p
	}
}

// sized is a datagram from vm0 with a payload.
func sized(t *testing.T, src, dst string, dport layers.UDPPort, payload int) []byte {
	return iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), iomtest.EtherType(ip(src))), iomtest.IP(ip(src), ip(dst), layers.IPProtocolUDP),
		&layers.UDP{SrcPort: 1000, DstPort: dport}, gopacket.Payload(make([]byte, payload)))
}

// What is larger than the port out or in carries is handed to user space, which tells the sender.
func TestMTU(t *testing.T) {
	const tooBig = "punt router.too_big\ndrop router.too_big"
	out, in := storyNetwork(t, limited(2, 68)), storyNetwork(t, limited(1, 68))
	run(t, out, []story{
		{"as large as may leave", "vm0", sized(t, "10.0.0.10", "10.0.1.10", 1, 40), "enter router\n" + connected(2) + rewrite4 + "enter l2switch\noutput vm1"}, // 20 + 8 + 40 bytes
		{"too large to leave", "vm0", sized(t, "10.0.0.10", "10.0.1.10", 1, 41), "enter router\n" + connected(2) + tooBig},
		{"too large to leave, IPv6", "vm0", sized(t, "fd00:0::10", "fd00:1::10", 1, 21), "enter router\n" + connected(2) + tooBig},
		{"too large, to a next hop that is not known", "vm0", sized(t, "10.0.0.10", "10.0.1.99", 1, 41), "enter router\n" + connected(2) + tooBig},
		{"by another port", "vm0", sized(t, "10.0.0.10", "10.0.0.10", 1, 41), "enter router\n" + connected(1) + rewrite4 + "enter l2switch\noutput vm0"},
	})
	run(t, in, []story{
		{"as large as may come in", "vm0", sized(t, "10.0.0.10", "10.0.1.10", 1, 40), "enter router\n" + connected(2) + rewrite4 + "enter l2switch\noutput vm1"},
		{"too large to come in", "vm0", sized(t, "10.0.0.10", "10.0.1.10", 1, 41), "enter router\n" + tooBig},
		{"too large to come in, IPv6", "vm0", sized(t, "fd00:0::10", "fd00:1::10", 1, 21), "enter router\n" + tooBig},
		{"too large, for the router itself", "vm0", sized(t, "10.0.0.10", "10.0.0.1", 1, 41), "enter router\n" + tooBig},
	})
}

// Packets that a rule matches may be larger. It sees what leaves routed, with the MAC address of the next hop, and what comes in as it is.
func TestExempt(t *testing.T) {
	big := func(dst string, dport layers.UDPPort) []byte { return sized(t, "10.0.0.10", dst, dport, 100) }
	k := storyNetwork(t, limited(2, 68, rule(in(match.DstPort, match.Key(80))), rule(in(match.EthDst, match.MAC([6]byte(vmMAC(1)))), in(match.DstPort, match.Key(81))),
		rule(in(match.EthSrc, match.MAC([6]byte(lrpMAC(1)))), in(match.DstPort, match.Key(82))), rule(in(match.OutPort, match.Key(2)), in(match.DstPort, match.Key(83))), is(match.FieldTTL, 32)))
	passes, fails := "enter router\n"+connected(2)+rewrite4+"enter l2switch\noutput vm1", "enter router\n"+connected(2)+"punt router.too_big\ndrop router.too_big"
	lives := withTTL(t, "10.0.0.10", "10.0.1.10", 33)
	run(t, k, []story{
		{"by port", "vm0", big("10.0.1.10", 80), passes},
		{"by the next hop's MAC address", "vm0", big("10.0.1.10", 81), passes},
		{"that is not known", "vm0", big("10.0.1.99", 81), fails},
		{"not known, and by port", "vm0", big("10.0.1.99", 80), "enter router\n" + connected(2) + "punt router.resolve\ndrop router.unresolved"},
		{"by the port's MAC address", "vm0", big("10.0.1.10", 82), passes},
		{"by the port that it leaves by", "vm0", big("10.0.1.10", 83), passes},
		{"by the time to live that is left", "vm0", append(lives[:len(lives):len(lives)], make([]byte, 100)...), passes},
		{"by nothing", "vm0", big("10.0.1.10", 84), fails},
	})
	k = storyNetwork(t, limited(1, 68, rule(in(match.InPort, match.Key(1)), in(match.DstPort, match.Key(80))), rule(in(match.OutPort, match.Key(2)))))
	run(t, k, []story{
		{"comes in", "vm0", big("10.0.1.10", 80), passes},
		{"comes in, to leave by a port", "vm0", big("10.0.1.10", 81), "enter router\npunt router.too_big\ndrop router.too_big"},
	})
	if err := clearTable(k, "iom_match_lists"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("enter l2switch\nenter router\npunt router.too_big\ndrop router.too_big", k.Send("vm0", big("10.0.1.10", 80)).Text); diff != "" {
		t.Errorf("without the list: -want +got:\n%s", diff)
	}
}
