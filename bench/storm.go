package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"woven.dev/woven/bench/load"
	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
)

// The storms' pace and the ports of the switch that they rage in.
const (
	stormPace  = 20_000
	stormCrowd = 100
)

// storm is what a noisy workload does meanwhile.
type storm struct {
	name   string
	frames [][]byte // nil: nothing
	drain  bool     // into a plain veth that leads nowhere
	free   bool     // without a flood limit
}

// storms are the variants; the first is the baseline: what a storm costs that no network has anything to do with.
func storms() []storm {
	broadcast := load.Broadcasts()
	return []storm{
		{"storm into a veth that leads nowhere", broadcast, true, false},
		{"no storm", nil, false, false},
		{"broadcasts, no flood limit", broadcast, false, true},
		{"broadcasts", broadcast, false, false},
		{"ARP for nobody", load.ARPRequests(4096), false, false},
		{"as many source addresses", load.Sources(65536), false, false},
		{"IGMP reports", load.Reports(1024), false, false},
		{"storm into a veth, again", broadcast, true, false},
	}
}

// stormy measures what one tenant's storm leaves to another one.
func stormy(ctx context.Context, r *rig.Rig, e effort, out *output) error {
	n, err := r.Neighbours(stormCrowd)
	if err != nil {
		return fmt.Errorf("build neighbours: %w", err)
	}
	for _, w := range workloads {
		if w.title == workloads[0].title || w.title == workloads[2].title {
			err = errors.Join(err, stormyWorkload(ctx, n, w, e, out))
		}
	}
	return err
}

// stormyWorkload measures one workload, and tells it twice: compared to a drained storm and to no storm.
func stormyWorkload(ctx context.Context, n *rig.Neighbours, w workload, e effort, out *output) error {
	variants := storms()
	m := report.Measure{Title: fmt.Sprintf("%s, while another tenant sends %d frames/s to %d ports", w.title, stormPace, stormCrowd), Unit: w.unit}
	for i, s := range variants {
		v := report.Variant{Name: s.name}
		if i > 1 && !s.drain && !s.free {
			v.Goal = &report.Goal{AtLeast: 0.9}
		}
		m.Variants = append(m.Variants, v)
	}
	for range e.rounds {
		for i, s := range variants {
			x, err := under(ctx, n, s, w, e.slice)
			if err != nil {
				return fmt.Errorf("measure %s under %s: %w", w.title, s.name, err)
			}
			m.Variants[i].Samples = append(m.Variants[i].Samples, x/w.perUnit)
		}
	}
	if err := out.measure(m); err != nil {
		return err
	}
	quiet := report.Measure{Title: m.Title + ", against a quiet node", Unit: m.Unit}
	for _, i := range []int{1, 0, 2, 3, 4, 5, 6} {
		quiet.Variants = append(quiet.Variants, report.Variant{Name: m.Variants[i].Name, Samples: m.Variants[i].Samples})
	}
	return out.measure(quiet)
}

// under runs a workload during a storm.
func under(ctx context.Context, n *rig.Neighbours, s storm, w workload, slice time.Duration) (rate float64, err error) {
	run := func(ctx context.Context) (float64, error) { return w.run(ctx, n.A, n.B, w.to(n.B), slice) }
	if s.frames == nil {
		return run(ctx)
	}
	if s.free {
		if err := n.LimitFloods(0); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, n.LimitFloods(rig.FloodLimit)) }()
	}
	from := n.Noisy
	if s.drain {
		from = n.Drain
	}
	st, err := load.StartStorm(from.NS.Do, s.frames, stormPace)
	if err != nil {
		return 0, err
	}
	return load.During(ctx, st, run)
}
