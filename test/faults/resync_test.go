package faults

import (
	"slices"
	"testing"

	"woven.dev/woven/internal/lab/labtest"
)

// TestResync changes much while hv1's agent is dead: ports and switches added, removed, unplugged, moved, with new addresses. What
// the agent makes of its old data plane then equals what it makes from nothing.
func TestResync(t *testing.T) {
	c := up(t, labtest.Woven(t), "rsy")
	vm4, vm5, vm6, vm7 := c.Add(4, "hv1"), c.Add(5, "hv1"), c.Add(6, "hv2"), c.Add(7, "hv1")
	vm5there, vm6here := c.moved(5, "hv2"), c.moved(6, "hv1")
	gone := labtest.NewSwitch(t, c.Lab, "gone")
	a, b := gone.Add(1, "hv1"), gone.Add(2, "hv2")
	c.Sync()
	c.send(both(a, b), both(vm4, vm7)).finish()
	w := c.watch(c.vm1, c.vm2, c.vm3)
	whole := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))

	c.ok(c.Lab.KillAgent("hv1"))
	c.NB("lsp-del", vm4.Port)
	c.NB("ls-del", gone.Name)
	vm5there.Plug() // from hv1 to hv2
	c.pulled(vm5)
	c.plugged(vm6here) // from hv2 to hv1
	vm6.Unplug()
	c.replug(vm7) // another device
	vm8, vm9 := c.VM(8, "hv1", labtest.Unplugged), c.VM(9, "hv2")
	for _, vm := range []*labtest.VM{vm8, vm9} {
		vm.AddPort()
		vm.Start()
	}
	c.plugged(vm8)
	fresh := labtest.NewSwitch(t, c.Lab, "fresh")
	x, y := fresh.VM(1, "hv1", labtest.Unplugged), fresh.VM(2, "hv2")
	for _, vm := range []*labtest.VM{x, y} {
		vm.AddPort()
		vm.Start()
	}
	c.plugged(x)

	c.ok(c.Lab.StartAgent(t.Context(), "hv1"))
	for _, vm := range []*labtest.VM{vm5there, vm6here, vm7, vm8, vm9, x, y} {
		c.bound(vm)
	}
	c.Sync()
	list := slices.Concat(both(x, y), flow(c.vm1, vm5there), flow(c.vm3, vm6here), flow(c.vm3, vm7), both(vm8, vm9))
	c.send(list).finish()
	c.closed(flow(c.vm1, vm4), both(a, b))
	whole.finish()
	w.steady()
	c.asFresh("hv1")
}

// plugged and pulled plug and unplug a device where no agent answers ovs-vsctl.
func (c *cloud) plugged(vm *labtest.VM) {
	c.t.Helper()
	c.VS(vm.Hypervisor, "--no-wait", "add-port", "br-int", vm.Device(),
		"--", "set", "Interface", vm.Device(), "external_ids:iface-id="+vm.Port)
}

func (c *cloud) pulled(vm *labtest.VM) {
	c.t.Helper()
	c.VS(vm.Hypervisor, "--no-wait", "del-port", "br-int", vm.Device())
}

// replug gives a VM another device under the old name.
func (c *cloud) replug(vm *labtest.VM) {
	c.t.Helper()
	c.Exec(vm.Hypervisor, "ip", "link", "delete", vm.Device())
	c.replaceDevice(vm)
}
