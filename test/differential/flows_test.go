package differential

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"woven.dev/woven/internal/hover"
)

// What becomes of a packet must not depend on the flow cache (<iom/flow.h>), which traces never use: packets that are sent for good, again and
// again, fare as in a trace.

// times that a packet is sent: the first one passes all modules and is noted, the others are sent on at once.
const times = 3

// What is counted of packets that are sent for good.
const (
	countSent    = "sent, as the trace says"
	countHit     = "sent on at once, as the trace says"
	countChanged = "sent on at once until something changed"
)

// noted is a packet whose flow is in the flow cache, and what became of it.
type noted struct {
	sending
	was verdict
}

// isPlain says whether the packet is of a kind that the flow cache knows, leaves by one port, and leaves nothing behind that matters afterwards:
// addresses that are learned, a new connection.
func (t *trial) isPlain(s sending) bool {
	const begin, answer = 7, tcpACK // flags of TCP: FIN, SYN, RST; ACK
	flags := t.packet.Int("tcp.flags").Lo
	isTCP := t.packet.Int("ip.proto").Lo == 6 && flags&(begin|answer) == answer
	isUDP := t.packet.Int("ip.proto").Lo == 17
	return (isTCP || isUDP) && kindOf(t.got) == "output" && !t.learns && !t.acts && (s.first != nil || !t.meetsACLs())
}

// meetsACLs says whether ACLs decided on the packet. (Without a known connection they decide on each packet, and new connections begin.)
func (t *trial) meetsACLs() bool {
	for decision := range t.decisions {
		if strings.HasPrefix(decision, "acl ") {
			return true
		}
	}
	return false
}

// repeat sends a packet for good, several times, and then such of its flow that have other times to live.
func (b *bench) repeat(tracer *hover.Tracer, s sending, t *trial) (*disagreement, error) {
	before, err := b.node.plane.FlowCounts()
	if err != nil {
		return nil, err
	}
	for n := range times {
		if d, err := b.sendOnce(s, t.got, t.steps, fmt.Sprintf("the trace (sent %d times)", n+1)); d != nil || err != nil {
			return d, err
		}
		b.counts[countSent]++
	}
	after, err := b.node.plane.FlowCounts()
	if err != nil {
		return nil, err
	}
	hits := int(after.Hits - before.Hits)
	b.counts[countHit] += hits
	if hits > 0 && s.first == nil {
		b.noted = append(b.noted, noted{s, t.got})
	}
	for _, ttl := range []int{1, 2, 3, 64} {
		s.packet = slices.Clone(s.packet)
		s.packet.set("ip.ttl", ttl)
		want, steps, err := b.node.trace(tracer, s.packet)
		if err != nil {
			return nil, err
		}
		if d, err := b.sendOnce(s, want, steps, "the trace (sent after another of its flow)"); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// sendOnce sends a packet for good, and compares what leaves with what is wanted by whom by says, and why steps say.
func (b *bench) sendOnce(s sending, want verdict, steps []hover.TraceStep, by string) (*disagreement, error) {
	isAnswer := func(o outcome) bool { return o.Answer != "" }
	want = slices.DeleteFunc(slices.Clone(want), isAnswer)
	got, err := b.node.send(s.packet)
	if err != nil || equal(got, want) {
		return nil, err
	}
	return &disagreement{sending: s, by: by, got: got, want: want, steps: stepsText(steps, "  ")}, nil
}

// change carries an edit out while flows are noted, none of which must count any more.
func (b *bench) change(edit row, vifs []string) (*disagreement, error) {
	if err := b.central.write([]row{edit}); err != nil {
		return nil, err
	}
	if err := b.node.stamp(); err != nil {
		return nil, err
	}
	for _, f := range b.noted { // once more, by what is still in force: for a second they would count
		if _, err := b.node.send(f.packet); err != nil {
			return nil, err
		}
	}
	if err := b.node.apply(b.central.north.Rows(), b.central.south.Rows(), vifs); err != nil {
		return nil, err
	}
	tracer, err := b.node.tracer()
	if err != nil {
		return nil, err
	}
	defer tracer.Close()
	for _, f := range b.noted {
		want, steps, err := b.node.trace(tracer, f.packet)
		if err != nil {
			return nil, err
		}
		now := &trial{got: want, decisions: map[string]bool{}}
		if now.note(steps); now.learns || now.acts {
			continue
		}
		if d, err := b.sendOnce(f.sending, want, steps, "the trace (sent after the last of these changes)"); d != nil || err != nil {
			return d, err
		}
		if !equal(want, f.was) {
			b.counts[countChanged]++
		}
	}
	return nil, nil
}

// edit is a change of a cloud that is in force; it may be about a packet.
func (g *generator) edit(packet microflow) row {
	isSender := func(v vif) bool { return strconv.Quote(v.name) == packet.value("inport") }
	v := g.vifs[slices.IndexFunc(g.vifs, isSender)]
	edits := []row{
		{"lsp-set-enabled", v.name, "disabled"},
		{"lsp-set-port-security", v.name, "0a:00:00:99:00:02"},
		{"acl-add", v.sw, pick(g, []string{"from-lport", "to-lport"}), "32000", "ip", "drop"},
	}
	for _, r := range g.routers {
		edits = append(edits, row{"lr-policy-add", r, "32000", "ip4 || ip6", "drop"})
	}
	return pick(g, edits)
}
