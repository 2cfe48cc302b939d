package agent

import (
	"slices"

	"woven.dev/woven/internal/ovsdb"
)

// update is an Op that writes columns of a row; none: no Op.
func update(row any, columns []string) []ovsdb.Op {
	if len(columns) == 0 {
		return nil
	}
	return []ovsdb.Op{{Kind: ovsdb.Update, Row: row, Columns: columns}}
}

// changedKeys returns the pairs of want that have lacks or has otherwise.
func changedKeys(have, want map[string]string) map[string]string {
	changed := map[string]string{}
	for k, v := range want {
		if old, ok := have[k]; !ok || old != v {
			changed[k] = v
		}
	}
	return changed
}

// value is what an optional column holds; the zero value when it is empty.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// equal compares optional columns.
func equal[T comparable](a, b *T) bool {
	return (a == nil) == (b == nil) && value(a) == value(b)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
