package faults

import (
	"fmt"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

// TestPortDeleted deletes the logical ports of VMs that send and receive: what the others send loses nothing, and afterwards
// nothing reaches the VMs or comes from them.
func TestPortDeleted(t *testing.T) {
	c := up(t, labtest.Woven(t), "del")
	vm4, vm5 := c.Add(4, "hv1"), c.Add(5, "hv2")
	c.Sync()
	w := c.watch(c.vm1, c.vm2, c.vm3)
	whole := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	for _, vm := range []*labtest.VM{vm4, vm5} {
		cut := c.send(lossy(both(c.vm1, vm)), lossy(both(c.vm3, vm)))
		cut.goOn(100)
		c.NB("--wait=hv", "lsp-del", vm.Port)
		cut.goOn(100)
		cut.over()
		c.closed(both(c.vm1, vm), both(c.vm3, vm))
	}
	whole.finish()
	w.steady()

	vm4.AddPort() // again: a new port under the old name
	vm4.WaitUp(true)
	c.Sync()
	c.opened(both(vm4, c.vm1), both(vm4, c.vm3))
	c.send(both(vm4, c.vm1), both(vm4, c.vm3)).finish()
	c.asFresh("hv1")
}

// TestSwitchDeleted deletes a switch whose VMs send and receive on both hypervisors.
func TestSwitchDeleted(t *testing.T) {
	c := up(t, labtest.Woven(t), "dsw")
	other := labtest.NewSwitch(t, c.Lab, "other")
	a, b := other.Add(1, "hv1"), other.Add(3, "hv2")
	c.Sync()
	w := c.watch(c.vm1, c.vm2, c.vm3)
	whole, cut := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3)), c.send(lossy(both(a, b)))
	c.NB("--wait=hv", "ls-del", other.Name)
	cut.over()
	c.closed(both(a, b))
	whole.finish()
	w.steady()
	c.healthy("hv1")
}

// TestDeviceReplaced deletes the device of a VM, and makes another one under the same name, under traffic.
func TestDeviceReplaced(t *testing.T) {
	c := up(t, labtest.Woven(t), "dev")
	w := c.watch(c.vm1, c.vm3)
	whole, cut := c.send(both(c.vm1, c.vm3)), c.send(lossy(both(c.vm1, c.vm2)), lossy(both(c.vm3, c.vm2)))
	for range 3 {
		c.Exec("hv1", "ip", "link", "delete", c.vm2.Device())
		c.replaceDevice(c.vm2)
		c.Eventually("the port is up on its new device", func() error {
			port := c.vm2.Show()
			if port.State != "up" || c.ifindex("hv1", port.Device) != port.Ifindex {
				return fmt.Errorf("port %+v", port)
			}
			return nil
		})
		c.opened(both(c.vm2, c.vm1), both(c.vm2, c.vm3))
		c.send(both(c.vm2, c.vm1), both(c.vm2, c.vm3)).finish()
	}
	cut.over()
	whole.finish()
	w.steady()
	c.asFresh("hv1")
}

// TestPortMoved moves a port between hypervisors and back, under traffic to it: from --wait=hv on all arrives at its new home, and nobody
// else hears it.
func TestPortMoved(t *testing.T) {
	c := up(t, labtest.Woven(t), "mov")
	there := c.moved(4, "hv2")
	here := c.Add(4, "hv1")
	c.Sync()
	w := c.watch(c.vm1, c.vm2, c.vm3)
	whole := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	for _, move := range [][2]*labtest.VM{{here, there}, {there, here}, {here, there}} {
		from, to := move[0], move[1]
		during := slices.Concat(flow(c.vm1, from), flow(c.vm3, from))
		for i := range during {
			during[i].Also = []traffic.Place{to.In}
		}
		cut := c.send(lossy(during))
		to.Plug()
		from.Unplug()
		c.bound(to)
		c.Sync()
		c.onlyAt(to, from, c.vm2)
		cut.over()
	}
	whole.finish()
	w.steady()
	c.asFresh("hv1")
	c.asFresh("hv2")
}

// moved describes the later home of VM n's port: another workload with the same addresses, not plugged yet.
func (c *cloud) moved(n int, hv string) *labtest.VM {
	c.t.Helper()
	vm := c.VM(n, hv, labtest.Unplugged)
	vm.Name += "b"
	vm.Start()
	return vm
}

// bound waits until a VM's port is bound where the VM is.
func (c *cloud) bound(vm *labtest.VM) {
	c.t.Helper()
	c.SB("wait-until", "Port_Binding", vm.Port, "up=true")
	c.Eventually(vm.Port+" is bound on "+vm.Hypervisor, func() error {
		if port := vm.Show(); port.State != "up" {
			return fmt.Errorf("port %+v", port)
		}
		return nil
	})
}

// onlyAt sends to a VM and fails the test if a packet is lost, or if one of others hears it.
func (c *cloud) onlyAt(vm *labtest.VM, others ...*labtest.VM) {
	c.t.Helper()
	taps := make([]*traffic.Tap, len(others))
	for i, other := range others {
		tap, err := traffic.Overhear(other.In, "eth0")
		c.ok(err)
		taps[i] = tap
	}
	flows := c.send(flow(c.vm1, vm), flow(c.vm3, vm))
	flows.finish()
	for i, tap := range taps {
		heard, err := tap.Close(flows.runs...)
		c.ok(err)
		if heard > 0 {
			c.t.Errorf("%s hears %d packets for %s", others[i].Name, heard, vm.Name)
		}
	}
}
