package l3

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// symmetricReplies: connections that come in by one of two gateways are answered by that gateway, though routes spread what goes out.
func symmetricReplies(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "sym", 190)
	second := w.right.Add(4, "hv1")
	for _, to := range []struct {
		ip, prefix string
		near       netip.Addr
		hops       map[*labtest.VM]netip.Addr
	}{
		{"10.66.0.1", "10.66.0.0/16", w.near.IP4, map[*labtest.VM]netip.Addr{w.beside: w.beside.IP4, second: second.IP4}},
		{"fd66::1", "fd66::/64", w.near.IP6, map[*labtest.VM]netip.Addr{w.beside: w.beside.IP6, second: second.IP6}},
	} {
		ip := netip.MustParseAddr(to.ip)
		for gateway, hop := range to.hops {
			host(t, gateway, ip)
			w.router.NB("--wait=hv", "--ecmp-symmetric-reply", "lr-route-add", w.router.Name, to.prefix, hop.String())
		}
		spread(t, w.near, ip)
		serveName(t, w.near, to.near)
		for range 12 { // without the option half the answers go astray
			for gateway := range to.hops {
				if err := asks(gateway, netip.AddrPortFrom(ip, 0), to.near, w.near.Name); err != nil {
					t.Fatalf("%s as %s: %v", gateway.Name, ip, err)
				}
			}
		}
	}
	for _, gateway := range []*labtest.VM{w.beside, second} {
		if err := asks(gateway, netip.MustParseAddrPort("10.66.0.1:4001"), w.near.IP4, w.near.Name); err != nil {
			t.Fatal(err)
		}
		answer := fmt.Sprintf(`inport == %q && eth.src == %s && eth.dst == 0a:00:00:01:be:fe && ip4.src == %s && ip4.dst == 10.66.0.1 && ip.ttl == 64 && udp.src == %d && udp.dst == 4001`,
			w.near.Port, w.near.MAC, w.near.IP4, namePort)
		got := w.left.Woven("hv1", "trace", answer)
		for _, words := range []string{"leaves the way that this came: logical_router_static_route uuid=", fmt.Sprintf("output to port %q", gateway.Port)} {
			if !strings.Contains(got, words) {
				t.Errorf("want %q in\n%s", words, got)
			}
		}
		if rows := w.left.Woven("hv1", "table", "show", w.router.Name, "router_replies", "--limit", "1000"); !strings.Contains(rows, gateway.MAC) {
			t.Errorf("no connection is from %s:\n%s", gateway.MAC, rows)
		}
	}
}

// asks has a VM ask for a name from an address of its own, once.
func asks(vm *labtest.VM, from netip.AddrPort, to netip.Addr, want string) error {
	var conn *net.UDPConn
	err := vm.In(func() (err error) {
		conn, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, namePort)))
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	b := make([]byte, 100)
	_, err = conn.Write([]byte("?"))
	if err := errors.Join(err, conn.SetReadDeadline(time.Now().Add(5*time.Second))); err != nil {
		return err
	}
	n, err := conn.Read(b)
	if err == nil && string(b[:n]) != want {
		err = fmt.Errorf("the answer is from %s", b[:n])
	}
	return err
}

// proxies: the switch answers ARP and ND for networks that a router's port stands for, and the router forwards what comes of it.
func proxies(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "prx", 200)
	addresses := []netip.Addr{netip.MustParseAddr("10.67.3.1"), netip.MustParseAddr("fd67::31")}
	for i, network := range []string{"10.67.0.0/16", "fd67::/64"} {
		host(t, w.far, addresses[i])
		w.left.Exec(w.near.Name, "ip", "route", "add", network, "dev", "eth0") // on the link, it believes
		w.router.NB("lr-route-add", w.router.Name, network, map[bool]string{true: w.far.IP4.String(), false: w.far.IP6.String()}[addresses[i].Is4()])
	}
	port := "to-" + w.router.Port(w.left)
	for _, mac := range []string{"", "0a:00:00:00:77:77"} {
		w.router.NB("--wait=hv", "set", "Logical_Switch_Port", port, fmt.Sprintf("options:arp_proxy=%q", strings.TrimSpace(mac+" 10.67.0.0/16 fd67::/64")))
		w.left.Exec(w.near.Name, "ip", "neigh", "flush", "dev", "eth0")
		if mac == "" {
			mac = fmt.Sprintf("0a:00:00:01:%02x:fe", w.left.Subnet)
		}
		for _, ip := range addresses {
			if err := w.near.Ping(3, ip); err != nil {
				t.Error(err)
			}
			if out := w.left.Exec(w.near.Name, "ip", "neigh", "show", ip.String()); !strings.Contains(out, mac) {
				t.Errorf("%s is not at %s: %s", ip, mac, out)
			}
		}
	}
	w.router.NB("--wait=hv", "remove", "Logical_Switch_Port", port, "options", "arp_proxy")
	w.left.Exec(w.near.Name, "ip", "neigh", "flush", "dev", "eth0")
	for _, ip := range addresses {
		if err := w.near.NoPing(ip); err != nil {
			t.Errorf("without the option: %v", err)
		}
	}
}
