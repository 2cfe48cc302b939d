package ingest

import (
	"maps"
	"reflect"
	"slices"

	"woven.dev/woven/internal/logical"
)

// memo remembers what was made of names in this round and in the last one. The zero value is ready after begin.
type memo[V any] struct{ last, now map[string]V }

// begin starts a round.
func (m *memo[V]) begin() {
	m.last, m.now = m.now, make(map[string]V, len(m.now))
}

// get gives what was made of a name, or makes it.
func (m *memo[V]) get(name string, make func() V) V {
	if v, ok := m.now[name]; ok {
		return v
	}
	v, ok := m.last[name]
	if !ok {
		v = make()
	}
	m.now[name] = v
	return v
}

// lasting keeps values of this round and of the last one, by name, so that what did not change is the same pointer. The zero value
// is ready after begin.
type lasting[V any] struct{ last, now map[string]*V }

// begin starts a round.
func (l *lasting[V]) begin() {
	l.last, l.now = l.now, make(map[string]*V, len(l.now))
}

// keep gives the value of the last round if it equals next, else next.
func (l *lasting[V]) keep(name string, next *V) *V {
	v := keepEqual(l.last[name], next, deepEqual)
	l.now[name] = v
	return v
}

// rowList is what was made of the rows that a set column refers to, in the order of their UUIDs. The zero value is that of no row.
type rowList[R, V any] struct {
	refs     []string // and table are those of the last update
	table    map[string]*R
	rows     []*R
	read     map[string]listedRow[R, V] // by UUID
	values   []*V                       // never changed, but replaced
	problems logical.Problems
	// changes counts how often values was replaced.
	changes int
}

// listedRow is a row and what was made of it.
type listedRow[R, V any] struct {
	row *R
	readRow[V]
}

// readRow is what was made of a row: nil when it is left out.
type readRow[V any] struct {
	value    *V
	problems logical.Problems
}

// update reads the rows that refs names, those that it did not know, and says whether values differ.
func (l *rowList[R, V]) update(refs []string, table map[string]*R, read func(*R, *logical.Problems) *V) bool {
	current := l.current(refs, table)
	if l.refs, l.table = refs, table; current {
		return false
	}
	last := l.read
	l.rows, l.values, l.problems, l.read = nil, nil, nil, make(map[string]listedRow[R, V], len(refs))
	for _, uuid := range inOrder(refs) {
		row := table[uuid]
		if row == nil {
			continue
		}
		r := last[uuid]
		if r.row != row {
			next := listedRow[R, V]{row: row}
			next.value = keepEqual(r.value, read(row, &next.problems), deepEqual)
			r = next
		}
		l.read[uuid], l.rows = r, append(l.rows, row)
		l.problems = append(l.problems, r.problems...)
		if r.value != nil {
			l.values = append(l.values, r.value)
		}
	}
	l.changes++
	return true
}

// current says whether refs still names the rows that were read.
func (l *rowList[R, V]) current(refs []string, table map[string]*R) bool {
	if SameTable(l.table, table) && slices.Equal(l.refs, refs) {
		return true
	}
	i := 0
	for _, uuid := range inOrder(refs) {
		row := table[uuid]
		if row == nil {
			continue
		}
		if i == len(l.rows) || l.rows[i] != row {
			return false
		}
		i++
	}
	return i == len(l.rows)
}

// keepEqual gives last if it equals next, so that what did not change is the same pointer.
func keepEqual[V any](last, next *V, equal func(a, b *V) bool) *V {
	if last != nil && equal(last, next) {
		return last
	}
	return next
}

func deepEqual[V any](a, b *V) bool { return reflect.DeepEqual(a, b) }

// keepEqualMap is keepEqual for maps.
func keepEqualMap[K, V comparable](last, next map[K]V) map[K]V {
	if last != nil && maps.Equal(last, next) {
		return last
	}
	return next
}

// sortedKeys are the keys of a map in ascending order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
