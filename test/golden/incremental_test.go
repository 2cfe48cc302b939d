package golden

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/compile"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch/config"
)

// TestIncrementalEqualsFull: after random edits, a compiler that saw all of them gives what a new one gives, keeps the
// pointer of each module that did not change, and Diff speaks of the changed ones only.
func TestIncrementalEqualsFull(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(3, 8)
		var incremental compile.Compiler
		var reader ingest.Reader
		before := &netstate.State{}
		kept, changed := 0, 0
		for step := range 150 {
			what := w.edit(r)
			got, gotProblems := incremental.Compile(w.network(&reader))
			var full compile.Compiler
			want, wantProblems := full.Compile(w.network(new(ingest.Reader)))
			if d := cmp.Diff(want.Text(), got.Text()); d != "" {
				t.Fatalf("seed %d, step %d, %s: state (-full +incremental):\n%s", seed, step, what, d)
			}
			if d := cmp.Diff(wantProblems, gotProblems); d != "" {
				t.Fatalf("seed %d, step %d, %s: problems (-full +incremental):\n%s", seed, step, what, d)
			}
			plan := netstate.Diff(before, got).String()
			for id, m := range got.Modules {
				if err := m.Config.(*config.Config).Validate(); err != nil {
					t.Fatalf("seed %d, step %d, %s: module %s: %v", seed, step, what, id, err)
				}
				same := before.Modules[id] != nil && reflect.DeepEqual(before.Modules[id], m)
				if same != (before.Modules[id] == m) || same == strings.Contains(plan, " "+m.String()) {
					t.Fatalf("seed %d, step %d, %s: module %s equal: %v, same pointer: %v, plan:\n%s", seed, step, what, id, same, before.Modules[id] == m, plan)
				}
				if same {
					kept++
				} else {
					changed++
				}
			}
			before = got
		}
		if kept < 50 || changed < 30 {
			t.Errorf("seed %d proves little: %d modules kept, %d changed", seed, kept, changed)
		}
	}
}

// TestInputIsNotChanged: ingest and compile leave rows alone, also where they sort.
func TestInputIsNotChanged(t *testing.T) {
	w := newWorld(1, 2)
	ls := *w.NB.LogicalSwitchPort[portName(0, 1)]
	ls.Addresses = []string{"unknown", "0a:00:00:00:00:02", "0a:00:00:00:00:01"}
	w.NB.LogicalSwitchPort[ls.UUID] = &ls
	g := *w.SB.MulticastGroup["sw0"]
	g.Ports = []string{portName(0, 2), portName(0, 1)}
	w.SB.MulticastGroup["sw0"] = &g
	addresses, members := slices.Clone(ls.Addresses), slices.Clone(g.Ports)
	network := w.network(new(ingest.Reader))
	problems := slices.Clone(network.Problems)
	var c compile.Compiler
	c.Compile(network)
	if !slices.Equal(addresses, ls.Addresses) || !slices.Equal(members, g.Ports) || !slices.Equal(problems, network.Problems) {
		t.Errorf("changed: addresses %v, members %v, problems %v", ls.Addresses, g.Ports, network.Problems)
	}
}

// TestHugeNames: names as long as OVSDB takes them make problems that a person can read.
func TestHugeNames(t *testing.T) {
	huge := strings.Repeat("n\x00", 1<<15)
	w := newWorld(1, 1)
	w.plug(huge)
	port := *w.NB.LogicalSwitchPort[portName(0, 1)]
	port.UUID, port.Name, port.Addresses = huge, huge, []string{huge, "0a:00:00:00:00:01 " + huge}
	port.PortSecurity, port.Options = port.Addresses, map[string]string{huge: huge}
	w.NB.LogicalSwitchPort[huge] = &port
	ls := *w.NB.LogicalSwitch["sw0"]
	ls.Name, ls.Ports, ls.OtherConfig = huge, []string{huge}, map[string]string{huge: huge}
	w.NB.LogicalSwitch["sw0"] = &ls
	pb := *w.SB.PortBinding[portName(0, 1)]
	pb.UUID, pb.LogicalPort, pb.TunnelKey = huge, huge, 2
	w.SB.PortBinding[huge] = &pb
	chassis := *w.SB.Chassis["hv2"]
	chassis.Name = huge
	w.SB.Chassis["hv2"] = &chassis

	var c compile.Compiler
	state, problems := c.Compile(w.network(new(ingest.Reader)))
	if !slices.ContainsFunc(state.Modules["sw0"].Ports, func(p netstate.Port) bool { return p.Name == huge && p.Device != nil }) {
		t.Error("the port is not bound to its interface")
	}
	if len(problems) < 5 {
		t.Errorf("only %d problems", len(problems))
	}
	for _, p := range problems {
		if len(p.Object) > 400 || len(p.Reason) > 400 {
			t.Errorf("a problem of %d and %d bytes: %.200s", len(p.Object), len(p.Reason), p.Object)
		}
	}
}

// BenchmarkOnePortChanged is ingest, compile and Diff on a node after one port of 10,000 changed its addresses.
func BenchmarkOnePortChanged(b *testing.B) {
	for _, size := range []struct{ switches, ports int }{{1, 10000}, {100, 100}} {
		b.Run(fmt.Sprintf("%dx%d", size.switches, size.ports), func(b *testing.B) {
			w := newWorld(size.switches, size.ports)
			var c compile.Compiler
			var r ingest.Reader
			have, _ := c.Compile(read(&r, w.Input))
			for i := 0; b.Loop(); i++ {
				port := *w.NB.LogicalSwitchPort[portName(0, 50)]
				port.Addresses = []string{[]string{"0a:00:00:aa:00:01 10.255.0.1", "0a:00:00:aa:00:02 fd00:255::2"}[i%2]}
				rows := *w.NB
				rows.LogicalSwitchPort = maps.Clone(rows.LogicalSwitchPort)
				rows.LogicalSwitchPort[port.UUID] = &port
				w.NB = &rows
				want, _ := c.Compile(read(&r, w.Input))
				if plan := netstate.Diff(have, want); len(plan) != 1 {
					b.Fatalf("plan:\n%s", plan)
				}
				have = want
			}
		})
	}
}
