package hover

import (
	"maps"
	"slices"

	"github.com/cilium/ebpf"
)

// Hook is a place where a program of this node is attached.
type Hook struct {
	Ifindex int
	Egress  bool
	// Program by name; "" for one of an earlier run, until the first Apply has replaced it.
	Program string
}

// Hooks lists what is attached, by ifindex, ingress first.
func (h *Hover) Hooks() []Hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := map[ebpf.ProgramID]string{}
	for name, id := range h.hooks.ids {
		names[id] = name
	}
	indexes := map[int]bool{}
	for k := range h.hooks.have {
		indexes[k.ifindex] = true
	}
	var out []Hook
	for _, ifindex := range slices.Sorted(maps.Keys(indexes)) {
		for _, egress := range []bool{false, true} {
			if id, ok := h.hooks.have[hook{ifindex, egress}]; ok {
				out = append(out, Hook{Ifindex: ifindex, Egress: egress, Program: names[id]})
			}
		}
	}
	return out
}
