package faults

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestNorthdPaused stops ovn-northd in the middle of its work for a while, under traffic: nothing is lost, no port flaps, and what was asked for
// meanwhile is carried out afterwards.
func TestNorthdPaused(t *testing.T) {
	c := up(t, labtest.Woven(t), "npd")
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	c.ok(c.Lab.Pause(lab.Northd))
	vm := c.VM(4, "hv1")
	vm.AddPort()
	vm.Start()
	flows.goOn(packets / 2)
	c.ok(c.Lab.Resume(lab.Northd))
	vm.WaitUp(true)
	c.Sync()
	c.send(both(vm, c.vm2), both(vm, c.vm3)).finish()
	flows.finish()
	w.steady()
	c.healthy("hv1")
	c.asFresh("hv1")
}

// member is a server of a clustered database.
type member struct{ service, schema, socket, ctl string }

// members are the servers of a database in a lab with clusters; base is the name of its files.
func (c *cloud) members(service, schema, base string) (list []member) {
	for _, suffix := range []string{"", "2", "3"} {
		path := filepath.Join(c.Lab.Dir(), "central", base+suffix)
		list = append(list, member{service + suffix, schema, "unix:" + path + ".sock", path + ".ctl"})
	}
	return list
}

// leader is the member of a cluster that leads, of those that run.
func (c *cloud) leader(running []member) (leader member) {
	c.t.Helper()
	c.Eventually("a leader of "+running[0].schema, func() error {
		for _, m := range running {
			out, err := c.Lab.Exec(c.t.Context(), "central", "ovs-appctl", "-t", m.ctl, "cluster/status", m.schema)
			if err == nil && strings.Contains(out, "\nRole: leader\n") {
				leader = m
				return nil
			}
		}
		return fmt.Errorf("none of %v leads", running)
	})
	return leader
}

// TestLeaderLost kills the leaders of both databases, twice each, under traffic: nothing is lost, and ports come and go meanwhile and after.
func TestLeaderLost(t *testing.T) {
	l := labtest.Up(t, "ldr", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t), Clustered: true})
	c := &cloud{Switch: labtest.NewSwitch(t, l, "sw"), t: t}
	c.vm1, c.vm2, c.vm3 = c.Add(1, "hv1"), c.Add(2, "hv1"), c.Add(3, "hv2")
	c.Sync()
	north, south := c.members(lab.NB, "OVN_Northbound", "ovnnb_db"), c.members(lab.SB, "OVN_Southbound", "ovnsb_db")
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	for round := range 2 {
		for _, cluster := range [][]member{south, north} {
			lost := c.leader(cluster)
			c.ok(l.Kill(lost.service))
			var rest []member
			for _, m := range cluster {
				if m != lost {
					rest = append(rest, m)
				}
			}
			c.leader(rest)
			flows.goOn(packets / 4)
			c.ok(l.Start(t.Context(), lost.service))
		}
		vm := c.Add(4+round, "hv1")
		c.Sync()
		c.send(both(vm, c.vm2), both(vm, c.vm3)).finish()
	}
	flows.finish()
	c.healthy("hv1")
	c.healthy("hv2")
	c.asFresh("hv1")
}
