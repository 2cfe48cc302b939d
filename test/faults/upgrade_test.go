package faults

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

// binary is a place that hypervisors start Woven from, for binaries by turns.
type binary struct{ path string }

func newBinary(t *testing.T, woven string) binary {
	b := binary{filepath.Join(t.TempDir(), "woven")}
	b.is(t, woven)
	return b
}

// is makes the place that of a binary.
func (b binary) is(t *testing.T, woven string) {
	t.Helper()
	link := b.path + ".new"
	if err := os.Symlink(woven, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, b.path); err != nil {
		t.Fatal(err)
	}
}

// later is a later release: with programs more, other kind numbers, and another layout of the tables.
var later = map[string]string{"modules/std/std.go": "testdata/next.go"}

// TestUpgrade brings hypervisors to a later release, back, and forth again, node by node, by agents that die before each of their first steps or
// not, under traffic to one and to all: nothing is lost, no port flaps, and nothing is left of the release before.
func TestUpgrade(t *testing.T) {
	this, next, dying := labtest.Woven(t), labtest.Variant(t, later), crashing(t, later)
	for _, mode := range []string{"tcx", "clsact"} {
		t.Run(mode, func(t *testing.T) {
			place := newBinary(t, this)
			c := up(t, place.path, "upg"+mode, "--attach", mode)
			w := c.watch(c.vm1, c.vm2, c.vm3)
			flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3), c.toAll())
			upgrade := func(hv string) {
				c.ok(c.Lab.KillAgent(hv))
				c.ok(c.Lab.StartAgent(t.Context(), hv))
				c.Sync()
			}
			before := c.release("hv1")
			for _, woven := range []string{next, this, next} {
				place.is(t, woven)
				upgrade("hv1")
				flows.goOn(packets / 10) // while releases differ
				upgrade("hv2")
			}
			if after := c.release("hv1"); after == before {
				t.Errorf("release %s is live before and after an upgrade", after)
			}
			place.is(t, this)
			upgrade("hv1")
			place.is(t, dying)
			c.ok(c.Lab.KillAgent("hv1"))
			t.Logf("%d deaths", c.dieAgainAndAgain("hv1"))
			place.is(t, this)
			upgrade("hv1")
			upgrade("hv2")
			vm4 := c.Add(4, "hv1")
			c.Sync()
			c.send(both(vm4, c.vm2), both(vm4, c.vm3)).finish()
			flows.finish()
			w.steady()
			if after := c.release("hv1"); after != before {
				t.Errorf("release after the roll back is %s, was %s", after, before)
			}
			c.asFresh("hv1")
		})
	}
}

// toAll are packets to all VMs, heard by one on the sender's node and by one on another node.
func (c *cloud) toAll() []traffic.Flow {
	everyone := netip.MustParseAddr("10.0.0.255")
	return []traffic.Flow{
		{From: c.vm1.In, To: c.vm2.In, Dest: everyone, Packets: packets, PerSecond: 500},
		{From: c.vm1.In, To: c.vm3.In, Dest: everyone, Packets: packets, PerSecond: 500},
		{From: c.vm3.In, To: c.vm1.In, Dest: everyone, Packets: packets, PerSecond: 500},
	}
}

// release names the one release whose programs are pinned on a hypervisor.
func (c *cloud) release(hv string) string {
	c.t.Helper()
	dirs, err := filepath.Glob(filepath.Join(c.Lab.BPFFS(hv), "v*/progs/*"))
	c.ok(err)
	layouts, err := filepath.Glob(filepath.Join(c.Lab.BPFFS(hv), "v*/maps/*"))
	c.ok(err)
	if len(dirs) != 1 || len(layouts) != 1 {
		c.t.Fatalf("%s has releases %v over tables %v, want one", hv, dirs, layouts)
	}
	return filepath.Base(dirs[0])
}
