package ingest

import "woven.dev/woven/internal/ovsdb/nb"

// members finds the rows of a switch's ports by their names.
type members struct {
	row, before *nb.LogicalSwitch // now, and at the last call; nil: there is, or was, none
	left        map[string]bool   // UUIDs of the ports that it had before and has no more
	all         map[string]*nb.LogicalSwitchPort
	searches    int
	byName      map[string]*nb.LogicalSwitchPort // nil until it pays
}

func newMembers(before, row *nb.LogicalSwitch, all map[string]*nb.LogicalSwitchPort) members {
	m := members{row: row, before: before, all: all}
	if before != nil && row != nil && before != row {
		m.left = without(before.Ports, row.Ports)
	}
	return m
}

// without are the elements of a that b lacks. Most are expected to be in both, in the same order.
func without(a, b []string) map[string]bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	left := make(map[string]bool, len(a))
	for _, x := range a {
		left[x] = true
	}
	for _, x := range b {
		delete(left, x)
	}
	return left
}

// keep says whether the switch has the same row of a port as the last time, if its columns are left aside; none counts too.
func (m *members) keep(known *knownPort) bool {
	return known.owner == m.row || known.owner == m.before && known.row != nil && m.row != nil && !m.left[known.row.UUID]
}

// rowOf is the row of a port; nil when the switch has no such port. known is what was found the last time, or nil.
func (m *members) rowOf(port string, known *knownPort) *nb.LogicalSwitchPort {
	if m.row == nil {
		return nil
	}
	if known != nil && known.row != nil && m.keep(known) {
		if row := m.all[known.row.UUID]; row != nil && row.Name == port {
			return row
		}
	}
	return m.search(port)
}

// fewSearches is up to how many ports are looked for one by one, from the end, where new ones are.
const fewSearches = 4

func (m *members) search(port string) *nb.LogicalSwitchPort {
	if m.searches++; m.searches <= fewSearches {
		for i := len(m.row.Ports) - 1; i >= 0; i-- {
			if row := m.all[m.row.Ports[i]]; row != nil && row.Name == port {
				return row
			}
		}
		return nil
	}
	if m.byName == nil {
		m.byName = make(map[string]*nb.LogicalSwitchPort, len(m.row.Ports))
		for _, uuid := range m.row.Ports {
			if row := m.all[uuid]; row != nil {
				m.byName[row.Name] = row
			}
		}
	}
	return m.byName[port]
}
