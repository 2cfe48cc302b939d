package packetpath

import (
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

// Samples are nanoseconds above an empty program, one for each round.
type Samples struct {
	// One lookup in a hash of 8,192 entries: of the same key, twice measured, and of 4,096 keys in turn.
	HotLookup, HotLookupAgain, FlowLookup []float64
	// From port to port of this node: vif_in, l2switch_in, l2switch_out. 4,096 flows in turn, or one.
	Switch, SwitchOneFlow []float64
	// The same in runs of one packet; from a port to a peer: vif_in, l2switch_in, tunnel; from a peer to a port: underlay_in, l2switch_out.
	SwitchSingly, Encapsulate, Decapsulate []float64
}

// Run measures rounds times. stop is asked between rounds.
func (b *Bench) Run(rounds int, stop func() error) (*Samples, error) {
	s := &Samples{}
	err := b.node.NS.Do(func() error {
		for range rounds {
			if err := stop(); err != nil {
				return err
			}
			if err := b.round(s); err != nil {
				return err
			}
		}
		return b.checkDrops()
	})
	return s, err
}

// round measures everything once.
func (b *Bench) round(s *Samples) error {
	d := &b.driver
	var empty, emptyOne, emptySingly, emptyArriving float64
	for _, step := range []struct {
		run func() (float64, error)
		to  *float64
		out *[]float64
		sub *float64
	}{
		{run: func() (float64, error) { return b.loop(d.Empty, flows, passed) }, to: &empty},
		{run: func() (float64, error) { return b.loop(d.HotLookup, flows, passed) }, out: &s.HotLookup, sub: &empty},
		{run: func() (float64, error) { return b.loop(d.FlowLookup, flows, passed) }, out: &s.FlowLookup, sub: &empty},
		{run: func() (float64, error) { return b.loop(b.vifIn, flows, redirected) }, out: &s.Switch, sub: &empty},
		{run: func() (float64, error) { return b.loop(d.HotLookup, flows, passed) }, out: &s.HotLookupAgain, sub: &empty},
		{run: func() (float64, error) { return b.loop(d.Empty, 1, passed) }, to: &emptyOne},
		{run: func() (float64, error) { return b.loop(b.vifIn, 1, redirected) }, out: &s.SwitchOneFlow, sub: &emptyOne},
		{run: func() (float64, error) { return b.singly(d.Empty, &b.local, passed) }, to: &emptySingly},
		{run: func() (float64, error) { return b.singly(b.vifIn, &b.local, redirected) }, out: &s.SwitchSingly, sub: &emptySingly},
		{run: func() (float64, error) { return b.singly(b.vifIn, &b.remote, redirected) }, out: &s.Encapsulate, sub: &emptySingly},
		{run: func() (float64, error) { return b.singly(d.Empty, &b.arriving, passed) }, to: &emptyArriving},
		{run: func() (float64, error) { return b.singly(b.underlayIn, &b.arriving, redirected) }, out: &s.Decapsulate, sub: &emptyArriving},
	} {
		ns, err := step.run()
		if err != nil {
			return err
		}
		if step.to != nil {
			*step.to = ns
		} else {
			*step.out = append(*step.out, ns-*step.sub)
		}
	}
	return nil
}

// loop runs a program behind the driver, over the given number of flows (a power of two), and returns ns per packet.
func (b *Bench) loop(p *ebpf.Program, flows uint32, want uint32) (float64, error) {
	if err := b.driver.Target.Put(uint32(0), p); err != nil {
		return 0, fmt.Errorf("choose program: %w", err)
	}
	if err := b.driver.Mask.Set(flows - 1); err != nil {
		return 0, fmt.Errorf("choose flows: %w", err)
	}
	verdict, d, err := b.driver.Drive.Benchmark(b.local.frames[0], repeats, func() {})
	return float64(d.Nanoseconds()), errors.Join(err, expect(verdict, want))
}

// singly runs a program once for each frame, since what was encapsulated once the kernel does not encapsulate again. It
// returns the median packet's ns: caches are as a system call leaves them, and a few packets meet an interrupt.
func (b *Bench) singly(p *ebpf.Program, t *traffic, want uint32) (float64, error) {
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
	return stats.Median(ns), nil
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
