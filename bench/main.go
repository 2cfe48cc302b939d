// Bench compares Woven with what the kernel offers, in network namespaces of its own. Variants take turns, so that what else the
// machine does hits them alike; the baseline takes part twice, which shows how much of a difference is noise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
)

// effort is how long everything is measured.
type effort struct {
	rounds int
	slice  time.Duration // of traffic, per round and path
	full   bool          // with the variants that few need
}

func main() {
	short := flag.Bool("short", false, "a quick look, less than a minute")
	full := flag.Bool("full", false, "long, with all variants")
	jsonFile := flag.String("json", "", "write all samples to this `file`")
	flag.Parse()
	e := effort{rounds: 9, slice: 350 * time.Millisecond}
	switch {
	case flag.NArg() > 0 || *short && *full:
		flag.Usage()
		os.Exit(2)
	case *short:
		e = effort{rounds: 3, slice: 150 * time.Millisecond}
	case *full:
		e = effort{rounds: 25, slice: time.Second, full: true}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, e, *jsonFile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and reports.
func run(ctx context.Context, e effort, jsonFile string) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces and eBPF need root")
	}
	start := time.Now()
	before := machine()
	measures, err := measure(ctx, e)
	if err != nil {
		return err
	}
	rep := report.New(append(before, fmt.Sprintf("%d rounds, %.0f s", e.rounds, time.Since(start).Seconds())), measures)
	if err := rep.WriteText(os.Stdout); err != nil || jsonFile == "" {
		return err
	}
	f, err := os.Create(jsonFile)
	if err != nil {
		return err
	}
	return errors.Join(rep.WriteJSON(f), f.Close())
}

// measure builds, measures and clears away.
func measure(ctx context.Context, e effort) (all []report.Measure, err error) {
	r := rig.New()
	defer func() { err = errors.Join(err, r.Close()) }()
	for _, build := range []func(*rig.Rig, bool) (contest, error){oneNode, twoNodes} {
		c, err := build(r, e.full)
		if err != nil {
			return nil, err
		}
		for _, w := range workloads {
			m, err := c.measure(ctx, w, e.rounds, e.slice)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}
