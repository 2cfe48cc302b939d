package ingest

import "woven.dev/woven/internal/ovsdb/nb"

// portRows finds the rows of a switch's ports by their names.
type portRows struct {
	row, before *nb.LogicalSwitch // now, and at the last call; nil: there is, or was, none
	left        map[string]bool   // UUIDs of the ports that it had before and has no more
	all         map[string]*nb.LogicalSwitchPort
	searches    int
	byName      map[string]*nb.LogicalSwitchPort // nil until it pays
}

func newPortRows(before, row *nb.LogicalSwitch, all map[string]*nb.LogicalSwitchPort) portRows {
	p := portRows{row: row, before: before, all: all}
	if before != nil && row != nil && before != row {
		p.left = without(before.Ports, row.Ports)
	}
	return p
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
func (p *portRows) keep(known *knownPort) bool {
	return known.owner == p.row || known.owner == p.before && known.row != nil && p.row != nil && !p.left[known.row.UUID]
}

// rowOf is the row of a port; nil when the switch has no such port. known is what was found the last time, or nil.
func (p *portRows) rowOf(port string, known *knownPort) *nb.LogicalSwitchPort {
	if p.row == nil {
		return nil
	}
	if known != nil && known.row != nil && p.keep(known) {
		if row := p.all[known.row.UUID]; row == known.row || row != nil && row.Name == port {
			return row
		}
	}
	return p.search(port)
}

// fewSearches is up to how many ports are looked for one by one, from the end, where new ones are.
const fewSearches = 4

func (p *portRows) search(port string) *nb.LogicalSwitchPort {
	if p.searches++; p.searches <= fewSearches {
		for i := len(p.row.Ports) - 1; i >= 0; i-- {
			if row := p.all[p.row.Ports[i]]; row != nil && row.Name == port {
				return row
			}
		}
		return nil
	}
	if p.byName == nil {
		p.byName = make(map[string]*nb.LogicalSwitchPort, len(p.row.Ports))
		for _, uuid := range p.row.Ports {
			if row := p.all[uuid]; row != nil {
				p.byName[row.Name] = row
			}
		}
	}
	return p.byName[port]
}
