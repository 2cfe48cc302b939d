package ingest

import (
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

// members finds the ports of the local switches by their Northbound rows.
type members struct {
	ports map[string]*knownPort // by Logical_Switch_Port UUID; those of an older round are gone
	// round is the number of this call of Network; version that of the set of members.
	round, version uint64
	now, last      int // members in this round and in the last one
}

// begin starts a round, in which every member is entered, and end closes it.
func (m *members) begin() {
	if m.ports == nil || len(m.ports) > 2*m.now {
		m.forget()
	}
	m.round++
	m.last, m.now = m.now, 0
}

// forget drops what was no member in the last round.
func (m *members) forget() {
	ports := make(map[string]*knownPort, m.now)
	for uuid, p := range m.ports {
		if p.round == m.round {
			ports[uuid] = p
		}
	}
	m.ports = ports
}

// enter says that a port is there. With a Northbound row it is a member.
func (m *members) enter(p *knownPort) {
	if p.row != nil {
		if m.now++; !m.lately(p) {
			m.add(p)
		}
	}
	p.round = m.round
}

// add makes a port a member that was none in the last round. Of two with one row the later one is it.
func (m *members) add(p *knownPort) {
	last := m.ports[p.row.UUID]
	if last == nil || last.round+1 < m.round || last.datapath != p.datapath || last.port.Key != p.port.Key {
		m.version++
	}
	if last != nil {
		last.round = 0
	}
	m.ports[p.row.UUID] = p
}

// lately says whether a port, if it is not nil, was entered in the last round and is not displaced. It is to be asked before its entry in
// this one.
func (m *members) lately(p *knownPort) bool { return p != nil && p.round > 0 && p.round+1 == m.round }

func (m *members) end() {
	if m.now != m.last {
		m.version++
	}
}

// find is the port of a Northbound row; nil when it is in no local switch.
func (m *members) find(uuid string) *knownPort {
	if p := m.ports[uuid]; p != nil && p.round == m.round {
		return p
	}
	return nil
}

// knownGroup is what a Reader remembers of a port group.
type knownGroup struct {
	row     *nb.PortGroup
	version uint64 // of the members
	result  *logical.PortGroup
	acls    acls
}

// readPortGroups reads all port groups, and enters the ACLs of those with a port here.
func (n *network) readPortGroups() map[string]*logical.PortGroup {
	out := make(map[string]*logical.PortGroup, len(n.NB.PortGroup))
	for uuid, row := range n.NB.PortGroup {
		g := n.knownGroups.get(uuid, func() *knownGroup { return &knownGroup{acls: acls{uuid: uuid}} })
		if g.row != row || g.version != n.members.version {
			g.row, g.version = row, n.members.version
			g.result = keepEqual(g.result, n.readPortGroup(row), deepEqual)
		}
		out[row.Name] = g.result
		if len(row.ACLs) == 0 || len(g.result.Ports) == 0 {
			continue
		}
		g.acls.read(n, row.ACLs, row.Name)
		for datapath := range g.result.Ports {
			n.locals[datapath].acls = append(n.locals[datapath].acls, &g.acls)
		}
	}
	return out
}

// readPortGroup resolves the ports of a group.
func (n *network) readPortGroup(row *nb.PortGroup) *logical.PortGroup {
	g := &logical.PortGroup{Name: row.Name, Ports: map[string][]uint16{}}
	for _, uuid := range row.Ports {
		if p := n.members.find(uuid); p != nil {
			g.Ports[p.datapath] = append(g.Ports[p.datapath], p.port.Key)
		}
	}
	for _, keys := range g.Ports {
		slices.Sort(keys)
	}
	return g
}
