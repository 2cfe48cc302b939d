package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/bulk"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

// size is how many ports there are.
type size struct {
	ports  int // in the databases, on one switch
	here   int // of them on hv1
	few    int // come, go or move at a time
	absent int // chassis that nobody runs, which have the others
}

var (
	small = size{ports: 60, here: 12, few: 4, absent: 5}
	large = size{ports: 10_000, here: 1000, few: 20, absent: 50}
)

// cloud is a lab with two Woven hypervisors and a crowded switch. Numbered packets flow between vm1 and vm2 on hv1, and vm3 on hv2.
type cloud struct {
	*labtest.Switch
	t             *testing.T
	size          size
	vm1, vm2, vm3 *labtest.VM
	filler        *bulk.Filler
	here          []bulk.Port
	next          int // number of the next port to come
	random        *rand.Rand
}

// TestSoak churns.
func TestSoak(t *testing.T) {
	until, size := time.Now(), small
	if text := os.Getenv("WOVEN_SOAK"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		until, size = until.Add(d), large
	}
	c := up(t, size)
	for lap := 1; ; lap++ {
		c.lap()
		t.Logf("lap %d of churn is done", lap)
		if t.Failed() || time.Now().After(until) {
			break
		}
	}
	c.equalsFreshStart()
}

// up builds the cloud.
func up(t *testing.T, size size) *cloud {
	t.Helper()
	l := labtest.Up(t, "soak", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &cloud{Switch: labtest.NewSwitch(t, l, "sw"), t: t, size: size, next: size.ports + 1, random: rand.New(rand.NewPCG(seed, 0))}
	var err error
	c.filler, err = bulk.Open(t.Context(), l)
	c.ok(err)
	t.Cleanup(func() { c.filler.Close() })
	c.vm1, c.vm2, c.vm3 = c.Add(1, "hv1"), c.Add(2, "hv1"), c.Add(3, "hv2")
	ports := make([]bulk.Port, size.ports)
	for i := range ports {
		ports[i] = bulk.Numbered("sw", i+1)
	}
	c.here = ports[:size.here]
	c.ok(c.filler.AddChassis(t.Context(), size.absent))
	c.ok(c.filler.AddPorts(t.Context(), ports...))
	c.ok(c.filler.BindElsewhere(t.Context(), ports[size.here:]...))
	c.ok(c.filler.Plug(t.Context(), "hv1", c.here...))
	c.settled(0, 0)
	return c
}

// settled waits until all that is plugged is up: the ports of the cloud, and some more on hv1 and hv2; and all nodes know.
func (c *cloud) settled(more1, more2 int) {
	c.t.Helper()
	c.untilUp("hv1", len(c.here)+2+more1)
	c.untilUp("hv2", 1+more2)
	c.ok(c.filler.Sync(c.t.Context()))
}

// patience bounds a wait: on a busy machine programs on TCX hooks of 1,000 ports take their time.
const patience = 30 * time.Minute

func (c *cloud) untilUp(hv string, want int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	c.ok(lab.Poll(ctx, func() error {
		status, err := c.agent(hv).Status(c.t.Context())
		if err == nil && status.Ports.Up != want {
			err = fmt.Errorf("%s: %d ports are up, want %d", hv, status.Ports.Up, want)
		}
		return err
	}))
}

func (c *cloud) agent(hv string) *v1.Client { return v1.NewClient(v1.SocketPath(c.Lab.RunDir(hv))) }

func (c *cloud) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// pace leaves the CPUs to the churn.
const pace = 500 // packets a second, of each flow

// underTraffic does something while numbered packets flow, and fails the test unless each has arrived, once.
func (c *cloud) underTraffic(do func()) {
	c.t.Helper()
	var runs []*traffic.Run
	for _, pair := range [][2]*labtest.VM{{c.vm1, c.vm2}, {c.vm1, c.vm3}, {c.vm3, c.vm2}} {
		for _, dest := range []netip.Addr{pair[1].IP4, pair[1].IP6} {
			flow := traffic.Flow{From: pair[0].In, To: pair[1].In, Dest: dest, PerSecond: pace}
			run, err := traffic.Start(c.t.Context(), flow)
			c.ok(err)
			runs = append(runs, run)
		}
	}
	do()
	for _, run := range runs {
		if err := run.Check(); err != nil {
			c.t.Error(err)
		}
	}
}

// equalsFreshStart: what hv1 has come to carry out is what an agent makes of the databases on an empty node.
func (c *cloud) equalsFreshStart() {
	c.t.Helper()
	grown := c.Plane("hv1")
	c.ok(c.Lab.StopAgent("hv1"))
	c.Woven("hv1", "agent", "--ovs", "unix:"+c.Lab.Dir()+"/hv1/db.sock", "--run-dir", c.Lab.RunDir("hv1"), "--bpffs", c.Lab.BPFFS("hv1"), "--cleanup")
	c.ok(c.Lab.StartAgent(c.t.Context(), "hv1"))
	c.settled(0, 0)
	c.underTraffic(func() {})
	if diff := cmp.Diff(c.Plane("hv1"), grown); diff != "" {
		c.t.Errorf("data plane after all the churn (+) is not as one from nothing (-):\n%.5000s", diff)
	}
}

// some are a few of the ports on hv1.
func (c *cloud) some() []bulk.Port {
	c.random.Shuffle(len(c.here), func(i, j int) { c.here[i], c.here[j] = c.here[j], c.here[i] })
	return slices.Clone(c.here[:c.size.few])
}
