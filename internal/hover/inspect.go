package hover

import (
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
)

// Type describes a loaded module kind, as its object's BTF tells.
type Type struct {
	Name string
	// Programs by name, in order.
	Programs []string
	Tables   []TableType
	// Drops are the reasons for which it drops packets.
	Drops []iom.Member
}

// TableType describes a table.
type TableType struct {
	Name, Kind string // Kind is the kernel's: Hash, Array, LPMTrie ...
	MaxEntries uint32
	// Key and Value are the layouts in words.
	Key, Value string
}

// platform is what the platform's tables, and the Type that stands for it, are called by.
const platform = "iom"

// Types lists the loaded kinds; the platform, which has all programs that are of no kind, is "iom".
func (h *Hover) Types() []Type {
	var out []Type
	for _, d := range h.counts.drops {
		t := Type{Name: d.kind, Drops: d.members}
		for _, name := range h.spec.ProgNames() {
			if h.kindOf(name) == d.kind {
				t.Programs = append(t.Programs, name)
			}
		}
		for _, name := range h.tableNames(d.kind) {
			t.Tables = append(t.Tables, h.tableType(name))
		}
		out = append(out, t)
	}
	return out
}

// kindOf is the kind that a program or table belongs to by its name.
func (h *Hover) kindOf(name string) string {
	of := platform
	for kind := range h.kinds {
		if strings.HasPrefix(name, kind+"_") && (of == platform || len(kind) > len(of)) {
			of = kind
		}
	}
	return of
}

func (h *Hover) tableType(name string) TableType {
	m := h.spec.Maps[name]
	return TableType{Name: name, Kind: m.Type.String(), MaxEntries: m.MaxEntries, Key: iom.Layout(m.Key), Value: iom.Layout(m.Value)}
}

// tableNames lists the state tables of a kind, sorted. A table with a value for each CPU holds counters, which are read otherwise.
func (h *Hover) tableNames(kind string) []string {
	var names []string
	for name, m := range h.spec.Maps {
		if h.kindOf(name) == kind && h.spec.IsState(name) && m.Key != nil && m.Value != nil && m.Type != ebpf.PerCPUArray {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
