package ovsdb

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// uuidColumn is in every table (RFC 7047 section 3.2).
const uuidColumn = "_uuid"

// rowName is what may name an inserted row (<id> in RFC 7047 section 3.1).
var rowName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// operations translates Ops for a server that shares d.
func (c catalog) operations(d *dialect, ops []Op) ([]ovsdb.Operation, error) {
	var wire []ovsdb.Operation
	for _, op := range ops {
		translated, err := c.translate(d, op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Kind, c.tableOf(op.Row), err)
		}
		wire = append(wire, translated...)
	}
	return wire, nil
}

func (c catalog) translate(d *dialect, op Op) ([]ovsdb.Operation, error) {
	name := c.tableOf(op.Row)
	row := reflect.ValueOf(op.Row)
	if name == "" || row.IsNil() {
		return nil, fmt.Errorf("row is %T: want a pointer to a row of %s", op.Row, c.database)
	}
	row = row.Elem()
	table, ok := d.tables[row.Type()]
	if !ok {
		return nil, ErrNoTable
	}
	return wireRow{table, row, row.FieldByName("UUID").String()}.operations(op)
}

// wireRow is a row and the table of the server that it belongs to.
type wireRow struct {
	table sharedTable
	value reflect.Value // the generated struct
	uuid  string
}

func (r wireRow) operations(op Op) ([]ovsdb.Operation, error) {
	if op.Kind == Insert {
		insert, err := r.insert(op)
		return []ovsdb.Operation{insert}, err
	}
	if r.uuid == "" {
		return nil, errors.New("row has no UUID")
	}
	where, err := r.where(op.If)
	if err != nil {
		return nil, err
	}
	switch op.Kind {
	case Update:
		return r.update(op, where)
	case Delete:
		return []ovsdb.Operation{{Op: ovsdb.OperationDelete, Table: r.table.name, Where: where}}, nil
	}
	return nil, errors.New("unknown kind of operation")
}

func (r wireRow) insert(op Op) (ovsdb.Operation, error) {
	insert := ovsdb.Operation{Op: ovsdb.OperationInsert, Table: r.table.name, UUIDName: r.uuid}
	if op.If != nil || op.SetKeys != nil || op.DelKeys != nil {
		return insert, errors.New("condition or keys without an old row")
	}
	if r.uuid != "" && !rowName.MatchString(r.uuid) {
		return insert, fmt.Errorf("row name %q: want letters, digits and underscores", r.uuid)
	}
	columns := op.Columns
	if columns == nil {
		columns = r.filled()
	}
	var err error
	if insert.Row, err = r.values(columns); err != nil {
		return insert, err
	}
	if len(insert.Row) == 0 { // libovsdb leaves out an empty row, which OVSDB wants to see
		insert.Row, err = r.values(r.emptyColumn())
	}
	return insert, err
}

// filled returns the columns that are not zero.
func (r wireRow) filled() []string {
	var names []string
	for name, column := range r.table.columns {
		if !isEmpty(r.value.Field(column.field)) {
			names = append(names, name)
		}
	}
	return names
}

// emptyColumn returns one column that may be written empty.
func (r wireRow) emptyColumn() []string {
	for _, name := range slices.Sorted(maps.Keys(r.table.columns)) {
		column := r.table.columns[name]
		if column.schema != nil && column.schema.TypeObj.Min() == 0 && isEmpty(r.value.Field(column.field)) {
			return []string{name}
		}
	}
	return nil
}

// update writes single keys and whole columns, which takes two operations. Both have the condition, so the first must
// not change what it asks for.
func (r wireRow) update(op Op, where []ovsdb.Condition) ([]ovsdb.Operation, error) {
	mutations, err := r.mutations(op)
	if err != nil {
		return nil, err
	}
	row, err := r.values(op.Columns)
	if err != nil {
		return nil, err
	}
	for _, m := range mutations {
		if len(row) > 0 && op.If != nil && slices.Contains(op.If.Columns, m.Column) {
			return nil, fmt.Errorf("condition on column %s, of which keys are set, beside other columns", m.Column)
		}
	}
	var ops []ovsdb.Operation
	if len(mutations) > 0 {
		ops = append(ops, ovsdb.Operation{Op: ovsdb.OperationMutate, Table: r.table.name, Where: where, Mutations: mutations})
	}
	if len(row) > 0 {
		ops = append(ops, ovsdb.Operation{Op: ovsdb.OperationUpdate, Table: r.table.name, Where: where, Row: row})
	}
	return ops, nil
}

// mutations replaces and deletes keys of map columns. A mutation "insert" leaves a key that exists alone, so it is deleted first.
func (r wireRow) mutations(op Op) ([]ovsdb.Mutation, error) {
	var mutations []ovsdb.Mutation
	remove := make(map[string][]string)
	for column, keys := range op.DelKeys {
		remove[column] = slices.Clone(keys)
	}
	for column, pairs := range op.SetKeys {
		remove[column] = slices.AppendSeq(remove[column], maps.Keys(pairs))
	}
	for _, name := range slices.Sorted(maps.Keys(remove)) {
		column, ok := r.table.columns[name]
		if !ok || r.value.Field(column.field).Type() != reflect.TypeFor[map[string]string]() {
			return nil, fmt.Errorf("column %s: want a map of strings", name)
		}
		if column.schema == nil || len(remove[name]) == 0 {
			continue
		}
		slices.Sort(remove[name])
		keys, err := ovsdb.NewOvsSet(slices.Compact(remove[name])) // OVSDB refuses a set with duplicates
		if err != nil {
			return nil, fmt.Errorf("encode keys of column %s: %w", name, err)
		}
		mutations = append(mutations, *ovsdb.NewMutation(name, ovsdb.MutateOperationDelete, keys))
		if len(op.SetKeys[name]) == 0 {
			continue
		}
		pairs, err := ovsdb.NativeToOvs(column.schema, op.SetKeys[name])
		if err != nil {
			return nil, fmt.Errorf("encode keys of column %s: %w", name, err)
		}
		mutations = append(mutations, *ovsdb.NewMutation(name, ovsdb.MutateOperationInsert, pairs))
	}
	return mutations, nil
}

// where selects the row, if it still has the values of the condition.
func (r wireRow) where(cond *IfRow) ([]ovsdb.Condition, error) {
	where := []ovsdb.Condition{ovsdb.NewCondition(uuidColumn, ovsdb.ConditionEqual, ovsdb.UUID{GoUUID: r.uuid})}
	if cond == nil {
		return where, nil
	}
	old := reflect.ValueOf(cond.Row)
	if !old.IsValid() || old.Type() != r.value.Addr().Type() || old.IsNil() {
		return nil, fmt.Errorf("condition's row is %T: want %s", cond.Row, r.value.Addr().Type())
	}
	values, err := wireRow{r.table, old.Elem(), r.uuid}.values(cond.Columns)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		where = append(where, ovsdb.NewCondition(name, ovsdb.ConditionEqual, values[name]))
	}
	return where, nil
}

// values encodes columns; those that the server lacks are left out.
func (r wireRow) values(columns []string) (ovsdb.Row, error) {
	row := ovsdb.NewRow()
	for _, name := range columns {
		column, ok := r.table.columns[name]
		if !ok {
			return nil, fmt.Errorf("column %s: row has none", name)
		}
		if column.schema == nil {
			continue
		}
		value, err := ovsdb.NativeToOvs(column.schema, r.value.Field(column.field).Interface())
		if err != nil {
			return nil, fmt.Errorf("encode column %s: %w", name, err)
		}
		row[name] = value
	}
	return row, nil
}
