package main

import (
	"context"
	"errors"

	"woven.dev/woven/bench/packetpath"
	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
)

// costRow is one row of a table of costs.
type costRow struct {
	name string
	path packetpath.Path
	goal float64 // the most, as a ratio to the first row; 0: none
}

// packetPath measures what the programs cost: of a switch, with ACLs and a router, and of a hot flow with few ACLs and with many.
func packetPath(ctx context.Context, r *rig.Rig, e effort, out *output) (err error) {
	var benches []*packetpath.Bench
	defer func() {
		for _, b := range benches {
			err = errors.Join(err, b.Close())
		}
	}()
	for _, n := range []packetpath.Network{{}, {ACLs: 10}, {Routed: true, ACLs: 10}, {ACLs: 10_000}} {
		b, err := packetpath.New(r, n)
		if err != nil {
			return err
		}
		benches = append(benches, b)
	}
	plain, few, routed, many := benches[0], benches[1], benches[2], benches[3]
	for _, t := range []struct {
		title string
		rows  []costRow
	}{
		{"Programs, per packet above an empty one; the ratio is in hash lookups", switchCosts(plain)},
		{"The same with ACLs that track connections, established", aclCosts(few, routed)},
		{"A hot flow, by the number of ACLs in each direction", []costRow{
			{"10", few.Local(1), 0}, {"10,000", many.Local(1), 1.25}, {"10, again", few.Local(1), 0}}},
		{"The same, all modules", []costRow{
			{"10", few.Local(1).AllModules(), 0}, {"10,000", many.Local(1).AllModules(), 1.25}, {"10, again", few.Local(1).AllModules(), 0}}},
	} {
		m, err := costs(ctx, t.title, e.pathRounds, t.rows)
		if err != nil {
			return err
		}
		if err := out.measure(m); err != nil {
			return err
		}
	}
	return nil
}

// switchCosts are those of a switch without ACLs.
func switchCosts(b *packetpath.Bench) []costRow {
	return []costRow{
		{"one hash lookup, hot key, 8,192 entries", b.HotLookup(), 0},
		{"the same, again", b.HotLookup(), 0},
		{"the same, 4,096 keys", b.ColdLookup(), 0},
		{"switch (vif_in, l2switch_in), 4,096 flows", b.Local(4096), 4},
		{"the same, all modules", b.Local(4096).AllModules(), 0},
		{"the same, all modules, and noted", b.Local(4096).Noted(), 0},
		{"one flow", b.Local(1), 0},
		{"the same, all modules", b.Local(1).AllModules(), 0},
		{"the same, all modules, and noted", b.Local(1).Noted(), 0},
		{"4,096 flows, single runs", b.LocalSingly(), 0},
		{"switch, from port to tunnel (vif_in, l2switch_in, tunnel), single runs", b.ToTunnel(), 0},
		{"switch, from tunnel to port (underlay_in, l2switch_out), single runs", b.FromTunnel(), 0},
	}
}

// aclCosts are those of a switch with ACLs, and of two with a router between them.
func aclCosts(b, routed *packetpath.Bench) []costRow {
	return []costRow{
		{"one hash lookup, hot key, 8,192 entries", b.HotLookup(), 0},
		{"the same, again", b.HotLookup(), 0},
		{"switch, 4,096 flows", b.Local(4096), 8},
		{"the same, all modules", b.Local(4096).AllModules(), 0},
		{"the same, all modules, and noted", b.Local(4096).Noted(), 0},
		{"one flow", b.Local(1), 8},
		{"the same, all modules", b.Local(1).AllModules(), 0},
		{"the same, all modules, and noted", b.Local(1).Noted(), 0},
		{"switch, router, switch, 4,096 flows", routed.Local(4096), 12},
		{"the same, all modules", routed.Local(4096).AllModules(), 0},
		{"the same, all modules, and noted", routed.Local(4096).Noted(), 0},
		{"one flow", routed.Local(1), 12},
		{"the same, all modules", routed.Local(1).AllModules(), 0},
		{"the same, all modules, and noted", routed.Local(1).Noted(), 0},
		{"switch, 4,096 flows, single runs", b.LocalSingly(), 0},
		{"switch, from port to tunnel, single runs", b.ToTunnel(), 0},
		{"switch, from tunnel to port, single runs", b.FromTunnel(), 0},
	}
}

// costs measures a table.
func costs(ctx context.Context, title string, rounds int, rows []costRow) (report.Measure, error) {
	m := report.Measure{Title: title, Unit: "ns"}
	var paths []packetpath.Path
	for _, row := range rows {
		paths = append(paths, row.path)
	}
	ns, err := packetpath.Run(ctx, rounds, paths...)
	if err != nil {
		return m, err
	}
	for i, row := range rows {
		v := report.Variant{Name: row.name, Samples: ns[i]}
		if row.goal > 0 {
			v.Goal = &report.Goal{AtMost: row.goal}
		}
		m.Variants = append(m.Variants, v)
	}
	return m, nil
}
