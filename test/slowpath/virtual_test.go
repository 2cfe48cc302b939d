package slowpath

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/bench/load"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/neigh"
)

// A virtual port is where its address is announced, moves with it, and the router sends to whom has it; it leaves with its parent.
func virtual(t *testing.T, l *lab.Lab) {
	s, other := labtest.NewSubnet(t, l, "vi", 0), labtest.NewSubnet(t, l, "vo", 1)
	r := labtest.NewRouter(t, l, "vr")
	r.Attach(s)
	r.Attach(other)
	parents := []*labtest.VM{s.VM(1, "hv1"), s.VM(2, "hv2")}
	asker := other.Add(3, "hv1")
	vip := netip.MustParseAddr("10.0.0.100")
	for _, vm := range parents {
		vm.AddPort()
		s.NB("lsp-set-port-security", vm.Port, fmt.Sprintf("%s %s %s %s", vm.MAC, vm.IP4, vip, vm.IP6))
		vm.Start()
		vm.WaitUp(true)
	}
	s.NB("lsp-add", s.Name, "vip", "--", "lsp-set-type", "vip", "virtual", "--", "lsp-set-addresses", "vip", "0a:00:00:00:00:64 "+vip.String(),
		"--", "lsp-set-options", "vip", "virtual-ip="+vip.String(), "virtual-parents="+parents[0].Port+","+parents[1].Port)
	s.Sync()
	at := func(want string) {
		t.Helper()
		s.Eventually("the virtual port is at "+want, func() error {
			if got := strings.TrimSpace(s.SB("--bare", "--columns=virtual_parent", "find", "Port_Binding", "logical_port=vip")); got != want {
				return fmt.Errorf("it is at %q", got)
			}
			return nil
		})
		s.Sync()
	}
	for _, vm := range parents {
		s.Exec(vm.Name, "ip", "addr", "add", vip.String()+"/32", "dev", "eth0")
		mac, err := net.ParseMAC(vm.MAC)
		if err != nil {
			t.Fatal(err)
		}
		storm, err := load.StartStorm(vm.In, neigh.Announce(frame.MAC(mac), []netip.Addr{vip}), 5)
		if err != nil {
			t.Fatal(err)
		}
		at(vm.Port)
		storm.Stop()
		if err := asker.Ping(3, vip); err != nil {
			t.Errorf("the address is at %s: %v", vm.Name, err)
		}
		s.Exec(vm.Name, "ip", "addr", "del", vip.String()+"/32", "dev", "eth0")
	}
	parents[1].Stop()
	at("")
}
