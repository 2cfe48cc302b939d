package cli

import "fmt"

// Outcome is what becomes of an explained packet.
type Outcome string

// Outcomes.
const (
	Reaches  Outcome = "reaches"  // it gets to whom it is for
	Leaves   Outcome = "leaves"   // it is sent to the node of whom it is for
	Answered Outcome = "answered" // a switch or router answers it
	Astray   Outcome = "astray"   // it gets to somebody else
	Dropped  Outcome = "dropped"
)

// Verdict is what becomes of a packet, in a word and in a sentence, and the rows of the Northbound database that say so.
type Verdict struct {
	Outcome Outcome    `json:"outcome"`
	Text    string     `json:"text"`
	Rows    []TraceRow `json:"rows,omitempty"`
}

// judge says what steps mean for a packet.
func judge(p packet, steps []TraceStep) Verdict {
	about := fmt.Sprintf("%s %s %%s %s by %s", map[bool]string{false: "a request of", true: "the reply of"}[p.answers], p.from, p.to, p.service)
	outputs := outputs(nil, steps)
	for _, o := range outputs {
		switch {
		case p.to.port != nil && o.Port == p.to.port.Name && o.Chassis == "":
			return Verdict{Outcome: Reaches, Text: fmt.Sprintf(about, "reaches")}
		case o.Chassis != "" && (p.to.port == nil || o.Port == p.to.port.Name):
			return Verdict{Outcome: Leaves, Text: fmt.Sprintf(about, "for") + fmt.Sprintf(" leaves for chassis %q, which decides whether it is let in", o.Chassis)}
		}
	}
	last := lastDecision(steps)
	switch {
	case last.drop != nil:
		text := fmt.Sprintf(about, "does not reach") + fmt.Sprintf(": %s: %s", last.place(), last.drop.Text)
		if last.object != "" {
			text += ": " + last.object
		}
		return Verdict{Outcome: Dropped, Text: text, Rows: last.rows}
	case len(outputs) == 0:
		return Verdict{Outcome: Dropped, Text: fmt.Sprintf(about, "does not reach") + ": nothing comes of it"}
	case outputs[0].Port == p.from.port.Name:
		return Verdict{Outcome: Answered, Text: fmt.Sprintf(about, "to") + " is answered by " + last.place()}
	}
	return Verdict{Outcome: Astray, Text: fmt.Sprintf(about, "for") + " goes to " + join(outputs)}
}

// decision is where the way of a packet ended, and by what.
type decision struct {
	step   TraceStep
	drop   *TraceStep // nil: it was not dropped
	object string     // what it was dropped by
	rows   []TraceRow
}

// lastDecision looks for the last drop and for the decision that it carries out; without a drop it is where the packet was last.
func lastDecision(steps []TraceStep) (d decision) {
	var by TraceStep
	for i, s := range steps {
		switch s.What {
		case "enter":
			d.step, by = s, TraceStep{}
		case "decide":
			by = s
		case "drop":
			d.drop = &steps[i]
			if len(by.Rows) > 0 {
				d.object, d.rows = by.Object, by.Rows
			}
			if s.Instance != "" {
				d.step.Instance = s.Instance
			}
		}
	}
	return d
}

// kinds of modules in words.
var kindWords = map[string]string{"l2switch": "switch", "acl": "ACLs of switch"}

// place is the module that had the packet.
func (d decision) place() string {
	if d.step.Instance == "" {
		return "this node"
	}
	word, known := kindWords[d.step.Module]
	if !known {
		word = d.step.Module
	}
	return fmt.Sprintf("%s %q", word, d.step.Instance)
}
