package faults

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// crashing is Woven whose agent dies before a step of its changes of the kernel.
func crashing(t *testing.T, more map[string]string) string {
	replace := map[string]string{"internal/hover/step.go": "testdata/crash.go"}
	for old, other := range more {
		replace[old] = other
	}
	return labtest.Variant(t, replace)
}

// TestAgentDiesInApply has agents die before the first step of an apply, the next one before its second, and so on until one gets through: traffic
// of other ports loses nothing, no port flaps, and the change is carried out. internal/hover tests every step.
func TestAgentDiesInApply(t *testing.T) {
	c := up(t, crashing(t, nil), "dia")
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	vm4, vm5 := c.VM(4, "hv1", labtest.Unplugged), c.VM(5, "hv2")
	other := labtest.NewSwitch(t, c.Lab, "other")
	vm6 := other.VM(6, "hv1", labtest.Unplugged)
	for _, vm := range []*labtest.VM{vm4, vm5, vm6} {
		vm.AddPort()
		vm.Start()
	}
	deaths := 0
	for _, change := range []func(){
		func() { c.plugged(vm4) },
		func() { c.replug(vm4) },
		func() { c.NB("lsp-set-addresses", vm4.Port, vm4.MAC+" "+vm4.IP4.String()) },
		func() { c.plugged(vm6) }, // a switch
		func() { c.pulled(vm4) },
		func() { c.plugged(vm4) },
		func() { c.NB("ls-del", other.Name); c.pulled(vm6) },
	} {
		c.ok(c.Lab.KillAgent("hv1"))
		change()
		deaths += c.dieAgainAndAgain("hv1")
	}
	vm4.WaitUp(true)
	c.Sync()
	c.send(flow(c.vm1, vm4), flow(c.vm3, vm4), flow(vm4, vm5)).finish()
	flows.finish()
	w.steady()
	t.Logf("%d deaths", deaths)
	c.asFresh("hv1")
}

// dieAgainAndAgain starts an agent that dies before its first step, then one that dies before its second, until one does not die; last, one
// that will not.
func (c *cloud) dieAgainAndAgain(hv string) (deaths int) {
	c.t.Helper()
	c.NB("--wait=sb", "sync")
	for alive := false; !alive; deaths++ {
		c.t.Setenv("WOVEN_CRASH_BEFORE", strconv.Itoa(deaths+1))
		var died *lab.EndedError
		if err := c.Lab.StartAgent(c.t.Context(), hv); err != nil && !errors.As(err, &died) {
			c.t.Fatal(err)
		}
		alive = c.caughtUp(hv)
	}
	if err := c.Lab.KillAgent(hv); err != nil {
		c.t.Logf("died when all was done: %v", err)
	}
	c.t.Setenv("WOVEN_CRASH_BEFORE", "")
	c.ok(c.Lab.StartAgent(c.t.Context(), hv))
	return deaths - 1
}

// caughtUp waits until an agent has carried out what the databases say, or has died.
func (c *cloud) caughtUp(hv string) (alive bool) {
	c.t.Helper()
	ended, err := c.Lab.AgentEnded(hv)
	c.ok(err)
	c.Eventually(hv+" has carried out everything, or died", func() error {
		select {
		case <-ended:
			alive = false
			return nil
		default:
			alive = true
		}
		status, err := c.agent(hv).Status(c.t.Context())
		if err == nil && (status.NBCfg.Applied < status.NBCfg.Seen || status.NBCfg.Seen == 0 || status.Degraded()) {
			err = fmt.Errorf("status: %+v", status)
		}
		return err
	})
	return alive
}
