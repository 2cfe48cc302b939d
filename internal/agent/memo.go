package agent

import (
	"maps"
	"slices"
	"time"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// Most rounds change nothing of what is decided here, and with thousands of ports to decide again would be most of their cost. Each memo is
// of a pure function: what it gives depends on the arguments alone.

// plugMemo remembers the plugs of a bridge, and what interfacesOps writes for them.
type plugMemo struct {
	ports      map[string]*vsw.Port
	interfaces map[string]*vsw.Interface
	snap       *hostnet.Snapshot
	bridge     *vsw.Bridge
	plugs      []plug
	ops        []ovsdb.Op
	version    int // counts how often plugs was made
}

// of is plugsOf. Nobody may change the result.
func (m *plugMemo) of(rows *vsw.Rows, bridge *vsw.Bridge, snap *hostnet.Snapshot) []plug {
	if m.version > 0 && sameBridge(m.bridge, bridge) && ingest.SameTable(m.ports, rows.Port) && ingest.SameTable(m.interfaces, rows.Interface) &&
		m.snap == snap {
		return m.plugs
	}
	*m = plugMemo{ports: rows.Port, interfaces: rows.Interface, snap: snap, bridge: bridge, version: m.version + 1}
	if bridge != nil {
		m.plugs = plugsOf(rows, bridge, snap.Links)
		m.ops = interfacesOps(m.plugs, bridge.Name)
	}
	return m.plugs
}

// sameBridge: the interfaces are the same.
func sameBridge(a, b *vsw.Bridge) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && slices.Equal(a.Ports, b.Ports)
}

// installedMemo remembers that installedOps had nothing to write.
type installedMemo struct {
	version int // of plugMemo
	self    *sb.Chassis
	claims  *claims
	live    map[string]bool
	quiet   bool
}

// ops is installedOps.
func (m *installedMemo) ops(plugs *plugMemo, self *sb.Chassis, c *claims, live map[string]bool, now time.Time) []ovsdb.Op {
	if m.quiet && m.version == plugs.version && m.self == self && m.claims == c && maps.Equal(m.live, live) {
		return nil
	}
	ops := installedOps(plugs.plugs, self, *c, live, now)
	*m = installedMemo{plugs.version, self, c, live, len(ops) == 0}
	return ops
}

// bindingTables are the tables of which claims and bindings are made.
type bindingTables struct {
	bindings map[string]*sb.PortBinding
	chassis  map[string]*sb.Chassis
	encaps   map[string]*sb.Encap
}

func bindingTablesOf(rows *sb.Rows) bindingTables {
	return bindingTables{rows.PortBinding, rows.Chassis, rows.Encap}
}

func (t *bindingTables) same(o *bindingTables) bool {
	return ingest.SameTable(t.bindings, o.bindings) && ingest.SameTable(t.chassis, o.chassis) && ingest.SameTable(t.encaps, o.encaps)
}

// claimMemo remembers what decideClaims decided last.
type claimMemo struct {
	candidates []ingest.Plug
	tables     bindingTables
	self       *sb.Chassis
	held       map[plugID]string
	claims     *claims // nil: nothing yet
}

// decide is decideClaims. Nobody may change the result.
func (m *claimMemo) decide(candidates []ingest.Plug, rows *sb.Rows, self *sb.Chassis, held map[plugID]string) *claims {
	tables := bindingTablesOf(rows)
	same := m.claims != nil && m.self == self && m.tables.same(&tables) && (m.held == nil) == (held == nil) &&
		slices.Equal(m.candidates, candidates) && maps.Equal(m.held, held)
	if !same {
		c := decideClaims(candidates, rows, self, held)
		*m = claimMemo{candidates, tables, self, held, &c}
	}
	return m.claims
}

// bindingMemo remembers that bindingOps had nothing to write.
type bindingMemo struct {
	tables bindingTables
	self   *sb.Chassis
	claims *claims
	live   map[string]bool
	quiet  bool
}

// ops is bindingOps.
func (m *bindingMemo) ops(rows *sb.Rows, self *sb.Chassis, c *claims, live map[string]bool) []ovsdb.Op {
	tables := bindingTablesOf(rows)
	if m.quiet && m.self == self && m.claims == c && m.tables.same(&tables) && maps.Equal(m.live, live) {
		return nil
	}
	ops := bindingOps(rows, self, c.ours, live)
	*m = bindingMemo{tables, self, c, live, len(ops) == 0}
	return ops
}
