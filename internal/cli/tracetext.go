package cli

import (
	"fmt"
	"strings"
)

// traceText writes results for people: one line a decision, in the instance that takes it.
func traceText(t *table, results []TraceResult) {
	for i, r := range results {
		if i > 0 {
			t.section()
		}
		t.line(fmt.Sprintf("from     port %q", r.Port))
		packetText(t, "packet ", r.Packet)
		stepsText(t, "", r.Steps)
		if len(r.Changed) > 0 {
			packetText(t, "result ", r.Result)
			t.line("changed  " + join(r.Changed))
		}
		t.line("outputs  " + dash(join(r.Outputs)))
	}
}

func packetText(t *table, label string, p TracePacket) {
	t.line(fmt.Sprintf("%s  %s", label, p.Fields))
	t.line(fmt.Sprintf("         %s: %s", count(p.Length, "byte"), p.Hex))
}

func join[S fmt.Stringer](list []S) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = s.String()
	}
	return strings.Join(words, ", ")
}

func (c FieldChange) String() string {
	return fmt.Sprintf("%s %s -> %s", c.Field, dash(c.Before), dash(c.After))
}

// stepsText writes steps below indent, those in an instance below its name.
func stepsText(t *table, indent string, steps []TraceStep) {
	for _, s := range steps {
		if s.What == "enter" {
			t.line(indent + stepText(s))
			continue
		}
		t.line(indent + "  " + stepText(s))
		stepsText(t, indent+"  ", s.Copy)
	}
}

// stepText is a step in words.
func stepText(s TraceStep) string {
	to := TraceOutput{Port: s.Port, Group: s.Group, Chassis: s.Chassis}
	switch s.What {
	case "enter":
		return fmt.Sprintf("%s %q (datapath %s)", s.Module, s.Instance, s.Datapath)
	case "decide":
		if len(s.Rows) > 0 {
			return s.Text + ": " + s.Object
		}
		return s.Text + quoted(": %q", s.Object)
	case "drop":
		return fmt.Sprintf("drop%s: %s (%s.%s)", quoted(" at port %q", s.Port), s.Text, s.Module, s.Reason)
	case "output", "copy":
		return s.What + " to " + to.String()
	case "tunnel":
		return fmt.Sprintf("output to %s: tunnel to %s, VNI %d, key %d", to, s.Address, s.VNI, s.Key)
	case "flood":
		return "flood to " + to.String()
	case "rewrite":
		return fmt.Sprintf("rewrite of %s at %d", count(int(s.Length), "byte"), s.Offset)
	case "punt":
		return "word to user space: " + s.Reason
	case "learn":
		return fmt.Sprintf("source address learned at port %q", s.Port)
	}
	return s.What
}

// quoted puts a name into a format; nothing is nothing.
func quoted(format, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(format, name)
}
