package differential

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/testutil"
)

// bench is Woven and OVN side by side.
type bench struct {
	t       testing.TB
	dir     string
	central *central
	node    *node
	counts  map[string]int
}

func newBench(t testing.TB) *bench {
	t.Helper()
	testutil.RequireRoot(t)
	return &bench{t: t, dir: shortDir(t), central: newCentral(t), node: newNode(t), counts: map[string]int{}}
}

// disagreement is a packet of which Woven and OVN make something else.
type disagreement struct {
	packet      microflow
	woven, ovn  verdict
	steps, flow string // how
}

// try puts rows in force and sends packets, until the first disagreement; nil: there is none.
func (b *bench) try(rows []row, vifs []string, packets []microflow) (*disagreement, error) {
	if err := b.central.replace(rows); err != nil {
		return nil, err
	}
	if err := b.node.apply(b.central.north.Rows(), b.central.south.Rows(), vifs); err != nil {
		return nil, err
	}
	tracer, err := b.node.tracer()
	if err != nil {
		return nil, err
	}
	defer tracer.Close()
	o, err := newOracle(b.t, b.dir, b.central.sb.Remote(), "new", 0)
	if err != nil {
		return nil, err
	}
	defer o.close()
	for _, p := range packets {
		got, steps, err := b.node.trace(tracer, p.String())
		if err != nil {
			return nil, fmt.Errorf("packet %s: %w", p, err)
		}
		want, err := o.trace(p.String())
		if errors.Is(err, errNoAnswer) {
			b.counts["unanswered"]++
			continue
		} else if err != nil {
			return nil, fmt.Errorf("packet %s: %w", p, err)
		}
		if compareVerdicts(got, want) != 0 {
			meant, name := expected(p, got, want, dropReason(steps))
			if compareVerdicts(got, meant) != 0 {
				return &disagreement{packet: p, woven: got, ovn: want, steps: stepsText(steps, "  "), flow: o.explain(p.String())}, nil
			}
			b.counts[name]++
		}
		b.count(want)
	}
	return nil, nil
}

// dropReason is why a packet was dropped; "": it was not.
func dropReason(steps []hover.TraceStep) string {
	if len(steps) == 0 || steps[len(steps)-1].What != "drop" {
		return ""
	}
	return steps[len(steps)-1].Reason
}

// count notes what kind of verdict both sides came to.
func (b *bench) count(v verdict) {
	b.counts["all"]++
	b.counts[kindOf(v)]++
}

// seeds are the clouds of a run; in a soak they go on from a random one.
func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func TestDifferential(t *testing.T) {
	b := newBench(t)
	first, n, failed := envInt("DIFF_SEED", 1), envInt("DIFF_N", 50), 0
	for seed := first; seed < first+n && failed < envInt("DIFF_MAX", 3); seed++ {
		g := newCloud(uint64(seed))
		var packets []microflow
		for range 100 {
			packets = append(packets, g.packet())
		}
		d, err := b.try(g.rows, g.names(), packets)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d != nil {
			failed++
			t.Errorf("seed %d: %s", seed, b.report(b.shrink(g.rows, g.names(), d)))
		}
	}
	t.Logf("verdicts: %v", b.counts)
}

// report writes a disagreement with all that is needed to see it again.
func (b *bench) report(rows []row, d *disagreement) string {
	var text strings.Builder
	text.WriteString("Woven and OVN disagree:\n")
	for _, r := range rows {
		fmt.Fprintf(&text, "ovn-nbctl %s\n", r)
	}
	fmt.Fprintf(&text, "packet: %s\nOVN: %s\nWoven: %s\n", d.packet, d.ovn, d.woven)
	for _, p := range b.node.problems {
		fmt.Fprintf(&text, "problem: %s: %s\n", p.Object, p.Reason)
	}
	fmt.Fprintf(&text, "woven trace:\n%sovn-trace:\n%s", d.steps, d.flow)
	return text.String()
}
