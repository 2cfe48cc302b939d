package l3

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// learned is the MAC address that the Southbound database has for an address at a router's port; "" for none.
func learned(s *labtest.Switch, port string, ip netip.Addr) string {
	return strings.TrimSpace(s.SB("--bare", "--columns=mac", "find", "MAC_Binding", "logical_port="+port, fmt.Sprintf("ip=%q", ip)))
}

// resolved is an error unless a node's router knows an address.
func resolved(l *lab.Lab, s *labtest.Switch, hv, router string, ip netip.Addr) error {
	if out := s.Woven(hv, "table", "show", router, "router_neighs", "--limit", "1000"); !strings.Contains(out, ip.String()+" ") {
		return fmt.Errorf("%s is not known on %s:\n%s", ip, hv, out)
	}
	return nil
}

// unknownNeighbours: a next hop that OVN has not been told of is asked for; the first packet waits for the answer, and other nodes hear of it.
func unknownNeighbours(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "unk", 120)
	port := w.router.Port(w.right)
	here := w.right.Add(4, "hv2") // with far; another node's router asked
	for i, hv := range []string{"hv1", "hv2"} {
		vm := w.right.VM(7+i, hv)
		vm.AddPort()
		w.right.NB("clear", "Logical_Switch_Port", vm.Port, "port_security", "--", "lsp-set-addresses", vm.Port, "unknown")
		vm.Start()
		vm.WaitUp(true)
		w.right.Sync()
		for _, ip := range []netip.Addr{vm.IP4, vm.IP6} {
			if err := w.near.Ping(1, ip); err != nil {
				t.Errorf("first packet: %v", err)
			}
			for _, node := range []string{"hv1", "hv2"} {
				w.right.Eventually("the routers know "+ip.String(), func() error { return resolved(l, w.right, node, w.router.Name, ip) })
			}
			if mac := learned(w.right, port, ip); mac != vm.MAC {
				t.Errorf("MAC_Binding of %s is %q", ip, mac)
			}
		}
		reach(t, w.near, vm)
		reach(t, here, vm)
		follows(t, w, vm, port)
	}
}

// follows: another MAC address is learned of an ARP or ND message, and a row that is deleted is asked for again.
func follows(t *testing.T, w *network, vm *labtest.VM, port string) {
	t.Helper()
	const other = "0a:00:00:00:99:99"
	w.right.Exec(vm.Name, "ip", "link", "set", "eth0", "address", other)
	w.right.Exec(vm.Name, "ip", "neigh", "flush", "dev", "eth0")
	for _, to := range []netip.Addr{w.near.IP4, w.near.IP6} {
		w.right.Eventually("it is reached again", func() error { return vm.Ping(1, to, "-W", "1") })
	}
	for _, ip := range []netip.Addr{vm.IP4, vm.IP6} {
		w.right.Eventually("MAC_Binding changes", func() error {
			if mac := learned(w.right, port, ip); mac != other {
				return fmt.Errorf("%s is at %q", ip, mac)
			}
			return nil
		})
		if err := w.near.Ping(3, ip); err != nil {
			t.Error(err)
		}
	}
	for _, ip := range []netip.Addr{vm.IP4, vm.IP6} {
		w.right.SB("destroy", "MAC_Binding", strings.TrimSpace(w.right.SB("--bare", "--columns=_uuid", "find", "MAC_Binding", fmt.Sprintf("ip=%q", ip))))
		w.right.Eventually("the row is gone on the node", func() error {
			if resolved(w.right.Lab, w.right, "hv1", w.router.Name, ip) == nil {
				return errors.New("the router knows " + ip.String())
			}
			return nil
		})
		if err := w.near.Ping(1, ip); err != nil {
			t.Errorf("after the row has gone: %v", err)
		}
	}
	w.right.Exec(vm.Name, "ip", "link", "set", "eth0", "address", vm.MAC)
}

// staticNeighbours: an address that nobody answers for is where Static_MAC_Binding says.
func staticNeighbours(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "fix", 130)
	w.right.Exec(w.far.Name, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1") // does not answer for addresses of lo; for IPv6 nobody does
	for _, ip := range []netip.Addr{netip.MustParseAddr("10.0.131.99"), netip.MustParseAddr("fd00:10:0:83::99")} {
		host(t, w.far, ip)
		w.right.Sync()
		if err := w.near.NoPing(ip); err != nil {
			t.Error(err)
		}
		w.router.NB("--wait=hv", "static-mac-binding-add", w.router.Port(w.right), ip.String(), w.far.MAC)
		if err := w.near.Ping(3, ip); err != nil {
			t.Error(err)
		}
		w.router.NB("--wait=hv", "static-mac-binding-del", w.router.Port(w.right), ip.String())
		if err := w.near.NoPing(ip); err != nil {
			t.Error(err)
		}
	}
}

// requests: who asks for somebody else on the network is learned of, too; with always_learn_from_arp_request=false only who asks for the router.
func requests(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "ask", 224)
	port := w.router.Port(w.right)
	w.right.NB("--wait=hv", "clear", "Logical_Switch_Port", w.beside.Port, "port_security")
	const subnet4, subnet6, router, nobody = "10.0.225.", "fd00:10:0:e1::", "254", "200"
	// ask has the VM ask for a host as another address of its own.
	ask := func(subnet, as, host string) netip.Addr {
		w.right.Exec(w.beside.Name, "ip", "neigh", "flush", "dev", "eth0")
		ip := netip.MustParseAddr(subnet + as)
		w.right.Exec(w.beside.Name, "ip", "addr", "add", netip.PrefixFrom(ip, map[bool]int{true: 24, false: 64}[ip.Is4()]).String(), "dev", "eth0")
		if ip.Is6() {
			w.right.Eventually("nobody has the address", func() error {
				if out := w.right.Exec(w.beside.Name, "ip", "addr", "show", "dev", "eth0", "tentative"); out != "" {
					return errors.New(out)
				}
				return nil
			})
		}
		cmd, err := l.Command(t.Context(), w.beside.Name, "ping", "-n", "-c", "1", "-W", "1", "-I", ip.String(), subnet+host)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := cmd.CombinedOutput(); (err == nil) != (host == router) {
			t.Errorf("ping of %s: %v\n%s", host, err, out)
		}
		return ip
	}
	heard := func(ip netip.Addr) {
		w.right.Eventually(ip.String()+" is learned", func() error {
			if mac := learned(w.right, port, ip); mac != w.beside.MAC {
				return fmt.Errorf("it is at %q", mac)
			}
			return nil
		})
	}
	heard(ask(subnet4, "77", nobody))
	heard(ask(subnet6, "77", nobody))
	w.router.NB("--wait=hv", "set", "Logical_Router", w.router.Name, "options:always_learn_from_arp_request=false")
	others := []netip.Addr{ask(subnet4, "78", nobody), ask(subnet6, "78", nobody)}
	heard(ask(subnet4, "79", router))
	for _, ip := range others {
		if mac := learned(w.right, port, ip); mac != "" {
			t.Errorf("%s is learned, at %s, of a request for somebody else", ip, mac)
		}
	}
}
