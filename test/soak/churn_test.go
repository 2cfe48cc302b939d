package soak

import (
	"slices"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/bulk"
)

// lap does each kind of change under traffic, some twice, and looks for leaks in between. At its end the cloud is as it was before.
func (c *cloud) lap() {
	c.t.Helper()
	c.underTraffic(func() {
		c.churn()
		before := c.footprint("hv1")
		c.churn()
		before.compare(c.t, c.footprint("hv1"), "after churn")
		for _, service := range []string{lab.SB, lab.NB, lab.Northd, "hv1-ovsdb"} {
			c.restart(service)
		}
		c.churn()
		before.compare(c.t, c.footprint("hv1"), "after the databases were restarted")
		c.killAgent()
		c.churn()
	})
}

// churn has ports come, go, move and change their addresses.
func (c *cloud) churn() {
	c.t.Helper()
	steps := []func(){c.comeAndGo, c.moveAndReturn, c.readdress, c.replaceDevices}
	c.random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for _, step := range steps {
		step()
	}
}

// comeAndGo adds ports, plugs them, and removes them all in another order.
func (c *cloud) comeAndGo() {
	c.t.Helper()
	ctx := c.t.Context()
	ports := make([]bulk.Port, c.size.few)
	for i := range ports {
		ports[i] = bulk.Numbered("sw", c.next)
		if c.next++; c.next > c.size.ports+20_000 { // of the numbers that ports can have
			c.next = c.size.ports + 1
		}
	}
	c.ok(c.filler.AddPorts(ctx, ports...))
	c.ok(c.filler.Plug(ctx, "hv1", ports...))
	c.settled(len(ports), 0)
	c.ok(c.filler.RemovePorts(ctx, ports[:len(ports)/2]...))
	c.ok(c.filler.Unplug(ctx, "hv1", ports...))
	c.ok(c.filler.RemovePorts(ctx, ports[len(ports)/2:]...))
	c.ok(c.filler.RemoveDevices("hv1", ports...))
	c.settled(0, 0)
}

// moveAndReturn moves ports to hv2 and back.
func (c *cloud) moveAndReturn() {
	c.t.Helper()
	ctx, ports := c.t.Context(), c.some()
	c.ok(c.filler.Plug(ctx, "hv2", ports...))
	c.ok(c.filler.Unplug(ctx, "hv1", ports...))
	c.settled(-len(ports), len(ports))
	c.ok(c.filler.PlugAgain(ctx, "hv1", ports...))
	c.ok(c.filler.Unplug(ctx, "hv2", ports...))
	c.ok(c.filler.RemoveDevices("hv2", ports...))
	c.settled(0, 0)
}

// readdress changes ports' addresses, and changes them back.
func (c *cloud) readdress() {
	c.t.Helper()
	for _, p := range c.some() {
		changed := p
		changed.MAC = slices.Clone(p.MAC)
		changed.MAC[1] = 0xff
		c.ok(c.filler.SetAddresses(c.t.Context(), changed))
		c.ok(c.filler.SetAddresses(c.t.Context(), p))
	}
	c.settled(0, 0)
}

// replaceDevices gives ports other devices under their names.
func (c *cloud) replaceDevices() {
	c.t.Helper()
	ports := c.some()
	c.ok(c.filler.RemoveDevices("hv1", ports...))
	c.untilUp("hv1", len(c.here)+2-len(ports))
	c.ok(c.filler.AddDevices(c.t.Context(), "hv1", ports...))
	c.settled(0, 0)
}

// restart kills a service and starts it again.
func (c *cloud) restart(service string) {
	c.t.Helper()
	c.ok(c.Lab.Kill(service))
	c.ok(c.Lab.Start(c.t.Context(), service))
	c.ok(c.filler.Reconnect(c.t.Context()))
	c.settled(0, 0)
}

// killAgent kills hv1's agent and starts it again.
func (c *cloud) killAgent() {
	c.t.Helper()
	c.ok(c.Lab.KillAgent("hv1"))
	c.ok(c.Lab.StartAgent(c.t.Context(), "hv1"))
	c.settled(0, 0)
}
