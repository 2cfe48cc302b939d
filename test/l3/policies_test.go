package l3

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// policies: traffic is dropped, let through and sent another way, by what the match language says; the traces name who decided.
func policies(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "pol", 170)
	ip4, ip6 := netip.MustParseAddr("10.58.0.1"), netip.MustParseAddr("fd58::1")
	for _, ip := range []netip.Addr{ip4, ip6} {
		host(t, w.far, ip)
		host(t, w.beside, ip)
	}
	nb := w.router.NB
	nb("lr-route-add", "pol", "10.58.0.0/16", w.far.IP4.String())
	nb("lr-route-add", "pol", "fd58::/64", w.far.IP6.String())
	nb("create", "Address_Set", "name=polset", fmt.Sprintf("addresses=%q,%q", w.near.IP4, "10.0.170.200"))
	t.Cleanup(func() {
		if _, err := l.NBCtl(context.Background(), "destroy", "Address_Set", "polset"); err != nil {
			t.Error(err)
		}
	})
	nb("--wait=hv", "sync")
	wantName(t, w.near, ip4, w.far)
	wantName(t, w.near, ip6, w.far)

	nb("lr-policy-add", "pol", "300", "ip4.src == $polset && udp.dst == 4000", "reroute", w.beside.IP4.String(), "pkt_mark=7")
	nb("lr-policy-add", "pol", "300", fmt.Sprintf("ip6.src == %s && udp.dst == 4000", w.near.IP6), "reroute", w.beside.IP6.String())
	nb("lr-policy-add", "pol", "200", "icmp4.type == 8 && ip4.dst == 10.0.171.0/24", "drop")
	nb("lr-policy-add", "pol", "200", `icmp6 && inport == "pol-pola" && outport == "pol-polb"`, "drop")
	nb("lr-policy-add", "pol", "250", fmt.Sprintf("ip4.dst == %s", w.beside.IP4), "allow")
	nb("lr-policy-add", "pol", "100", "ip.ttl == 17 || eth.src == 0a:00:00:01:ab:fe && tcp.dst == {80, 8000..8010}", "drop")
	nb("lr-policy-add", "pol", "90", "ip4.dst == 10.0.171.0/24 && tcp.dst == 81", "reroute", "10.0.170.1")
	nb("lr-policy-add", "pol", "80", "ip4 && tcp.dst == 82", "reroute", "10.0.171.2")
	nb("--wait=hv", "sync")
	wantName(t, w.near, ip4, w.beside)
	wantName(t, w.near, ip6, w.beside)
	pingFails(t, w.near, w.far.IP4.String(), "-W", "1")
	pingFails(t, w.near, w.far.IP6.String(), "-W", "1")
	if err := w.near.Ping(3, w.beside.IP4); err != nil {
		t.Error(err)
	}
	if n := drops(t, w.left, "hv1", "policy", "pol"); n < 2 {
		t.Errorf("%d packets are counted as dropped by policies, not 2", n)
	}
	policyTraces(t, w)
	policiesAsOVN(t, w)

	nb("--wait=hv", "remove", "Address_Set", "polset", "addresses", fmt.Sprintf("%q", w.near.IP4))
	wantName(t, w.near, ip4, w.far)
	nb("lr-policy-del", "pol")
	nb("--wait=hv", "lr-policy-add", "pol", "1", "ip4.dst == 10.58.0.1", "reroute", w.beside.IP4.String()+","+w.far.IP4.String())
	reach(t, w.near, w.far)
	wantName(t, w.near, ip6, w.far)
	spread(t, w.near, ip4)
}

// fromNear is a microflow of the VM near through the router; rest says what is in the frame.
func fromNear(rest string) string {
	return `inport == "pola-1" && eth.src == 0a:00:00:00:aa:01 && eth.dst == 0a:00:00:01:aa:fe && ` + rest
}

// policyTraces: `woven trace` names the route and the policy.
func policyTraces(t *testing.T, w *network) {
	for microflow, want := range map[string][]string{
		fromNear("ip4.src == 10.0.170.1 && ip4.dst == 10.58.0.1 && ip.ttl == 64 && udp.dst == 4000"): {
			`the static route: logical_router_static_route uuid=`, ` ip_prefix=10.58.0.0/16 nexthop=10.0.171.3 policy=dst-ip`,
			`the routing policy reroutes it: logical_router_policy uuid=`,
			` priority=300 action=reroute nexthops=10.0.171.2 pkt_mark=7 match="ip4.src == $polset && udp.dst == 4000"`},
		fromNear("ip4.src == 10.0.170.1 && ip4.dst == 10.0.171.3 && ip.ttl == 64 && icmp4.type == 8"): {
			`the destination is on the network of the port: "pol-polb"`, `the routing policy drops it: logical_router_policy uuid=`, ` priority=200 action=drop match="icmp4.type == 8 && ip4.dst == 10.0.171.0/24"`, "(router.policy)"},
		fromNear("ip4.src == 10.0.170.1 && ip4.dst == 10.0.171.3 && ip.ttl == 64 && udp.dst == 9"): {"no routing policy matches", `output to port "polb-3"`},
	} {
		got := w.left.Woven("hv1", "trace", microflow)
		for _, words := range want {
			if !strings.Contains(got, words) {
				t.Errorf("%s: want %q in\n%s", microflow, words, got)
			}
		}
	}
}

// policiesAsOVN: packets go where ovn-trace says.
func policiesAsOVN(t *testing.T, w *network) {
	const ip4, ip6 = "ip4.src == 10.0.170.%d && ip4.dst == 10.%s && ip.ttl == %d && ", "ip6.src == fd00:10:0:aa::1 && ip6.dst == %s && ip.ttl == 64 && "
	ways := map[string]bool{}
	for _, microflow := range []string{
		fmt.Sprintf(ip4, 1, "58.0.1", 64) + "udp.dst == 4000",
		fmt.Sprintf(ip4, 1, "58.0.1", 64) + "udp.dst == 4001",
		fmt.Sprintf(ip4, 200, "58.0.1", 64) + "udp.dst == 4000",
		fmt.Sprintf(ip4, 1, "59.0.1", 64) + "udp.dst == 4000",
		fmt.Sprintf(ip6, "fd58::1") + "udp.dst == 4000",
		fmt.Sprintf(ip6, "fd58::1") + "udp.dst == 4001",
		fmt.Sprintf(ip6, "fd00:10:0:ab::2") + "icmp6.type == 128",
		fmt.Sprintf(ip6, "fd00:10:0:ab::2") + "tcp.dst == 80",
		fmt.Sprintf(ip6, "fd00:10:0:ab::2") + "tcp.dst == 82",
		fmt.Sprintf(ip4, 1, "0.171.2", 64) + "icmp4.type == 8",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "icmp4.type == 8",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "icmp4.type == 0",
		fmt.Sprintf(ip4, 1, "0.171.2", 18) + "tcp.dst == 9",
		fmt.Sprintf(ip4, 1, "0.171.3", 18) + "tcp.dst == 9",
		fmt.Sprintf(ip4, 1, "0.171.3", 17) + "tcp.dst == 9",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "tcp.dst == 80",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "tcp.dst == 8010",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "tcp.dst == 8011",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "tcp.dst == 81",
		fmt.Sprintf(ip4, 1, "0.171.3", 64) + "tcp.dst == 82",
	} {
		microflow = fromNear(microflow)
		got, want := wovenOutputs(w.left, microflow), w.left.OVNOutputs(microflow)
		if !slices.Equal(got, want) {
			t.Errorf("%s: goes to %v, ovn-trace: %v", microflow, got, want)
		}
		ways[strings.Join(got, " ")] = true
	}
	if len(ways) != 3 {
		t.Errorf("packets went to %v, want two ports and nowhere", slices.Collect(maps.Keys(ways)))
	}
}

// wovenOutputs are the ports to which a packet goes, sorted.
func wovenOutputs(sw *labtest.Switch, microflow string) []string {
	ports := map[string]bool{}
	for _, o := range sw.WovenOutputs("hv1", microflow) {
		ports[o.Port] = true
	}
	return slices.Sorted(maps.Keys(ports))
}
