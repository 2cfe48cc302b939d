package hover

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hover/hovertest"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/test/traffic"
)

// death is what a process panics with that dies before a step.
type death string

// life is a process on a node: it takes the data plane over, makes it what is wanted, and ends.
type life struct {
	mode  AttachMode
	kinds []iom.Kind
	want  *netstate.State
}

// live lets a process live to its end, and returns its steps.
func (n *node) live(l life) (steps []string) {
	n.t.Helper()
	if death := n.liveUntil(l, func(step string) bool { steps = append(steps, step); return false }); death != "" {
		n.t.Fatalf("died before %q", death)
	}
	return steps
}

// liveUntil lets a process live until dies says that it dies before a step, and returns that; "": it lived to its end.
func (n *node) liveUntil(l life, dies func(step string) bool) (last death) {
	n.t.Helper()
	var err error
	var result netstate.Result
	n.do(func() {
		defer func() {
			r := recover()
			if d, died := r.(death); died {
				last = d
			} else if r != nil {
				panic(r)
			}
		}()
		result, err = l.run(n.bpffs, func(step string) {
			if dies(step) {
				panic(death(step))
			}
		})
	})
	if err != nil || len(result.Failures) > 0 {
		n.t.Fatalf("apply: %v, failures %+v", err, result.Failures)
	}
	return last
}

// run is what a process does.
func (l *life) run(bpffs string, step func(string)) (netstate.Result, error) {
	h, err := Open(Config{BPFFS: bpffs, Kinds: l.kinds, Attach: l.mode, Log: slog.New(slog.DiscardHandler), Step: step})
	if err != nil {
		return netstate.Result{}, err
	}
	defer h.Close()
	return h.Apply(context.Background(), l.want)
}

// dump is what the data plane does after a life.
func (n *node) dump(l life) []string {
	n.t.Helper()
	lines, err := hovertest.Dump(n.bpffs, l.kinds)
	if err != nil {
		n.t.Fatal(err)
	}
	return lines
}

// fresh is the dump of a life that begins with nothing. It interrupts all traffic.
func (n *node) fresh(l life) []string {
	n.t.Helper()
	n.do(func() {
		if err := Cleanup(n.bpffs); err != nil {
			n.t.Error(err)
		}
	})
	n.live(l)
	return n.dump(l)
}

// way leads to a state from that of another way. fresh is what a first process makes of it, steps those of the way.
type way struct {
	to    life
	fresh []string
	steps []string
	alike bool // it has the same kinds of steps as the other one
}

// crashes has processes bring the node from one state to the other and back, of which each dies one step later, until none has one left: the
// next process makes of what is left what a first one would.
func (n *node) crashes(ways [2]way) {
	n.t.Helper()
	for i := range ways { // the node is in the state of the second
		ways[i].steps = n.live(ways[i].to)
	}
	deaths := 0
	for at := range max(len(ways[0].steps), len(ways[1].steps)) {
		if !ways[0].worthDying(at) && !ways[1].worthDying(at) {
			continue
		}
		for _, w := range ways {
			if w.worthDying(at) {
				deaths++
				n.crash(w, at)
			} else {
				n.live(w.to)
			}
		}
	}
	n.t.Logf("%d steps there, %d back; %d deaths", len(ways[0].steps), len(ways[1].steps), deaths)
}

// crash has a process die before a step of a way, and another one go it to the end.
func (n *node) crash(w way, at int) {
	n.t.Helper()
	steps := 0
	died := n.liveUntil(w.to, func(string) bool { steps++; return steps > at })
	n.noDangling(w.to, died)
	n.live(w.to)
	if diff := cmp.Diff(w.fresh, n.dump(w.to)); diff != "" {
		n.t.Fatalf("died before step %d (%s): a first start (-), this one (+):\n%s", at, died, diff)
	}
}

// noDangling fails the test if a row leads to a slot that nobody has, and that the next process may therefore give to another.
func (n *node) noDangling(l life, died death) {
	n.t.Helper()
	lines, err := hovertest.Dump(n.bpffs, l.kinds)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // tables that are not made yet, or no more
		n.t.Fatal(err)
	}
	for _, line := range lines {
		if strings.Contains(line, hovertest.Unknown) && !strings.HasPrefix(line, "left: ") {
			n.t.Errorf("died before %s: %s", died, line)
		}
	}
}

// soaking: the tests may take their time.
func soaking() bool { return os.Getenv("WOVEN_SOAK") != "" }

// worthDying says whether a process shall die before a step. Unless soaking, one of several like steps in succession does not count, nor does a
// way that is like the other one.
func (w *way) worthDying(at int) bool {
	if at >= len(w.steps) || w.alike && !soaking() {
		return false
	}
	if soaking() || at == 0 || at == len(w.steps)-1 {
		return true
	}
	kind := w.kindOf(at)
	return kind != w.kindOf(at-1) || kind != w.kindOf(at+1)
}

// kindOf is what a step has in common with others that are like it: of those to another release, whose tables nothing uses yet, the verb.
func (w *way) kindOf(at int) string {
	verb, _, _ := strings.Cut(w.steps[at], " ")
	if slices.Contains(w.steps, "make release directory") && verb != "switch" {
		return verb
	}
	return w.steps[at]
}

// Processes die before any step of the ways between states, while others' traffic flows: nothing of it is lost, and nothing stays behind.
func TestCrashAtEachStep(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		for _, name := range []string{"port", "device", "place", "group", "key", "node", "release"} {
			if mode == AttachClsact && name != "device" && !soaking() {
				continue
			}
			t.Run(string(mode)+" "+name, func(t *testing.T) {
				t.Parallel()
				newCrashNodes(t, mode).run(name)
			})
		}
	}
}

// crashNodes are node a, on which processes die, and b, which knows nothing of that. Workloads 1 and 2 are on a, 3 is on b.
type crashNodes struct {
	a, b       *node
	w1, w2, w3 workload
	w4, w5     workload // further ones on a
	tunnel     *netstate.State
	mode       AttachMode
}

func newCrashNodes(t *testing.T, mode AttachMode) *crashNodes {
	c := &crashNodes{a: newNode(t, mode), b: newNode(t, mode), mode: mode}
	c.w1, c.w2, c.w4, c.w5, c.w3 = c.a.workload(1), c.a.workload(2), c.a.workload(4), c.a.workload(5), c.b.workload(3)
	sa, sb := state(), state(lswitch(switchA, 7, elsewhere(c.w1), elsewhere(c.w2), c.w3))
	underlay(c.a, c.b, sa, sb, netip.MustParsePrefix("172.31.0.0/24"))
	c.tunnel = sa
	c.b.apply(sb)
	return c
}

// life makes the node's switches what is given.
func (c *crashNodes) life(modules ...*netstate.Module) life {
	s := state(modules...)
	s.Tunnel, s.Nodes["peer"] = c.tunnel.Tunnel, c.tunnel.Nodes["peer"]
	return life{mode: c.mode, kinds: []iom.Kind{l2switch.Kind()}, want: s}
}

// lswitch is the switch of the three workloads, with further ones.
func (c *crashNodes) lswitch(more ...workload) *netstate.Module {
	return lswitch(switchA, 7, append([]workload{c.w1, c.w2, elsewhere(c.w3)}, more...)...)
}

// change is a change of the node's state. The name says of what.
func (c *crashNodes) change(name string) (from, to life) {
	withPort := c.life(c.lswitch(c.w4))
	switch name {
	case "port":
		return c.life(c.lswitch()), withPort
	case "device":
		rebound := c.w4
		rebound.dev = c.w5.dev
		return withPort, c.life(c.lswitch(rebound))
	case "place":
		twice := c.lswitch(c.w4)
		twice.Ports[3].Nodes = []string{"peer"}
		return withPort, c.life(twice)
	case "group":
		regrouped := c.lswitch(c.w4)
		regrouped.Groups[0].Ports = []uint16{1, 2, 3}
		regrouped.Groups = append(regrouped.Groups, netstate.Group{Name: "_MC_unknown", Key: unknownGroup, Ports: []uint16{1, 4}})
		return withPort, c.life(regrouped)
	case "key": // a switch, and the key of another one
		heir := lswitch("6a3c1a52-0000-4000-8000-00000000000c", 8, c.w5)
		return c.life(c.lswitch(), lswitch(switchB, 8, c.w4)), c.life(c.lswitch(), heir)
	case "node":
		to = c.life(c.lswitch(workload{key: 6, dev: netstate.Device{Name: "peer2"}}))
		third := *c.tunnel.Nodes["peer"]
		third.Name, third.Addr = "peer2", third.Addr.Next()
		third.NextHop = third.Addr
		to.want.Nodes["peer2"] = &third
		return c.life(c.lswitch()), to
	}
	return withPort, otherRelease(withPort)
}

// otherRelease is a life of another build: it has a program more, and tables of other sizes.
func otherRelease(l life) life {
	kind := l2switch.Kind()
	load := kind.Load
	kind.Load = func() (*ebpf.CollectionSpec, error) {
		spec, err := load()
		if err == nil {
			spec.Maps["l2switch_fdbs"].MaxEntries /= 2
			spec.Programs["l2switch_more"] = spec.Programs["l2switch_in"].Copy()
		}
		return spec, err
	}
	l.kinds = []iom.Kind{kind}
	return l
}

// run carries a change out and takes it back, with all deaths on the way.
func (c *crashNodes) run(name string) {
	n := c.a
	n.t.Helper()
	from, to := c.change(name)
	ways := [2]way{{to: to, fresh: n.fresh(to)}, {to: from, fresh: n.fresh(from), alike: slices.Contains([]string{"device", "key", "release"}, name)}}
	if name != "release" && cmp.Equal(ways[0].fresh, ways[1].fresh) {
		n.t.Fatal("the change makes no difference")
	}
	flows := c.send(n.t)
	n.crashes(ways)
	for _, f := range flows {
		if err := f.Check(); err != nil {
			n.t.Error(err)
		}
	}
}

// send starts packets between the three workloads, to one and to all.
func (c *crashNodes) send(t *testing.T) []*traffic.Run {
	t.Helper()
	everyone := netip.MustParseAddr("10.0.0.255")
	var runs []*traffic.Run
	for _, way := range []struct {
		from, to workload
		dest     netip.Addr
	}{{c.w1, c.w2, addr4(2)}, {c.w1, c.w3, addr6(3)}, {c.w3, c.w1, addr4(1)}, {c.w2, c.w1, everyone}, {c.w1, c.w3, everyone}, {c.w3, c.w2, everyone}} {
		run, err := traffic.Start(t.Context(), traffic.Flow{
			From: testutil.In(t, way.from.ns), To: testutil.In(t, way.to.ns), Dest: way.dest, PerSecond: 500,
		})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	return runs
}
