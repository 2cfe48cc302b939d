package packetpath

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/testutil"
)

func newBench(t *testing.T, n Network) *Bench {
	t.Helper()
	testutil.RequireRoot(t)
	r := rig.New()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := New(r, n)
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
	for _, n := range []Network{{}, {ACLs: 10}, {Routed: true}, {Routed: true, ACLs: 10}} {
		t.Run(fmt.Sprintf("%+v", n), func(t *testing.T) {
			b := newBench(t, n)
			switch {
			case n.ACLs > 0 && n.Routed: // two ports of each flow
				checkEstablished(t, b, 2*flows)
			case n.ACLs > 0: // and one of those from and to tunnels
				checkEstablished(t, b, 4*flows)
			}
			paths := []Path{b.HotLookup(), b.ColdLookup(), b.Local(flows), b.Local(1), b.LocalSingly()}
			if !n.Routed {
				paths = append(paths, b.ToTunnel(), b.FromTunnel())
			}
			costs, err := Run(t.Context(), 2, paths...)
			if err != nil {
				t.Fatal(err)
			}
			if len(costs) != len(paths) {
				t.Fatalf("%d costs of %d paths", len(costs), len(paths))
			}
			for i, ns := range costs {
				if len(ns) != 2 {
					t.Errorf("path %d: 2 rounds gave %v", i, ns)
				}
			}
		})
	}
}

// With ACLs the flows are connections that have been answered, at each port of this node.
func checkEstablished(t *testing.T, b *Bench, want int) {
	t.Helper()
	table, err := b.node.Table("iom_cts")
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	info, err := table.Info()
	if err != nil {
		t.Fatal(err)
	}
	key, value := make([]byte, info.KeySize), make([]byte, info.ValueSize)
	established := 0
	for rows := table.Iterate(); rows.Next(&key, &value); {
		established++
	}
	if established != want {
		t.Errorf("%d established connections, want %d", established, want)
	}
}

// A run that is stopped ends, and a flow that the switch drops is found out.
func TestErrors(t *testing.T) {
	b := newBench(t, Network{})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Run(ctx, 1, b.HotLookup()); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
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
	if _, err := Run(t.Context(), 1, b.Local(flows)); err == nil {
		t.Error("packets to their own sender were measured")
	}
}

// Each port sends once and receives once, and none to itself; through a router none to its own half.
func TestMix(t *testing.T) {
	for name, list := range map[string][]flow{"mix": mix(0, 0), "across": across()} {
		from, to := map[uint16]bool{}, map[uint16]bool{}
		for _, f := range list {
			if f.from == f.to || name == "across" && half(f.from) == half(f.to) {
				t.Errorf("%s: port %d sends to %d", name, f.from, f.to)
			}
			from[f.from], to[f.to] = true, true
		}
		if len(from) != flows || len(to) != flows || from[0] || to[0] || !from[flows] || !to[flows] {
			t.Errorf("%s: %d ports send, %d receive; want 1..%d", name, len(from), len(to), flows)
		}
	}
}
