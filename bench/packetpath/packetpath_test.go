package packetpath

import (
	"context"
	"errors"
	"testing"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
)

func newBench(t *testing.T, services ...netstate.Service) *Bench {
	t.Helper()
	testutil.RequireRoot(t)
	r := rig.New()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := New(r, services...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Every packet of a run takes the path that is to be measured: Run fails on any other verdict and on drops.
func TestRun(t *testing.T) {
	b := newBench(t)
	costs, err := b.Run(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range costs {
		t.Logf("%s: %.0f ns", c.Name, c.NS)
		if len(c.NS) != 2 {
			t.Errorf("2 rounds gave %v", c)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := b.Run(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
}

// With ACLs, too.
func TestRunWithACLs(t *testing.T) {
	costs, err := newBench(t, ACLs(10)).Run(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range costs {
		t.Logf("%s: %.0f ns", c.Name, c.NS)
	}
}

// A flow that the switch drops is found out.
func TestWrongPath(t *testing.T) {
	b := newBench(t)
	for i, f := range b.local.flows {
		f.to = f.from
		var err error
		if b.local.frames[i], err = frame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.fillDriver(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Run(t.Context(), 1); err == nil {
		t.Error("packets to their own sender were measured")
	}
}

// Each port sends once and receives once, and none to itself.
func TestMix(t *testing.T) {
	from, to := map[uint16]bool{}, map[uint16]bool{}
	for _, f := range mix(0, 0) {
		if f.from == f.to {
			t.Errorf("port %d sends to itself", f.from)
		}
		from[f.from], to[f.to] = true, true
	}
	if len(from) != flows || len(to) != flows || from[0] || to[0] || !from[flows] || !to[flows] {
		t.Errorf("%d ports send, %d receive; want 1..%d", len(from), len(to), flows)
	}
}
