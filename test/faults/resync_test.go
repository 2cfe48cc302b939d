package faults

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
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

	settled := func() {
		for _, vm := range []*labtest.VM{vm5there, vm6here, vm7, vm8, vm9, x, y} {
			c.bound(vm)
		}
		c.Sync()
		list := slices.Concat(both(x, y), flow(c.vm1, vm5there), flow(c.vm3, vm6here), flow(c.vm3, vm7), both(vm8, vm9))
		c.send(list).finish()
		c.closed(flow(c.vm1, vm4), both(a, b))
	}
	c.ok(c.Lab.StartAgent(t.Context(), "hv1"))
	settled()
	whole.finish()
	w.steady()
	adopted := c.plane("hv1")

	c.ok(c.Lab.StopAgent("hv1"))
	_, err := c.agentCommand("hv1", "--cleanup")
	c.ok(err)
	c.ok(c.Lab.StartAgent(t.Context(), "hv1"))
	c.waitAllUp()
	settled()
	t.Logf("rows: %v", adopted.Rows)
	if diff := cmp.Diff(c.plane("hv1"), adopted); diff != "" {
		t.Errorf("adopted data plane (+) is not as one from nothing (-):\n%s", diff)
	}
}

// plane is what a hypervisor's data plane carries out.
type plane struct {
	Map   []v1.MapEntry
	Ports []v1.Port
	// Rows is the number of rows in each pinned table.
	Rows map[string]int
}

// plane reads a hypervisor's data plane, but the numbers that may differ: slots and counters.
func (c *cloud) plane(hv string) (p plane) {
	c.t.Helper()
	var err error
	p.Map, err = c.agent(hv).Map(c.t.Context())
	c.ok(err)
	p.Ports, err = c.agent(hv).Ports(c.t.Context())
	c.ok(err)
	p.Rows = c.rows(hv)
	for i := range p.Map {
		p.Map[i].Module.Slot = 0
		for j := range p.Map[i].Ports {
			p.Map[i].Ports[j].Slot = 0
		}
	}
	for i := range p.Ports {
		p.Ports[i].Counters, p.Ports[i].Drops = v1.Counters{}, nil
	}
	return p
}

// rows counts the rows of the pinned tables, those of arrays that are not all zeros. Tables of counters are left out.
func (c *cloud) rows(hv string) map[string]int {
	c.t.Helper()
	paths, err := filepath.Glob(filepath.Join(c.Lab.BPFFS(hv), "v*/maps/*/*"))
	c.ok(err)
	rows := map[string]int{}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasSuffix(name, "_stats") || strings.HasSuffix(name, "_drops") {
			continue
		}
		m, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
		c.ok(err)
		defer m.Close()
		var key, value []byte
		all := m.Iterate()
		for all.Next(&key, &value) {
			if m.Type() == ebpf.Hash || len(bytes.Trim(value, "\x00")) > 0 {
				rows[name]++
			}
		}
		c.ok(all.Err())
	}
	if len(rows) == 0 {
		c.t.Errorf("no tables of %s were found", hv)
	}
	return rows
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
