package ovsdb

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/model"
	libovsdb "github.com/ovn-kubernetes/libovsdb/ovsdb"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// newCache returns libovsdb's cache as a session fills it, without a server and without events, and a replica of it.
func newCache(t testing.TB) (*cache.TableCache, *replica) {
	t.Helper()
	text, err := os.ReadFile(ovsdbtest.NB)
	if err != nil {
		t.Fatal(err)
	}
	var schema libovsdb.DatabaseSchema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	d, err := NewNB(Config{}).catalog.adapt(schema)
	if err != nil {
		t.Fatal(err)
	}
	m, errs := model.NewDatabaseModel(schema, d.model)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	cached, err := cache.NewTableCache(m, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cached, newReplica(reflect.TypeFor[nb.Rows](), d, cached)
}

// change applies an update notification for one switch.
func change(t testing.TB, cached *cache.TableCache, uuid string, update libovsdb.RowUpdate2) {
	t.Helper()
	err := cached.Populate2(libovsdb.TableUpdates2{"Logical_Switch": {uuid: &update}})
	if err != nil {
		t.Fatal(err)
	}
}

func insertSwitch(t testing.TB, cached *cache.TableCache, name string) {
	t.Helper()
	change(t, cached, name, libovsdb.RowUpdate2{Insert: &libovsdb.Row{"name": name}})
}

// libovsdb drops the event of a change when its buffer is full; looking at all tables makes up for it.
func TestLostEvent(t *testing.T) {
	cached, r := newCache(t)
	insertSwitch(t, cached, "blue")
	var rows nb.Rows
	update := func() bool { return r.update(reflect.ValueOf(&rows).Elem()) }
	if !update() || len(rows.LogicalSwitch) != 1 {
		t.Fatalf("first update: rows = %+v, want one switch", rows)
	}
	blue, routers := rows.LogicalSwitch["blue"], reflect.ValueOf(rows.LogicalRouter).Pointer()

	insertSwitch(t, cached, "green")
	if update() {
		t.Errorf("update without an event: read tables that were not touched")
	}
	r.touchAll()
	if !update() || len(rows.LogicalSwitch) != 2 {
		t.Errorf("update of all tables: switches = %v, want two", rows.LogicalSwitch)
	}
	if rows.LogicalSwitch["blue"] != blue || reflect.ValueOf(rows.LogicalRouter).Pointer() != routers {
		t.Errorf("a row or table that did not change is another one")
	}
	r.touchAll()
	if update() {
		t.Errorf("update of all tables without a change: changed")
	}

	// There and back again is no change.
	for range 2 {
		change(t, cached, "blue", libovsdb.RowUpdate2{Modify: &libovsdb.Row{
			"other_config": libovsdb.OvsMap{GoMap: map[any]any{"a": "b"}},
		}})
	}
	r.touch("Logical_Switch")
	if update() || rows.LogicalSwitch["blue"] != blue {
		t.Errorf("switch = %+v, want the same pointer as before", rows.LogicalSwitch["blue"])
	}
}

// A transaction replaces a switch's ACL while the tables are being copied: the switch was read before, the ACLs after it. The switch's reference
// must not dangle.
func TestReplacedReference(t *testing.T) {
	cached, r := newCache(t)
	var rows nb.Rows
	update := func() bool { return r.update(reflect.ValueOf(&rows).Elem()) }
	populate := func(updates libovsdb.TableUpdates2) {
		t.Helper()
		if err := cached.Populate2(updates); err != nil {
			t.Fatal(err)
		}
	}
	acl := &libovsdb.RowUpdate2{Insert: &libovsdb.Row{"action": "drop", "direction": "to-lport"}}
	reference := func(uuid string) libovsdb.OvsSet {
		return libovsdb.OvsSet{GoSet: []any{libovsdb.UUID{GoUUID: uuid}}}
	}
	populate(libovsdb.TableUpdates2{
		"Logical_Switch": {"sw": {Insert: &libovsdb.Row{"name": "sw", "acls": reference("old")}}},
		"ACL":            {"old": acl},
	})
	update()

	populate(libovsdb.TableUpdates2{
		"Logical_Switch": {"sw": {Modify: &libovsdb.Row{"acls": libovsdb.OvsSet{GoSet: []any{libovsdb.UUID{GoUUID: "old"}, libovsdb.UUID{GoUUID: "new"}}}}}},
		"ACL":            {"old": {Delete: &libovsdb.Row{}}, "new": acl},
	})
	r.touch("ACL")
	update()
	if got := rows.LogicalSwitch["sw"].ACLs; len(got) != 1 || got[0] != "old" || rows.ACL["old"] == nil || rows.ACL["new"] == nil {
		t.Errorf("in between: switch has ACLs %v, there are %v", got, rows.ACL)
	}
	update()
	if got := rows.LogicalSwitch["sw"].ACLs; len(got) != 1 || got[0] != "new" || len(rows.ACL) != 1 || rows.ACL["new"] == nil {
		t.Errorf("afterwards: switch has ACLs %v, there are %v", got, rows.ACL)
	}
	r.touchAll()
	if update() {
		t.Error("a third copy differs")
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retry := backoff{first: 100 * time.Millisecond, last: time.Second}
		for _, most := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
			most *= time.Millisecond
			start := time.Now()
			retry.pause(t.Context(), nil)
			if took := time.Since(start); took < most/2 || took > most {
				t.Errorf("pause = %v, want between %v and %v", took, most/2, most)
			}
		}
	})
}

// BenchmarkUpdate changes one of 10,000 rows and copies it.
func BenchmarkUpdate(b *testing.B) {
	cached, r := newCache(b)
	for i := range 10000 {
		insertSwitch(b, cached, fmt.Sprintf("ls%d", i))
	}
	var rows nb.Rows
	r.update(reflect.ValueOf(&rows).Elem())
	for b.Loop() {
		change(b, cached, "ls1", libovsdb.RowUpdate2{Modify: &libovsdb.Row{
			"other_config": libovsdb.OvsMap{GoMap: map[any]any{"a": "b"}},
		}})
		r.touch("Logical_Switch")
		if !r.update(reflect.ValueOf(&rows).Elem()) {
			b.Fatal("no change")
		}
	}
}
