package ovsdb

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	libovsdb "github.com/ovn-kubernetes/libovsdb/ovsdb"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// connectSB returns a client of a new Southbound database.
func connectSB(t *testing.T) *DB[sb.Rows] {
	t.Helper()
	server := ovsdbtest.Start(t, ovsdbtest.SB)
	db := NewSB(Config{Name: "sb", Remotes: []string{server.Remote()}})
	start(t, db)
	await(t, db, "first copy", complete)
	return db
}

func transact[R any](t *testing.T, db *DB[R], ops ...Op) {
	t.Helper()
	if err := db.Transact(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
}

// only returns the one row of a table.
func only[T any](t *testing.T, rows map[string]*T) *T {
	t.Helper()
	for _, row := range rows {
		if len(rows) == 1 {
			return row
		}
	}
	t.Fatalf("table has %d rows, want 1", len(rows))
	return nil
}

func TestInsertWithReferences(t *testing.T) {
	db := connectSB(t)
	transact(t, db, hv1()...)
	rows := db.Rows() // no wait: the server sends the change before its answer
	chassis, encap := only(t, rows.Chassis), only(t, rows.Encap)
	want := &sb.Chassis{
		UUID: chassis.UUID, Name: "hv1", Hostname: "host1", NbCfg: 3, Encaps: []string{encap.UUID},
		OtherConfig: map[string]string{"is-interconn": "false"},
	}
	if diff := cmp.Diff(want, chassis); diff != "" {
		t.Errorf("chassis (-want +got):\n%s", diff)
	}
}

func TestCompareAndSet(t *testing.T) {
	db := connectSB(t)
	transact(t, db, append(hv1(),
		Op{Kind: Insert, Row: &sb.DatapathBinding{UUID: "net", TunnelKey: 1}},
		Op{Kind: Insert, Row: &sb.PortBinding{LogicalPort: "lp1", Datapath: "net", TunnelKey: 1}})...)
	rows := db.Rows()
	free, hv1 := only(t, rows.PortBinding), only(t, rows.Chassis).UUID

	up := true
	claimed := *free
	claimed.Chassis, claimed.Up = &hv1, &up
	claim := Op{
		Kind: Update, Row: &claimed, Columns: []string{"chassis", "up"}, If: &IfRow{Row: free, Columns: []string{"chassis"}},
		SetKeys: map[string]map[string]string{"external_ids": {"claimed": "yes"}},
	}
	transact(t, db, claim)
	got := only(t, db.Rows().PortBinding)
	if got.Chassis == nil || *got.Chassis != hv1 || got.Up == nil || !*got.Up || got.ExternalIDs["claimed"] != "yes" {
		t.Errorf("port after the claim = %+v", got)
	}

	// The port is no longer free, so neither a second claim nor a deletion with the same condition has an effect.
	down := false
	late := claimed
	late.Up = &down
	transact(t, db,
		Op{Kind: Update, Row: &late, Columns: []string{"up"}, If: claim.If},
		Op{Kind: Delete, Row: free, If: claim.If})
	if got := only(t, db.Rows().PortBinding); !*got.Up {
		t.Errorf("port after a late claim = %+v, want it unchanged", got)
	}

	released := claimed
	released.Chassis = nil
	transact(t, db, Op{Kind: Update, Row: &released, Columns: []string{"chassis"}, If: &IfRow{Row: got, Columns: []string{"chassis"}}})
	if got := only(t, db.Rows().PortBinding); got.Chassis != nil {
		t.Errorf("port after its release = %+v, want no chassis", got)
	}
	transact(t, db, Op{Kind: Delete, Row: free, If: claim.If})
	if left := db.Rows().PortBinding; len(left) != 0 {
		t.Errorf("ports after the deletion = %v, want none", left)
	}
}

func TestMapKeys(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.VSW)
	db := NewVSW(Config{Remotes: []string{server.Remote()}})
	start(t, db)
	await(t, db, "first copy", complete)
	transact(t, db,
		Op{Kind: Insert, Row: &vsw.OpenvSwitch{Bridges: []string{"br"}}},
		Op{Kind: Insert, Row: &vsw.Bridge{UUID: "br", Name: "br-int", ExternalIDs: map[string]string{"keep": "1", "old": "1", "gone": "1"}}})
	bridge := only(t, db.Rows().Bridge)
	transact(t, db, Op{
		Kind: Update, Row: bridge,
		SetKeys: map[string]map[string]string{"external_ids": {"old": "2", "new": "2"}},
		DelKeys: map[string][]string{"external_ids": {"gone", "absent", "old"}},
	})
	want := map[string]string{"keep": "1", "old": "2", "new": "2"}
	if diff := cmp.Diff(want, only(t, db.Rows().Bridge).ExternalIDs); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestInsertOfAnEmptyRow(t *testing.T) {
	db := connectSB(t)
	transact(t, db, Op{Kind: Insert, Row: &sb.SBGlobal{}})
	if got := only(t, db.Rows().SBGlobal); got.NbCfg != 0 {
		t.Errorf("SB_Global = %+v", got)
	}
}

// A refused transaction has no effect at all, and the error tells what was refused.
func TestRefusedTransactions(t *testing.T) {
	db := connectSB(t)
	transact(t, db, hv1()...)
	before := db.Rows()
	chassis := only(t, before.Chassis)
	harmless := Op{Kind: Update, Row: &sb.Chassis{UUID: chassis.UUID, Hostname: "changed"}, Columns: []string{"hostname"}}

	err := db.Transact(t.Context(), append(hv1(), harmless))
	var violation *libovsdb.ConstraintViolation
	var refused *RefusedError
	if !errors.As(err, &violation) || !errors.As(err, &refused) || refused.What != "commit" {
		t.Errorf("second encapsulation of the same address: %v, want a constraint violation on commit", err)
	}
	err = db.Transact(t.Context(), []Op{harmless, {Kind: Insert, Row: &sb.Encap{Type: "pigeon", IP: "x", ChassisName: "y"}}})
	if !errors.As(err, &violation) || !errors.As(err, &refused) || refused.What != "insert Encap" {
		t.Errorf("encapsulation that does not exist: %v, want a constraint violation of insert Encap", err)
	}

	keys := map[string]map[string]string{"other_config": {"a": "b"}}
	for name, op := range map[string]Op{
		"no row":             {Kind: Delete},
		"nil row":            {Kind: Delete, Row: (*sb.Chassis)(nil)},
		"not a pointer":      {Kind: Delete, Row: *chassis},
		"other database":     {Kind: Insert, Row: &nb.LogicalSwitch{}},
		"not a row":          {Kind: Insert, Row: new(int)},
		"unknown kind":       {Kind: "upsert", Row: chassis},
		"no UUID":            {Kind: Delete, Row: &sb.Chassis{}},
		"bad name":           {Kind: Insert, Row: &sb.Chassis{UUID: chassis.UUID}},
		"insert with If":     {Kind: Insert, Row: &sb.Chassis{}, If: &IfRow{Row: chassis}},
		"insert with keys":   {Kind: Insert, Row: &sb.Chassis{}, SetKeys: keys},
		"unknown column":     {Kind: Update, Row: chassis, Columns: []string{"flavour"}},
		"key of no map":      {Kind: Update, Row: chassis, DelKeys: map[string][]string{"name": {"a"}}},
		"key of no column":   {Kind: Update, Row: chassis, DelKeys: map[string][]string{"flavour": {"a"}}},
		"condition, no row":  {Kind: Delete, Row: chassis, If: &IfRow{Columns: []string{"name"}}},
		"condition, type":    {Kind: Delete, Row: chassis, If: &IfRow{Row: &sb.Encap{}, Columns: []string{"type"}}},
		"condition, column":  {Kind: Delete, Row: chassis, If: &IfRow{Row: chassis, Columns: []string{"flavour"}}},
		"condition and keys": {Kind: Update, Row: chassis, SetKeys: keys, Columns: []string{"hostname"}, If: &IfRow{Row: chassis, Columns: []string{"other_config"}}},
	} {
		if err := db.Transact(t.Context(), []Op{harmless, op}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if after := db.Rows(); after != before {
		t.Errorf("refused transactions changed rows: %s", cmp.Diff(before, after))
	}
}
