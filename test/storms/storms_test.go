// Package storms tests what a workload that floods its own network can do to the node: nothing to other tenants, and nothing that lasts.
package storms

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/bench/load"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

// A storm's pace and length: two seconds, by far more than its switch's flood limit and rate of punts.
const (
	pace   = 20_000
	frames = 2 * pace
)

// The bounds of tables, as documented: addresses learned from a port, and other_config:mcast_table_size of the switch.
const (
	learnLimit = 1024
	mcastLimit = 200
)

// crowdSize is how many sub-ports the noisy switch has, on the device of one workload.
const crowdSize = 60

// Under each storm of a tenant's port other tenants, and other ports of the tenant, lose no packet; tables stay within bounds; the agent answers.
// Afterwards what was learned ages out.
func TestStorms(t *testing.T) {
	l := labtest.Up(t, "storm", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	c := newCity(t, l)
	for _, s := range []struct {
		name   string
		frames [][]byte
		check  func()
	}{
		{"broadcasts", load.Broadcasts(), func() { c.dropped("iom", "flood_limit") }},
		{"ARP requests", load.ARPRequests(4096), func() { c.dropped("iom", "flood_limit") }},
		{"source addresses", load.Sources(frames), func() { c.full(learnLimit) }},
		{"reports", load.Reports(frames), func() { c.joined(mcastLimit) }},
	} {
		t.Run(s.name, func(t *testing.T) {
			c.t = t
			c.rage(s.frames)
			s.check()
		})
	}
	c.t = t
	c.NB("set", "Logical_Switch", c.Name, "other_config:fdb_age_threshold=1", "other_config:mcast_idle_timeout=15")
	c.Eventually("what was learned has aged", func() error {
		if rows, entries := c.fdbRows(), c.learned(); rows > 0 || entries > 0 {
			return fmt.Errorf("there are %d rows of FDB and %d entries", rows, entries)
		}
		return nil
	})
	c.flows().check()
}

// city has a quiet tenant, and a noisy one: the switch of which embedded methods speak.
type city struct {
	*labtest.Switch
	t     *testing.T
	noisy *labtest.VM
	pairs [][2]*labtest.VM // who talks to whom, both tenants
}

func newCity(t *testing.T, l *lab.Lab) *city {
	quiet := labtest.NewSwitch(t, l, "quiet")
	q1, q2, q3 := quiet.Add(1, "hv1"), quiet.Add(2, "hv1"), quiet.Add(3, "hv2")
	c := &city{Switch: labtest.NewSwitch(t, l, "noisy"), t: t}
	n1, n2, n3 := c.Add(1, "hv1"), c.Add(2, "hv1"), c.Add(3, "hv2")
	c.pairs = [][2]*labtest.VM{{q1, q2}, {q3, q1}, {n1, n2}, {n3, n1}}
	c.noisy = c.VM(9, "hv1")
	c.NB("lsp-add", c.Name, c.noisy.Port, "--", "lsp-set-addresses", c.noisy.Port, "unknown")
	c.noisy.Start()
	c.noisy.WaitUp(true)
	crowd := c.Add(4, "hv1")
	var argv []string
	for tag := 1; tag <= crowdSize; tag++ {
		name := fmt.Sprint("noisy-sub", tag)
		argv = append(argv, "--", "lsp-add", c.Name, name, crowd.Port, fmt.Sprint(tag), "--", "lsp-set-addresses", name, "unknown")
	}
	c.NB(argv[1:]...)
	c.NB("set", "Logical_Switch", c.Name, "other_config:mcast_snoop=true", "other_config:mcast_flood_unregistered=true",
		fmt.Sprintf("other_config:mcast_table_size=%d", mcastLimit))
	c.Sync()
	return c
}

// rage has the noisy workload send frames, while numbered packets go between the others and the agent is asked for its status.
func (c *city) rage(list [][]byte) {
	c.t.Helper()
	flows := c.flows()
	storm, err := load.StartStorm(c.noisy.In, list, pace)
	if err != nil {
		c.t.Fatal(err)
	}
	agent := v1.NewClient(v1.SocketPath(c.Lab.RunDir("hv1")))
	question := time.NewTicker(50 * time.Millisecond)
	defer question.Stop()
	for range question.C {
		if storm.Sent() >= frames {
			break
		}
		if _, err := agent.Status(c.t.Context()); err != nil {
			c.t.Errorf("the agent does not answer: %v", err)
			break
		}
	}
	if _, err := storm.Stop(); err != nil {
		c.t.Error(err)
	}
	flows.check()
	if _, err := agent.Status(c.t.Context()); err != nil {
		c.t.Errorf("afterwards the agent does not answer: %v", err)
	}
}

// flows are numbered packets under way.
type flows struct {
	c    *city
	runs []*traffic.Run
}

func (c *city) flows() *flows {
	c.t.Helper()
	f := &flows{c: c}
	for _, p := range c.pairs {
		run, err := traffic.Start(c.t.Context(), traffic.Flow{From: p[0].In, To: p[1].In, Dest: p[1].IP4, Packets: 500, PerSecond: 500})
		if err != nil {
			c.t.Fatal(err)
		}
		f.runs = append(f.runs, run)
	}
	return f
}

// check ends the flows, of which nothing may have been lost.
func (f *flows) check() {
	f.c.t.Helper()
	for i, run := range f.runs {
		if err := run.Check(); err != nil {
			f.c.t.Errorf("%s to %s: %v", f.c.pairs[i][0].Name, f.c.pairs[i][1].Name, err)
		}
	}
}

// dropped fails the test unless packets of the noisy port were dropped for a reason.
func (c *city) dropped(module, reason string) {
	c.t.Helper()
	if c.noisy.Drops(module, reason) == 0 {
		c.t.Errorf("none of %d frames were dropped as %s.%s", frames, module, reason)
	}
}

// full fails the test unless as many addresses are learned as may be, in the kernel and in the database, and that shows.
func (c *city) full(limit int) {
	c.t.Helper()
	if n := c.learned(); n != limit {
		c.t.Errorf("%d addresses are learned, want the limit of %d", n, limit)
	}
	c.Eventually("the database has what is learned", func() error {
		if n := c.fdbRows(); n != limit {
			return fmt.Errorf("there are %d rows of FDB, want %d", n, limit)
		}
		return nil
	})
	c.problem("more MAC addresses are used than it may have learned")
}

// joined fails the test unless the switch has as many multicast groups as it may, and says so.
func (c *city) joined(limit int) {
	c.t.Helper()
	self := strings.TrimSpace(c.SB("--bare", "--columns=_uuid", "find", "Chassis", "name=hv1"))
	c.Eventually("the database has the groups", func() error {
		if n := len(strings.Fields(c.SB("--bare", "--columns=_uuid", "find", "IGMP_Group", "chassis="+self))); n != limit {
			return fmt.Errorf("there are %d rows of IGMP_Group, want %d", n, limit)
		}
		return nil
	})
	c.problem("more multicast addresses are joined than")
}

// problem waits until the agent shows one.
func (c *city) problem(text string) {
	c.t.Helper()
	c.Eventually("hv1 shows a problem", func() error {
		status, err := v1.NewClient(v1.SocketPath(c.Lab.RunDir("hv1"))).Status(c.t.Context())
		if err != nil {
			return err
		}
		for _, p := range status.Problems {
			if strings.Contains(p.Reason, text) {
				return nil
			}
		}
		return fmt.Errorf("no problem %q among %v", text, status.Problems)
	})
}
