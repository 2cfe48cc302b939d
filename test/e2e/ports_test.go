package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// moving: a VM goes to the other node and comes back; the others reach it where it is.
func moving(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "move")
	left, right, vm := sw.Add(1, "hv1"), sw.Add(2, "hv2"), sw.Add(3, "hv1")
	sw.Sync()
	matrix(t, left, right)
	for _, hv := range []string{"hv2", "hv1", "hv2"} {
		vm.Stop()
		vm.WaitUp(false)
		vm.Hypervisor = hv
		vm.Start()
		vm.WaitUp(true)
		sw.Sync()
		checkBinding(t, vm, hv, true)
		for _, other := range []*labtest.VM{left, right} {
			reaches(t, vm, other)
			if err := other.Ping(1, vm.IP6); err != nil {
				t.Error(err)
			}
		}
	}
}

// requestedChassis: plugged in on both nodes, as while a VM is migrated, a port is where requested-chassis says.
func requestedChassis(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "reqch")
	peer, old := sw.Add(1, "hv1"), sw.VM(2, "hv1")
	old.AddPort()
	sw.NB("lsp-set-options", old.Port, "requested-chassis=hv1")
	old.Start()
	old.WaitUp(true)
	next := sw.VM(2, "hv2", func(w *lab.Workload) { w.Name = "reqch-next" })
	next.Start()
	sw.Sync()
	checkBinding(t, old, "hv1", true)
	sayName(t, old)
	sayName(t, next)
	reaches(t, peer, old)
	sw.NB("lsp-set-options", old.Port, "requested-chassis=hv2")
	sw.Eventually("the port moves", func() error { return inState(next, v1.PortUp) })
	next.WaitUp(true)
	sw.Sync()
	checkBinding(t, next, "hv2", true)
	reaches(t, peer, next)
}

// disabling: a port that is disabled neither sends nor receives.
func disabling(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "disable")
	far, near, vm := sw.Add(1, "hv1"), sw.Add(2, "hv2"), sw.Add(3, "hv2")
	sw.Sync()
	matrix(t, far, near, vm)
	sw.NB("--wait=hv", "lsp-set-enabled", vm.Port, "disabled")
	out, in := openWire(t, far), openWire(t, vm)
	out.send(t, datagram(t, far, broadcast, "while disabled"), datagram(t, far, mac(vm), "while disabled"))
	cutOff(t, far, vm)
	cutOff(t, near, vm)
	for _, reason := range []string{"port_disabled", "dst_disabled"} {
		if err := atLeast(vm, reason, 1); err != nil {
			t.Error(err)
		}
	}
	sw.NB("--wait=hv", "lsp-set-enabled", vm.Port, "enabled")
	out.send(t, datagram(t, far, broadcast, "enabled again"))
	frames, err := in.until("enabled again")
	if err != nil {
		t.Error(err)
	}
	if n := carrying(frames, "while disabled"); n > 0 {
		t.Errorf("a disabled port got %d frames", n)
	}
	reaches(t, far, vm)
	reaches(t, vm, near)
}

// deleting: ports, then the switch, are deleted while VMs are plugged, and made anew.
func deleting(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "delete")
	a, b, c := sw.Add(1, "hv1"), sw.Add(2, "hv2"), sw.Add(3, "hv1")
	sw.Sync()
	matrix(t, a, b, c)
	sw.NB("--wait=hv", "lsp-del", c.Port)
	cutOff(t, a, c)
	cutOff(t, b, c)
	reaches(t, a, b)
	sw.NB("--wait=hv", "ls-del", sw.Name)
	cutOff(t, a, b)
	for _, vm := range []*labtest.VM{a, b, c} {
		sw.Eventually("the port waits", func() error { return inState(vm, v1.PortWaiting) })
	}
	if out := sw.Woven("hv1", "map"); strings.Contains(out, "logical_switch "+sw.Name) {
		t.Errorf("the switch is deleted, but woven map says:\n%s", out)
	}
	sw.NB("ls-add", sw.Name)
	for _, vm := range []*labtest.VM{a, b, c} {
		vm.AddPort()
		vm.WaitUp(true)
	}
	sw.Sync()
	reaches(t, a, b)
	reaches(t, b, c)
}

// newAddresses: a port gets other addresses; the old ones are refused, answers for them end.
func newAddresses(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "addr")
	far, near, vm := sw.Add(1, "hv1"), sw.Add(2, "hv2"), sw.Add(3, "hv2")
	sw.Sync()
	matrix(t, far, near, vm)
	addresses := vm.MAC + " 10.0.0.33 fd00:10::33"
	sw.NB("--wait=hv", "lsp-set-addresses", vm.Port, addresses, "--", "lsp-set-port-security", vm.Port, addresses)
	cutOff(t, far, vm)
	vm.IP4, vm.IP6 = netip.MustParseAddr("10.0.0.33"), netip.MustParseAddr("fd00:10::33")
	vm.SetAddresses(vm.IP4, vm.IP6)
	reaches(t, far, vm)
	reaches(t, near, vm)
	reaches(t, vm, far)
	if show := vm.Show(); strings.Join(show.Addresses, " ") != "10.0.0.33 fd00:10::33" {
		t.Errorf("woven port show has addresses %v", show.Addresses)
	}
}

// keyReuse: a new switch gets the tunnel key of one that was deleted, whose VMs are still plugged: they stay apart. And a living
// switch may change its key.
func keyReuse(t *testing.T, l *lab.Lab) {
	const key = "other_config:requested-tnl-key=%d"
	old := labtest.NewSwitch(t, l, "keyold")
	old.NB("set", "Logical_Switch", old.Name, fmt.Sprintf(key, 7001))
	ghosts := []*labtest.VM{old.Add(1, "hv1"), old.Add(2, "hv2")}
	old.Sync()
	matrix(t, ghosts...)
	reused := labtest.NewSwitch(t, l, "keynew")
	reused.NB("ls-del", old.Name, "--", "set", "Logical_Switch", reused.Name, fmt.Sprintf(key, 7001))
	vms := []*labtest.VM{reused.Add(1, "hv1"), reused.Add(2, "hv2")}
	reused.Sync()
	if have := tunnelKey(vms[0]); have != 7001 {
		t.Errorf("the new switch has key %d, want 7001", have)
	}
	matrix(t, vms...)
	cutOff(t, ghosts[0], ghosts[1])
	listeners := openWires(t, ghosts)
	wires := openWires(t, vms)
	wires[0].send(t, datagram(t, vms[0], broadcast, "secret"))
	if _, err := wires[1].until("secret"); err != nil {
		t.Error(err)
	}
	reused.NB("--wait=hv", "set", "Logical_Switch", reused.Name, fmt.Sprintf(key, 7002))
	if have := tunnelKey(vms[0]); have != 7002 {
		t.Errorf("the switch has key %d, want 7002", have)
	}
	reaches(t, vms[0], vms[1])
	reaches(t, vms[1], vms[0])

	old.NB("ls-add", old.Name)
	for _, vm := range ghosts {
		vm.AddPort()
		vm.WaitUp(true)
	}
	old.Sync()
	for i, w := range listeners {
		marker := fmt.Sprintf("marker %d", i)
		listeners[1-i].send(t, datagram(t, ghosts[1-i], broadcast, marker))
		frames, err := w.until(marker)
		if err != nil {
			t.Error(err)
		}
		if n := carrying(frames, "secret"); n > 0 {
			t.Errorf("%s of a deleted switch got %d frames of the one that has its key now", ghosts[i].Name, n)
		}
	}
	reaches(t, ghosts[0], ghosts[1])
}
