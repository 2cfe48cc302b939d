package router_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iomtest"
)

// solicited is the solicited-node group of an address and its MAC.
func solicited(a netip.Addr) (netip.Addr, net.HardwareAddr) {
	b := a.As16()
	g := ip("ff02::1:ff00:0").As16()
	copy(g[13:], b[13:])
	return netip.AddrFrom16(g), net.HardwareAddr{0x33, 0x33, 0xff, b[13], b[14], b[15]}
}

func arp(t *testing.T, op uint16, dst net.HardwareAddr, spa, tpa string) []byte {
	return iomtest.ARP(t, op, vmMAC(0), dst, vmMAC(0), ip(spa), ip(tpa))
}

func solicit(t *testing.T, src, target string) []byte {
	group, mac := solicited(ip(target))
	return iomtest.Solicit(t, vmMAC(0), mac, ip(src), group, ip(target), vmMAC(0))
}

// The answers themselves. A broadcast question for the router goes to its port alone.
func TestAnswers(t *testing.T) {
	k := storyNetwork(t, nil)
	r := k.Send("vm0", arp(t, 1, all, "10.0.0.10", "10.0.0.1"))
	if want := "enter l2switch\nenter router\nrewrite 0+42\nenter l2switch\noutput vm0"; r.Text != want {
		t.Errorf("ARP steps:\n%s", cmp.Diff(want, r.Text))
	}
	want := iomtest.ARP(t, 2, lrpMAC(0), vmMAC(0), lrpMAC(0), ip("10.0.0.1"), ip("10.0.0.10"))
	copy(want[32:38], vmMAC(0)) // the target's MAC
	if diff := cmp.Diff(want, r.Packet.Data()); diff != "" {
		t.Errorf("ARP: -want +got:\n%s", diff)
	}
	r = k.Send("vm0", solicit(t, "fd00:0::10", "fd00:0::1"))
	if want := "enter l2switch\nenter router\nrewrite 0+86\nenter l2switch\noutput vm0"; r.Text != want {
		t.Errorf("ND steps:\n%s", cmp.Diff(want, r.Text))
	}
	advertisement := iomtest.Advertise(t, lrpMAC(0), vmMAC(0), ip("fd00:0::1"), ip("fd00:0::10"), ip("fd00:0::1"), lrpMAC(0))
	if got, want := r.Packet.Data()[:54], advertisement[:54]; cmp.Diff(want, got) != "" {
		t.Errorf("ND headers: %s", cmp.Diff(want, got))
	}
	if got := r.Packet.Data()[58]; got != 0xe0 {
		t.Errorf("ND flags are %#x, want router, solicited and override", got)
	}
	if err := r.Packet.ErrorLayer(); err != nil {
		t.Error(err)
	}
}

func TestNeighbours(t *testing.T) {
	k := storyNetwork(t, nil)
	mac77 := net.HardwareAddr{0x0a, 0, 0, 0, 0, 0x77}
	moved := func(op uint16, dst net.HardwareAddr, tpa string) []byte {
		return iomtest.ARP(t, op, vmMAC(0), dst, mac77, ip("10.0.0.10"), ip(tpa))
	}
	group, groupMAC := solicited(ip("fd00:0::1"))
	run(t, k, []story{
		{"a request that teaches", "vm0", moved(1, all, "10.0.0.1"), "enter router\npunt router.learn\nrewrite 0+42\nenter l2switch\noutput vm0"},
		{"a reply that teaches", "vm0", moved(2, lrpMAC(0), "10.0.0.1"), "enter router\npunt router.learn\ndrop router.neighbour"},
		{"a reply with nothing new", "vm0", arp(t, 2, lrpMAC(0), "10.0.0.10", "10.0.0.1"), "enter router\ndrop router.neighbour"},
		{"a request for another network's address", "vm0", arp(t, 1, all, "10.0.0.10", "10.0.1.1"), "flood 32768\ncopy sw0-lr"},
		{"a request from another network", "vm0", arp(t, 1, all, "10.0.7.10", "10.0.0.1"), "enter router\nrewrite 0+42\nenter l2switch\noutput vm0"},
		{"a probe", "vm0", arp(t, 1, all, "0.0.0.0", "10.0.0.1"), "enter router\nrewrite 0+42\nenter l2switch\noutput vm0"},
		{"a solicitation that teaches", "vm0", iomtest.Solicit(t, vmMAC(0), groupMAC, ip("fd00:0::10"), group, ip("fd00:0::1"), mac77),
			"enter router\npunt router.learn_asked\nrewrite 0+86\nenter l2switch\noutput vm0"},
		{"an advertisement that teaches", "vm0", iomtest.Advertise(t, vmMAC(0), lrpMAC(0), ip("fd00:0::10"), ip("fd00:0::1"), ip("fd00:0::10"), mac77),
			"enter router\npunt router.learn\ndrop router.neighbour"},
		{"an advertisement with nothing new", "vm0", iomtest.Advertise(t, vmMAC(0), lrpMAC(0), ip("fd00:0::10"), ip("fd00:0::1"), ip("fd00:0::10"), vmMAC(0)),
			"enter router\ndrop router.neighbour"},
	})
	// Straight into the router's port: what a flood brings there.
	for _, s := range []story{
		{"a request for another host", "lrp0", arp(t, 1, all, "10.0.0.10", "10.0.0.99"), "enter router\ndrop router.neighbour"},
		{"a solicitation for another host", "lrp0", solicit(t, "fd00:0::10", "fd00:0::99"), "enter router\ndrop router.neighbour"},
		{"duplicate address detection", "lrp0", iomtest.Solicit(t, vmMAC(0), groupMAC, ip("::"), group, ip("fd00:0::77"), nil), "enter router\ndrop router.neighbour"},
		{"a short ARP packet", "lrp0", arp(t, 1, all, "10.0.0.10", "10.0.0.1")[:40], "enter router\ndrop router.neighbour"},
	} {
		if diff := cmp.Diff(s.want, k.Send(s.port, s.frame).Text); diff != "" {
			t.Errorf("%s: -want +got:\n%s", s.name, diff)
		}
	}
}

// With always_learn_from_arp_request=false a request teaches only what is known or asks for the router itself.
func TestLearnOnlyKnown(t *testing.T) {
	k := storyNetwork(t, func(c *config.Config) { c.LearnOnlyKnown = true })
	for _, s := range []struct {
		name, spa, tpa string
		learns         bool
	}{
		{"a stranger asks for another host", "10.0.0.66", "10.0.0.99", false},
		{"a stranger asks for the router", "10.0.0.66", "10.0.0.1", true},
		{"a known one asks for another host", "10.0.0.10", "10.0.0.99", true},
	} {
		mac := net.HardwareAddr{0x0a, 0, 0, 0, 0, 0x66}
		got := k.Send("lrp0", iomtest.ARP(t, 1, vmMAC(0), all, mac, ip(s.spa), ip(s.tpa))).Text
		want := "enter router\ndrop router.neighbour"
		switch {
		case s.tpa == "10.0.0.1":
			want = "enter router\npunt router.learn\nrewrite 0+42\nenter l2switch\noutput vm0"
		case s.learns:
			want = "enter router\npunt router.learn\ndrop router.neighbour"
		}
		if got != want {
			t.Errorf("%s:\n%s", s.name, cmp.Diff(want, got))
		}
	}
}
