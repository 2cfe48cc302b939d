package ingest

import (
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// place is where a port is.
type place struct {
	chassis    string
	peers      []string
	hold       hold
	activation []string
}

// hold is how this chassis has a port.
type hold struct {
	device *logical.Device // nil: it is not here
	tag    uint16
	role   Role
}

func (h hold) same(o hold) bool {
	if h.device == nil || o.device == nil {
		return h.device == o.device
	}
	return *h.device == *o.device && h.tag == o.tag && h.role == o.role
}

// same says whether two places are the same for the port.
func (p *place) same(o *place) bool {
	return p.chassis == o.chassis && slices.Equal(p.peers, o.peers) && slices.Equal(p.activation, o.activation) && p.hold.same(o.hold)
}

// placeOf says where the port of a binding is, on the strength of what its chassis say and, for our own part, of the plugs.
func (n *network) placeOf(pb *sb.PortBinding, at hold) place {
	p := place{hold: at}
	if pb.Type == localportType {
		return p // on every chassis, and never reached from another one
	}
	if p.hold.device != nil && p.hold.role == Main {
		p.chassis = n.Chassis
	} else if pb.Chassis != nil {
		at := n.sites.chassis[*pb.Chassis]
		p.chassis, p.peers = at.name, n.reached(at, pb.Encap)
	}
	if len(pb.AdditionalChassis) > 0 {
		p.peers = n.additionalPeers(pb, p.peers)
	}
	if p.hold.device != nil && p.hold.role == Additional {
		p.activation = n.pendingActivation(pb)
	}
	return p
}

// reached are the peers of a chassis by which a port is reached: the end that the binding names, if it is one of the chassis'.
func (n *network) reached(at site, encap *string) []string {
	if encap == nil {
		return at.peers
	}
	end, known := n.sites.ends[*encap]
	if !known || n.sites.peers[end].Chassis != at.name {
		return at.peers
	}
	if end == at.name {
		return at.peers
	}
	return []string{end}
}

// additionalPeers adds those of the additional chassis.
func (n *network) additionalPeers(pb *sb.PortBinding, peers []string) []string {
	all := slices.Clone(peers)
	for _, uuid := range pb.AdditionalChassis {
		at := n.sites.chassis[uuid]
		var encap *string
		for i, e := range pb.AdditionalEncap {
			if row := n.SB.Encap[e]; row != nil && row.ChassisName == at.name {
				encap = &pb.AdditionalEncap[i]
			}
		}
		all = append(all, n.reached(at, encap)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// pendingActivation is options:activation-strategy until a packet of that kind was seen here, ovn-nb(5) and ovn-sb(5) options
// additional-chassis-activated.
func (n *network) pendingActivation(pb *sb.PortBinding) []string {
	if n.Activated[pb.LogicalPort] || slices.Contains(strings.Split(pb.Options["additional-chassis-activated"], ","), n.Chassis) {
		return nil
	}
	var kinds []string
	for _, kind := range logical.ActivationKinds {
		if slices.Contains(strings.Split(pb.Options["activation-strategy"], ","), kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
