package main

import (
	"context"
	"errors"
	"fmt"

	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
)

// groupSizes are members of a flood group on one node; the first is the baseline.
var groupSizes = []int{16, 256, 4000}

// groupCopies is how many copies one sample is taken over.
const groupCopies = 40_000

// floods measures what a copy of a flood costs in groups of several sizes.
func floods(ctx context.Context, r *rig.Rig, e effort, out *output) (err error) {
	g, err := r.Groups(groupSizes...)
	if err != nil {
		return fmt.Errorf("build groups: %w", err)
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	m := report.Measure{Title: "Flood, per copy with its egress pipeline", Unit: "ns"}
	for i, size := range groupSizes {
		v := report.Variant{Name: fmt.Sprintf("group of %d", size)}
		if i > 0 {
			v.Goal = &report.Goal{AtMost: 1.25}
		}
		m.Variants = append(m.Variants, v)
	}
	for range e.pathRounds {
		for i, size := range groupSizes {
			ns, err := g.Flood(size, groupCopies/size)
			if err := errors.Join(err, context.Cause(ctx)); err != nil {
				return fmt.Errorf("measure flood: %w", err)
			}
			m.Variants[i].Samples = append(m.Variants[i].Samples, ns/float64(size))
		}
	}
	return out.measure(m)
}
