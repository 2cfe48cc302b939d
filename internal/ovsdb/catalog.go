package ovsdb

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// catalog is a database as the generated code knows it.
type catalog struct {
	database string
	tables   map[string]reflect.Type // generated row structs by table
	rows     reflect.Type            // the struct of maps from UUID to row that is kept up to date
	unread   []string                // columns of any table that are only written
	lingers  []string                // tables of which a deleted row stays until the next copy, see tableReplica.lingers
}

// newCatalog takes the rows of newer in the place of the generated ones.
func newCatalog(m model.ClientDBModel, newer map[string]model.Model, rows reflect.Type, unread []string) catalog {
	tables := make(map[string]reflect.Type, len(m.Types()))
	for table, pointer := range m.Types() {
		tables[table] = pointer.Elem()
	}
	for table, row := range newer {
		tables[table] = reflect.TypeOf(row).Elem()
	}
	return catalog{database: m.Name(), tables: tables, rows: rows, unread: unread}
}

// tableOf returns the table of a pointer to a generated row struct, "" for another value.
func (c catalog) tableOf(row any) string {
	t := reflect.TypeOf(row)
	for table, generated := range c.tables {
		if t == reflect.PointerTo(generated) {
			return table
		}
	}
	return ""
}

// dialect is what a catalog and the schema of a server have in common. Other releases of OVN and Open vSwitch lack
// tables and columns, have more of them, or store a column as another type; libovsdb refuses a model that differs.
type dialect struct {
	tables    map[reflect.Type]sharedTable // by generated row struct
	monitored []monitoredTable
	model     model.ClientDBModel // of the monitored tables
}

// sharedTable is a table that server and catalog have.
type sharedTable struct {
	name    string
	columns map[string]sharedColumn // by OVSDB name; a nil schema: the server lacks the column
}

type sharedColumn struct {
	field  int // of the row struct
	schema *ovsdb.ColumnSchema
}

// monitoredTable is a field of Rows and how it is read.
type monitoredTable struct {
	name    string
	field   int          // of Rows
	row     reflect.Type // generated struct
	columns []string     // that are monitored
	lingers bool
	fields  []int // of the generated struct, for each field of the struct in libovsdb's cache
}

// adapt returns the dialect for talking to a server with this schema.
func (c catalog) adapt(schema ovsdb.DatabaseSchema) (*dialect, error) {
	d := &dialect{tables: make(map[reflect.Type]sharedTable, len(c.tables))}
	for name, row := range c.tables {
		if table := schema.Table(name); table != nil {
			d.tables[row] = sharedTable{name, sharedColumns(row, table)}
		}
	}
	models := make(map[string]model.Model)
	for i := range c.rows.NumField() {
		row := c.rows.Field(i).Type.Elem().Elem()
		table, ok := d.tables[row]
		if !ok {
			continue
		}
		monitored, cached := c.monitor(table, row)
		monitored.field, monitored.lingers = i, slices.Contains(c.lingers, table.name)
		if len(monitored.columns) == 0 {
			continue // libovsdb would ask for every column
		}
		d.monitored = append(d.monitored, monitored)
		models[table.name] = reflect.New(cached).Interface()
	}
	if len(models) == 0 {
		return nil, errors.New("server has none of the tables")
	}
	var err error
	if d.model, err = model.NewClientDBModel(c.database, models); err != nil {
		return nil, fmt.Errorf("build model of %s %s: %w", schema.Name, schema.Version, err)
	}
	return d, nil
}

// sharedColumns matches the columns of a generated row struct with those of a server's table.
func sharedColumns(row reflect.Type, table *ovsdb.TableSchema) map[string]sharedColumn {
	columns := make(map[string]sharedColumn, row.NumField())
	for i := range row.NumField() {
		name := row.Field(i).Tag.Get("ovsdb")
		if name == uuidColumn {
			continue
		}
		schema := table.Column(name)
		if schema != nil && ovsdb.NativeType(schema) != row.Field(i).Type {
			schema = nil
		}
		columns[name] = sharedColumn{i, schema}
	}
	return columns
}

// monitor says how to read a table, and returns the struct type for libovsdb's cache. libovsdb finds tables by
// the type, so a tag with the table's name keeps the types of two tables with equal columns apart.
func (c catalog) monitor(table sharedTable, row reflect.Type) (monitoredTable, reflect.Type) {
	uuid, _ := row.FieldByName("UUID")
	m := monitoredTable{name: table.name, row: row, fields: uuid.Index}
	fields := []reflect.StructField{{
		Name: uuid.Name, Type: uuid.Type,
		Tag: reflect.StructTag(fmt.Sprintf("ovsdb:%q table:%q", uuidColumn, table.name)),
	}}
	for _, name := range slices.Sorted(maps.Keys(table.columns)) {
		column := table.columns[name]
		if column.schema == nil || slices.Contains(c.unread, name) {
			continue
		}
		m.columns = append(m.columns, name)
		m.fields = append(m.fields, column.field)
		fields = append(fields, reflect.StructField{
			Name: row.Field(column.field).Name,
			Type: row.Field(column.field).Type,
			Tag:  reflect.StructTag(fmt.Sprintf("ovsdb:%q", name)),
		})
	}
	return m, reflect.StructOf(fields)
}
