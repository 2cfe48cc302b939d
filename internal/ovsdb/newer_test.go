package ovsdb

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ovn-kubernetes/libovsdb/model"
	libovsdb "github.com/ovn-kubernetes/libovsdb/ovsdb"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// TestNewerRows: a row type that stands in for a generated one has the same columns by the same types, but for those that came later.
func TestNewerRows(t *testing.T) {
	for _, db := range []struct {
		schema libovsdb.DatabaseSchema
		rows   map[string]model.Model
		want   []string
	}{
		{nb.Schema(), nb.Newer(), []string{
			"ACL.sample_est", "ACL.sample_new", "ACL.tier", "Logical_Router_Policy.bfd_sessions", "Logical_Router_Policy.chain",
			"Logical_Router_Policy.output_port", "Logical_Router_Port.dhcp_relay", "Logical_Router_Static_Route.selection_fields",
		}},
		{sb.Schema(), sb.Newer(), []string{"DNS.options", "FDB.timestamp", "IGMP_Group.chassis_name", "IGMP_Group.protocol"}},
	} {
		var later []string
		for table, row := range db.rows {
			schema := db.schema.Table(table)
			for column, shared := range sharedColumns(reflect.TypeOf(row).Elem(), schema) {
				if shared.schema == nil {
					later = append(later, table+"."+column)
				}
			}
		}
		slices.Sort(later)
		if d := cmp.Diff(db.want, later); d != "" {
			t.Errorf("columns that the schema lacks, or has by another type (-want +got):\n%s", d)
		}
	}
}

// newerNB has columns of later releases.
func newerNB(tables map[string]map[string]any) {
	columnsOf(tables["ACL"])["tier"] = map[string]any{"type": map[string]any{"key": map[string]any{"type": "integer", "minInteger": 0, "maxInteger": 3}}}
	columnsOf(tables["Logical_Router_Policy"])["chain"] = map[string]any{"type": map[string]any{"key": "string", "min": 0, "max": 1}}
	columnsOf(tables["Logical_Router_Static_Route"])["selection_fields"] = map[string]any{"type": map[string]any{
		"key": map[string]any{"type": "string", "enum": []any{"set", []any{"ip_src", "ip_dst"}}}, "min": 0, "max": "unlimited",
	}}
}

func TestNewerNorthbound(t *testing.T) {
	server := ovsdbtest.Start(t, editSchema(t, ovsdbtest.NB, newerNB))
	db := NewNB(Config{Remotes: []string{server.Remote()}})
	start(t, db)
	server.Transact(`["OVN_Northbound",
		{"op": "insert", "table": "ACL", "uuid-name": "acl", "row": {"tier": 2, "action": "drop", "direction": "to-lport", "priority": 1, "match": "ip"}},
		{"op": "insert", "table": "Logical_Switch", "row": {"name": "sw", "acls": ["named-uuid", "acl"]}},
		{"op": "insert", "table": "Logical_Router_Policy", "uuid-name": "policy", "row": {"chain": "c", "action": "drop", "priority": 1, "match": "ip"}},
		{"op": "insert", "table": "Logical_Router_Static_Route", "uuid-name": "route",
			"row": {"selection_fields": ["set", ["ip_src", "ip_dst"]], "ip_prefix": "::/0", "nexthop": "fd00::1"}},
		{"op": "insert", "table": "Logical_Router", "row": {"name": "lr", "policies": ["named-uuid", "policy"], "static_routes": ["named-uuid", "route"]}}]`)
	rows := await(t, db, "router", func(rows *nb.Rows) bool {
		return len(rows.LogicalRouter) == 1 && len(rows.LogicalRouterStaticRoute) == 1
	})
	for _, acl := range rows.ACL {
		if acl.Tier != 2 || acl.Match != "ip" || acl.SampleNew != nil {
			t.Errorf("ACL %+v", acl)
		}
	}
	for _, policy := range rows.LogicalRouterPolicy {
		if policy.Chain == nil || *policy.Chain != "c" {
			t.Errorf("policy %+v", policy)
		}
	}
	for _, route := range rows.LogicalRouterStaticRoute {
		if len(route.SelectionFields) != 2 || route.IPPrefix != "::/0" {
			t.Errorf("route %+v", route)
		}
	}
	if len(rows.ACL) != 1 || len(rows.LogicalRouterPolicy) != 1 {
		t.Errorf("%d ACLs, %d policies, want one each", len(rows.ACL), len(rows.LogicalRouterPolicy))
	}
}
