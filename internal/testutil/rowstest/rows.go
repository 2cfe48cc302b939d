// Package rowstest makes copies of databases by hand: values of types such as nb.Rows, whose fields are all tables.
package rowstest

import "reflect"

// New makes a Rows with empty tables.
func New[R any]() *R {
	rows := new(R)
	v := reflect.ValueOf(rows).Elem()
	for i := range v.NumField() {
		v.Field(i).Set(reflect.MakeMap(v.Field(i).Type()))
	}
	return rows
}

// Copy gives rows, which a test edits, as a database copy does: a table that differs from that of the last copy is another map, any other
// is the same one. last is nil at first.
func Copy[R any](last, rows *R) *R {
	next := new(R)
	from, to := reflect.ValueOf(rows).Elem(), reflect.ValueOf(next).Elem()
	for i := range from.NumField() {
		if last != nil && sameRows(reflect.ValueOf(last).Elem().Field(i), from.Field(i)) {
			to.Field(i).Set(reflect.ValueOf(last).Elem().Field(i))
			continue
		}
		to.Field(i).Set(reflect.MakeMapWithSize(from.Field(i).Type(), from.Field(i).Len()))
		for all := from.Field(i).MapRange(); all.Next(); {
			to.Field(i).SetMapIndex(all.Key(), all.Value())
		}
	}
	return next
}

// sameRows says whether two tables have the same pointers.
func sameRows(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for all := a.MapRange(); all.Next(); {
		if other := b.MapIndex(all.Key()); !other.IsValid() || other.Pointer() != all.Value().Pointer() {
			return false
		}
	}
	return true
}
