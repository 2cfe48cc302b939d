package l2

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
	"woven.dev/woven/test/traffic"
)

// migration moves a port from hv1 to hv2 as a live migration does (ovn-nb(5) requested-chassis, activation-strategy), under traffic
// from both kinds of nodes. While both nodes have the port, each frame reaches both places, and no frame is lost.
func migration(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "mig")
	vm := s.Add(1, "hv1")
	senders := []*labtest.VM{s.Add(2, "hv1"), s.Add(3, "hv2"), s.Add(4, "hv3")}
	s.NB("lsp-set-options", vm.Port, "requested-chassis=hv1,hv2", "activation-strategy=rarp")
	there := s.VM(1, "hv2", func(w *lab.Workload) { w.Name, w.Port = "mig-1b", vm.Port })
	there.Start()
	binding := func(column string) string {
		return strings.TrimSpace(s.SB("--bare", "--columns="+column, "find", "Port_Binding", "logical_port="+vm.Port))
	}
	until := func(what, column string, want string) {
		t.Helper()
		s.Eventually(what, func() error {
			if got := binding(column); got != want {
				return fmt.Errorf("%s is %q, want %q", column, got, want)
			}
			return nil
		})
	}
	chassis := func(name string) string {
		return strings.TrimSpace(s.SB("--bare", "--columns=_uuid", "find", "Chassis", "name="+name))
	}
	hv1, hv2 := chassis("hv1"), chassis("hv2")
	until("the second place is bound", "additional_chassis", hv2)
	s.Sync()

	target := newStation(t, there)
	frame := func(from *labtest.VM) []byte {
		return iomtest.UDP(t, iomtest.MAC(t, from.MAC), iomtest.MAC(t, vm.MAC), from.IP4, vm.IP4, 4000, 4001)
	}
	for _, from := range senders {
		if err := newStation(t, from).misses(target, 0, frame(from)); err != nil {
			t.Errorf("before activation, from %s: %v", from.Hypervisor, err)
		}
	}
	if err := stateIs(there, v1.PortWaiting); err != nil {
		t.Error(err)
	}
	flows := map[string]*traffic.Run{}
	for dest, from := range map[netip.Addr]*labtest.VM{vm.IP4: senders[2], vm.IP6: senders[1]} {
		run, err := traffic.Start(t.Context(), traffic.Flow{From: from.In, To: vm.In, Also: []traffic.Place{there.In}, Dest: dest, PerSecond: 500})
		if err != nil {
			t.Fatal(err)
		}
		flows[from.Hypervisor] = run
	}
	target.send(0, rarp(t, there))
	for _, from := range senders {
		if err := newStation(t, from).reaches(target, 0, frame(from)); err != nil {
			t.Errorf("after activation, from %s: %v", from.Hypervisor, err)
		}
	}
	s.Eventually("its node shows it up", func() error { return stateIs(there, v1.PortUp) })
	s.NB("lsp-set-options", vm.Port, "requested-chassis=hv2", "activation-strategy=rarp")
	until("the port is on the other node", "chassis", hv2)
	until("and nowhere else", "additional_chassis", "")
	until("and up", "up", "true")
	vm.Stop()
	s.Sync()
	for name, run := range flows {
		result, err := run.Finish()
		if err != nil {
			t.Fatalf("flow from %s: %v", name, err)
		}
		if result.Lost > 0 {
			t.Errorf("flow from %s: %s", name, result)
		}
	}
	if hv1 == binding("chassis") {
		t.Error("the port went back")
	}
}

// stateIs is an error unless the VM's hypervisor shows its port in a state.
func stateIs(vm *labtest.VM, want v1.PortState) error {
	if port := vm.Show(); port.State != want {
		return fmt.Errorf("%s on %s is %s (%s), want %s", vm.Port, vm.Hypervisor, port.State, port.Error, want)
	}
	return nil
}

// rarp is what QEMU sends when a guest has arrived.
func rarp(t *testing.T, vm *labtest.VM) []byte {
	mac := iomtest.MAC(t, vm.MAC)
	arp := iomtest.ARP(t, 3, mac, iomtest.MAC(t, "ff:ff:ff:ff:ff:ff"), mac, vm.IP4, vm.IP4)
	arp[12], arp[13] = 0x80, 0x35
	return gopacket.Payload(arp)
}
