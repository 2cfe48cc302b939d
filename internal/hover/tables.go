package hover

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
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
	torn   map[string]bool        // owners whose last set ended in an error: rows holds more of theirs than wanted says
}

type row struct {
	value, owner string
}

// batchRows is how many rows go to the kernel in one call.
const batchRows = 1024

// newTables reads the given maps back. Their rows have no owner until set gives them one.
func newTables(maps map[string]*ebpf.Map) (*tables, error) {
	t := &tables{maps: maps, rows: map[string]map[string]row{}, wanted: map[string]*iom.Tables{}, torn: map[string]bool{}}
	for name, m := range maps {
		rows, err := readBack(m)
		if err != nil {
			return nil, fmt.Errorf("read back table %q: %w", name, err)
		}
		t.rows[name] = rows
	}
	return t, nil
}

// readBack lists a map's rows; an array's rows of zeros don't count.
func readBack(m *ebpf.Map) (map[string]row, error) {
	rows := map[string]row{}
	zero := ""
	switch m.Type() {
	case ebpf.Hash:
	case ebpf.Array:
		zero = strings.Repeat("\x00", int(m.ValueSize()))
	default: // it has no batches
		var key, value []byte
		it := m.Iterate()
		for it.Next(&key, &value) {
			rows[string(key)] = row{value: string(value)}
		}
		return rows, it.Err()
	}
	var cursor ebpf.MapBatchCursor
	keys, values := batchSlice(int(m.KeySize()), batchRows), batchSlice(int(m.ValueSize()), batchRows)
	for {
		n, err := m.BatchLookup(&cursor, keys.Interface(), values.Interface(), nil)
		for i := range n {
			if v := bytesAt(values, i); v != zero {
				rows[bytesAt(keys, i)] = row{value: v}
			}
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// batchSlice makes a [][size]byte of n elements.
func batchSlice(size, n int) reflect.Value {
	return reflect.MakeSlice(reflect.SliceOf(reflect.ArrayOf(size, reflect.TypeFor[byte]())), n, n)
}

func bytesAt(slice reflect.Value, i int) string {
	return string(slice.Index(i).Slice(0, slice.Index(i).Len()).Bytes())
}

// set makes the rows of one owner exactly want, writing only differences: first what is new or changed in the order of want's
// tables, then removals in the reverse order. nil wants nothing.
func (t *tables) set(owner string, want *iom.Tables) error {
	if want == nil {
		want = &iom.Tables{}
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
	m, have := t.maps[name], t.rows[name]
	if m == nil {
		return fmt.Errorf("write table %q: there is no such table", name)
	}
	var keys []string
	for key, value := range want {
		if h, ok := have[key]; ok && h.value == value {
			have[key] = row{value, owner}
			continue
		}
		keys = append(keys, key)
	}
	for batch := range slices.Chunk(keys, batchRows) {
		if err := putRows(m, batch, want); err != nil {
			return fmt.Errorf("write table %q (%d of at most %d rows): %w", name, len(have), m.MaxEntries(), nameFull(err))
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
func putRows(m *ebpf.Map, keys []string, values map[string]string) error {
	if len(keys) < 4 {
		for _, key := range keys {
			if err := m.Put([]byte(key), []byte(values[key])); err != nil {
				return err
			}
		}
		return nil
	}
	ks, vs := batchSlice(int(m.KeySize()), len(keys)), batchSlice(int(m.ValueSize()), len(keys))
	for i, key := range keys {
		reflect.Copy(ks.Index(i), reflect.ValueOf([]byte(key)))
		reflect.Copy(vs.Index(i), reflect.ValueOf([]byte(values[key])))
	}
	_, err := m.BatchUpdate(ks.Interface(), vs.Interface(), nil)
	return err
}

// del removes rows; those of an array become zeros.
func (t *tables) del(name string, keys []string) error {
	m := t.maps[name]
	for _, key := range keys {
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
