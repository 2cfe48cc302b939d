package hover

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"syscall"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
)

// tables are the kernel's state maps with a copy of what they hold. Every row has an owner, the object of the desired
// state that wants it; a row that another owner took over is not removed with its first one.
type tables struct {
	maps map[string]*ebpf.Map
	rows map[string]map[string]row
	had  map[string]holding // by owner
	flow *flows             // halted before anything is written
	step steps
}

// holding is what an owner was given last.
type holding struct {
	order []string       // of its tables
	rows  map[string]int // how many, by table
	torn  bool           // the last set ended in an error: there may be more
}

// moduleOwner is a module as an owner.
func moduleOwner(id string) string { return "module " + id }

type row struct {
	value, owner string
}

// batchRows is how many rows go to the kernel in one call.
const batchRows = 1024

// newTables reads the given maps back. Their rows have no owner until set gives them one.
func newTables(maps map[string]*ebpf.Map, flow *flows, step steps) (*tables, error) {
	t := &tables{maps: maps, flow: flow, step: step, rows: map[string]map[string]row{}, had: map[string]holding{}}
	for name, m := range maps {
		rows, err := readBack(m)
		if err != nil {
			return nil, fmt.Errorf("read back table %q: %w", name, err)
		}
		t.rows[name] = rows
	}
	return t, nil
}

// readBack lists a map's rows.
func readBack(m *ebpf.Map) (map[string]row, error) {
	rows := map[string]row{}
	err := iom.EachRow(m, func(key, value string) { rows[key] = row{value: value} })
	return rows, err
}

// set makes the rows of one owner exactly want, writing only differences: first what is new or changed in the order of want's
// tables, then removals in the reverse order. nil wants nothing. Where a table has no room for all, nothing is written: the error is
// ErrFull.
func (t *tables) set(owner string, want *iom.Tables) error {
	if want == nil {
		want = &iom.Tables{}
	}
	diff, err := t.differences(owner, want)
	if err != nil {
		return err
	}
	had := t.had[owner]
	t.had[owner] = holding{order: had.order, torn: true}
	for _, name := range want.Order {
		if err := t.put(owner, name, want.Rows[name], diff[name]); err != nil {
			return err
		}
	}
	for _, name := range t.leftTables(had) {
		if !had.torn && diff[name].kept == had.rows[name] {
			continue
		}
		if err := t.del(name, t.left(owner, name, want.Rows[name])); err != nil {
			return err
		}
	}
	delete(t.had, owner)
	if len(want.Order) > 0 {
		t.had[owner] = holdingOf(want)
	}
	return nil
}

func holdingOf(want *iom.Tables) holding {
	h := holding{order: want.Order, rows: make(map[string]int, len(want.Rows))}
	for name, rows := range want.Rows {
		h.rows[name] = len(rows)
	}
	return h
}

// leftTables are the tables where an owner may have rows to remove, in the order of removal: the one written last first.
func (t *tables) leftTables(had holding) []string {
	names := slices.Clone(had.order)
	slices.Reverse(names)
	if had.torn {
		for name := range t.rows {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// left are the keys of an owner's rows in a table that it does not want.
func (t *tables) left(owner, name string, want map[string]string) []string {
	var keys []string
	for key, r := range t.rows[name] {
		if r.owner != owner {
			continue
		}
		if _, keep := want[key]; !keep {
			keys = append(keys, key)
		}
	}
	return keys
}

// of are an owner's rows, by table.
func (t *tables) of(owner string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, name := range t.had[owner].order {
		rows := make(map[string]string, t.had[owner].rows[name])
		for key, r := range t.rows[name] {
			if r.owner == owner {
				rows[key] = r.value
			}
		}
		all[name] = rows
	}
	return all
}

// difference is what an owner's rows of one table are beside those that it has already.
type difference struct {
	write []string // keys of rows that are new, or have another value
	take  []string // keys of rows that are there, but another owner's
	kept  int      // rows that are the owner's already, with whatever value
}

// differences compares what an owner wants with the tables, and looks whether they can take it all before what it replaces goes.
func (t *tables) differences(owner string, want *iom.Tables) (map[string]difference, error) {
	all := make(map[string]difference, len(want.Order))
	for _, name := range want.Order {
		m, have, d, more := t.maps[name], t.rows[name], difference{}, 0
		if m == nil {
			return nil, fmt.Errorf("write table %q: there is no such table", name)
		}
		for key, value := range want.Rows[name] {
			h, ok := have[key]
			if h.owner == owner {
				d.kept++
			}
			switch {
			case !ok:
				more++
				d.write = append(d.write, key)
			case h.value != value:
				d.write = append(d.write, key)
			case h.owner != owner:
				d.take = append(d.take, key)
			}
		}
		if m.Type() != ebpf.Array && more > 0 && len(have)+more > int(m.MaxEntries()) {
			return nil, fmt.Errorf("write table %q: %d rows and %d more, of at most %d: %w", name, len(have), more, m.MaxEntries(), ErrFull)
		}
		all[name] = d
	}
	return all, nil
}

// prune removes the rows that nobody owns: those of the tables named last after the others, which lead to them.
func (t *tables) prune(last ...string) error {
	var names []string
	for name := range t.rows {
		if !slices.Contains(last, name) {
			names = append(names, name)
		}
	}
	for _, name := range append(names, last...) {
		if err := t.del(name, t.left("", name, nil)); err != nil {
			return err
		}
	}
	return nil
}

// put writes the rows that differ from the kernel's.
func (t *tables) put(owner, name string, want map[string]string, d difference) error {
	have := t.rows[name]
	for _, key := range d.take {
		have[key] = row{want[key], owner}
	}
	for batch := range slices.Chunk(d.write, batchRows) {
		if err := t.putRows(name, batch, want); err != nil {
			for _, key := range batch {
				have[key] = row{owner: owner} // nobody knows whether it is there, and with which value
			}
			return fmt.Errorf("write table %q: %w", name, nameFull(err))
		}
		for _, key := range batch {
			have[key] = row{want[key], owner}
		}
	}
	return nil
}

// nameFull gives the kernel's ways to say that a map is full one name.
func nameFull(err error) error {
	if errors.Is(err, syscall.E2BIG) || errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// putRows writes rows, many of them with one call.
func (t *tables) putRows(name string, keys []string, values map[string]string) error {
	if err := t.flow.halt(); err != nil {
		return err
	}
	m := t.maps[name]
	if len(keys) < 4 {
		for _, key := range keys {
			t.step.next("write row of", name)
			if err := m.Put([]byte(key), []byte(values[key])); err != nil {
				return err
			}
		}
		return nil
	}
	ks, vs := iom.ByteArrays(int(m.KeySize()), len(keys)), iom.ByteArrays(int(m.ValueSize()), len(keys))
	for i, key := range keys {
		reflect.Copy(ks.Index(i), reflect.ValueOf([]byte(key)))
		reflect.Copy(vs.Index(i), reflect.ValueOf([]byte(values[key])))
	}
	t.step.next("write rows of", name)
	_, err := m.BatchUpdate(ks.Interface(), vs.Interface(), nil)
	return err
}

// del removes rows; those of an array become zeros.
func (t *tables) del(name string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	if err := t.flow.halt(); err != nil {
		return err
	}
	m := t.maps[name]
	for _, key := range keys {
		t.step.next("remove row of", name)
		var err error
		if m.Type() == ebpf.Array {
			err = m.Put([]byte(key), make([]byte, m.ValueSize()))
		} else {
			err = m.Delete([]byte(key))
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("remove from table %q: %w", name, err)
		}
		delete(t.rows[name], key)
	}
	return nil
}
