package iom

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Member is a member of a counter table's value: a drop reason or a counter.
type Member struct {
	// Name in lower case, for labels.
	Name string
	// Text for people, the member's "doc:" decl tag.
	Text string
	// Offset in the value, in bytes.
	Offset int
}

// Members lists the counters of a table's value struct.
func Members(t btf.Type) ([]Member, error) {
	st, ok := btf.UnderlyingType(t).(*btf.Struct)
	if !ok {
		return nil, fmt.Errorf("read counters: %v is no struct", t)
	}
	out := make([]Member, 0, len(st.Members))
	for _, m := range st.Members {
		text := ""
		for _, tag := range m.Tags {
			if doc, ok := strings.CutPrefix(tag, "doc:"); ok {
				text = doc
			}
		}
		out = append(out, Member{Name: strings.ToLower(m.Name), Text: text, Offset: int(m.Offset.Bytes())})
	}
	return out, nil
}

// Drops lists the drop reasons of a kind; "iom" is the platform.
func (s *Spec) Drops(kind string) ([]Member, error) {
	m := s.Maps[kind+"_drops"]
	if m == nil {
		return nil, fmt.Errorf("read drop reasons of %q: no table %q", kind, kind+"_drops")
	}
	return Members(m.Value)
}

// Decisions lists what a kind may say in traces that no drop and no action says (IOM_DECISIONS in <iom/trace.h>).
func (s *Spec) Decisions(kind string) ([]Member, error) {
	for i, k := range s.Kinds {
		if v := s.objects[i+1].Variables[kind+"_decisions"]; k.Name == kind && v != nil && v.Type != nil {
			return Members(v.Type.Type)
		}
	}
	return nil, fmt.Errorf("read decisions of %q: no variable %q", kind, kind+"_decisions")
}

// PuntReason is a kind's word for a punt's reason: an enumerator of the type of its variable <kind>_punts.
func (s *Spec) PuntReason(kind string, reason uint32) string {
	for i, k := range s.Kinds {
		v := s.objects[i+1].Variables[kind+"_punts"]
		if k.Name != kind || v == nil || v.Type == nil {
			continue
		}
		if t, ok := btf.UnderlyingType(v.Type.Type).(*btf.Enum); ok {
			return strings.TrimPrefix(enumName(t, uint64(reason)), kind+"_punt_")
		}
	}
	return fmt.Sprintf("%#x", reason)
}

// btfText writes a type out with its members, so that equal texts mean equal layouts.
func btfText(t btf.Type) string {
	if t == nil {
		return "-"
	}
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		var b strings.Builder
		fmt.Fprintf(&b, "struct %s %d{", t.Name, t.Size)
		for _, m := range t.Members {
			fmt.Fprintf(&b, "%s@%d:%s;", m.Name, m.Offset, btfText(m.Type))
		}
		return b.String() + "}"
	case *btf.Array:
		return fmt.Sprintf("[%d]%s", t.Nelems, btfText(t.Type))
	case *btf.Int:
		return fmt.Sprintf("int%d", t.Size*8)
	default:
		return fmt.Sprintf("%v", t)
	}
}

// Layout is a type in words for people: "struct l2switch_fdb_key {dp u32, mac u8[6]}".
func Layout(t btf.Type) string {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		var members []string
		for _, m := range t.Members {
			if m.Name != "pad" {
				members = append(members, m.Name+" "+Layout(m.Type))
			}
		}
		return "struct " + t.Name + " {" + strings.Join(members, ", ") + "}"
	case *btf.Array:
		return fmt.Sprintf("%s[%d]", Layout(t.Type), t.Nelems)
	case *btf.Int:
		return fmt.Sprintf("u%d", t.Size*8)
	case *btf.Enum:
		return "enum " + t.Name
	default:
		return t.TypeName()
	}
}
