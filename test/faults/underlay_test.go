package faults

import (
	"testing"

	"woven.dev/woven/internal/lab/labtest"
)

// TestUnderlayFlaps takes hv1's way to the others away and gives it back, at its own end and at the switch's, with and without an agent on hv1:
// on hv1 nothing is lost, and between hypervisors everything arrives again that is sent afterwards.
func TestUnderlayFlaps(t *testing.T) {
	c := up(t, labtest.Woven(t), "flp")
	w := c.watch(c.vm1, c.vm2, c.vm3)
	whole := c.send(both(c.vm1, c.vm2))
	for _, agent := range []bool{true, false} {
		if !agent {
			c.ok(c.Lab.KillAgent("hv1"))
		}
		for _, end := range [][2]string{{"hv1", "eth0"}, {"underlay", "hv1"}} {
			cut := c.send(lossy(both(c.vm1, c.vm3)))
			c.Exec(end[0], "ip", "link", "set", end[1], "down")
			c.closed(both(c.vm1, c.vm3))
			c.Exec(end[0], "ip", "link", "set", end[1], "up")
			c.opened(both(c.vm1, c.vm3))
			c.send(both(c.vm1, c.vm3)).finish()
			cut.over()
		}
	}
	c.ok(c.Lab.StartAgent(t.Context(), "hv1"))
	c.Sync()
	c.send(both(c.vm1, c.vm3)).finish()
	whole.finish()
	w.steady()
	c.healthy("hv1")
	c.asFresh("hv1")
}

// TestUnderlayReplaced takes hv1's underlay device away and makes another one of the same name.
func TestUnderlayReplaced(t *testing.T) {
	c := up(t, labtest.Woven(t), "udr")
	w := c.watch(c.vm1, c.vm2, c.vm3)
	whole := c.send(both(c.vm1, c.vm2))
	for range 2 {
		cut := c.send(lossy(both(c.vm1, c.vm3)))
		before := c.ifindex("hv1", "eth0")
		c.Exec("hv1", "ip", "link", "delete", "eth0")
		c.closed(both(c.vm1, c.vm3))
		c.replaceUnderlay("hv1")
		if c.ifindex("hv1", "eth0") == before {
			t.Error("the device is the same")
		}
		c.opened(both(c.vm1, c.vm3))
		c.send(both(c.vm1, c.vm3)).finish()
		cut.over()
	}
	c.Sync()
	whole.finish()
	w.steady()
	c.healthy("hv1")
	c.asFresh("hv1")
}
