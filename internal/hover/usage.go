package hover

import (
	"slices"
	"strings"

	"github.com/cilium/ebpf"
)

// Usage is how full a table is.
type Usage struct {
	Table     string
	Rows, Max int
}

// slotTables are the arrays whose rows are what slots stand for. All else leads to them.
var slotTables = []string{"iom_ports", "iom_dps", "iom_nodes"}

// Usage lists how full the tables are that grow with what is applied, by name. A module that needs more rows than there are is refused.
func (h *Hover) Usage() []Usage {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []Usage
	for name, rows := range h.tables.rows {
		u := Usage{Table: name, Rows: len(rows), Max: int(h.tables.maps[name].MaxEntries())}
		switch {
		case slices.Contains(slotTables, name):
			u.Max-- // slot 0 is none
		case h.tables.maps[name].Type() == ebpf.Array:
			continue
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Usage) int { return strings.Compare(a.Table, b.Table) })
	return list
}
