package ovsdb

import (
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/model"
)

// replica copies libovsdb's cache of one connection to a Rows struct.
type replica struct {
	// tables has one for each field of Rows, in their order. The first holds the counters that tell generations of the
	// others apart (nb_cfg, next_cfg).
	tables []*tableReplica
	cached *cache.TableCache
}

// tableReplica copies one table.
type tableReplica struct {
	monitoredTable
	cached *cache.RowCache // nil if the server lacks the table
	// dirty: look again. It is cleared before the cache is read, and set after the cache was changed: no change is missed.
	dirty atomic.Bool
	// gone are the rows that the last copy has, although they were deleted. Tables are read one after the other, and one that refers to rows
	// of this one, such as a switch to its ACLs, may have been read before the transaction that deleted them: it must not look as if it
	// had fewer. Where monitoredTable.lingers, a deleted row stays until all tables have been read once more. Nothing else may be
	// concluded from such a row than by way of a reference to it, and those tables come first in Rows.
	gone map[string]bool
	// seen is the cache when it was read last. libovsdb never changes a cached row, it replaces the pointer.
	seen map[string]model.Model
}

// newReplica returns a replica that has yet to read every table.
func newReplica(rows reflect.Type, d *dialect, cached *cache.TableCache) *replica {
	r := &replica{tables: make([]*tableReplica, rows.NumField()), cached: cached}
	for i := range r.tables {
		r.tables[i] = &tableReplica{monitoredTable: monitoredTable{field: i}}
	}
	for _, m := range d.monitored {
		r.tables[m.field] = &tableReplica{monitoredTable: m, cached: cached.Table(m.name)}
	}
	r.touchAll()
	return r
}

// touch notes that a table may have changed.
func (r *replica) touch(table string) {
	for _, t := range r.tables {
		if t.name == table {
			t.dirty.Store(true)
		}
	}
}

func (r *replica) touchAll() {
	for _, t := range r.tables {
		t.dirty.Store(true)
	}
}

// update brings rows, a struct of type Rows that holds the last copy or is zero, up to date by replacing the maps of
// tables that changed, and says whether any did. A copy contains completely every transaction that changed the first table:
// libovsdb enters a transaction row by row under a lock, and sends its events later. It is not safe for concurrent use.
func (r *replica) update(rows reflect.Value) bool {
	changed := r.tables[0].refresh(rows)
	if changed || slices.ContainsFunc(r.tables, func(t *tableReplica) bool { return len(t.gone) > 0 }) {
		r.cached.Tables() // takes the lock: waits for a transaction that is being entered
		r.touchAll()
	}
	for _, t := range r.tables[1:] {
		changed = t.refresh(rows) || changed
	}
	return changed
}

// refresh updates the table in rows if it is dirty, and says whether that changed anything.
func (t *tableReplica) refresh(rows reflect.Value) bool {
	return t.dirty.Swap(false) && t.update(rows.Field(t.field))
}

// update replaces the map of rows of a table if a row differs; rows that are equal stay the same pointers.
func (t *tableReplica) update(rows reflect.Value) bool {
	now := map[string]model.Model{}
	if t.cached != nil {
		now = t.cached.RowsShallow()
	}
	key := reflect.New(rows.Type().Key()).Elem()
	fresh := make(map[string]reflect.Value)
	for uuid, cached := range now {
		if t.seen[uuid] == cached {
			continue
		}
		key.SetString(uuid)
		last, row := rows.MapIndex(key), t.copyRow(cached)
		if !last.IsValid() || !reflect.DeepEqual(last.Interface(), row.Interface()) {
			fresh[uuid] = row
		}
	}
	t.seen = now
	t.gone = t.linger(rows, now)
	if len(fresh) == 0 && !rows.IsNil() && rows.Len() == len(now) {
		return false
	}
	next := reflect.MakeMapWithSize(rows.Type(), len(now)+len(t.gone))
	for uuid := range now {
		key.SetString(uuid)
		row, ok := fresh[uuid]
		if !ok {
			row = rows.MapIndex(key)
		}
		next.SetMapIndex(key, row)
	}
	for uuid := range t.gone {
		key.SetString(uuid)
		next.SetMapIndex(key, rows.MapIndex(key))
	}
	rows.Set(next)
	return true
}

// linger gives the rows that went since the last copy and stay in this one.
func (t *tableReplica) linger(rows reflect.Value, now map[string]model.Model) map[string]bool {
	if !t.lingers {
		return nil
	}
	var gone map[string]bool
	for _, key := range rows.MapKeys() {
		if uuid := key.String(); now[uuid] == nil && !t.gone[uuid] {
			if gone == nil {
				gone = map[string]bool{}
			}
			gone[uuid] = true
		}
	}
	return gone
}

// copyRow makes a generated row of a cached one. They share maps and slices, which neither side changes. Whether
// libovsdb caches an empty map or slice as nil depends on its history; here it is nil.
func (t *tableReplica) copyRow(cached model.Model) reflect.Value {
	from := reflect.ValueOf(cached).Elem()
	row := reflect.New(t.row)
	for i, field := range t.fields {
		if value := from.Field(i); !isEmpty(value) {
			row.Elem().Field(field).Set(value)
		}
	}
	return row
}

// isEmpty says whether a column's value is zero or a set or map without elements.
func isEmpty(value reflect.Value) bool {
	if kind := value.Kind(); kind == reflect.Map || kind == reflect.Slice {
		return value.Len() == 0
	}
	return value.IsZero()
}
