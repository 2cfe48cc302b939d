package ingest

import (
	"cmp"
	"reflect"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// Types of a Logical_Switch_Port, ovn-nb(5).
const (
	routerType    = "router"
	localnetType  = "localnet"
	localportType = "localport"
)

// knownPort is a port with all that it was made of besides its binding.
type knownPort struct {
	row      *nb.LogicalSwitchPort // nil: there was none
	owner    *nb.LogicalSwitch     // that has row
	place    place
	port     *logical.Port
	problems logical.Problems
}

// knownPort reads the port of a binding, unless that would give what it gave the last time; an equal port is the same one.
func (n *network) knownPort(l *localSwitch, pb *sb.PortBinding) *knownPort {
	last, held := l.known.ports[pb], n.held[pb]
	var at place
	if samePlace := last != nil && n.same.sites && last.place.hold.same(held); samePlace {
		if n.same.ports && l.members.keep(last) {
			last.owner = l.row
			return last
		}
		at = last.place
	} else {
		at = n.placeOf(pb, held)
	}
	row := l.members.rowOf(pb.LogicalPort, last)
	if last != nil && last.row == row && last.place.same(&at) {
		last.owner = l.row
		return last
	}
	p := &knownPort{row: row, owner: l.row, place: at}
	p.port, p.problems = readPort(n.Chassis, pb, row, at)
	if before := l.known.portWith(p.port.Key); before != nil && reflect.DeepEqual(before, p.port) {
		p.port = before
	}
	l.known.ports[pb] = p
	return p
}

// portWith is the port of the last result that has a key; nil when there is none.
func (k *knownSwitch) portWith(key uint16) *logical.Port {
	if k.result == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(k.result.Ports, key, func(p *logical.Port, key uint16) int { return cmp.Compare(p.Key, key) })
	if !found {
		return nil
	}
	return k.result.Ports[i]
}

// portReader is one call of readPort under way.
type portReader struct {
	logical.Problems
	chassis string // our own
	binding *sb.PortBinding
	row     *nb.LogicalSwitchPort
	port    *logical.Port
}

// readPort is the port of a binding and its Northbound row. Without the latter (it was deleted, or is about to
// arrive) the policy is not known: the port is there with what its binding says, but disabled.
func readPort(chassis string, pb *sb.PortBinding, row *nb.LogicalSwitchPort, at place) (*logical.Port, logical.Problems) {
	p := &logical.Port{
		UUID: pb.UUID, Name: pb.LogicalPort, Key: uint16(pb.TunnelKey), Type: portType(pb),
		Chassis: at.chassis, Peers: at.peers, Activation: at.activation,
	}
	if at.hold.device != nil {
		p.Device, p.Tag = at.hold.device, at.hold.tag
	}
	r := portReader{chassis: chassis, binding: pb, row: row, port: p}
	r.readPolicy()
	r.check()
	return p, r.Problems
}

// readPolicy reads addresses and port security.
func (r *portReader) readPolicy() {
	p := r.port
	addresses, dynamic, security := r.binding.MAC, (*string)(nil), r.binding.PortSecurity
	if r.row != nil {
		p.NBUUID = r.row.UUID
		p.Enabled = r.row.Enabled == nil || *r.row.Enabled
		addresses, dynamic, security = r.row.Addresses, r.row.DynamicAddresses, r.row.PortSecurity
	}
	var garbage []string
	p.Addresses, p.Unknown, garbage = portAddresses(p.Type, addresses, dynamic)
	for _, bad := range garbage {
		r.problem("addresses: %s is no unicast address: it and what follows it are left out", bad)
	}
	p.PortSecurity, garbage = portSecurity(security)
	for _, bad := range garbage {
		r.problem("port_security: %s is no unicast address: it and what follows it are left out", bad)
	}
	if len(security) > 0 && len(p.PortSecurity) == 0 {
		p.Enabled = false
		r.problem("port_security has no usable element: all traffic of the port is dropped")
	}
}

func (r *portReader) problem(format string, args ...any) {
	r.Add("logical_switch_port", r.port.Name, format, args...)
}

// portType is the type of a port in terms of ovn-nb(5); ovn-northd calls both ends of a switch's link to a router
// patch, or l3gateway where the router is bound to a chassis.
func portType(pb *sb.PortBinding) string {
	if slices.Contains([]string{"patch", "l3gateway"}, pb.Type) {
		return routerType
	}
	return pb.Type
}
