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

	"woven.dev/woven/modules/router"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iomtest"
)

func hop(port uint16, addr string) config.Hop {
	h := config.Hop{Port: port}
	if addr != "" {
		h.Addr = ip(addr)
	}
	return h
}

// The routes of stories have numbers in their order.
func numbered(routes []config.Route) []config.Route {
	for i := range routes {
		routes[i].Object = config.FirstObject + uint32(i)
	}
	return routes
}

func to(prefix string, hops ...config.Hop) config.Route {
	return config.Route{Prefix: netip.MustParsePrefix(prefix), Hops: hops}
}

func from(prefix string, hops ...config.Hop) config.Route {
	return config.Route{Prefix: netip.MustParsePrefix(prefix), Hops: hops, BySource: true}
}

// routed is the decision for a static route.
func routed(i int) string { return fmt.Sprintf("decide router.routed %d\n", config.FirstObject+i) }

func TestRoutes(t *testing.T) {
	via1 := "enter router\n%s" + rewrite4 + "enter l2switch\noutput vm1"
	via0 := "enter router\n%s" + rewrite4 + "enter l2switch\noutput vm0"
	via1v6, via0v6 := strings.ReplaceAll(via1, rewrite4, rewrite6), strings.ReplaceAll(via0, rewrite4, rewrite6)
	discard, none := "enter router\n%sdrop router.discard", "enter router\npunt router.no_route\ndrop router.no_route"
	in := func(table string, r config.Route) config.Route { r.Table = table; return r }
	for _, c := range []struct {
		name     string
		routes   []config.Route
		table    string // of vm0's router port
		src, dst string
		by       string // the decision
		want     string
	}{
		{"default", []config.Route{to("0.0.0.0/0", hop(2, "10.0.1.10"))}, "", "10.0.0.10", "192.0.2.1", routed(0), via1},
		{"default of the other family", []config.Route{to("::/0", hop(2, "fd00:1::10"))}, "", "10.0.0.10", "192.0.2.1", "", none},
		{"default, IPv6", []config.Route{to("::/0", hop(2, "fd00:1::10"))}, "", "fd00:0::10", "2001:db8::1", routed(0), via1v6},
		{"IPv4 over an IPv6 next hop", []config.Route{to("0.0.0.0/0", hop(2, "fd00:1::10"))}, "", "10.0.0.10", "192.0.2.1", routed(0), via1},
		{"link-local next hop", []config.Route{to("::/0", hop(2, "fe80::10"))}, "", "fd00:0::10", "2001:db8::1", routed(0), via1v6},
		{"longest prefix", []config.Route{to("192.0.2.0/24", hop(1, "10.0.0.10")), to("192.0.2.0/25", hop(2, "10.0.1.10"))}, "", "10.0.0.10", "192.0.2.1", routed(1), via1},
		{"by source", []config.Route{from("10.0.0.0/24", hop(2, "10.0.1.10"))}, "", "10.0.0.10", "192.0.2.1", routed(0), via1},
		{"by source, IPv6", []config.Route{from("fd00:0::/64", hop(2, "fd00:1::10"))}, "", "fd00:0::10", "2001:db8::1", routed(0), via1v6},
		{"by source, another source", []config.Route{from("10.0.5.0/24", hop(2, "10.0.1.10"))}, "", "10.0.0.10", "192.0.2.1", "", none},
		{"of equal prefixes the destination's", []config.Route{from("10.0.0.0/24", hop(1, "10.0.0.10")), to("192.0.2.0/24", hop(2, "10.0.1.10"))}, "", "10.0.0.10", "192.0.2.1", routed(1), via1},
		{"the source's longer prefix", []config.Route{from("10.0.0.0/25", hop(2, "10.0.1.10")), to("192.0.2.0/24", hop(1, "10.0.0.10"))}, "", "10.0.0.10", "192.0.2.1", routed(0), via1},
		{"a port's own network first", []config.Route{to("10.0.1.0/24", hop(1, "10.0.0.10"))}, "", "10.0.0.10", "10.0.1.10", connected(2), via1},
		{"discard", []config.Route{to("192.0.2.0/24")}, "", "10.0.0.10", "192.0.2.1", routed(0), discard},
		{"discard, IPv6", []config.Route{to("2001:db8::/32")}, "", "fd00:0::10", "2001:db8::1", routed(0), discard},
		{"another table", []config.Route{in("blue", to("192.0.2.0/24", hop(2, "10.0.1.10")))}, "", "10.0.0.10", "192.0.2.1", "", none},
		{"the port's table", []config.Route{to("192.0.2.0/24", hop(1, "10.0.0.10")), in("blue", to("192.0.2.0/24", hop(2, "10.0.1.10")))}, "blue", "10.0.0.10", "192.0.2.1", routed(1), via1},
		{"by source, from another table", []config.Route{from("10.0.0.0/24", hop(2, "10.0.1.10"))}, "blue", "10.0.0.10", "192.0.2.1", routed(0), via1},
		{"by source, the port's table first", []config.Route{in("blue", from("10.0.0.0/24", hop(2, "10.0.1.10"))), from("10.0.0.0/24", hop(1, "10.0.0.10"))}, "blue", "10.0.0.10", "192.0.2.1", routed(0), via1},
		{"a network from another table", nil, "blue", "10.0.0.10", "10.0.1.10", connected(2), via1},
		{"unknown next hop", []config.Route{to("::/0", hop(2, "fd00:1::99"))}, "", "fd00:0::10", "2001:db8::1", routed(0), "enter router\n%spunt router.resolve\ndrop router.unresolved"},
		{"by a disabled port", []config.Route{to("::/0", hop(4, "fd00:3::10"))}, "", "fd00:0::10", "2001:db8::1", routed(0), "enter router\n%sdrop router.port_disabled"},
		{"back", []config.Route{to("2001:db8::/32", hop(1, "fd00:0::10"))}, "", "fd00:0::10", "2001:db8::1", routed(0), via0v6},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := storyNetwork(t, func(conf *config.Config) {
				conf.Routes = numbered(c.routes)
				p := conf.Ports[1]
				p.Table = c.table
				conf.Ports[1] = p
			})
			if diff := cmp.Diff("enter l2switch\n"+strings.Replace(c.want, "%s", c.by, 1), k.Send("vm0", udp(t, c.src, c.dst)).Text); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Flows spread over the next hops, and each keeps to its own.
func TestECMP(t *testing.T) {
	k := storyNetwork(t, func(c *config.Config) {
		c.Routes = numbered([]config.Route{to("192.0.2.0/24", hop(1, "10.0.0.10"), hop(2, "10.0.1.10"), hop(3, "10.0.2.10")),
			to("2001:db8::/32", hop(1, "fd00:0::10"), hop(2, "fd00:1::10"))})
	})
	for _, dst := range []string{"192.0.2.1", "2001:db8::1"} {
		src := map[bool]string{true: "10.0.0.10", false: "fd00:0::10"}[ip(dst).Is4()]
		took := map[string]int{}
		for port := range uint16(300) {
			frame := iomtest.UDP(t, vmMAC(0), lrpMAC(0), ip(src), ip(dst), 1000+port, 2000)
			first := k.Send("vm0", frame).Text
			if again := k.Send("vm0", frame).Text; again != first {
				t.Fatalf("port %d: a flow changed its way:\n%s\n%s", port, first, again)
			}
			took[first[strings.LastIndexByte(first, '\n'):]]++
		}
		want := map[bool]int{true: 3, false: 2}[ip(dst).Is4()]
		if len(took) != want {
			t.Errorf("%s: ways taken: %v, want %d", dst, took, want)
		}
		for way, n := range took {
			if n < 300/want/2 {
				t.Errorf("%s: only %d of 300 flows went by %q", dst, n, way)
			}
		}
	}
}

// The fragments of a packet go the same way.
func TestECMPFragments(t *testing.T) {
	k := storyNetwork(t, func(c *config.Config) {
		c.Routes = numbered([]config.Route{to("192.0.2.0/24", hop(1, "10.0.0.10"), hop(2, "10.0.1.10")), to("2001:db8::/32", hop(1, "fd00:0::10"), hop(2, "fd00:1::10"))})
	})
	payload := gopacket.Payload(make([]byte, 64))
	for i := range byte(8) {
		for _, udp := range [][]byte{{1, i, 2, i, 0, 72, 0, 0}, {3, i, 2, i, 0, 72, 0, 0}} {
			first := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{10, 0, 0, 10}, DstIP: net.IP{192, 0, 2, i}, Flags: layers.IPv4MoreFragments}
			later := *first
			later.Flags, later.FragOffset = 0, 9
			eth4, eth6 := iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv4), iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv6)
			ip6 := iomtest.IP(ip("fd00:0::10"), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: i}), layers.IPProtocolIPv6Fragment)
			for _, pair := range [][2][]byte{
				{iomtest.Frame(t, eth4, first, gopacket.Payload(udp), payload), iomtest.Frame(t, eth4, &later, payload)},
				{iomtest.Frame(t, eth6, ip6, gopacket.Payload{17, 0, 0, 1, 0, 0, 0, 7}, gopacket.Payload(udp), payload), iomtest.Frame(t, eth6, ip6, gopacket.Payload{17, 0, 0, 72, 0, 0, 0, 7}, payload)},
			} {
				if a, b := k.Send("vm0", pair[0]).Text, k.Send("vm0", pair[1]).Text; a != b || !strings.Contains(a, "output") {
					t.Errorf("the first fragment:\n%s\na later one:\n%s", a, b)
				}
			}
		}
	}
}

// TestEntriesRefuses: what can't be held refuses the whole router.
func TestEntriesRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		config any
		want   string
	}{
		"another kind's": {struct{}{}, "want *config.Config"},
		"an invalid one": {&config.Config{Routes: []config.Route{{}}}, "is no network"},
	} {
		if err := router.Entries(iom.Instance{Config: c.config}, &iom.Tables{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
