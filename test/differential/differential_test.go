package differential

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/testutil"
)

const (
	clouds  = 80  // of a run that is not a soak
	packets = 100 // sent in a cloud
	// enough disagreements are reported; each is shrunk, which takes seconds.
	enough = 3
)

// shares is how many of a thousand verdicts, at least, are of a kind, or come about by a decision of Woven's modules: if both sides just dropped,
// they would agree, too.
var shares = map[string]int{
	"drop": 250, "output": 150, "several": 20, string(answerResolve): 20, string(answerExpired): 10, string(answerError): 10,
	string(stateNew): 250, string(stateInvalid): 50, string(stateEstablished): 50, string(stateReply): 10,
	"acl allowed": 20, "acl stateless": 5, "acl denied": 10, "acl rejected": 10, "acl established": 5,
	"router connected": 50, "router routed": 20, "router policy_allows": 2, "router policy_drops": 2, "router policy_reroutes": 4,
	countSent: 80, countHit: 20, countChanged: 1,
}

// TestDifferential sends random packets through random clouds. The same clouds each time, but with WOVEN_SOAK=1h in the environment others for an
// hour, and with WOVEN_SEED=7 cloud 7 only.
func TestDifferential(t *testing.T) {
	b := newBench(t)
	failed := 0
	for seed := range seeds(t) {
		if b.agreeIn(seed) {
			continue
		}
		if failed++; failed == enough {
			break
		}
	}
	b.checkShares()
}

// agreeIn sends packets through a cloud and, if all agree, through what an edit makes of it. A disagreement fails the test.
func (b *bench) agreeIn(seed uint64) bool {
	b.t.Helper()
	g := newCloud(seed)
	d, err := b.try(g.rows, g.names(), g.sendings(), g.followUps)
	if err != nil {
		b.t.Fatalf("WOVEN_SEED=%d: %v", seed, err)
	}
	if d != nil {
		unlike := b.unlikeFresh(g.names())
		rows, least := b.shrink(g.rows, g.names(), d)
		b.t.Errorf("WOVEN_SEED=%d: %s\nunlike a fresh node:\n%s", seed, b.report(rows, least), unlike)
		return false
	}
	if len(b.noted) == 0 {
		return true
	}
	edit := g.edit(pick(g, b.noted).packet)
	if d, err = b.change(edit, g.names()); err != nil {
		b.t.Fatalf("WOVEN_SEED=%d: %s: %v", seed, edit, err)
	}
	if d != nil {
		b.t.Errorf("WOVEN_SEED=%d: %s", seed, b.report(append(g.rows, edit), d))
	}
	return d == nil
}

// seeds are those of the clouds.
func seeds(t *testing.T) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		if text := os.Getenv("WOVEN_SEED"); text != "" {
			seed, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			yield(seed)
			return
		}
		if text := os.Getenv("WOVEN_SOAK"); text != "" {
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(d); time.Now().Before(end) && yield(rand.Uint64()); {
			}
			return
		}
		for seed := range uint64(clouds) {
			if !yield(seed) {
				return
			}
		}
	}
}

// bench is Woven and OVN side by side.
type bench struct {
	t       testing.TB
	dir     string
	central *central
	node    *node
	counts  map[string]int // of verdicts by kind, and of deliberate differences
	all     int            // verdicts
	noted   []noted        // of the cloud in force
}

func newBench(t testing.TB) *bench {
	t.Helper()
	testutil.RequireRoot(t)
	return &bench{t: t, dir: shortDir(t), central: newCentral(t), node: newNode(t), counts: map[string]int{}}
}

// disagreement is a packet of which Woven makes something else than it should.
type disagreement struct {
	sending
	by          string // who says what it should: OVN, or a trace
	got, want   verdict
	steps, flow string // how, by traces of Woven and of OVN
}

// followUps are what is sent after a packet of which v became; nil: nothing is.
type followUps func(s sending, v verdict, learns bool) []sending

// try puts rows in force and sends packets, until the first disagreement; nil: there is none.
func (b *bench) try(rows []row, vifs []string, list []sending, more followUps) (*disagreement, error) {
	if err := b.central.replace(rows); err != nil {
		return nil, err
	}
	if err := b.node.apply(b.central.north.Rows(), b.central.south.Rows(), vifs); err != nil {
		return nil, err
	}
	b.noted = nil
	tracer, err := b.node.tracer()
	if err != nil {
		return nil, err
	}
	defer tracer.Close()
	o := oracles{dir: b.dir, remote: b.central.sb.Remote(), byState: map[state]*oracle{}}
	defer o.close()
	for len(list) > 0 {
		s := list[0]
		r, d, err := b.send(tracer, o, s)
		if err != nil || d != nil {
			return d, err
		}
		list = list[1:]
		if more != nil && r != nil {
			list = slices.Concat(more(s, r.want, r.learns), list)
		}
	}
	return nil, nil
}

// send sends a packet on both sides, and, if it is one of a flow, once more for good. The trial is nil if ovn-trace has no answer.
func (b *bench) send(tracer *hover.Tracer, oracles oracles, s sending) (t *trial, d *disagreement, err error) {
	o, err := oracles.of(s.state)
	if err != nil {
		return nil, nil, err
	}
	forget, err := b.node.connect(s)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, forget()) }()
	t, d, err = b.compare(tracer, o, s)
	if err == nil && d == nil && t != nil && t.isPlain(s) {
		d, err = b.repeat(tracer, s, t)
	}
	return t, d, err
}

// compare compares what both sides make of a packet. The trial is nil if ovn-trace has no answer.
func (b *bench) compare(tracer *hover.Tracer, o *oracle, s sending) (*trial, *disagreement, error) {
	t, err := b.trial(tracer, o, s)
	if errors.Is(err, errNoAnswer) {
		b.counts[errNoAnswer.Error()]++
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("packet %s (%s): %w", s.packet, s.state, err)
	}
	difference, ok, err := b.agree(t, o, s)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return t, &disagreement{sending: s, by: "OVN", got: t.got, want: t.want, steps: stepsText(t.steps, "  "), flow: o.explain(s.packet.String())}, nil
	}
	if difference != "" {
		b.counts[difference]++
	}
	b.all++
	b.counts[kindOf(t.want)]++
	b.counts[string(s.state)]++
	for word := range t.decisions {
		b.counts[word]++
	}
	return t, nil, nil
}

// choices bounds how often ovn-trace is asked for a packet that may take several ways: enough for one of nine.
const choices = 100

// agree says whether Woven does what OVN does or may do, but for a deliberate difference. Makes t.want what OVN does then.
func (b *bench) agree(t *trial, o *oracle, s sending) (difference string, ok bool, err error) {
	for range choices {
		if equal(t.got, t.want) {
			return "", true, nil
		}
		if meant, name := t.expected(); equal(t.got, meant) {
			return name, true, nil
		}
		if !t.chooses {
			return "", false, nil
		}
		if t.want, t.chooses, err = o.trace(s.packet.String()); err != nil {
			return "", false, err
		}
		b.counts["asked again for another choice"]++
	}
	return "", false, nil
}

// trial is what both sides make of a packet.
func (b *bench) trial(tracer *hover.Tracer, o *oracle, s sending) (*trial, error) {
	want, chooses, err := o.trace(s.packet.String())
	if err != nil {
		return nil, err
	}
	got, steps, err := b.node.trace(tracer, s.packet)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(s.packet.String())
	t := &trial{packet: fields, state: s.state, got: got, steps: steps, want: want, chooses: chooses, decisions: map[string]bool{}}
	t.note(steps)
	return t, err
}

// checkShares fails the test if it tested too little of something.
func (b *bench) checkShares() {
	b.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(b.counts)) {
		b.t.Logf("%6d %s", b.counts[name], name)
	}
	if b.all < clouds*packets/2 {
		return // one cloud only, or there were disagreements
	}
	for kind, share := range shares {
		if b.counts[kind]*1000 < b.all*share {
			b.t.Errorf("%d of %d verdicts are %q: the test tests little", b.counts[kind], b.all, kind)
		}
	}
}

// report writes a disagreement with all that is needed to see it again.
func (b *bench) report(rows []row, d *disagreement) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Woven and %s disagree:\n", d.by)
	for _, r := range rows {
		fmt.Fprintf(&text, "%s\n", r)
	}
	fmt.Fprintf(&text, "packet: %s\n%s: %s\nWoven: %s\n", d.sending, d.by, d.want, d.got)
	for _, p := range b.node.problems {
		fmt.Fprintf(&text, "problem: %s: %s\n", p.Object, p.Reason)
	}
	fmt.Fprintf(&text, "woven trace:\n%s", d.steps)
	if d.flow != "" {
		fmt.Fprintf(&text, "ovn-trace:\n%s", d.flow)
	}
	return text.String()
}
