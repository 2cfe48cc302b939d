package packetpath

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"woven.dev/woven/bench/stats"
)

// What programs return: an empty one, and one whose packet goes on to another device (linux/pkt_cls.h).
const (
	passed     = 0
	redirected = 7
)

// repeats of one test run: eight times all flows.
const repeats = 8 * flows

// Cost is what a path costs: nanoseconds per packet above an empty program, one for each round.
type Cost struct {
	Name string
	NS   []float64
}

// Names of the paths.
const (
	HotLookup = "one hash lookup, hot key, 8,192 entries"
	Switch    = "from port to port (vif_in, l2switch_in), 4,096 flows"
)

// probe is a path, and how it is run: each time right after an empty program in the same way.
type probe struct {
	name string
	prog *ebpf.Program
	want uint32 // verdict
	run  runner
}

// runner runs a program many times; it returns ns per run, and refuses any verdict but want.
type runner func(p *ebpf.Program, want uint32) (float64, error)

func (b *Bench) probes() []probe {
	d := &b.driver
	return []probe{
		{HotLookup, d.HotLookup, passed, b.loop(flows)},
		{"the same, again", d.HotLookup, passed, b.loop(flows)},
		{"the same, 4,096 keys", d.FlowLookup, passed, b.loop(flows)},
		{Switch, b.vifIn, redirected, b.loop(flows)},
		{"the same, one flow", b.vifIn, redirected, b.loop(1)},
		{"the same, 4,096 flows, single runs", b.vifIn, redirected, b.singly(&b.local)},
		{"from port to tunnel (vif_in, l2switch_in, tunnel), single runs", b.vifIn, redirected, b.singly(&b.remote)},
		{"from tunnel to port (underlay_in, l2switch_out), single runs", b.underlayIn, redirected, b.singly(&b.arriving)},
	}
}

// Run measures all paths by turns. The first one is a hash lookup, the unit of cost.
func (b *Bench) Run(ctx context.Context, rounds int) ([]Cost, error) {
	var costs []Cost
	for _, p := range b.probes() {
		costs = append(costs, Cost{Name: p.name})
	}
	err := b.node.NS.Do(func() error {
		for round := range rounds + 1 {
			for i, p := range b.probes() {
				ns, err := b.cost(p)
				if err := errors.Join(err, context.Cause(ctx)); err != nil {
					return fmt.Errorf("measure %s: %w", p.name, err)
				}
				if round > 0 { // the first one fills the caches
					costs[i].NS = append(costs[i].NS, ns)
				}
			}
		}
		return b.checkDrops()
	})
	return costs, err
}

func (b *Bench) cost(p probe) (float64, error) {
	empty, err := p.run(b.driver.Empty, passed)
	if err != nil {
		return 0, err
	}
	ns, err := p.run(p.prog, p.want)
	return ns - empty, err
}

// loop runs behind the driver, over the given number of flows (a power of two).
func (b *Bench) loop(flows uint32) runner {
	return func(p *ebpf.Program, want uint32) (float64, error) {
		if err := b.driver.Target.Put(uint32(0), p); err != nil {
			return 0, fmt.Errorf("choose program: %w", err)
		}
		if err := b.driver.Mask.Set(flows - 1); err != nil {
			return 0, fmt.Errorf("choose flows: %w", err)
		}
		verdict, d, err := b.driver.Drive.Benchmark(b.local.frames[0], repeats, func() {})
		return float64(d.Nanoseconds()), errors.Join(err, expect(verdict, want))
	}
}

// singly runs once for each frame, since what was encapsulated once the kernel does not encapsulate again. Caches are as a
// system call leaves them; the quarter of the packets that met an interrupt or worse does not count.
func (b *Bench) singly(t *traffic) runner {
	return func(p *ebpf.Program, want uint32) (float64, error) {
		ns := make([]float64, len(t.frames))
		for i, f := range t.flows {
			if slot, here := b.slots[f.from]; here {
				if err := b.bindings.Put(uint32(loopback), slot); err != nil {
					return 0, fmt.Errorf("plug device: %w", err)
				}
			}
			verdict, d, err := p.Benchmark(t.frames[i], 1, func() {})
			if err := errors.Join(err, expect(verdict, want)); err != nil {
				return 0, err
			}
			ns[i] = float64(d.Nanoseconds())
		}
		return stats.Midmean(ns), nil
	}
}

func expect(verdict, want uint32) error {
	if verdict != want {
		return fmt.Errorf("test run: verdict %d, want %d: not the path that is to be measured", verdict, want)
	}
	return nil
}

// checkDrops makes sure that all packets took the path that is measured.
func (b *Bench) checkDrops() error {
	drops, err := b.node.NodeDrops()
	if err != nil {
		return err
	}
	for _, inst := range b.node.Instances() {
		more, err := b.node.Drops(inst.Module.ID)
		if err != nil {
			return err
		}
		drops = append(drops, more...)
	}
	var text []string
	for _, d := range drops {
		text = append(text, fmt.Sprintf("%d %s.%s", d.Packets, d.Module, d.Reason))
	}
	if text != nil {
		return fmt.Errorf("packets were dropped: %s", strings.Join(text, ", "))
	}
	return nil
}
