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
	maps   map[string]*ebpf.Map
	rows   map[string]map[string]row
	wanted map[string]*iom.Tables // by owner, as written last
	step   steps
	torn   map[string]bool // owners whose last set ended in an error: rows holds more of theirs than wanted says
}

type row struct {
	value, owner string
}

// batchRows is how many rows go to the kernel in one call.
const batchRows = 1024

// newTables reads the given maps back. Their rows have no owner until set gives them one.
func newTables(maps map[string]*ebpf.Map, step steps) (*tables, error) {
	t := &tables{maps: maps, step: step, rows: map[string]map[string]row{}, wanted: map[string]*iom.Tables{}, torn: map[string]bool{}}
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
	if err := t.room(want); err != nil {
		return err
	}
	had := t.had(owner)
	t.torn[owner] = true
	for _, name := range want.Order {
		if err := t.put(owner, name, want.Rows[name]); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(had.Order) {
		var gone []string
		for key := range had.Rows[name] {
			if _, keep := want.Rows[name][key]; !keep && t.rows[name][key].owner == owner {
				gone = append(gone, key)
			}
		}
		if err := t.del(name, gone); err != nil {
			return err
		}
	}
	t.wanted[owner] = want
	delete(t.torn, owner)
	if len(want.Order) == 0 {
		delete(t.wanted, owner)
	}
	return nil
}

// room looks whether the tables can take all rows that want adds, before what it replaces goes.
func (t *tables) room(want *iom.Tables) error {
	for _, name := range want.Order {
		m, have := t.maps[name], t.rows[name]
		if m == nil {
			return fmt.Errorf("write table %q: there is no such table", name)
		}
		if m.Type() == ebpf.Array {
			continue
		}
		more := 0
		for key := range want.Rows[name] {
			if _, ok := have[key]; !ok {
				more++
			}
		}
		if more > 0 && len(have)+more > int(m.MaxEntries()) {
			return fmt.Errorf("write table %q: %d rows and %d more, of at most %d: %w", name, len(have), more, m.MaxEntries(), ErrFull)
		}
	}
	return nil
}

// had is what an owner may have in the kernel.
func (t *tables) had(owner string) *iom.Tables {
	had := t.wanted[owner]
	if had == nil {
		had = &iom.Tables{}
	}
	if !t.torn[owner] {
		return had
	}
	all := &iom.Tables{Order: slices.Clone(had.Order), Rows: map[string]map[string]string{}}
	for name, rows := range t.rows {
		all.Rows[name] = map[string]string{}
		if !slices.Contains(all.Order, name) {
			all.Order = append(all.Order, name)
		}
		for key, r := range rows {
			if r.owner == owner {
				all.Rows[name][key] = r.value
			}
		}
	}
	return all
}

// prune removes the rows that nobody owns, in no order that matters: nothing leads to them any more.
func (t *tables) prune() error {
	for name, rows := range t.rows {
		var gone []string
		for key, r := range rows {
			if r.owner == "" {
				gone = append(gone, key)
			}
		}
		if err := t.del(name, gone); err != nil {
			return err
		}
	}
	return nil
}

// put writes the rows that differ from the kernel's.
func (t *tables) put(owner, name string, want map[string]string) error {
	have := t.rows[name]
	var keys []string
	for key, value := range want {
		if h, ok := have[key]; ok && h.value == value {
			have[key] = row{value, owner}
			continue
		}
		keys = append(keys, key)
	}
	for batch := range slices.Chunk(keys, batchRows) {
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
