// Package ingest turns rows of the three databases into the virtual networks of one chassis. It is pure: rows
// and facts about the host in, a logical.Network out. Rows may straddle transactions: a reference that leads nowhere is
// taken as absent, silently.
package ingest

import (
	"net/netip"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// Input is everything that Network and Plugs look at. They change nothing of it.
type Input struct {
	// Chassis is our own name (system-id).
	Chassis string
	// NB, SB and VS are complete copies of the databases; none is nil, but Plugs needs no NB.
	NB *nb.Rows
	SB *sb.Rows
	VS *vsw.Rows
	// Devices are the network interfaces of this host that exist now, by name.
	Devices map[string]logical.Device
	// Routes to tunnel peers by their address. An absent one: there is no route.
	Routes map[netip.Addr]logical.Route
	// Tunnel is our own tunnel end; nil when there is none.
	Tunnel *logical.Tunnel
	// Refused are logical ports that this chassis shall not hold though they are plugged here, each with the
	// reason: another chassis took the port, say.
	Refused map[string]string
}

// network is one call of Network under way.
type network struct {
	Input
	logical.Problems
	// self is our own row; nil before it is written.
	self *sb.Chassis
	// devices are the interfaces of the ports that we hold, by Port_Binding UUID.
	devices map[string]*logical.Device
}

// Network says what the rows mean for our chassis: the switches that have a port here, and the other
// chassis. It is a function of its input only; see Plugs for the ports that count as being here.
func Network(in Input) *logical.Network {
	n := &network{Input: in, self: chassisByName(in.SB, in.Chassis), devices: map[string]*logical.Device{}}
	plugs, found := Plugs(in)
	n.Problems = found
	locals := map[string]*localSwitch{}
	for _, p := range plugs {
		if p.Refusal == "" {
			n.devices[p.Binding.UUID] = p.Device
			locals[p.Binding.Datapath] = nil
		}
	}
	n.findSwitches(locals)
	out := &logical.Network{
		Chassis:  in.Chassis,
		Switches: make(map[string]*logical.Switch, len(locals)),
		Peers:    n.peers(),
		Tunnel:   in.Tunnel,
	}
	for uuid, l := range locals {
		out.Switches[uuid] = n.logicalSwitch(l)
	}
	n.checkACLs(locals)
	n.checkGlobals()
	out.Problems = n.Problems.Sorted()
	return out
}

// chassisByName is the row of a chassis; nil when there is none.
func chassisByName(rows *sb.Rows, name string) *sb.Chassis {
	for _, c := range rows.Chassis {
		if c.Name == name {
			return c
		}
	}
	return nil
}
