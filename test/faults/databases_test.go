package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// The names of the databases in `woven status`, by lab service.
var schemas = map[string]string{lab.NB: "OVN_Northbound", lab.SB: "OVN_Southbound", "hv1-ovsdb": "Open_vSwitch"}

// TestDatabasesAway kills databases under traffic: nothing is lost, no port flaps, and what changes after their return
// is carried out.
func TestDatabasesAway(t *testing.T) {
	woven := labtest.Woven(t)
	for _, away := range [][]string{
		{lab.SB}, {lab.NB}, {lab.NB, lab.SB}, {"hv1-ovsdb"}, {lab.Northd}, {lab.NB, lab.SB, lab.Northd, "hv1-ovsdb"},
	} {
		t.Run(strings.Join(away, "+"), func(t *testing.T) {
			c := up(t, woven, "dbs")
			w := c.watch(c.vm1, c.vm2, c.vm3)
			flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
			for _, service := range away {
				c.ok(c.Lab.Kill(service))
				c.shown(service, false)
			}
			vm := c.VM(4, "hv1")
			if !slices.Contains(away, lab.NB) {
				vm.AddPort() // a change while others are away
			}
			flows.goOn(packets / 2)
			for _, service := range away {
				c.ok(c.Lab.Start(t.Context(), service))
				c.shown(service, true)
			}
			c.Sync()
			c.healthy("hv1")
			if slices.Contains(away, lab.NB) {
				vm.AddPort()
			}
			vm.Start()
			vm.WaitUp(true)
			c.Sync()
			c.send(both(vm, c.vm2), both(vm, c.vm3)).finish()
			flows.finish()
			w.steady()
			c.asFresh("hv1")
		})
	}
}

// shown waits until hv1's status says that a database is connected and read, or not.
func (c *cloud) shown(service string, connected bool) {
	c.t.Helper()
	if schemas[service] == "" {
		return // not a database
	}
	c.Eventually(fmt.Sprintf("status shows %s connected: %v", service, connected), func() error {
		status, err := c.agent("hv1").Status(c.t.Context())
		if err != nil {
			return err
		}
		for _, db := range status.Databases {
			if db.Name == schemas[service] && db.Connected == connected && (db.Error == "") == connected {
				return nil
			}
		}
		return fmt.Errorf("databases: %+v", status.Databases)
	})
}

// TestStartWithoutDatabases kills an agent while databases are away and starts it again before they are back: what is
// pinned forwards, status says what is missing, and the return of the databases completes the start without a flap.
func TestStartWithoutDatabases(t *testing.T) {
	woven := labtest.Woven(t)
	for _, away := range [][]string{{lab.NB, lab.SB}, {lab.SB}, {lab.NB}, {"hv1-ovsdb"}} {
		t.Run(strings.Join(away, "+"), func(t *testing.T) {
			c := up(t, woven, "swd")
			w := c.watch(c.vm1, c.vm2, c.vm3)
			flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
			for _, service := range away {
				c.ok(c.Lab.Kill(service))
			}
			c.ok(c.Lab.KillAgent("hv1"))
			c.startUnready("hv1")
			c.problem("hv1", "data_plane state: waits for "+schemas[away[len(away)-1]])
			flows.goOn(packets / 2)
			for _, service := range away {
				c.ok(c.Lab.Start(t.Context(), service))
			}
			c.Sync()
			c.healthy("hv1")
			flows.finish()
			w.steady()
			c.allReach()
		})
	}
}

// startUnready starts an agent that can't become ready, and returns when it answers.
func (c *cloud) startUnready(hv string) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	started := make(chan struct{})
	go func() {
		defer close(started)
		_ = c.Lab.StartAgent(ctx, hv) // it isn't ready when ctx ends
	}()
	c.Eventually(hv+" answers", func() error {
		_, err := c.agent(hv).Status(ctx)
		return err
	})
	cancel()
	<-started
}
