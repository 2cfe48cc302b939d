package main

import (
	"context"
	"errors"
	"fmt"

	"woven.dev/woven/bench/packetpath"
	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/netstate"
)

// packetPath measures what the programs cost, without ACLs and of established connections with a few and with many; the ratio is in
// hash-lookup equivalents.
func packetPath(ctx context.Context, r *rig.Rig, e effort, done func(report.Measure) error) error {
	if err := programs(ctx, r, e, done, "Programs, per packet above an empty one", 4); err != nil {
		return err
	}
	for _, acls := range []int{10, 10000} {
		title := fmt.Sprintf("The same with %d ACLs, established connections", acls)
		if err := programs(ctx, r, e, done, title, 8, packetpath.ACLs(acls)); err != nil {
			return err
		}
	}
	return nil
}

// programs measures those of a switch with services, whose goal is so many hash lookups.
func programs(ctx context.Context, r *rig.Rig, e effort, done func(report.Measure) error, title string, goal float64, services ...netstate.Service) (err error) {
	b, err := packetpath.New(r, services...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	costs, err := b.Run(ctx, e.pathRounds)
	if err != nil {
		return err
	}
	m := report.Measure{Title: title, Unit: "ns"}
	for _, c := range costs {
		v := report.Variant{Name: c.Name, Samples: c.NS}
		if c.Name == packetpath.Switch {
			v.Goal = &report.Goal{AtMost: goal}
		}
		m.Variants = append(m.Variants, v)
	}
	return done(m)
}
