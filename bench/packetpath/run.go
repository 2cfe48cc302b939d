package packetpath

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"woven.dev/woven/bench/stats"
	"woven.dev/woven/sdk/iom/wire"
)

// What programs return: an empty one, and one whose packet goes on to another device (linux/pkt_cls.h).
const (
	passed     = 0
	redirected = 7
)

// repeats of one test run: eight times all flows.
const repeats = 8 * flows

// Path is what a packet goes through, and how that is measured: each time right after an empty program in the same way.
type Path struct {
	bench *Bench
	prog  *ebpf.Program
	want  uint32 // verdict
	run   runner
	flows wire.FlowConfig
}

// AllModules is the same way without the flow cache.
func (p Path) AllModules() Path {
	p.flows.Off = 1
	return p
}

// Noted is the same way for packets that pass all modules, are compared and noted: a little more than the first packet of a flow in each second costs.
func (p Path) Noted() Path {
	p.flows.Check = 1
	return p
}

// runner runs a program many times; it returns ns per run, and refuses any verdict but want.
type runner func(p *ebpf.Program, want uint32) (float64, error)

// HotLookup is one lookup in a hash table of 8,192 entries, always of the same key: the unit of cost.
func (b *Bench) HotLookup() Path {
	return Path{bench: b, prog: b.driver.HotLookup, want: passed, run: b.loop(flows)}
}

// ColdLookup is the same for 4,096 keys that take turns.
func (b *Bench) ColdLookup() Path {
	return Path{bench: b, prog: b.driver.FlowLookup, want: passed, run: b.loop(flows)}
}

// Local is from port to port, over a number of flows that take turns, a power of two up to 4,096.
func (b *Bench) Local(flows uint32) Path {
	return Path{bench: b, prog: b.vifIn, want: redirected, run: b.loop(flows)}
}

// LocalSingly is the same over 4,096 flows in single runs: caches are as a system call leaves them.
func (b *Bench) LocalSingly() Path {
	return Path{bench: b, prog: b.vifIn, want: redirected, run: b.singly(&b.local)}
}

// ToTunnel is from port to tunnel, in single runs.
func (b *Bench) ToTunnel() Path {
	return Path{bench: b, prog: b.vifIn, want: redirected, run: b.singly(&b.remote)}
}

// FromTunnel is from tunnel to port, in single runs.
func (b *Bench) FromTunnel() Path {
	return Path{bench: b, prog: b.underlayIn, want: redirected, run: b.singly(&b.arriving)}
}

// Run measures paths by turns. The result is what each costs: nanoseconds per packet above an empty program, one for each round.
func Run(ctx context.Context, rounds int, paths ...Path) ([][]float64, error) {
	costs := make([][]float64, len(paths))
	for round := range rounds + 1 {
		for i, p := range paths {
			ns, err := p.cost()
			if err := errors.Join(err, context.Cause(ctx)); err != nil {
				return nil, fmt.Errorf("measure path %d: %w", i, err)
			}
			if round > 0 { // the first one fills the caches
				costs[i] = append(costs[i], ns)
			}
		}
	}
	for _, p := range paths {
		if err := p.bench.checkDrops(); err != nil {
			return nil, err
		}
	}
	return costs, nil
}

func (p Path) cost() (ns float64, err error) {
	if err := p.bench.flowConfigs.Put(uint32(0), p.flows); err != nil {
		return 0, fmt.Errorf("set the flow cache: %w", err)
	}
	err = p.bench.node.NS.Do(func() error {
		empty, err := p.run(p.bench.driver.Empty, passed)
		if err != nil {
			return err
		}
		ns, err = p.run(p.prog, p.want)
		ns -= empty
		return err
	})
	return ns, err
}

// loop runs behind the driver.
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

// singly runs once for each frame, since what was encapsulated once the kernel does not encapsulate again. The quarter of the packets
// that met an interrupt or worse does not count.
func (b *Bench) singly(t *traffic) runner {
	return func(p *ebpf.Program, want uint32) (float64, error) {
		ns := make([]float64, len(t.frames))
		for i, f := range t.flows {
			if err := b.plug(f.from); err != nil {
				return 0, err
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
