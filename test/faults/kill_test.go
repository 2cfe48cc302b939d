package faults

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"woven.dev/woven/internal/lab/labtest"
)

// TestAgentKilled kills agents again and again while 10,000 numbered packets and more flow past them: none is lost, none
// arrives twice, no ping stays without reply, no port flaps. With WOVEN_SOAK=1h in the environment it goes on for an hour.
func TestAgentKilled(t *testing.T) {
	woven := labtest.Woven(t)
	for _, mode := range []string{"tcx", "clsact"} {
		t.Run(mode, func(t *testing.T) {
			c := up(t, woven, "kil"+mode, "--attach", mode)
			until := time.Now().Add(soak(t))
			for again := true; again; again = !t.Failed() && time.Now().Before(until) {
				for _, nodes := range [][]string{{"hv1"}, {"hv2"}, {"hv1", "hv2"}} {
					c.killUnderTraffic(nodes)
				}
			}
			c.asFresh("hv1")
			c.asFresh("hv2")
		})
	}
}

// soak is for how long to repeat a test.
func soak(t *testing.T) time.Duration {
	text := os.Getenv("WOVEN_SOAK")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	killPackets = 10_000
	killPings   = 60
	leastKills  = 8
)

// killUnderTraffic kills the agents of nodes and starts them again until all is sent, and leastKills times at least. vm1
// sends on hv1, vm3 receives on hv2.
func (c *cloud) killUnderTraffic(nodes []string) {
	c.t.Helper()
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(flow(c.vm1, c.vm2), flow(c.vm1, c.vm3))
	var pings sync.WaitGroup
	pings.Go(func() {
		if err := c.vm1.Ping(killPings, c.vm3.IP4); err != nil {
			c.t.Error(err)
		}
	})
	kills := 0
	for ; kills < leastKills || flows.runs[0].Sent() < killPackets; kills++ {
		for _, hv := range nodes {
			c.ok(c.Lab.KillAgent(hv))
		}
		// Every second agent is killed again in the middle of its start, each time a little later.
		if life := time.Duration(kills*5) * time.Millisecond; kills%2 == 1 {
			c.startAndKill(nodes, life)
		}
		for _, hv := range nodes {
			c.ok(c.Lab.StartAgent(c.t.Context(), hv))
		}
		c.Sync()
	}
	pings.Wait()
	flows.finish()
	w.steady()
	c.t.Logf("agents of %v killed %d times", nodes, kills)
}

// startAndKill gives agents a life that is too short to become ready.
func (c *cloud) startAndKill(nodes []string, life time.Duration) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), life)
	defer cancel()
	var lives sync.WaitGroup
	for _, hv := range nodes {
		lives.Go(func() { _ = c.Lab.StartAgent(ctx, hv) }) // not ready within its life, or ready early
	}
	lives.Wait()
	for _, hv := range nodes {
		c.ok(c.Lab.KillAgent(hv))
	}
}
