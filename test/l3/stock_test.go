package l3

import (
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestStock has a node with ovn-controller and Open vSwitch, hv3, which routes what its VMs send, beside two Woven nodes.
func TestStock(t *testing.T) {
	l := labtest.Up(t, "l3s", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	w := newNetwork(t, l, "stk", 170)
	stock := w.right.Add(4, "hv3")
	unknown := w.right.VM(5, "hv3")
	unknown.AddPort()
	w.right.NB("clear", "Logical_Switch_Port", unknown.Port, "port_security", "--", "lsp-set-addresses", unknown.Port, "unknown")
	unknown.Start()
	unknown.WaitUp(true)
	w.right.Sync()
	for _, vm := range []*labtest.VM{w.near, w.far} {
		for _, pair := range [][2]*labtest.VM{{vm, stock}, {stock, vm}} {
			for _, ip := range []netip.Addr{pair[1].IP4, pair[1].IP6} {
				// Open vSwitch's userspace datapath loses packets while it looks for a neighbour.
				w.left.Eventually("the first packet", func() error { return pair[0].Ping(1, ip, "-W", "1") })
				if err := transfer(t.Context(), pair[0], pair[1], ip); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for from, gateway := range map[*labtest.VM]string{w.near: "10.0.170.254", stock: "10.0.171.254"} {
		to := map[*labtest.VM]*labtest.VM{w.near: stock, stock: w.near}[from]
		if got, want := hops(t, from, to.IP4), []string{gateway, to.IP4.String()}; !slices.Equal(got, want) {
			t.Errorf("way from %s: %v, want %v", from.Name, got, want)
		}
	}
	for _, ip := range []netip.Addr{unknown.IP4, unknown.IP6} {
		w.left.Eventually("a VM that the stock node hears of", func() error { return w.near.Ping(1, ip, "-W", "3") })
		if mac := learned(w.right, w.router.Port(w.right), ip); mac != unknown.MAC {
			t.Errorf("MAC_Binding of %s is %q", ip, mac)
		}
	}
	reach(t, w.near, unknown)
}
