package acl_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom"
)

func TestReplies(t *testing.T) {
	tell(t, []story{
		{name: "logged", run: storyLoggedReplies},
		{name: "logged no more", run: storyLoggedNoMore},
		{name: "traced", run: storyTracedReply, once: true},
	})
}

// told is what user space is told since the last time, a line for each packet: the ACL, the direction and the verdict.
func (p *place) told() []string {
	p.t.Helper()
	lines := []string{}
	for _, punt := range p.k.Punts() {
		told, err := acl.ReadTold(punt.About)
		if err != nil || punt.Reason != acl.PuntLog {
			p.t.Errorf("punt of reason %d (%v), want one to be logged", punt.Reason, err)
		}
		for n := range 9 {
			if told.ACL == config.Number(uuid(n)) {
				lines = append(lines, fmt.Sprintf("%d toLport=%v %s", n, told.ToLport, told.Verdict))
			}
		}
	}
	return lines
}

// tells checks what user space is told of a packet that passes.
func (p *place) tells(what string, h host, frame []byte, want ...string) {
	p.t.Helper()
	p.sends(what, h, frame, "passes")
	if diff := cmp.Diff(append([]string{}, want...), p.told()); diff != "" {
		p.t.Errorf("%s: told (-want +got):\n%s", what, diff)
	}
}

// logReplies has ACLs 1 and 2 of oneWay logged: the first with replies, the second as both says.
func logReplies(both bool) *config.Config {
	cfg := oneWay()
	cfg.FromLport[0].Log, cfg.FromLport[0].LogReplies = true, true
	cfg.ToLport[0].Log, cfg.ToLport[0].LogReplies = both, both
	return cfg
}

// With log-related each reply and each related packet is told of, at the port whose ACL allowed the connection; its originator's
// packets are as without.
func storyLoggedReplies(w *world, family int) {
	p := w.add(logReplies(true))
	p.told() // of other stories
	question, answer := p.udp(a, b, family, 1000, 53), p.udp(b, a, family, 53, 1000)
	p.tells("a asks", a, question, "1 toLport=false allow", "2 toLport=true allow")
	p.tells("b answers", b, answer, "2 toLport=false allow", "1 toLport=true allow")
	p.tells("b answers again", b, answer, "2 toLport=false allow", "1 toLport=true allow")
	p.tells("a asks again", a, question)
	p.tells("an error about the question", b, p.unreachable(b, a, family, question), "2 toLport=false allow", "1 toLport=true allow")
	p.k.Send(p.port(b), answer)
	if got := p.told(); len(got) != 0 {
		p.t.Errorf("a trace tells %q", got)
	}
}

// A change of ACLs holds for connections that there are: from the first reply on.
func storyLoggedNoMore(w *world, family int) {
	p := w.add(logReplies(false))
	p.told() // of other stories
	question, answer := p.udp(a, b, family, 1000, 53), p.udp(b, a, family, 53, 1000)
	p.tells("a asks", a, question, "1 toLport=false allow")
	p.tells("b answers", b, answer, "1 toLport=true allow")
	p.change(oneWay())
	p.tells("without the log", b, answer)
	p.tells("once more", b, answer)
	p.change(logReplies(true))
	p.tells("with both", b, answer, "2 toLport=false allow", "1 toLport=true allow")
	p.tells("once more", b, answer, "2 toLport=false allow", "1 toLport=true allow")
	cfg := logReplies(true)
	cfg.FromLport[0].Action, cfg.ToLport[0].Action = config.Drop, config.Drop
	p.change(cfg)
	p.sends("forbidden", b, answer, "blocked")
	if got := p.told(); len(got) != 0 {
		p.t.Errorf("of a reply that is dropped user space is told %q", got)
	}
}

// The reply to what has passed in a trace passes in a trace, though no connection was remembered.
func storyTracedReply(w *world, _ int) {
	p := w.add(oneWay())
	answer := p.tcp(b, a, 4, 80, 1000, "SA")
	for _, tt := range []struct {
		answers bool
		want    []string
	}{
		{false, []string{"invalid"}},
		{true, []string{"answers", "answers"}},
	} {
		trace, err := p.k.Spec().Trace(p.k.Set(), iom.Entry{At: iom.Ref(p.slots[b.key]), Answers: tt.answers}, answer)
		if err != nil {
			p.t.Fatal(err)
		}
		var got []string
		for _, s := range trace.Steps {
			if s.Kind == iom.StepDecide || s.Kind == iom.StepDrop {
				got = append(got, s.Reason)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			p.t.Errorf("answers %v (-want +got):\n%s", tt.answers, diff)
		}
	}
	p.sends("a packet", b, answer, "invalid")
}
