package main

import (
	"context"
	"errors"

	"woven.dev/woven/bench/packetpath"
	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
)

// packetPath measures what the programs cost; the ratio is in hash-lookup equivalents.
func packetPath(ctx context.Context, r *rig.Rig, e effort, done func(report.Measure) error) (err error) {
	b, err := packetpath.New(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	costs, err := b.Run(ctx, e.pathRounds)
	if err != nil {
		return err
	}
	m := report.Measure{Title: "Programs, per packet above an empty one", Unit: "ns"}
	for _, c := range costs {
		v := report.Variant{Name: c.Name, Samples: c.NS}
		if c.Name == packetpath.Switch {
			v.Goal = &report.Goal{AtMost: 4}
		}
		m.Variants = append(m.Variants, v)
	}
	return done(m)
}
