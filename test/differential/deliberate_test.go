package differential

import (
	"os"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/ovnexpr"
)

// trial is a packet and what both sides make of it.
type trial struct {
	packet    ovnexpr.Fields
	state     state
	got, want verdict           // Woven's and OVN's
	steps     []hover.TraceStep // of Woven's
	// chooses: OVN may make something else of it, too.
	chooses bool
	// drops of the packet, or of copies of it, by Woven.
	drops []hover.TraceStep
	// decisions that Woven's modules took, "router routed".
	decisions map[string]bool
	// learns: on its way addresses are learned.
	learns bool
	// acts: it is copied, or user space is told of it.
	acts bool
}

// note reads what Woven did.
func (t *trial) note(steps []hover.TraceStep) {
	for _, s := range steps {
		switch s.What {
		case "drop":
			t.drops = append(t.drops, s)
		case "learn":
			t.learns = true
		case "copy", "punt":
			t.acts = true
		case "decide":
			t.decisions[s.Module+" "+s.Reason] = true
		}
		t.note(s.Copy)
	}
}

func (t trial) isIP6() bool { return t.packet.Int("eth.type").Lo == 0x86dd }

func (t trial) isARPRequest() bool { return t.packet.Int("arp.op").Lo == 1 }

func (t trial) isICMP() bool {
	proto := t.packet.Int("ip.proto").Lo
	return proto == 1 || proto == 58
}

// has says whether Woven drops the packet, or a copy of it, for one of some reasons.
func (t trial) has(reasons ...string) bool {
	return slices.ContainsFunc(t.drops, func(s hover.TraceStep) bool { return slices.Contains(reasons, s.Reason) })
}

// dropped says whether Woven makes nothing of the packet, for one of some reasons.
func (t trial) dropped(reasons ...string) bool { return len(t.got) == 0 && t.has(reasons...) }

// difference is one of those that docs/ovn-coverage.md lists by name under "Deliberate differences".
type difference struct {
	name string
	// meant is what Woven is to make of a packet that the difference is about; not ok: of this one it is not.
	meant func(t trial) (v verdict, ok bool)
}

// differences: the first that is about a packet counts.
var differences = []difference{
	{"no IPv6 packet from the router's own address", func(t trial) (verdict, bool) { return nil, t.isIP6() && t.dropped("src_invalid") }},
	{"no request for the address of a disabled port", func(t trial) (verdict, bool) {
		byRouter := func(s hover.TraceStep) bool { return s.Module == "router" && s.Reason != "port_disabled" }
		isSent := func(o outcome) bool { return o.Frame != "" }
		return t.got, kindOf(t.want) == string(answerResolve) && len(t.drops) > 0 && !slices.ContainsFunc(t.drops, byRouter) && !slices.ContainsFunc(t.got, isSent)
	}},
	{"IPv6 time exceeded for senders on other networks", func(t trial) (verdict, bool) {
		return t.got, t.isIP6() && len(t.want) == 0 && kindOf(t.got) == string(answerExpired)
	}},
	{"no error about a later fragment", func(t trial) (verdict, bool) {
		return withoutErrors(t.want), t.has("rejected") && t.packet.Int("ip.frag").Lo == laterFragment
	}},
	{"a fragment that overtakes its first one is dropped", func(t trial) (verdict, bool) {
		return nil, t.dropped("fragment_early") && t.packet.Int("ip.frag").Lo == laterFragment
	}},
	{"rules that forbid a connection stop its replies, too", func(t trial) (verdict, bool) {
		return nil, t.state == stateReply && t.dropped("blocked")
	}},
	{"no error about errors, groups and the like", func(t trial) (verdict, bool) {
		refused := slices.DeleteFunc(slices.Clone(t.got), func(o outcome) bool { return !isRefused(o) })
		return slices.Concat(withoutErrors(t.want), refused).sort(), len(refused) > 0
	}},
	{"no error about multicast", func(t trial) (verdict, bool) { return withoutErrors(t.want), t.has("multicast") }},
	{"a router answers ARP itself", answersItself},
	{"no error about ICMP to the router", func(t trial) (verdict, bool) {
		return withoutErrors(t.want), t.isICMP() && !slices.ContainsFunc(t.got, isError)
	}},
}

// limits of ovn-trace 23.03, where Woven does what ovn-controller does.
var limits = []difference{
	{"ovn-trace takes a reply that crossed a router for one still", func(t trial) (verdict, bool) {
		return t.got, t.state == stateReply && slices.ContainsFunc(t.drops, func(s hover.TraceStep) bool {
			return s.Module == "acl" && isRouterEnd(s.Port) // on its way in; none is dropped on its way out
		})
	}},
}

// answersItself holds for ARP requests: OVN's switch answers for a router, by the port that the request came in by, or floods the request. Woven
// gives it to the router, whose answer is a packet like others: the same one, but it goes where the switch has the asker's MAC address, if
// nothing drops it.
func answersItself(t trial) (verdict, bool) {
	request, err := frameOf(t.packet)
	if err != nil || !t.isARPRequest() {
		return nil, false
	}
	isCopy := func(o outcome) bool { return o.Frame == string(request) }
	isAnswer := func(o outcome) bool { return o.Frame != "" && !isCopy(o) }
	for _, o := range t.got {
		isOther := func(want outcome) bool { return isAnswer(want) && want.Frame != o.Frame }
		if isCopy(o) && !slices.Contains(t.want, o) || isAnswer(o) && slices.ContainsFunc(t.want, isOther) {
			return nil, false
		}
	}
	return t.got, slices.ContainsFunc(t.got, isAnswer) || len(t.drops) > 0
}

// expected is what Woven is to make of a packet: what OVN makes of it, but for the deliberate differences, and the limits of ovn-trace. name is that of the one that counts; "":
// none does.
func (t trial) expected() (v verdict, name string) {
	for _, d := range slices.Concat(differences, limits) {
		if v, ok := d.meant(t); ok {
			return v, d.name
		}
	}
	return t.want, ""
}

func withoutErrors(v verdict) verdict { return slices.DeleteFunc(slices.Clone(v), isError) }

func isError(o outcome) bool { return o.Answer == answerError || o.Answer == answerExpired }

func isRefused(o outcome) bool { return o.Answer == answerRefused }

// TestDifferencesAreDocumented: readers of docs/ovn-coverage.md find each difference.
func TestDifferencesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/ovn-coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Deliberate differences")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.Join(strings.Fields(section), " ")
	for _, d := range differences {
		if !strings.Contains(section, "**"+d.name+"**") {
			t.Errorf("docs/ovn-coverage.md does not list the deliberate difference **%s**", d.name)
		}
	}
}
