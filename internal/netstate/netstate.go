// Package netstate is the waist of Woven: the desired state of one node's data
// plane as plain data. Compile, YAML chains and REST produce it; hover carries it
// out. Nothing here touches the kernel or a database.
package netstate

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
)

// State is everything that one node's data plane holds. The zero value is an empty node.
type State struct {
	// Modules by ID.
	Modules map[string]*Module
	// Nodes are the tunnel peers, by chassis name.
	Nodes map[string]*Node
	// Tunnel is this node's own tunnel end; nil when the node has none.
	Tunnel *Tunnel
	// FloodLimit is how many copies a second floods may make of what one port sends, or of what comes to one module by tunnels; 0: any
	// number.
	FloodLimit uint32
	// FlowCache says how the node uses its flow cache.
	FlowCache FlowCache
}

// FlowCache is how packets of known flows are sent on at once. The zero value: all are.
type FlowCache struct {
	// Off: none is.
	Off bool
	// Check: one of so many passes all modules, and what comes out differently is counted; 0: none does.
	Check uint32
}

// Module is one instance of an IOModule kind: for OVN, one logical datapath.
// A *Module is immutable once it is part of a State; equal pointers mean equal modules.
type Module struct {
	// ID is unique over time: the Datapath_Binding UUID for OVN.
	ID string
	// Kind names the program set, for example "l2switch".
	Kind string
	// Name is for people: the logical switch's name.
	Name string
	// Key is the datapath's tunnel key (Geneve VNI), 1..2^24-1; unique among live
	// modules. 0: the module has no tunnel identity.
	Key uint32
	// Ports in ascending order of Key.
	Ports []Port
	// Groups are the multicast groups in ascending order of Key.
	Groups []Group
	// Config is the kind's own configuration (modules/<kind>/config.Config).
	Config any
	// Objects are what decides about packets, for traces: routes and policies, say, as texts of rows (RowsText), by the numbers that Config gives
	// them, from FirstObject on.
	Objects map[uint32]string
	// Services work on the packets of the module's ports, in this order: each sees them where they come in, behind the module's own checks of
	// the sender, and where they go out.
	Services []Service
}

// Service is a kind of module that works on the packets of another one, at its ports.
type Service struct {
	// Kind names the program set, for example "acl"; at most once in a module.
	Kind string
	// Config is the kind's own configuration.
	Config any
	// Objects are as in Module. Each service counts for itself: the same number may stand for something else in another one, and in the module.
	Objects map[uint32]string
}

// FirstObject is the least number of Objects: those below are keys of ports and groups.
const FirstObject = 65536

// Equal says whether two modules are the same. A Config that has a method Equal(any) bool is compared by it, which for a large one is many
// times faster than reflection.
func (m *Module) Equal(o *Module) bool {
	if m == o || m == nil || o == nil {
		return m == o
	}
	return m.ID == o.ID && m.Kind == o.Kind && m.Name == o.Name && m.Key == o.Key &&
		slices.EqualFunc(m.Ports, o.Ports, Port.equal) &&
		slices.EqualFunc(m.Groups, o.Groups, Group.equal) && equalConfig(m.Config, o.Config) &&
		maps.Equal(m.Objects, o.Objects) && slices.EqualFunc(m.Services, o.Services, Service.equal)
}

func (s Service) equal(o Service) bool {
	return s.Kind == o.Kind && equalConfig(s.Config, o.Config) && maps.Equal(s.Objects, o.Objects)
}

func equalConfig(a, b any) bool {
	if c, ok := a.(interface{ Equal(any) bool }); ok {
		return c.Equal(b)
	}
	return reflect.DeepEqual(a, b)
}

func (p Port) equal(o Port) bool {
	if p.Device == nil || o.Device == nil {
		if p.Device != o.Device {
			return false
		}
	} else if *p.Device != *o.Device {
		return false
	}
	if p.Peer == nil || o.Peer == nil {
		if p.Peer != o.Peer {
			return false
		}
	} else if *p.Peer != *o.Peer {
		return false
	}
	return p.Name == o.Name && p.Key == o.Key && p.Tag == o.Tag && p.HereOnly == o.HereOnly && slices.Equal(p.Nodes, o.Nodes)
}

func (g Group) equal(o Group) bool {
	return g.Name == o.Name && g.Key == o.Key && slices.Equal(g.Ports, o.Ports)
}

// Port is one port of a module. A port with neither Device nor Peer nor Nodes is known but not plugged anywhere; one that is
// being migrated may be in several places, and frames for it go to all of them.
type Port struct {
	// Name is the logical port's name.
	Name string
	// Key is the port's tunnel key, 1..32767.
	Key uint16
	// Device binds the port to an interface of this node. Tag is the VLAN that tells it from other ports on that
	// interface, 1..4094; 0: its frames are untagged.
	Device *Device
	Tag    uint16
	// Peer is the port at the other end of a link to another module: what leaves by the one enters by the other. Both ends name each other;
	// nil: it is no such port.
	Peer *Link
	// Nodes are the tunnel peers that have the port, by their keys in State.Nodes, ascending.
	Nodes []string
	// HereOnly: what the port sends never leaves this node (OVN's localport).
	HereOnly bool
}

// Link names a port of a module of the same State.
type Link struct {
	Module string // its ID
	Key    uint16
}

// Device is a network interface of this node, seen from the host side.
type Device struct {
	Name    string
	Ifindex int
	// PeerMAC is the MAC address for which frames may go straight into the veth's
	// peer namespace (bpf_redirect_peer); zero when the device is no veth with its peer in
	// another namespace.
	PeerMAC [6]byte
}

// Group is a multicast group: a set of ports reached by one key.
type Group struct {
	Name string
	// Key is the group's tunnel key, 32768..65535.
	Key uint16
	// Ports are the members' keys, ascending.
	Ports []uint16
}

// Node is a tunnel peer: one address of a chassis.
type Node struct {
	// Name is the chassis name, for addresses but its preferred one followed by "@" and the address.
	Name string
	// Addr is the peer's tunnel address, Local our own towards it, of the same family.
	Addr, Local netip.Addr
	// Ifindex of the device that leads to Addr, NextHop the gateway on it (Addr itself
	// when it is on the link), MTU the largest outer IP packet in bytes.
	// Ifindex 0: no route at present.
	Ifindex int
	NextHop netip.Addr
	MTU     int
}

// Tunnel is this node's own tunnel end.
type Tunnel struct {
	// Addrs are the addresses that peers send Geneve to (ovn-encap-ip), the preferred one first.
	Addrs []netip.Addr
	// TOS of outer packets; InheritTOS: the inner packet's instead.
	TOS        uint8
	InheritTOS bool
	// MayFragment: outer IPv4 packets go without DF.
	MayFragment bool
	// Devices receive tunnel packets.
	Devices []Device
	// RelayOut and RelayIn are the two ends of a veth pair of Woven's own: flood copies for other nodes are encapsulated on
	// their way out of RelayOut, and what the kernel could not send from there goes on from RelayIn.
	RelayOut, RelayIn Device
}
