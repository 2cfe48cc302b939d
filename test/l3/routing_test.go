package l3

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// network is a router with two switches and VMs on them: near and far on different nodes, beside on near's.
type network struct {
	router            *labtest.Router
	left, right       *labtest.Switch
	near, beside, far *labtest.VM
}

// newNetwork makes one of subnets n and n+1.
func newNetwork(t *testing.T, l *lab.Lab, name string, n int) *network {
	t.Helper()
	w := &network{router: labtest.NewRouter(t, l, name), left: labtest.NewSubnet(t, l, name+"a", n), right: labtest.NewSubnet(t, l, name+"b", n+1)}
	w.router.Attach(w.left)
	w.router.Attach(w.right)
	w.near, w.beside, w.far = w.left.Add(1, "hv1"), w.right.Add(2, "hv1"), w.right.Add(3, "hv2", labtest.Tap)
	w.left.Sync()
	return w
}

// reach wants VMs to reach one another at both addresses.
func reach(t *testing.T, from, to *labtest.VM) {
	t.Helper()
	for _, ip := range []netip.Addr{to.IP4, to.IP6} {
		if err := from.Ping(3, ip); err != nil {
			t.Error(err)
		}
	}
}

// connectivity: between two subnets, on one node and across two, with pings and bulk TCP.
func connectivity(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "con", 10)
	for _, pair := range [][2]*labtest.VM{{w.near, w.beside}, {w.near, w.far}, {w.far, w.near}} {
		reach(t, pair[0], pair[1])
		for _, ip := range []netip.Addr{pair[1].IP4, pair[1].IP6} {
			if err := transfer(t.Context(), pair[0], pair[1], ip); err != nil {
				t.Error(err)
			}
		}
	}
}

// hops are the addresses that traceroute(8) shows on the way; "*" is one that says nothing.
func hops(t *testing.T, from *labtest.VM, to netip.Addr) []string {
	t.Helper()
	out := from.Switch.Exec(from.Name, "traceroute", "-n", "-q", "1", "-w", "5", "-m", "8", to.String())
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^ *\d+ +(\S+)`).FindAllStringSubmatch(out, -1) {
		list = append(list, m[1])
	}
	return list
}

// traceroute: two routers in a row, linked as peers and by a switch between them, show themselves by the address on the way in.
func traceroute(t *testing.T, l *lab.Lab) {
	first, second, third := labtest.NewRouter(t, l, "tra"), labtest.NewRouter(t, l, "trb"), labtest.NewRouter(t, l, "trc")
	left, join, right := labtest.NewSubnet(t, l, "trl", 20), labtest.NewSubnet(t, l, "trj", 21), labtest.NewSubnet(t, l, "trr", 22)
	first.Attach(left)
	third.Attach(right)
	to2, back1 := first.Peer(second, 23)
	join2v4, join2v6 := second.AttachAt(join, 2)
	join3v4, join3v6 := third.AttachAt(join, 3)
	for _, way := range []struct {
		router   *labtest.Router
		subnet   int
		ip4, ip6 netip.Addr
	}{
		{first, 22, back1.IP4, back1.IP6}, {second, 22, join3v4, join3v6}, {second, 20, to2.IP4, to2.IP6}, {third, 20, join2v4, join2v6},
	} {
		way.router.NB("lr-route-add", way.router.Name, fmt.Sprintf("10.0.%d.0/24", way.subnet), way.ip4.String())
		way.router.NB("lr-route-add", way.router.Name, fmt.Sprintf("fd00:10:0:%x::/64", way.subnet), way.ip6.String())
	}
	near, far := left.Add(1, "hv1"), right.Add(2, "hv2")
	left.Sync()
	reach(t, near, far)
	for _, test := range []struct {
		to   netip.Addr
		want []string
	}{
		{far.IP4, []string{"10.0.20.254", back1.IP4.String(), join3v4.String(), far.IP4.String()}},
		{far.IP6, []string{"fd00:10:0:14::fe", back1.IP6.String(), join3v6.String(), far.IP6.String()}},
	} {
		if got := hops(t, near, test.to); !slices.Equal(got, test.want) {
			t.Errorf("way to %s: %v, want %v", test.to, got, test.want)
		}
	}
}

// ownAddresses: the router answers pings at each of its addresses, and refuses the rest.
func ownAddresses(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "own", 30)
	for _, to := range []string{"10.0.30.254", "fd00:10:0:1e::fe", "10.0.31.254", "fd00:10:0:1f::fe"} {
		ip := netip.MustParseAddr(to)
		if err := w.near.Ping(3, ip); err != nil {
			t.Error(err)
		}
		for _, proto := range []string{"udp", "tcp"} {
			if err := refused(t.Context(), w.near, proto, ip); err != nil {
				t.Errorf("%s to %s: %v", proto, ip, err)
			}
		}
	}
	for to, want := range map[string]string{
		"10.99.0.1":        "From 10.0.30.254 icmp_seq=1 Destination Net Unreachable",
		"fd00:99::1":       "From fd00:10:0:1e::fe icmp_seq=1 Destination unreachable: No route",
		"10.0.31.77":       "From 10.0.30.254 icmp_seq=1 Destination Host Unreachable",
		"fd00:10:0:1f::77": "From fd00:10:0:1e::fe icmp_seq=1 Destination unreachable: Address unreachable",
	} {
		if out := pingFails(t, w.near, to, "-W", "14"); !strings.Contains(out, want) {
			t.Errorf("ping %s: want %q in\n%s", to, want, out)
		}
	}
}

// pathMTU: a router port with a largest packet size tells senders, on either side of it, who keep to it; some packets may be exempt.
func pathMTU(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "mtu", 40)
	w.router.NB("--wait=hv", "set", "Logical_Router_Port", w.router.Port(w.right), "options:gateway_mtu=1300")
	for _, test := range []struct {
		from *labtest.VM
		to   netip.Addr
		want string
	}{
		{w.near, w.far.IP4, "From 10.0.40.254 icmp_seq=1 Frag needed and DF set (mtu = 1300)"},
		{w.near, w.far.IP6, "From fd00:10:0:28::fe icmp_seq=1 Packet too big: mtu=1300"},
		{w.beside, w.near.IP4, "From 10.0.41.254 icmp_seq=1 Frag needed and DF set (mtu = 1300)"},
		{w.beside, w.near.IP6, "From fd00:10:0:29::fe icmp_seq=1 Packet too big: mtu=1300"},
	} {
		if out := pingFails(t, test.from, test.to.String(), "-M", "do", "-s", "1350", "-W", "5"); !strings.Contains(out, test.want) {
			t.Errorf("ping %s: want %q in\n%s", test.to, test.want, out)
		}
	}
	for _, to := range []*labtest.VM{w.beside, w.far} {
		for _, ip := range []netip.Addr{to.IP4, to.IP6} {
			if err := transfer(t.Context(), w.near, to, ip); err != nil {
				t.Error(err)
			}
		}
	}
	w.router.NB("--wait=hv", "set", "Logical_Router_Port", w.router.Port(w.right), `options:gateway_mtu_bypass="icmp4 || icmp6"`)
	for _, ip := range []netip.Addr{w.far.IP4, w.far.IP6} {
		w.left.Exec(w.near.Name, "ip", fmt.Sprintf("-%d", map[bool]int{true: 4, false: 6}[ip.Is4()]), "route", "flush", "cache")
		if err := w.near.Ping(3, ip, "-M", "do", "-s", "1350"); err != nil {
			t.Errorf("exempt: %v", err)
		}
	}
}
