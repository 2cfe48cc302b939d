package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// portFirst: the logical port is there before its interface.
func portFirst(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "late")
	peer, vm := sw.Add(1, "hv1"), sw.VM(2, "hv2")
	vm.AddPort()
	sw.Sync()
	if err := peer.NoPing(vm.IP4); err != nil {
		t.Error(err)
	}
	checkBinding(t, vm, "", false)
	vm.Start()
	vm.WaitUp(true)
	sw.Sync()
	matrix(t, peer, vm)
	checkBinding(t, vm, "hv2", true)
}

// interfaceFirst: the interface is plugged before its logical port is there.
func interfaceFirst(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "early")
	peer, vm := sw.Add(1, "hv1"), sw.VM(2, "hv2")
	vm.Start()
	sw.Eventually("the port waits", func() error { return inState(vm, v1.PortWaiting) })
	if vm.Show().Error == "" {
		t.Error("a waiting port doesn't say for what it waits")
	}
	vm.AddPort()
	vm.WaitUp(true)
	sw.Sync()
	matrix(t, peer, vm)
	checkBinding(t, vm, "hv2", true)
}

// deviceLast: add-port names a device that is made later. ovs-vsctl(8) returns at once and says so.
func deviceLast(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "devless")
	peer, vm := sw.Add(1, "hv1"), sw.VM(2, "hv2")
	vm.AddPort()
	said := sw.VS("hv2", "--timeout=5", "add-port", "br-int", vm.Device(),
		"--", "set", "Interface", vm.Device(), "external_ids:iface-id="+vm.Port)
	if want := fmt.Sprintf("could not open network device %s (No such device)", vm.Device()); !strings.Contains(said, want) {
		t.Errorf("ovs-vsctl said %q, want %q", said, want)
	}
	if ofport := sw.VS("hv2", "get", "Interface", vm.Device(), "ofport"); ofport != "-1\n" {
		t.Errorf("ofport without a device is %s, want -1", ofport)
	}
	if err := inState(vm, v1.PortWaiting); err != nil {
		t.Error(err)
	}
	labtest.Unplugged(&vm.Workload)
	vm.Start()
	vm.WaitUp(true)
	sw.Sync()
	matrix(t, peer, vm)
	if text := sw.VS("hv2", "get", "Interface", vm.Device(), "error"); text != "[]\n" {
		t.Errorf("the device is there, but its row says %s", text)
	}
}

// unplugging: the port is released, and claimed again.
func unplugging(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "unplug")
	peer, vm := sw.Add(1, "hv1"), sw.Add(2, "hv2")
	sw.Sync()
	matrix(t, peer, vm)
	vm.Unplug()
	vm.WaitUp(false)
	checkBinding(t, vm, "", false)
	sw.Sync()
	cutOff(t, peer, vm)
	vm.Plug()
	vm.WaitUp(true)
	sw.Sync()
	checkBinding(t, vm, "hv2", true)
	reaches(t, peer, vm)
}

// syncMeansForwarding: when `ovn-nbctl --wait=hv sync` returns, the first packet to and from a new port arrives. Also the
// counters by which northd knows are right.
func syncMeansForwarding(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "sync")
	first := sw.Add(1, "hv1")
	for n := 2; n <= 21; n++ {
		vm := sw.Add(n, fmt.Sprintf("hv%d", n%2+1))
		sw.Sync()
		if err := errors.Join(vm.Ping(1, first.IP4), first.Ping(1, vm.IP6)); err != nil {
			t.Fatalf("port %d: %v", n, err)
		}
		if n > 4 {
			vm.Stop() // the next one has fewer neighbours, but another slot
		}
	}
	sw.Eventually("Chassis_Private.nb_cfg", func() error {
		want := sw.NB("get", "NB_Global", ".", "nb_cfg")
		for _, hv := range []string{"hv1", "hv2"} {
			if have := sw.SB("get", "Chassis_Private", hv, "nb_cfg"); have != want {
				return fmt.Errorf("%s has %s, NB_Global %s", hv, have, want)
			}
		}
		return nil
	})
}

// checkBinding wants a port bound to a chassis ("": none) everywhere that says so.
func checkBinding(t *testing.T, vm *labtest.VM, chassis string, up bool) {
	t.Helper()
	want := "[]"
	if chassis != "" {
		want = strings.TrimSpace(vm.Switch.SB("get", "Chassis", chassis, "_uuid"))
	}
	row := []string{"--bare", "--columns=_uuid", "find", "Port_Binding", "logical_port=" + vm.Port}
	binding := strings.TrimSpace(vm.Switch.SB(row...))
	have := strings.Fields(vm.Switch.SB("get", "Port_Binding", binding, "chassis", "up"))
	if len(have) != 2 || have[0] != want || have[1] != fmt.Sprint(up) {
		t.Errorf("chassis and up of %s's Port_Binding are %v, want [%s %v]", vm.Port, have, want, up)
	}
	if have := strings.TrimSpace(vm.Switch.NB("get", "Logical_Switch_Port", vm.Port, "up")); have != fmt.Sprint(up) {
		t.Errorf("up of %s's Logical_Switch_Port is %s, want %v", vm.Port, have, up)
	}
	if chassis == "" {
		return
	}
	ids := vm.Switch.VS(chassis, "get", "Interface", vm.Device(), "external_ids")
	if !strings.Contains(ids, `ovn-installed="true"`) || !strings.Contains(ids, "ovn-installed-ts=") {
		t.Errorf("external_ids of %s's interface are %s, want ovn-installed and ovn-installed-ts", vm.Port, ids)
	}
	if err := inState(vm, v1.PortUp); err != nil {
		t.Error(err)
	}
}

// inState is an error unless the VM's hypervisor says that its port is in a state.
func inState(vm *labtest.VM, want v1.PortState) error {
	if port := vm.Show(); port.State != want {
		return fmt.Errorf("port %s is %s (%s), want %s", vm.Port, port.State, port.Error, want)
	}
	return nil
}
