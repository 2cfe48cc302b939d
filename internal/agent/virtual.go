package agent

import (
	"maps"
	"net/netip"
	"time"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// virtualMemo is what a round leaves for the next about virtual ports.
type virtualMemo struct {
	heard map[string]heardVirtual // by virtual port, until the Southbound database has it
	// The last result, and what it was made of.
	base   *claims
	added  map[string]claim
	result *claims
}

// heardVirtual is the parent that announced a virtual port's address last.
type heardVirtual struct {
	parent string
	until  time.Time
}

// virtualClaims are the claims of a round together with those of the virtual ports that are at one of our ports (ovn-nb(5), type virtual): whose
// parent here has announced the address, or is the one that the Southbound database has. When the parent goes, so does the virtual port.
func (l *loop) virtualClaims(r *round) *claims {
	if l.live.network == nil {
		return r.claims
	}
	parents, virtual := virtualPorts(l.live.network, r.claims.ours)
	l.virtuals.Configure(parents)
	l.noteVirtual(r.now, parents)
	added := map[string]claim{}
	for _, p := range virtual {
		if c, ok := l.virtualClaim(r, p); ok {
			added[p.Name] = c
		}
	}
	if len(added) == 0 {
		return r.claims
	}
	if l.virtual.base != r.claims || !maps.Equal(l.virtual.added, added) {
		all := *r.claims
		all.ours = maps.Clone(all.ours)
		maps.Copy(all.ours, added)
		l.virtual.base, l.virtual.added, l.virtual.result = r.claims, added, &all
	}
	return l.virtual.result
}

// virtualPorts are the virtual ports of a network, and for each parent that is ours which of them it may have, by address.
func virtualPorts(n *logical.Network, ours map[string]claim) (parents map[punt.Port]map[netip.Addr]string, virtual []*logical.Port) {
	parents = map[punt.Port]map[netip.Addr]string{}
	for _, sw := range n.Switches {
		for _, p := range sw.Ports {
			for _, parent := range p.VirtualParents {
				c, here := ours[parent]
				if !here || c.Role != ingest.Main || c.Binding.Datapath != sw.UUID {
					continue
				}
				at := punt.Port{Module: sw.UUID, Key: uint16(c.Binding.TunnelKey)}
				if parents[at] == nil {
					parents[at] = map[netip.Addr]string{}
				}
				parents[at][p.VirtualIP] = p.Name
			}
			if len(p.VirtualParents) > 0 {
				virtual = append(virtual, p)
			}
		}
	}
	return parents, virtual
}

// noteVirtual notes which parents have announced addresses since the last round.
func (l *loop) noteVirtual(now time.Time, parents map[punt.Port]map[netip.Addr]string) {
	if l.virtual.heard == nil {
		l.virtual.heard = map[string]heardVirtual{}
	}
	for name, at := range l.virtuals.Heard() {
		if port := l.portName(at); port != "" && parents[at] != nil {
			l.virtual.heard[name] = heardVirtual{port, now.Add(heardFor)}
		}
	}
	maps.DeleteFunc(l.virtual.heard, func(_ string, h heardVirtual) bool { return now.After(h.until) })
}

// portName is the logical port with a key; "" when there is none.
func (l *loop) portName(at punt.Port) string {
	sw := l.live.network.Switches[at.Module]
	if sw == nil {
		return ""
	}
	for _, p := range sw.Ports {
		if p.Key == at.Key {
			return p.Name
		}
	}
	return ""
}

// virtualClaim is the claim of a virtual port that is here.
func (l *loop) virtualClaim(r *round, p *logical.Port) (claim, bool) {
	row := r.sb.PortBinding[p.UUID]
	if row == nil || r.self == nil {
		return claim{}, false
	}
	mine, parent := value(row.Chassis) == r.self.UUID, ""
	if mine {
		parent = value(row.VirtualParent)
	}
	if h, heard := l.virtual.heard[p.Name]; heard {
		if mine && h.parent == parent {
			delete(l.virtual.heard, p.Name)
		}
		parent = h.parent
	}
	of, here := r.claims.ours[parent]
	if !here || of.Role != ingest.Main {
		return claim{}, false
	}
	return virtualOf(of, p.Name, row), true
}

// virtualOf is the claim of a virtual port at a parent.
func virtualOf(parent claim, name string, row *sb.PortBinding) claim {
	return claim{Plug: ingest.Plug{Interface: parent.Interface, Port: name, Parent: parent.Port, Binding: row, Role: ingest.Main}, encap: parent.encap, virtual: true}
}
