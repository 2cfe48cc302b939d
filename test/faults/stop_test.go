package faults

import (
	"strings"
	"testing"

	"woven.dev/woven/internal/lab/labtest"
)

// TestAgentStopped stops both agents in good order: traffic flows on, ports stay bound and up, and the start afterwards
// changes nothing of that.
func TestAgentStopped(t *testing.T) {
	c := up(t, labtest.Woven(t), "stp")
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	for _, hv := range []string{"hv1", "hv2"} {
		c.ok(c.Lab.StopAgent(hv))
	}
	flows.goOn(packets)
	for vm, chassis := range map[string]string{c.vm1.Port: "hv1", c.vm3.Port: "hv2"} {
		want := strings.TrimSpace(c.SB("--bare", "--columns=_uuid", "find", "Chassis", "name="+chassis))
		bound := c.SB("--bare", "--columns=chassis,up", "find", "Port_Binding", "logical_port="+vm)
		if got := strings.Fields(bound); len(got) != 2 || got[0] != want || got[1] != "true" {
			t.Errorf("%s while its agent is stopped: bound to %v, want %s (%s), up", vm, got, want, chassis)
		}
	}
	for _, hv := range []string{"hv1", "hv2"} {
		c.ok(c.Lab.StartAgent(t.Context(), hv))
	}
	c.Sync()
	flows.goOn(packets)
	flows.finish()
	w.steady()
	c.healthy("hv1")
	c.healthy("hv2")
	vm := c.Add(4, "hv2")
	c.Sync()
	c.send(both(vm, c.vm1), both(vm, c.vm3)).finish()
}

// TestWatch sees a port that is unplugged and plugged again in both databases.
func TestWatch(t *testing.T) {
	c := up(t, labtest.Woven(t), "wch")
	w := c.watch(c.vm1, c.vm3)
	c.vm2.Unplug() // not watched
	c.vm2.WaitUp(false)
	w.steady()
	c.vm1.Unplug()
	c.vm1.WaitUp(false)
	c.vm1.Plug()
	c.vm1.WaitUp(true)
	for _, l := range w.logs {
		flaps, err := l.flaps()
		c.ok(err)
		all := strings.Join(flaps, "\n")
		if !strings.Contains(all, "port sw-1: "+l.table+":up became false") || !strings.Contains(all, ":up became true") {
			t.Errorf("seen in %s:\n%s", l.table, all)
		}
	}
}
