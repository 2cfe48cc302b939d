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

var workloads = []workload{
	{"TCP stream, IPv4", "Gbit/s", 1e9, load.Stream, rig.End.IP4, true},
	{"TCP stream, IPv6", "Gbit/s", 1e9, load.Stream, rig.End.IP6, true},
	{"TCP round trips of one byte, both ends on one CPU", "thousand/s", 1e3, load.RoundTrips, rig.End.IP4, false},
	{"UDP packets of 64 bytes, one flow", "thousand/s", 1e3, load.Packets, rig.End.IP4, false},
}

// contest is a set of paths that are compared with each other; the first is the baseline.
type contest struct {
	title string
	paths []rig.Path
	// goal is what TCP streams of Woven's path reach, as a ratio to the baseline.
	goal  float64
	woven string
}

// oneNode builds the paths between workloads of one node.
func oneNode(r *rig.Rig, full bool) (contest, error) {
	c := contest{title: "one node", goal: 0.9, woven: "Woven"}
	build := []func() (rig.Path, error){
		func() (rig.Path, error) { return r.Veth("veth") },
		func() (rig.Path, error) { return r.Bridge("Linux bridge") },
		func() (rig.Path, error) { return r.Woven("Woven", hover.AttachTCX) },
		func() (rig.Path, error) { return r.Veth("veth, again") },
	}
	if full {
		build = append(build, func() (rig.Path, error) { return r.Woven("Woven, clsact", hover.AttachClsact) })
	}
	return c, c.build(build)
}

// twoNodes builds the paths between two hypervisors over one underlay.
func twoNodes(r *rig.Rig, full bool) (contest, error) {
	c := contest{title: "two nodes", goal: 0.8, woven: "Woven, Geneve"}
	u, err := r.Underlay()
	if err != nil {
		return c, err
	}
	build := []func() (rig.Path, error){
		func() (rig.Path, error) { return r.VXLAN("kernel vxlan", u) },
		func() (rig.Path, error) { return r.Geneve("Woven, Geneve", u, hover.AttachTCX) },
		func() (rig.Path, error) { return r.VXLAN("kernel vxlan, again", u) },
	}
	if full {
		build = append(build, func() (rig.Path, error) { return r.Geneve("Woven, Geneve, clsact", u, hover.AttachClsact) })
	}
	return c, c.build(build)
}

func (c *contest) build(paths []func() (rig.Path, error)) error {
	for _, f := range paths {
		p, err := f()
		if err != nil {
			return fmt.Errorf("build path %q: %w", p.Name, err)
		}
		c.paths = append(c.paths, p)
	}
	return nil
}

// run measures all workloads.
func (c *contest) run(ctx context.Context, e effort, done func(report.Measure) error) error {
	for _, w := range workloads {
		m, err := c.measure(ctx, w, e.rounds, e.slice)
		if err != nil {
			return err
		}
		if err := done(m); err != nil {
			return err
		}
	}
	return nil
}

// measure runs one workload over all paths in turns.
func (c *contest) measure(ctx context.Context, w workload, rounds int, slice time.Duration) (report.Measure, error) {
	m := report.Measure{Title: w.title + ", " + c.title, Unit: w.unit}
	for _, p := range c.paths {
		v := report.Variant{Name: p.Name}
		if w.hasGoal && p.Name == c.woven {
			v.Goal = &report.Goal{AtLeast: c.goal}
		}
		m.Variants = append(m.Variants, v)
	}
	for range rounds {
		for i, p := range c.paths {
			x, err := w.run(ctx, p.A, p.B, w.to(p.B), slice)
			if err != nil {
				return m, fmt.Errorf("measure %s over %s: %w", w.title, p.Name, err)
			}
			m.Variants[i].Samples = append(m.Variants[i].Samples, x/w.perUnit)
		}
	}
	return m, nil
}
