package ovsdb

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	libovsdb "github.com/ovn-kubernetes/libovsdb/ovsdb"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// editSchema writes a changed copy of a schema and returns its path. The change gets the tables: name -> "columns" -> name -> column.
func editSchema(t *testing.T, path string, change func(tables map[string]map[string]any)) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Name    string                    `json:"name"`
		Version string                    `json:"version"`
		Tables  map[string]map[string]any `json:"tables"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	change(schema.Tables)
	if text, err = json.Marshal(schema); err != nil {
		t.Fatal(err)
	}
	edited := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(edited, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return edited
}

func columnsOf(table map[string]any) map[string]any { return table["columns"].(map[string]any) }

// olderSB lacks a table and columns, and stores a column as another type.
func olderSB(tables map[string]map[string]any) {
	delete(tables, "Chassis_Private")
	delete(columnsOf(tables["Chassis"]), "other_config")
	columnsOf(tables["Chassis"])["nb_cfg"] = map[string]any{"type": "string"}
}

func newerSB(tables map[string]map[string]any) {
	columnsOf(tables["Chassis"])["future"] = map[string]any{"type": map[string]any{
		"key": "string", "value": "string", "min": 0, "max": "unlimited",
	}}
	columnsOf(tables["FDB"])["timestamp"] = map[string]any{"type": "integer"}
	tables["Future"] = map[string]any{"isRoot": true, "columns": map[string]any{"name": map[string]any{"type": "string"}}}
}

// hv1 is a chassis with all its columns written, and its encapsulation.
func hv1() []Op {
	return []Op{
		{Kind: Insert, Row: &sb.Encap{UUID: "tunnel", Type: "geneve", IP: "192.0.2.1", ChassisName: "hv1"}},
		{Kind: Insert, Row: &sb.Chassis{
			UUID: "me", Name: "hv1", Hostname: "host1", Encaps: []string{"tunnel"}, NbCfg: 3,
			OtherConfig: map[string]string{"is-interconn": "false"},
		}},
	}
}

func chassisNamed(rows *sb.Rows, name string) *sb.Chassis {
	for _, c := range rows.Chassis {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func hasChassis(name string) func(*sb.Rows) bool {
	return func(rows *sb.Rows) bool { return chassisNamed(rows, name) != nil }
}

func TestOlderServerIsUpgraded(t *testing.T) {
	server := ovsdbtest.Start(t, editSchema(t, ovsdbtest.SB, olderSB))
	db := NewSB(Config{Remotes: []string{server.Remote()}})
	db.timing = impatient
	start(t, db)
	rows := await(t, db, "first copy", complete)
	if rows.ChassisPrivate == nil || len(rows.ChassisPrivate) != 0 {
		t.Errorf("rows of a table that the server lacks = %v, want an empty map", rows.ChassisPrivate)
	}

	private := Op{Kind: Insert, Row: &sb.ChassisPrivate{Name: "hv1"}}
	if err := db.Transact(t.Context(), []Op{private}); !errors.Is(err, ErrNoTable) {
		t.Errorf("insert into a table that the server lacks: %v, want ErrNoTable", err)
	}
	if err := db.Transact(t.Context(), hv1()); err != nil {
		t.Fatal(err)
	}
	old := chassisNamed(await(t, db, "chassis", hasChassis("hv1")), "hv1")
	if old.Hostname != "host1" || old.OtherConfig != nil || old.NbCfg != 0 {
		t.Errorf("chassis = %+v, want the columns that the server has", old)
	}
	onlyLacking := Op{Kind: Update, Row: &sb.Chassis{UUID: old.UUID, NbCfg: 4}, Columns: []string{"nb_cfg", "other_config"},
		SetKeys: map[string]map[string]string{"other_config": {"a": "b"}}}
	if err := db.Transact(t.Context(), []Op{onlyLacking}); err != nil {
		t.Errorf("update of columns that the server lacks: %v, want nothing done", err)
	}

	// ovsdb-server cannot convert a string to an integer: only the table and other_config come.
	server.Convert(editSchema(t, ovsdbtest.SB, func(tables map[string]map[string]any) {
		columnsOf(tables["Chassis"])["nb_cfg"] = map[string]any{"type": "string"}
	}))
	server.Transact(`["OVN_Southbound", {"op": "insert", "table": "Chassis_Private", "row": {"name": "hv1"}}]`)
	await(t, db, "Chassis_Private after the upgrade", func(rows *sb.Rows) bool { return len(rows.ChassisPrivate) == 1 })
	checkTimestamp(t, db, 0)
}

func TestNewerServer(t *testing.T) {
	server := ovsdbtest.Start(t, editSchema(t, ovsdbtest.SB, newerSB))
	db := NewSB(Config{Remotes: []string{server.Remote()}})
	start(t, db)
	await(t, db, "first copy", complete)
	if err := db.Transact(t.Context(), hv1()); err != nil {
		t.Fatal(err)
	}
	await(t, db, "chassis", hasChassis("hv1"))
	// A change of a column that we don't know must not disturb the following one.
	server.Transact(`["OVN_Southbound", {"op": "update", "table": "Chassis", "where": [],
		"row": {"future": ["map", [["a", "b"]]]}}, {"op": "insert", "table": "Future", "row": {"name": "x"}}]`)
	server.Transact(`["OVN_Southbound", {"op": "update", "table": "Chassis", "where": [], "row": {"hostname": "host2"}}]`)
	rows := await(t, db, "changed host name", func(rows *sb.Rows) bool { return chassisNamed(rows, "hv1").Hostname == "host2" })
	if got := chassisNamed(rows, "hv1"); got.NbCfg != 3 || got.OtherConfig["is-interconn"] != "false" {
		t.Errorf("chassis = %+v, want all known columns", got)
	}
	checkTimestamp(t, db, 1234)
}

// checkTimestamp writes a row with a column that came after the schema of the generated rows, and reads it back.
func checkTimestamp(t *testing.T, db *DB[sb.Rows], want int) {
	t.Helper()
	row := &sb.FDBEntry{DpKey: 1, MAC: "0a:00:00:00:00:01", PortKey: 2, Timestamp: 1234}
	if err := db.Transact(t.Context(), []Op{{Kind: Insert, Row: row}}); err != nil {
		t.Fatal(err)
	}
	rows := await(t, db, "learned address", func(rows *sb.Rows) bool { return len(rows.FDB) == 1 })
	for _, got := range rows.FDB {
		if got.PortKey != 2 || got.Timestamp != want {
			t.Errorf("have %+v, want timestamp %d", got, want)
		}
	}
}

// libovsdb finds a table by the type of its rows, so two tables with equal columns need two types.
func TestTablesWithEqualColumns(t *testing.T) {
	var schema libovsdb.DatabaseSchema
	err := json.Unmarshal([]byte(`{"name": "OVN_Northbound", "version": "0.0.1", "tables": {
		"Logical_Switch": {"columns": {"name": {"type": "string"}}},
		"Logical_Router": {"columns": {"name": {"type": "string"}, "ports": {"type": "string"}}},
		"ACL": {"columns": {"nothing": {"type": "string"}}}}}`), &schema)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewNB(Config{}).catalog.adapt(schema)
	if err != nil {
		t.Fatal(err)
	}
	types := d.model.Types()
	if types["Logical_Switch"] == types["Logical_Router"] || len(types) != 2 {
		t.Errorf("types of rows = %v, want two", types)
	}
	lacks := d.tables[reflect.TypeFor[nb.LogicalRouter]()].columns["ports"].schema
	if lacks != nil {
		t.Errorf("column of another type = %v, want it treated as absent", lacks)
	}
	if _, err := NewSB(Config{}).catalog.adapt(schema); err == nil {
		t.Errorf("schema of another database: no error")
	}
}
