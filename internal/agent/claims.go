package agent

import (
	"fmt"
	"strings"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// claim is a logical port that belongs to this chassis because of a local interface.
type claim struct {
	ingest.Plug
	// encap is Port_Binding.encap as it has to be.
	encap *string
}

// claims says which ports are ours.
type claims struct {
	// ours by logical port: to be carried out here, whether or not the Southbound database says so already.
	ours map[string]claim
	// lost are the plugs whose port another chassis took after it was ours, with that chassis' name.
	lost map[plugID]string
	// refused are the same ports with the reason, for ingest.
	refused map[string]string
	// held are the plugs whose port has been ours: the memory of the next decision.
	held     map[plugID]bool
	problems logical.Problems
}

// Keys of Interface.external_ids that the agent writes.
const (
	installedKey   = "ovn-installed"
	installedTSKey = "ovn-installed-ts"
	// lostKey remembers over a restart that another chassis took the port: "<ifindex> <port> <chassis>".
	lostKey = "woven-lost"
)

// decideClaims finds the ports that are ours among those that may be: candidates are the plugs of the integration bridge.
// A port that is bound elsewhere is taken when it has just been plugged here, which is how a port moves. One that was ours and that
// another chassis took is left there until it is plugged anew or released, or requested-chassis asks for us. held is what the decision before
// found; nil at the first one, which reads the traces of the former process in external_ids.
func decideClaims(candidates []ingest.Plug, rows *sb.Rows, self *sb.Chassis, held map[plugID]bool) claims {
	c := claims{ours: map[string]claim{}, lost: map[plugID]string{}, refused: map[string]string{}, held: map[plugID]bool{}}
	for _, p := range candidates {
		if p.Refusal != "" {
			continue
		}
		id := idOf(&p)
		wasOurs := held[id]
		if held == nil {
			ids := p.Interface.ExternalIDs
			wasOurs = ids[installedKey] == "true" || strings.HasPrefix(ids[lostKey], id.mark(""))
		}
		owner := rows.Chassis[value(p.Binding.Chassis)] // nil: nobody, or half read; see unread
		isOurs := self != nil && owner == self
		if wasOurs || isOurs {
			c.held[id] = true
		}
		asked := self != nil && value(p.Binding.RequestedChassis) == self.UUID
		if wasOurs && !isOurs && owner != nil && !asked {
			c.lose(&p, owner.Name)
			continue
		}
		c.ours[p.Port] = claim{Plug: p, encap: c.encapFor(&p, rows, self)}
	}
	return c
}

// lose notes that a port is left to another chassis.
func (c *claims) lose(p *ingest.Plug, chassis string) {
	reason := fmt.Sprintf("chassis %s took the port: it is left there until it is released or plugged anew here", logical.Quote(chassis))
	c.lost[idOf(p)], c.refused[p.Port] = chassis, reason
	c.problems.Add("logical_switch_port", p.Port, "interface %s: %s", logical.Quote(p.Interface.Name), reason)
}

// encapFor returns the Encap that the interface asks for by encap-ip; nil: the chassis' own choice, as ovn-controller does.
func (c *claims) encapFor(p *ingest.Plug, rows *sb.Rows, self *sb.Chassis) *string {
	ip := p.Interface.ExternalIDs["encap-ip"]
	if ip == "" || self == nil {
		return nil
	}
	for _, uuid := range self.Encaps {
		if e := rows.Encap[uuid]; e != nil && e.IP == ip {
			return &e.UUID
		}
	}
	c.problems.Add("interface", p.Interface.Name, "external_ids:encap-ip %s is no tunnel address of this chassis: it is ignored", logical.Quote(ip))
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
