package golden

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/compile"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
)

// tableRows are the rows of the modules of a state as hover gets them: it writes those that differ (internal/hover/tables.go).
func tableRows(t *testing.T, s *netstate.State) *iom.Tables {
	t.Helper()
	tables := &iom.Tables{}
	put := func(kind iom.Kind, slot uint32, m *netstate.Module, config any) {
		inst := iom.Instance{Slot: slot, Local: map[uint16]uint32{}, Refs: map[uint16]iom.Ref{}, Config: config}
		for _, p := range m.Ports {
			if inst.Refs[p.Key] = iom.RemoteRef(1, p.Key); p.Device != nil {
				inst.Local[p.Key] = uint32(p.Key)
				inst.Refs[p.Key] = iom.Ref(p.Key)
			}
		}
		if err := kind.Entries(inst, tables); err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range slices.Sorted(maps.Keys(s.Modules)) {
		m := s.Modules[id]
		put(l2switch.Kind(), uint32(i+1), m, m.Config)
		for _, service := range m.Services {
			put(acl.Kind(), uint32(i+1), m, service.Config)
		}
	}
	return tables
}

// changed counts the rows that are new or different, and those that are gone, by table.
func changed(before, after *iom.Tables) string {
	counts := map[string]int{}
	for table, rows := range after.Rows {
		for key, value := range rows {
			if have, ok := before.Rows[table][key]; !ok || have != value {
				counts["+ "+table]++
			}
		}
	}
	for table, rows := range before.Rows {
		for key := range rows {
			if _, stays := after.Rows[table][key]; !stays {
				counts["- "+table]++
			}
		}
	}
	var lines []string
	for _, what := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(a[2:], b[2:]), cmp.Compare(a, b)) }) {
		lines = append(lines, fmt.Sprintf("%s%d%s", what[:1], counts[what], what[1:]))
	}
	return strings.Join(lines, "\n")
}

// secured is a switch with ports, all in group @pg, for which ten ACLs allow what comes from the group itself, and one what comes from an
// address set.
func secured(ports, addresses int) *world {
	w := newWorld(1, ports)
	g := &nb.PortGroup{UUID: "pg", Name: "pg"}
	for i := range 10 {
		uuid := fmt.Sprint("remote", i)
		w.NB.ACL[uuid] = &nb.ACLEntry{UUID: uuid, Direction: nb.ACLDirectionToLport, Priority: 1002, Action: nb.ACLActionAllowRelated,
			Match: fmt.Sprintf("outport == @pg && ip4 && ip4.src == $pg_ip4 && tcp && tcp.dst == %d", 80+i)}
		g.ACLs = append(g.ACLs, uuid)
	}
	w.NB.ACL["set"] = &nb.ACLEntry{UUID: "set", Direction: nb.ACLDirectionToLport, Priority: 1002, Action: nb.ACLActionAllowRelated,
		Match: "outport == @pg && ip4.src == $as"}
	g.ACLs = append(g.ACLs, "set")
	w.NB.PortGroup["pg"] = g
	for p := range ports {
		w.join(p + 1)
	}
	w.NB.AddressSet["as"] = &nb.AddressSet{UUID: "as", Name: "as"}
	for i := range addresses {
		w.addAddress(i)
	}
	return w
}

// join puts a port of switch 0 into the group.
func (w *world) join(p int) {
	g := *w.NB.PortGroup["pg"]
	g.Ports = append(slices.Clip(g.Ports), portName(0, p))
	w.NB.PortGroup["pg"] = &g
}

// addAddress puts an address into the set.
func (w *world) addAddress(i int) {
	set := *w.NB.AddressSet["as"]
	set.Addresses = append(slices.Clip(set.Addresses), fmt.Sprintf("192.168.%d.%d", i>>8, i&0xff))
	w.NB.AddressSet["as"] = &set
}

// TestCostOfMembers: what a new address of a large set, and a new port of a large group that ten ACLs use as the sender's, write into the kernel's tables
// is the same few rows whatever the size.
func TestCostOfMembers(t *testing.T) {
	const (
		address = "+1 acl_generations\n+1 iom_match_addrs"
		member  = "+1 acl_generations\n+1 iom_match_addrs\n+1 iom_match_ports"
		port    = "+1 acl_generations\n+1 iom_match_addrs\n+1 iom_match_ports\n+1 l2switch_fdbs\n+2 l2switch_neighs"
	)
	for _, size := range []struct{ ports, addresses int }{{100, 1000}, {1000, 10000}} {
		w := secured(size.ports, size.addresses)
		w.addPort(0, size.ports+1) // no member yet
		var r ingest.Reader
		var c compile.Compiler
		rows := func() *iom.Tables {
			state, problems := c.Compile(w.network(&r))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			return tableRows(t, state)
		}
		before := rows()
		for _, step := range []struct {
			what string
			edit func()
			want string
		}{
			{"nothing", func() {}, ""},
			{"an address joins the set", func() { w.addAddress(size.addresses) }, address},
			{"a port joins the group", func() { w.join(size.ports + 1) }, member},
			{"a new port joins the group", func() { w.addPort(0, size.ports+2); w.join(size.ports + 2) }, port},
		} {
			step.edit()
			after := rows()
			if got := changed(before, after); got != step.want {
				t.Errorf("%d ports, %d addresses: %s:\n got %q\nwant %q", size.ports, size.addresses, step.what, got, step.want)
			}
			before = after
		}
	}
}

// TestCostOfRules: rules cost |set| + |rules| rows, not their product.
func TestCostOfRules(t *testing.T) {
	const ports, addresses = 300, 3000
	w := secured(ports, addresses)
	var r ingest.Reader
	var c compile.Compiler
	state, _ := c.Compile(w.network(&r))
	total := 0
	for table, rows := range tableRows(t, state).Rows {
		if strings.HasPrefix(table, "acl_") || strings.HasPrefix(table, "iom_match_") {
			total += len(rows)
		}
	}
	const rules = 11
	// A port is in the group once as itself and once by its address; each rule has a few rows of its own.
	if most := 2*ports + addresses + 10*rules; total > most {
		t.Errorf("%d rows for %d ports, %d addresses and %d rules, want at most %d", total, ports, addresses, rules, most)
	}
}
