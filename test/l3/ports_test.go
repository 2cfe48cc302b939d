package l3

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
)

// portSettings: a router port with several addresses has them all, link-local ones included, in their networks; one that is disabled passes nothing,
// nor does a router that is; one without a network speaks link-local.
func portSettings(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "prt", 210)
	left, right := w.router.Port(w.left), w.router.Port(w.right)
	w.router.NB("--wait=hv", "add", "Logical_Router_Port", right, "networks", "10.68.0.254/24", `"fd68::fe/64"`)
	w.right.NB("clear", "Logical_Switch_Port", w.far.Port, "port_security")
	w.right.Exec(w.far.Name, "ip", "addr", "add", "10.68.0.5/24", "dev", "eth0")
	w.right.Exec(w.far.Name, "ip", "addr", "add", "fd68::5/64", "dev", "eth0", "nodad")
	w.right.Sync()
	linkLocal := fmt.Sprintf("fe80::800:ff:fe01:%xfe%%eth0", w.left.Subnet)
	for _, to := range []string{"10.68.0.254", "fd68::fe", "10.68.0.5", "fd68::5", linkLocal} {
		if err := w.near.Ping(3, netip.MustParseAddr(to)); err != nil {
			t.Error(err)
		}
	}
	for _, off := range [][]string{{"Logical_Router_Port", left}, {"Logical_Router_Port", right}, {"Logical_Router", w.router.Name}} {
		w.router.NB("--wait=hv", "set", off[0], off[1], "enabled=false")
		for _, ip := range []netip.Addr{w.far.IP4, w.far.IP6} {
			if err := w.near.NoPing(ip); err != nil {
				t.Errorf("%s is disabled: %v", off, err)
			}
		}
		w.router.NB("--wait=hv", "clear", off[0], off[1], "enabled")
		reach(t, w.near, w.far)
	}
	w.router.NB("--wait=hv", "set", "Logical_Router_Port", left, "networks=none")
	if err := w.near.NoPing(w.far.IP4); err != nil {
		t.Errorf("by a port without a network: %v", err)
	}
	if err := w.near.Ping(3, netip.MustParseAddr(linkLocal)); err != nil {
		t.Error(err)
	}
	if out := w.left.Woven("hv1", "status"); !strings.Contains(out, `networks: "none" is no address`) {
		t.Errorf("status has no problem of the network:\n%s", out)
	}
}

// linkLocalHop: a route by a link-local next hop of a port; the VM's address there is in no database.
func linkLocalHop(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "llh", 216)
	ip := netip.MustParseAddr("fd69::1")
	host(t, w.far, ip)
	out := w.right.Exec(w.far.Name, "ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link")
	words := strings.Fields(out)
	if len(words) < 4 {
		t.Fatalf("no link-local address: %s", out)
	}
	hop := netip.MustParsePrefix(words[3]).Addr()
	w.router.NB("--wait=hv", "lr-route-add", w.router.Name, "fd69::/64", hop.String(), w.router.Port(w.right))
	wantName(t, w.near, ip, w.far)
	w.right.Eventually("MAC_Binding of the link-local address", func() error {
		if mac := learned(w.right, w.router.Port(w.right), hop); mac != w.far.MAC {
			return fmt.Errorf("%s is at %q", hop, mac)
		}
		return nil
	})
}

// ageing: what was learned is forgotten after mac_binding_age_threshold, and asked for again when it is needed.
func ageing(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "age", 220)
	vm := w.right.VM(7, "hv2")
	vm.AddPort()
	w.right.NB("clear", "Logical_Switch_Port", vm.Port, "port_security", "--", "lsp-set-addresses", vm.Port, "unknown")
	vm.Start()
	vm.WaitUp(true)
	w.right.Sync()
	port := w.router.Port(w.right)
	for range 2 {
		reach(t, w.near, vm)
		for _, ip := range []netip.Addr{vm.IP4, vm.IP6} {
			w.right.Eventually(ip.String()+" is learned", func() error {
				if learned(w.right, port, ip) != vm.MAC {
					return errors.New("it is not")
				}
				return nil
			})
		}
		w.router.NB("set", "Logical_Router", w.router.Name, "options:mac_binding_age_threshold=1")
		for _, ip := range []netip.Addr{vm.IP4, vm.IP6} {
			w.right.Eventually(ip.String()+" is forgotten", func() error {
				if mac := learned(w.right, port, ip); mac != "" {
					return fmt.Errorf("it is at %s", mac)
				}
				if resolved(l, w.right, "hv1", w.router.Name, ip) == nil {
					return errors.New("the router knows it")
				}
				return nil
			})
		}
		w.router.NB("remove", "Logical_Router", w.router.Name, "options", "mac_binding_age_threshold")
	}
}
