package agent

import (
	"fmt"
	"slices"
	"strings"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// claim is a logical port that belongs to this chassis because of a local interface.
type claim struct {
	ingest.Plug
	// encap is Port_Binding.encap as it has to be, or our part of additional_encap.
	encap *string
	// virtual: the port is of type "virtual", and where its parent is.
	virtual bool
}

// claims says which ports are ours.
type claims struct {
	// plugs are the candidates, those that others have refused too.
	plugs []ingest.Plug
	// ours by logical port: to be carried out here, whether or not the Southbound database says so already.
	ours map[string]claim
	// lost are the plugs whose port another chassis took after it was ours, with that chassis' name; without sub-ports.
	lost map[plugID]string
	// held is the memory of the next decision: by plug the chassis (UUID) from which its port is taken, "" nobody, or mine when it has been ours.
	held     map[plugID]string
	problems logical.Problems
}

// Keys of Interface.external_ids that the agent writes.
const (
	installedKey   = "ovn-installed"
	installedTSKey = "ovn-installed-ts"
	// lostKey remembers over a restart that another chassis took the port: "<ifindex> <port> <chassis>".
	lostKey = "woven-lost"
)

// decideClaims finds the ports that are ours among those that may be: candidates are the plugs of the integration bridge, parents before
// their sub-ports.
// A port that is bound elsewhere is taken when it has just been plugged here, which is how a port moves. One that was ours and that
// another chassis took is left there until it is plugged anew or released, or requested-chassis asks for us. held is what the decision before
// found; nil at the first one, which reads the traces of the former process in external_ids.
func decideClaims(candidates []ingest.Plug, rows *sb.Rows, self *sb.Chassis, held map[plugID]string) claims {
	c := claims{plugs: slices.Clone(candidates), ours: map[string]claim{}, lost: map[plugID]string{}, held: map[plugID]string{}}
	for i := range c.plugs {
		p := &c.plugs[i]
		if _, ours := c.ours[p.Parent]; p.Refusal == "" && p.Parent != "" && !ours {
			p.Refusal = fmt.Sprintf("its parent %s is not held here", logical.Quote(p.Parent))
		}
		if p.Refusal != "" || p.Role == ingest.Main && !c.mayClaim(p, rows, self, held) {
			continue
		}
		c.ours[p.Port] = claim{Plug: *p, encap: c.encapFor(p, rows, self)}
	}
	return c
}

// mine in claims.held: the port has been ours.
const mine = "mine"

// mayClaim says whether a port that may be ours alone is ours, or notes to whom it is left: to whoever took it after it was ours, or while we
// were about to take it. So of two nodes that plug a port at the same time one gives way at once.
func (c *claims) mayClaim(p *ingest.Plug, rows *sb.Rows, self *sb.Chassis, held map[plugID]string) bool {
	id, owner := idOf(p), value(p.Binding.Chassis)
	if rows.Chassis[owner] == nil {
		owner = "" // nobody's, or half read: see unread
	}
	from, known := held[id]
	if held == nil && p.Parent == "" {
		ids := p.Interface.ExternalIDs
		if known = ids[installedKey] == "true" || strings.HasPrefix(ids[lostKey], id.mark("")); known {
			from = mine
		}
	}
	if !known {
		from = owner
	}
	if self != nil && owner == self.UUID {
		from = mine
	}
	c.held[id] = from
	asked := p.Binding.Options["requested-chassis"] != "" || self != nil && value(p.Binding.RequestedChassis) == self.UUID
	if owner == "" || from == owner || self != nil && owner == self.UUID || asked {
		return true
	}
	c.held[id] = mine
	c.lose(p, rows.Chassis[owner].Name)
	return false
}

// lose notes that a port is left to another chassis.
func (c *claims) lose(p *ingest.Plug, chassis string) {
	p.Refusal = fmt.Sprintf("chassis %s took the port: it is left there until it is released or plugged anew here", logical.Quote(chassis))
	if p.Parent == "" {
		c.lost[idOf(p)] = chassis
	}
	c.problems.Add("logical_switch_port", p.Port, "interface %s: %s", logical.Quote(p.Interface.Name), p.Refusal)
}

// encapFor returns the Encap by which others shall reach the port: the one that the interface asks for by encap-ip, else the one that
// ovn-encap-ip-default names; nil: their choice.
func (c *claims) encapFor(p *ingest.Plug, rows *sb.Rows, self *sb.Chassis) *string {
	if self == nil || p.Role == ingest.Everywhere {
		return nil
	}
	ip := p.Interface.ExternalIDs["encap-ip"]
	for _, uuid := range self.Encaps {
		e := rows.Encap[uuid]
		if e != nil && (e.IP == ip || ip == "" && e.Options["is_default"] == "true") {
			return &e.UUID
		}
	}
	if ip != "" {
		c.problems.Add("interface", p.Interface.Name, "external_ids:encap-ip %s is no tunnel address of this chassis: it is ignored", logical.Quote(ip))
	}
	return nil
}

// plugID tells one plugging from the next: a new row, a new device or another port is a new one.
type plugID struct {
	iface   string // UUID
	ifindex int
	port    string
}

func idOf(p *ingest.Plug) plugID {
	id := plugID{iface: p.Interface.UUID, port: p.Port}
	if p.Device != nil {
		id.ifindex = p.Device.Ifindex
	}
	return id
}

// mark is the value of lostKey.
func (id plugID) mark(chassis string) string {
	return fmt.Sprintf("%d %s %s", id.ifindex, id.port, chassis)
}

// unread says that a binding names a chassis that has just come or gone, in a transaction of which the tables have not all been
// read: who has the port shows when they have.
func unread(b *sb.PortBinding, rows *sb.Rows) bool {
	return b.Chassis != nil && rows.Chassis[*b.Chassis] == nil
}
