package l3

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

const namePort = 4000

// serveName has a VM answer each UDP datagram to an address of its own with its name, until the test ends.
func serveName(t *testing.T, vm *labtest.VM, ip netip.Addr) {
	t.Helper()
	var conn *net.UDPConn
	err := vm.In(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, namePort)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 100)
		for {
			_, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if _, err := conn.WriteToUDPAddrPort([]byte(vm.Name), from); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
}

// whoIs asks an address for its name, several times from one port; the answers must be the same.
func whoIs(t *testing.T, from *labtest.VM, ip netip.Addr) (string, error) {
	t.Helper()
	conn, err := dial(t.Context(), from, "udp", netip.AddrPortFrom(ip, namePort).String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	name := ""
	b := make([]byte, 100)
	for range 3 {
		if _, err := conn.Write([]byte("?")); err != nil {
			return "", err
		}
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return "", err
		}
		n, err := conn.Read(b)
		if err != nil {
			return "", err
		}
		if name != "" && name != string(b[:n]) {
			return "", fmt.Errorf("one flow went to %s and to %s", name, b[:n])
		}
		name = string(b[:n])
	}
	return name, nil
}

// host gives a VM an address that only routes lead to, and has it tell its name there.
func host(t *testing.T, vm *labtest.VM, ip netip.Addr) {
	t.Helper()
	vm.Switch.NB("clear", "Logical_Switch_Port", vm.Port, "port_security")
	add := []string{"ip", "addr", "add", netip.PrefixFrom(ip, ip.BitLen()).String(), "dev", "lo"}
	if ip.Is6() {
		add = append(add, "nodad") // else nobody may listen there yet
	}
	vm.Switch.Exec(vm.Name, add...)
	vm.Switch.Exec(vm.Name, "ip", "link", "set", "lo", "up")
	vm.Switch.Exec(vm.Name, "sysctl", "-qw", "net.ipv4.conf.all.arp_announce=2") // asks as its other address, which is on the network
	serveName(t, vm, ip)
}

// wantName wants a VM to reach another one at an address.
func wantName(t *testing.T, from *labtest.VM, ip netip.Addr, to *labtest.VM) {
	t.Helper()
	if got, err := whoIs(t, from, ip); err != nil || got != to.Name {
		t.Errorf("%s asks %s: %q, %v; want %s", from.Name, ip, got, err, to.Name)
	}
}

// staticRoutes: by destination, by source, over a next hop of the other family, and to nowhere.
func staticRoutes(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "sta", 50)
	other := w.left.Add(4, "hv2")
	nb := w.router.NB
	for _, ip := range []string{"10.55.0.1", "10.56.0.1", "fd55::1"} {
		host(t, w.far, netip.MustParseAddr(ip))
		host(t, w.beside, netip.MustParseAddr(ip))
	}
	nb("lr-route-add", "sta", "10.55.0.0/16", w.far.IP4.String())
	nb("lr-route-add", "sta", "fd55::/64", w.far.IP6.String())
	nb("--policy=src-ip", "lr-route-add", "sta", w.near.IP4.String()+"/32", w.beside.IP4.String())
	nb("--policy=src-ip", "lr-route-add", "sta", w.near.IP6.String()+"/128", w.beside.IP6.String())
	addRoute(t, w.router, "10.56.0.0/16", w.far.IP6.String())
	nb("lr-route-add", "sta", "10.57.0.0/16", "discard")
	nb("--wait=hv", "lr-route-add", "sta", "fd57::/16", "discard")
	wantName(t, other, netip.MustParseAddr("10.55.0.1"), w.far)
	wantName(t, other, netip.MustParseAddr("fd55::1"), w.far)
	wantName(t, other, netip.MustParseAddr("10.56.0.1"), w.far)
	wantName(t, w.near, netip.MustParseAddr("10.55.0.1"), w.beside)
	wantName(t, w.near, netip.MustParseAddr("fd55::1"), w.beside)
	for _, to := range []string{"10.57.0.1", "fd57::1"} {
		if err := other.NoPing(netip.MustParseAddr(to)); err != nil {
			t.Error(err)
		}
	}
	if n := drops(t, w.left, "hv2", "discard", "sta"); n < 6 {
		t.Errorf("%d packets are counted as discarded, not 6", n)
	}
}

// addRoute writes a row that ovn-nbctl may refuse.
func addRoute(t *testing.T, r *labtest.Router, prefix, nexthop string) {
	t.Helper()
	r.NB("--", "--id=@r", "create", "Logical_Router_Static_Route", fmt.Sprintf("ip_prefix=%q", prefix), fmt.Sprintf("nexthop=%q", nexthop),
		"--", "add", "Logical_Router", r.Name, "static_routes", "@r")
}

// drops is how many packets a node has dropped in some datapaths for a reason.
func drops(t *testing.T, s *labtest.Switch, hv, reason string, datapaths ...string) (n int) {
	t.Helper()
	var all []v1.DatapathDrops
	if err := json.Unmarshal([]byte(s.Woven(hv, "drop", "ls", "-o", "json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, dp := range all {
		for _, d := range dp.Drops {
			if d.Reason == reason && slices.Contains(datapaths, dp.Datapath) {
				n += int(d.Packets)
			}
		}
	}
	return n
}

// routeTables: what comes in by a port with a table of its own takes that one's routes and no others but to the ports' networks.
func routeTables(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "tab", 60)
	ip, main := netip.MustParseAddr("10.65.0.1"), netip.MustParseAddr("10.66.0.1")
	for _, vm := range []*labtest.VM{w.far, w.beside} {
		host(t, vm, ip)
		host(t, vm, main)
	}
	w.router.NB("set", "Logical_Router_Port", w.router.Port(w.left), "options:route_table=own")
	w.router.NB("lr-route-add", "tab", "10.65.0.0/16", w.far.IP4.String())
	w.router.NB("--route-table=own", "lr-route-add", "tab", "10.65.0.0/16", w.beside.IP4.String())
	w.router.NB("--wait=hv", "lr-route-add", "tab", "10.66.0.0/16", w.far.IP4.String())
	third := w.right.Add(5, "hv1")
	wantName(t, w.near, ip, w.beside)
	reach(t, w.near, w.far)
	if out := pingFails(t, w.near, main.String(), "-W", "5"); !strings.Contains(out, "Destination Net Unreachable") {
		t.Errorf("ping by a route of another table:\n%s", out)
	}
	wantName(t, third, ip, w.far)
	wantName(t, third, main, w.far)
}

// ecmp: flows are spread over the next hops, and each keeps to its own.
func ecmp(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "ecm", 70)
	for _, to := range []struct {
		ip, prefix string
		hops       []netip.Addr
	}{
		{"10.75.0.1", "10.75.0.0/16", []netip.Addr{w.far.IP4, w.beside.IP4}}, {"fd75::1", "fd75::/64", []netip.Addr{w.far.IP6, w.beside.IP6}},
	} {
		ip := netip.MustParseAddr(to.ip)
		host(t, w.far, ip)
		host(t, w.beside, ip)
		for _, hop := range to.hops {
			w.router.NB("--wait=hv", "--ecmp", "lr-route-add", "ecm", to.prefix, hop.String())
		}
		spread(t, w.near, ip)
	}
}

// spread wants flows to go to two VMs.
func spread(t *testing.T, from *labtest.VM, ip netip.Addr) {
	t.Helper()
	count := map[string]int{}
	for range 40 { // one way takes all flows once in 2^39 times
		name, err := whoIs(t, from, ip)
		if err != nil {
			t.Fatal(err)
		}
		count[name]++
	}
	if len(count) != 2 {
		t.Errorf("flows to %s went to %v", ip, count)
	}
}

// loop: two routers that send to one another lose the packet in the end, and tell where time to live ends it.
func loop(t *testing.T, l *lab.Lab) {
	first, second := labtest.NewRouter(t, l, "loa"), labtest.NewRouter(t, l, "lob")
	sw := labtest.NewSubnet(t, l, "lo", 80)
	first.Attach(sw)
	to, back := first.Peer(second, 81)
	for _, prefix := range []struct{ prefix, there, here string }{{"0.0.0.0/0", back.IP4.String(), to.IP4.String()}, {"::/0", back.IP6.String(), to.IP6.String()}} {
		first.NB("lr-route-add", "loa", prefix.prefix, prefix.there)
		second.NB("lr-route-add", "lob", prefix.prefix, prefix.here)
	}
	vm := sw.Add(1, "hv1")
	sw.Sync()
	for i, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		if out := pingFails(t, vm, ip, "-W", "1"); strings.Contains(out, "From") {
			t.Errorf("somebody answered:\n%s", out)
		}
		if got := drops(t, sw, "hv1", "hop_limit", "loa", "lob"); got < i+1 {
			t.Errorf("%d packets are counted as lost in the loop", got)
		}
		if out := pingFails(t, vm, ip, "-W", "5", "-t", "9"); !strings.Contains(out, "ime to live exceeded") && !strings.Contains(out, "Hop limit") {
			t.Errorf("ping with a short life:\n%s", out)
		}
	}
}

// tenants: two networks with the same addresses never meet.
func tenants(t *testing.T, l *lab.Lab) {
	red, blue := newNetwork(t, l, "red", 90), newNetwork(t, l, "blu", 90)
	for _, w := range []*network{red, blue} {
		for _, ip := range []netip.Addr{w.far.IP4, w.far.IP6} {
			serveName(t, w.far, ip)
		}
	}
	for _, w := range []*network{red, blue} {
		wantName(t, w.near, w.far.IP4, w.far)
		wantName(t, w.near, w.far.IP6, w.far)
	}
	blue.router.NB("--wait=hv", "lr-del", "blu")
	wantName(t, red.near, red.far.IP4, red.far)
	if err := blue.near.NoPing(blue.far.IP4); err != nil {
		t.Errorf("without its router: %v", err)
	}
}

// moving: ports are routed to where they are.
func moving(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "mov", 100)
	for _, hv := range []string{"hv1", "hv2"} {
		w.far.Stop()
		w.far.WaitUp(false)
		w.far.Hypervisor = hv
		w.far.Start()
		w.far.WaitUp(true)
		w.left.Sync()
		reach(t, w.near, w.far)
		reach(t, w.far, w.near)
	}
}

// agentsAway: routed traffic flows while agents are killed, away and started again.
func agentsAway(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "awa", 110)
	reach(t, w.near, w.far)
	ended := make(chan error, 2)
	for _, ip := range []netip.Addr{w.far.IP4, w.far.IP6} {
		go func() { ended <- w.near.Ping(100, ip) }()
	}
	for _, hv := range []string{"hv1", "hv2"} {
		if err := errors.Join(l.KillAgent(hv), l.StartAgent(t.Context(), hv)); err != nil {
			t.Error(err)
		}
	}
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	w.left.Sync()
	reach(t, w.near, w.beside)
}
