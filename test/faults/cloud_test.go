package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

// cloud is a lab with two Woven hypervisors and a switch: vm1 and vm2 on hv1, vm3 on hv2.
type cloud struct {
	*labtest.Switch
	t             *testing.T
	vm1, vm2, vm3 *labtest.VM
}

// up brings a cloud up whose agents are the binary woven. Its name is of its own for each test that may run at the same
// time.
func up(t *testing.T, woven, name string, agentArgs ...string) *cloud {
	t.Helper()
	l := labtest.Up(t, name, lab.Options{Hypervisors: 2, Woven: woven, AgentArgs: agentArgs})
	c := &cloud{Switch: labtest.NewSwitch(t, l, "sw"), t: t}
	c.vm1, c.vm2, c.vm3 = c.Add(1, "hv1"), c.Add(2, "hv1"), c.Add(3, "hv2")
	c.Sync()
	return c
}

// ok fails the test when there is an error.
func (c *cloud) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// packets is how many packets of each flow an ordinary test sends at least.
const packets = 2000

// flows are streams of numbered packets under way.
type flows struct {
	c    *cloud
	runs []*traffic.Run
}

// flow returns flows from one VM to another in IPv4 and in IPv6.
func flow(from, to *labtest.VM) []traffic.Flow {
	var list []traffic.Flow
	for _, dest := range []netip.Addr{to.IP4, to.IP6} {
		list = append(list, traffic.Flow{From: from.In, To: to.In, Dest: dest, Packets: packets})
	}
	return list
}

// both returns the flows between two VMs in both directions.
func both(a, b *labtest.VM) []traffic.Flow { return append(flow(a, b), flow(b, a)...) }

// send starts flows.
func (c *cloud) send(lists ...[]traffic.Flow) *flows {
	c.t.Helper()
	f := &flows{c: c}
	for _, one := range slices.Concat(lists...) {
		run, err := traffic.Start(c.t.Context(), one)
		c.ok(err)
		f.runs = append(f.runs, run)
	}
	return f
}

// goOn returns when every flow has sent n packets more.
func (f *flows) goOn(n int) {
	goals := make([]int, len(f.runs))
	for i, run := range f.runs {
		goals[i] = run.Sent() + n
	}
	for i, run := range f.runs {
		for run.Sent() < goals[i] {
			time.Sleep(time.Millisecond)
		}
	}
}

// each calls a function for every flow, at the same time, and reports its errors.
func (f *flows) each(do func(*traffic.Run) error) {
	f.c.t.Helper()
	var all sync.WaitGroup
	for _, run := range f.runs {
		all.Go(func() {
			if err := do(run); err != nil {
				f.c.t.Error(err)
			}
		})
	}
	all.Wait()
}

// finish ends the flows and fails the test unless each of their packets has arrived, once.
func (f *flows) finish() {
	f.c.t.Helper()
	f.each((*traffic.Run).Check)
}

// over ends flows that may lose packets, and fails the test only if one arrived twice.
func (f *flows) over() {
	f.c.t.Helper()
	f.each(func(run *traffic.Run) error {
		result, err := run.Finish()
		if err == nil && result.Twice > 0 {
			err = fmt.Errorf("a flow that may lose packets: %s", result)
		}
		return err
	})
}

// lossy makes flows that may lose packets, their end mark too.
func lossy(list []traffic.Flow) []traffic.Flow {
	for i := range list {
		list[i].Lossy = true
	}
	return list
}

// pairs are the flows between the three VMs.
func (c *cloud) pairs() []traffic.Flow {
	list := slices.Concat(both(c.vm1, c.vm2), both(c.vm1, c.vm3), both(c.vm2, c.vm3))
	for i := range list {
		list[i].Packets = 100
	}
	return list
}

// allReach fails the test unless the three VMs reach each other in both families without a loss.
func (c *cloud) allReach() {
	c.t.Helper()
	c.send(c.pairs()).finish()
}

// opened returns when flows get through between VMs that have asked for each other in vain before: a kernel asks for a
// neighbour's address once a second only.
func (c *cloud) opened(lists ...[]traffic.Flow) {
	c.t.Helper()
	list := lossy(slices.Concat(lists...))
	for i := range list {
		list[i].Packets = 1
	}
	c.send(list).over()
}

// closedAfter is the time in which no packet has got through where nothing gets through.
const closedAfter = 300 * time.Millisecond

// closed fails the test when packets of flows get through.
func (c *cloud) closed(lists ...[]traffic.Flow) {
	c.t.Helper()
	var all sync.WaitGroup
	for _, one := range slices.Concat(lists...) {
		one.Patience = closedAfter
		all.Go(func() {
			switch run, err := traffic.Start(c.t.Context(), one); {
			case err == nil:
				_, _ = run.Finish()
				c.t.Errorf("packets to %s get through", one.Dest)
			case !errors.Is(err, traffic.ErrClosed):
				c.t.Error(err)
			}
		})
	}
	all.Wait()
}

// agent is a client of a hypervisor's agent.
func (c *cloud) agent(hv string) *v1.Client { return v1.NewClient(v1.SocketPath(c.Lab.RunDir(hv))) }

// healthy waits until an agent has no complaint.
func (c *cloud) healthy(hv string) {
	c.t.Helper()
	c.Eventually(hv+" has no complaint", func() error {
		status, err := c.agent(hv).Status(c.t.Context())
		if err == nil && status.Degraded() {
			text, _ := json.Marshal(status)
			err = fmt.Errorf("degraded: %s", text)
		}
		return err
	})
}

// problem waits until an agent shows a problem: a line "object: reason" that contains text.
func (c *cloud) problem(hv, text string) {
	c.t.Helper()
	c.Eventually(hv+" shows a problem", func() error {
		status, err := c.agent(hv).Status(c.t.Context())
		if err != nil {
			return err
		}
		var lines []string
		for _, p := range status.Problems {
			lines = append(lines, p.Object+": "+p.Reason)
		}
		all := strings.Join(lines, "\n")
		if !strings.Contains(all, text) {
			return fmt.Errorf("no problem %q among:\n%s", text, all)
		}
		return nil
	})
}
