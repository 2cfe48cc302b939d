package hover

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
)

// Table is a table in which a module has rows.
type Table struct {
	TableType
	// Rows are how many the module has.
	Rows int
}

// TableRow is one entry of a table. An iom.Ref in it stands as the name of the port that it leads to.
type TableRow struct {
	Key, Value iom.Value
}

// holdings is what a module has in the data plane, as of one moment.
type holdings struct {
	module *netstate.Module
	wanted map[string]map[string]string // rows that user space wrote, by table
	dp     uint32
	local  map[uint16]uint32 // ports of this node: slot by key
	nodes  map[uint32]string // tunnel peers: name by slot
}

// holdings looks a module up by its ID.
func (h *Hover) holdings(module string) (*holdings, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	dp, ok := h.numbers.dps.byKey[dpKey(instanceID(module))]
	m := h.have.Modules[module]
	if m == nil || !ok {
		return nil, fmt.Errorf("find module %q: %w", module, ErrUnknown)
	}
	have := &holdings{module: m, wanted: h.tables.of(moduleOwner(module)), dp: dp, local: h.numbers.local[dp], nodes: map[uint32]string{}}
	for name, addr := range h.numbers.nodeOf {
		have.nodes[h.numbers.nodes.byKey[addr]] = name
	}
	return have, nil
}

// Tables lists a module's tables, sorted: all of its kind, and of the platform those where it has rows.
func (h *Hover) Tables(module string) ([]Table, error) {
	have, err := h.holdings(module)
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, kind := range []string{have.module.Kind, platform} {
		for _, name := range h.tableNames(kind) {
			rows, err := h.rawRows(have, name)
			if err != nil {
				return nil, err
			}
			if kind != platform || len(rows) > 0 {
				out = append(out, Table{h.tableType(name), len(rows)})
			}
		}
	}
	return out, nil
}

// Rows lists a module's entries of a table of its kind or the platform, those that user space wrote and those that programs did, at
// most limit of them; more says that there are others.
func (h *Hover) Rows(module, table string, limit int) (rows []TableRow, more bool, err error) {
	have, err := h.holdings(module)
	if err != nil {
		return nil, false, err
	}
	if !slices.Contains(h.tableNames(have.module.Kind), table) && !slices.Contains(h.tableNames(platform), table) {
		return nil, false, fmt.Errorf("find table %q of module %q: %w", table, module, ErrUnknown)
	}
	raw, err := h.rawRows(have, table)
	if err != nil {
		return nil, false, err
	}
	names := have.names()
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if len(rows) == limit {
			return rows, true, nil
		}
		row, err := h.decodeRow(names, table, key, raw[key])
		if err != nil {
			return nil, false, fmt.Errorf("list rows of table %q: %w", table, err)
		}
		rows = append(rows, row)
	}
	return rows, false, nil
}

// rawRows are a module's rows as user space wrote them or, where programs write, as they are in the kernel. Nobody changes them afterwards.
func (h *Hover) rawRows(have *holdings, table string) (map[string]string, error) {
	live := h.live[table]
	if live == nil || live.Type() == ebpf.PerCPUArray {
		return have.wanted[table], nil
	}
	rows, err := readBack(live.Map)
	if err != nil {
		return nil, fmt.Errorf("list rows of table %q: %w", table, err)
	}
	ports := map[uint32]bool{}
	for _, slot := range have.local {
		ports[slot] = true
	}
	out := map[string]string{}
	for key, r := range rows {
		if live.dp >= 0 && slotOf(key[live.dp:]) == have.dp || live.byPort && ports[slotOf(key)] {
			out[key] = r.value
		}
	}
	return out, nil
}

func (h *Hover) decodeRow(names *refNames, table, key, value string) (TableRow, error) {
	spec := h.spec.Maps[table]
	k, err := iom.Decode(spec.Key, []byte(key))
	if err != nil {
		return TableRow{}, err
	}
	v, err := iom.Decode(spec.Value, []byte(value))
	return TableRow{Key: names.in(k), Value: names.in(v)}, err
}

// refNames are names for the references in a module's rows.
type refNames struct {
	ports map[uint32]string // of this node, by slot
	keys  map[uint16]string // of ports and groups, by tunnel key
	nodes map[uint32]string // of tunnel peers, by slot
}

func (have *holdings) names() *refNames {
	n := &refNames{ports: map[uint32]string{}, keys: map[uint16]string{}, nodes: have.nodes}
	for _, g := range have.module.Groups {
		n.keys[g.Key] = g.Name
	}
	for _, p := range have.module.Ports {
		n.keys[p.Key] = p.Name
		if slot, ok := have.local[p.Key]; ok {
			n.ports[slot] = p.Name
		}
	}
	return n
}

// in puts names in place of the references in a value.
func (n *refNames) in(v iom.Value) iom.Value {
	switch v := v.(type) {
	case iom.Ref:
		return n.of(v)
	case iom.Fields:
		for i := range v {
			v[i].Value = n.in(v[i].Value)
		}
	}
	return v
}

// of says where a reference leads: "lp1", "lp2 on hv2", "lp3 in several places", "nowhere".
func (n *refNames) of(ref iom.Ref) string {
	if key, ok := ref.Group(); ok {
		return nameOr(n.keys, key, "key") + " in several places"
	}
	if slot, key, ok := ref.Remote(); ok {
		return nameOr(n.keys, key, "key") + " on " + nameOr(n.nodes, slot, "peer")
	}
	if ref == 0 {
		return "nowhere"
	}
	return nameOr(n.ports, uint32(ref), "port slot")
}

// nameOr is a number's name, or the number with what it is one of.
func nameOr[K comparable](names map[K]string, number K, what string) string {
	if name, ok := names[number]; ok {
		return name
	}
	return fmt.Sprintf("%s %v", what, number)
}
