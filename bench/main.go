// Bench compares Woven with what the kernel offers, in network namespaces of its own. Variants take turns, so that what else the
// machine does hits them alike; the baseline takes part twice, which shows how much of a difference is noise. Goals are told, and
// missing one is no failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/rig"
	"woven.dev/woven/bench/scale"
)

// effort is how long everything is measured.
type effort struct {
	rounds     int           // of traffic
	slice      time.Duration // of traffic, per round and path
	pathRounds int           // of test runs
	full       bool          // with the variants that few need
	sizes      []scale.Size  // of clouds
	changes    int           // in each cloud, of each kind
	scaleOnly  bool
}

func main() {
	short := flag.Bool("short", false, "a quick look, a few minutes")
	full := flag.Bool("full", false, "long, with all variants")
	scaleOnly := flag.Bool("scale", false, "measure only clouds of many ports")
	jsonFile := flag.String("json", "", "write all samples to this `file`")
	flag.Parse()
	sizes := []scale.Size{{Ports: 100, Here: 10}, {Ports: 1000, Here: 100}, {Ports: 10_000, Here: 1000}}
	e := effort{rounds: 15, slice: 200 * time.Millisecond, pathRounds: 25, sizes: sizes[:2], changes: 40}
	switch {
	case flag.NArg() > 0 || *short && *full:
		flag.Usage()
		os.Exit(2)
	case *short:
		e = effort{rounds: 4, slice: 100 * time.Millisecond, pathRounds: 7, sizes: sizes[:2], changes: 10}
	case *full:
		e = effort{rounds: 25, slice: time.Second, pathRounds: 200, full: true, sizes: sizes, changes: 100}
	}
	e.scaleOnly = *scaleOnly
	runtime.GOMAXPROCS(4 * runtime.NumCPU()) // a thread back from the kernel must not wait for others of Go's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, e, os.Stdout, *jsonFile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything, writes each table as soon as it is complete, and all samples to a file in the end.
func run(ctx context.Context, e effort, w io.Writer, jsonFile string) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces and eBPF need root")
	}
	rep := report.Report{Machine: machine()}
	for _, line := range rep.Machine {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "%d rounds; ratios are medians of the rounds' ratios to the first line\n", e.rounds)
	var err error
	if !e.scaleOnly {
		err = measure(ctx, e, func(m report.Measure) error {
			m.Sum()
			rep.Measures = append(rep.Measures, m)
			return m.WriteText(w)
		})
	}
	if err == nil {
		err = scaled(ctx, e, func(s report.Spread) error {
			rep.Spreads = append(rep.Spreads, s)
			return s.WriteText(w)
		})
	}
	if err != nil || jsonFile == "" {
		return err
	}
	f, err := os.Create(jsonFile)
	if err != nil {
		return err
	}
	return errors.Join(rep.WriteJSON(f), f.Close())
}

// measure builds, measures and clears away; done gets each measure.
func measure(ctx context.Context, e effort, done func(report.Measure) error) error {
	for _, f := range []func(context.Context, *rig.Rig, effort, func(report.Measure) error) error{packetPath, floods, stormy} {
		if err := onRig(func(r *rig.Rig) error { return f(ctx, r, e, done) }); err != nil {
			return err
		}
	}
	for _, build := range []func(*rig.Rig, bool) (contest, error){oneNode, twoNodes} {
		err := onRig(func(r *rig.Rig) error {
			c, err := build(r, e.full)
			if err != nil {
				return err
			}
			return c.run(ctx, e, done)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// onRig runs f with a rig that ends with it.
func onRig(f func(*rig.Rig) error) error {
	r := rig.New()
	err := f(r)
	return errors.Join(err, r.Close())
}
