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
	"slices"
	"strings"
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
	groupSize  scale.Size    // of the cloud with a group
	changes    int           // in each cloud, of each kind
}

// part is what can be measured by itself.
type part struct {
	name string
	run  func(context.Context, effort, *output) error
}

var parts = []part{
	{"programs", onRig(packetPath)},
	{"floods", onRig(floods)},
	{"storms", onRig(stormy)},
	{"one-node", onRig(contest(oneNode))},
	{"connections", onRig(contest(connections))},
	{"two-nodes", onRig(contest(twoNodes))},
	{"scale", scaled},
	{"group", grouped},
}

func main() {
	short := flag.Bool("short", false, "a quick look, a few minutes")
	full := flag.Bool("full", false, "long, with all variants")
	only := flag.String("only", "", "measure only these `parts`, separated by commas: "+partNames())
	jsonFile := flag.String("json", "", "write all samples to this `file`")
	flag.Parse()
	sizes := []scale.Size{{Ports: 100, Here: 10}, {Ports: 1000, Here: 100}, {Ports: 10_000, Here: 1000}}
	group := scale.Size{Ports: 1000, Here: 10}
	e := effort{rounds: 15, slice: 200 * time.Millisecond, pathRounds: 25, sizes: sizes[:2], groupSize: group, changes: 40}
	switch {
	case flag.NArg() > 0 || *short && *full:
		flag.Usage()
		os.Exit(2)
	case *short:
		e = effort{rounds: 4, slice: 100 * time.Millisecond, pathRounds: 7, sizes: sizes[:2], groupSize: group, changes: 10}
	case *full:
		e = effort{rounds: 25, slice: time.Second, pathRounds: 200, full: true, sizes: sizes, groupSize: group, changes: 100}
	}
	chosen, err := choose(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	runtime.GOMAXPROCS(4 * runtime.NumCPU()) // a thread back from the kernel must not wait for others of Go's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, chosen, e, os.Stdout, *jsonFile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func partNames() string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// choose picks parts by their names, separated by commas; "": all.
func choose(names string) ([]part, error) {
	if names == "" {
		return parts, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("part %q is none of %s", name, partNames())
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}

// output writes each table as soon as it is complete, and keeps it.
type output struct {
	w      io.Writer
	report report.Report
}

func (o *output) measure(m report.Measure) error {
	m.Sum()
	o.report.Measures = append(o.report.Measures, m)
	return m.WriteText(o.w)
}

func (o *output) spread(s report.Spread) error {
	o.report.Spreads = append(o.report.Spreads, s)
	return s.WriteText(o.w)
}

// run measures what was chosen, and writes all samples to a file in the end.
func run(ctx context.Context, chosen []part, e effort, w io.Writer, jsonFile string) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces and eBPF need root")
	}
	out := &output{w: w, report: report.Report{Machine: machine()}}
	for _, line := range out.report.Machine {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "%d rounds; ratios are medians of the rounds' ratios to the first line\n", e.rounds)
	for _, p := range chosen {
		if err := p.run(ctx, e, out); err != nil {
			return err
		}
	}
	if jsonFile == "" {
		return nil
	}
	f, err := os.Create(jsonFile)
	if err != nil {
		return err
	}
	return errors.Join(out.report.WriteJSON(f), f.Close())
}

// onRig gives each run a rig that ends with it.
func onRig(f func(context.Context, *rig.Rig, effort, *output) error) func(context.Context, effort, *output) error {
	return func(ctx context.Context, e effort, out *output) error {
		r := rig.New()
		err := f(ctx, r, e, out)
		return errors.Join(err, r.Close())
	}
}
