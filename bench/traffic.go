package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"woven.dev/woven/bench/load"
	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/hover"
)

// workload is a kind of traffic; run returns what it reaches.
type workload struct {
	title, unit string
	perUnit     float64
	run         func(ctx context.Context, a, b rig.End, to netip.Addr, d time.Duration) (float64, error)
	to          func(rig.End) netip.Addr
	hasGoal     bool
}

// workloads are those of long connections.
var workloads = []workload{
	{"TCP stream, IPv4", "Gbit/s", 1e9, load.Stream, rig.End.IP4, true},
	{"TCP stream, IPv6", "Gbit/s", 1e9, load.Stream, rig.End.IP6, true},
	{"TCP round trips of one byte, both ends on one CPU", "thousand/s", 1e3, load.RoundTrips, rig.End.IP4, false},
	{"UDP packets of 64 bytes, one flow", "thousand/s", 1e3, load.Packets, rig.End.IP4, false},
}

// shortWorkloads are those of connections that begin and end.
var shortWorkloads = []workload{
	{"TCP connect, request, response, close, IPv4, both ends on one CPU", "thousand/s", 1e3, load.Connections, rig.End.IP4, true},
	{"TCP connect, request, response, close, IPv6, both ends on one CPU", "thousand/s", 1e3, load.Connections, rig.End.IP6, true},
}

// match compares paths with each other by workloads; the first path is the baseline.
type match struct {
	title     string
	workloads []workload
	entrants  []entrant
}

// entrant is a path, and what it has to reach where the workload has a goal, as a ratio to the baseline; 0: nothing.
type entrant struct {
	build func() (rig.Path, error)
	goal  float64
	rare  bool // takes part only in full runs
}

// oneNode are the paths between workloads of one node.
func oneNode(r *rig.Rig) (match, error) {
	return match{"one node", workloads, []entrant{
		{build: func() (rig.Path, error) { return r.Veth("veth") }},
		{build: func() (rig.Path, error) { return r.Bridge("Linux bridge") }},
		{build: func() (rig.Path, error) { return r.Firewall("Linux bridge, nftables") }},
		{build: func() (rig.Path, error) { return r.Woven("Woven", hover.AttachTCX) }, goal: 0.9},
		{build: func() (rig.Path, error) { return r.Woven("Woven, ACLs", hover.AttachTCX, rig.ACLs()) }, goal: 0.9},
		{build: func() (rig.Path, error) { return r.Veth("veth, again") }},
		{build: func() (rig.Path, error) { return r.Woven("Woven, clsact", hover.AttachClsact) }, rare: true},
		{build: func() (rig.Path, error) { return r.Woven("Woven, clsact, ACLs", hover.AttachClsact, rig.ACLs()) }, rare: true},
	}}, nil
}

// connections are paths that track connections, and what they are made of.
func connections(r *rig.Rig) (match, error) {
	return match{"one node", shortWorkloads, []entrant{
		{build: func() (rig.Path, error) { return r.Firewall("Linux bridge, nftables") }},
		{build: func() (rig.Path, error) { return r.Bridge("Linux bridge") }},
		{build: func() (rig.Path, error) { return r.Woven("Woven", hover.AttachTCX) }},
		{build: func() (rig.Path, error) { return r.Woven("Woven, ACLs", hover.AttachTCX, rig.ACLs()) }, goal: 1},
		{build: func() (rig.Path, error) { return r.Firewall("Linux bridge, nftables, again") }},
	}}, nil
}

// twoNodes are the paths between two hypervisors over one underlay.
func twoNodes(r *rig.Rig) (match, error) {
	u, err := r.Underlay()
	return match{"two nodes", workloads, []entrant{
		{build: func() (rig.Path, error) { return r.VXLAN("kernel vxlan", u) }},
		{build: func() (rig.Path, error) { return r.Geneve("Woven, Geneve", u, hover.AttachTCX) }, goal: 0.8},
		{build: func() (rig.Path, error) { return r.VXLAN("kernel vxlan, again", u) }},
		{build: func() (rig.Path, error) { return r.Geneve("Woven, Geneve, clsact", u, hover.AttachClsact) }, rare: true},
	}}, err
}

// contest builds a match and measures all of its workloads.
func contest(of func(*rig.Rig) (match, error)) func(context.Context, *rig.Rig, effort, *output) error {
	return func(ctx context.Context, r *rig.Rig, e effort, out *output) error {
		m, err := of(r)
		if err != nil {
			return err
		}
		var paths []rig.Path
		var goals []float64
		for _, entrant := range m.entrants {
			if entrant.rare && !e.full {
				continue
			}
			p, err := entrant.build()
			if err != nil {
				return fmt.Errorf("build path %q: %w", p.Name, err)
			}
			paths, goals = append(paths, p), append(goals, entrant.goal)
		}
		for _, w := range m.workloads {
			table, err := w.measure(ctx, e, paths, goals)
			if err != nil {
				return err
			}
			table.Title += ", " + m.title
			if err := out.measure(table); err != nil {
				return err
			}
		}
		return nil
	}
}

// measure runs one workload over all paths in turns.
func (w workload) measure(ctx context.Context, e effort, paths []rig.Path, goals []float64) (report.Measure, error) {
	m := report.Measure{Title: w.title, Unit: w.unit}
	for i, p := range paths {
		v := report.Variant{Name: p.Name}
		if w.hasGoal && goals[i] > 0 {
			v.Goal = &report.Goal{AtLeast: goals[i]}
		}
		m.Variants = append(m.Variants, v)
	}
	for range e.rounds {
		for i, p := range paths {
			x, err := w.run(ctx, p.A, p.B, w.to(p.B), e.slice)
			if err != nil {
				return m, fmt.Errorf("measure %s over %s: %w", w.title, p.Name, err)
			}
			m.Variants[i].Samples = append(m.Variants[i].Samples, x/w.perUnit)
		}
	}
	return m, nil
}
