package hover

import (
	"fmt"
	"maps"
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

// TableRow is one entry of a table.
type TableRow struct {
	Key, Value iom.Value
}

// Types lists the loaded kinds; the platform is "iom".
func (h *Hover) Types() []Type {
	var out []Type
	for _, d := range h.counts.drops {
		t := Type{Name: d.kind, Drops: d.members}
		for _, name := range h.spec.ProgNames() {
			if strings.HasPrefix(name, d.kind+"_") {
				t.Programs = append(t.Programs, name)
			}
		}
		for _, name := range h.tableNames(d.kind) {
			m := h.spec.Maps[name]
			t.Tables = append(t.Tables, TableType{Name: name, Kind: m.Type.String(), MaxEntries: m.MaxEntries,
				Key: iom.Layout(m.Key), Value: iom.Layout(m.Value)})
		}
		out = append(out, t)
	}
	return out
}

// tableNames lists the state tables of a kind, sorted.
func (h *Hover) tableNames(kind string) []string {
	var names []string
	for name, m := range h.spec.Maps {
		if strings.HasPrefix(name, kind+"_") && h.spec.IsState(name) && m.Key != nil && m.Value != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Tables lists the tables in which a module may have rows: its kind's and the platform's.
func (h *Hover) Tables(module string) ([]string, error) {
	h.mu.Lock()
	m := h.have.Modules[module]
	h.mu.Unlock()
	if m == nil {
		return nil, fmt.Errorf("list tables of %q: %w", module, ErrUnknown)
	}
	return append(h.tableNames(m.Kind), h.tableNames("iom")...), nil
}

// Rows lists a module's entries of a table, those that user space wrote and those that programs did, at most limit of them;
// more says that there are others.
func (h *Hover) Rows(module, table string, limit int) (rows []TableRow, more bool, err error) {
	names, err := h.Tables(module)
	if err != nil {
		return nil, false, err
	}
	if !slices.Contains(names, table) {
		return nil, false, fmt.Errorf("list rows of table %q of %q: %w", table, module, ErrUnknown)
	}
	spec := h.spec.Maps[table]
	raw, err := h.rawRows(module, table)
	if err != nil {
		return nil, false, err
	}
	keys := make([]string, 0, len(raw))
	for key := range raw {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if len(rows) == limit {
			return rows, true, nil
		}
		row, err := decodeRow(spec, key, raw[key])
		if err != nil {
			return nil, false, fmt.Errorf("list rows of table %q: %w", table, err)
		}
		rows = append(rows, row)
	}
	return rows, false, nil
}

// rawRows are a module's rows as user space wrote them or, where programs write, as they are in the kernel.
func (h *Hover) rawRows(module, table string) (map[string]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]string{}
	if wanted := h.tables.wanted["module "+module]; wanted != nil && wanted.Rows[table] != nil {
		for key, value := range wanted.Rows[table] {
			out[key] = value
		}
		return out, nil
	}
	live := h.live[table]
	if live == nil || live.Type() == ebpf.PerCPUArray {
		return out, nil
	}
	dp := h.numbers.dps.byKey[dpKey(instanceID(module))]
	ports := slices.Collect(maps.Values(h.numbers.local[dp]))
	rows, err := readBack(live.Map)
	if err != nil {
		return nil, fmt.Errorf("list rows of table %q: %w", table, err)
	}
	for key, r := range rows {
		if live.dp >= 0 && slotOf(key[live.dp:]) == dp || live.byPort && slices.Contains(ports, slotOf(key)) {
			out[key] = r.value
		}
	}
	return out, nil
}

func decodeRow(spec *ebpf.MapSpec, key, value string) (TableRow, error) {
	k, err := iom.Decode(spec.Key, []byte(key))
	if err != nil {
		return TableRow{}, err
	}
	v, err := iom.Decode(spec.Value, []byte(value))
	return TableRow{Key: k, Value: v}, err
}
