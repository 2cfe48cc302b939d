// Package logical is OVN's virtual networks as OVN means them, free of database rows:
// netip values instead of strings, keys resolved, UUIDs only as identity.
// ingest makes it from rows, compile turns it into a netstate.State.
package logical

import (
	"net"
	"net/netip"
)

// Network is all that one chassis has to know.
type Network struct {
	// Chassis is our own system-id.
	Chassis string
	// Switches and Routers by Datapath_Binding UUID: those that packets of a port on this chassis can reach by way of
	// distributed routers.
	Switches map[string]*Switch
	Routers  map[string]*Router
	// PortGroups by name; all that there are.
	PortGroups map[string]*PortGroup
	// AddressSets by name without "$": those that exist and that a match of Switches and Routers mentions.
	AddressSets map[string]*AddressSet
	// Meters by name, for ACL.Log.Meter and Copp.
	Meters map[string]*Meter
	// DHCPv4Codes and DHCPv6Codes say how the options of DHCPOptions are encoded, by option name.
	DHCPv4Codes, DHCPv6Codes map[string]DHCPCode
	// Peers are the tunnel ends of other chassis, by Peer.Name.
	Peers map[string]*Peer
	// Tunnel is our own end; nil when external_ids name none.
	Tunnel *Tunnel
	// Problems found in the rows, sorted by Object, then Reason.
	Problems []Problem
}

// Switch is a logical switch.
type Switch struct {
	// UUID of the Datapath_Binding; with Key the identity of the datapath.
	UUID string
	// NBUUID of the Logical_Switch.
	NBUUID string
	Name   string
	// Key is the tunnel key, 1..2^24-1.
	Key uint32
	// Ports in ascending order of Key.
	Ports []*Port
	// Groups in ascending order of Key.
	Groups []Group
	// ACLs of the switch and of the port groups that have a port in it, each once: by Direction, AfterLB, Tier, then descending
	// Priority, then UUID.
	ACLs []*ACL
	// DefaultACLDrop: where ACLs are looked up and none matches, the packet is dropped (NB_Global options:default_acl_drop).
	DefaultACLDrop bool
	// AllowInvalid: what connection tracking finds invalid is not dropped for that (NB_Global options:use_ct_inv_match=false).
	AllowInvalid bool
	// DNS are the record sets that the switch answers from, by UUID.
	DNS []*DNS
	// Copp is the name of the meter for each kind of punted packet, as in ovn-nb(5) Copp meters; nil: built-in limits.
	Copp map[string]string
	// VLANPassthru lets tagged frames through (other_config:vlan-passthru).
	VLANPassthru bool
	// Snooping: IP multicast goes where it was joined (other_config:mcast_snoop), and with FloodUnregistered to every port
	// when nobody joined (other_config:mcast_flood_unregistered).
	Snooping, FloodUnregistered bool
	// ConnectionLimit is that of its ports that have none of their own (other_config:ct-zone-limit).
	ConnectionLimit *uint32
}

// Port is a logical switch port that has a binding.
type Port struct {
	// UUID of the Port_Binding, NBUUID of the Logical_Switch_Port.
	UUID, NBUUID string
	Name         string
	// Key is the port's tunnel key in its datapath, 1..32767.
	Key uint16
	// Type as in ovn-nb(5): "" is a VIF.
	Type string
	// Enabled is false, too, while the port's policy is not known: its Northbound row is missing, or nothing of its
	// port_security is usable.
	Enabled bool
	// Addresses of the port, dynamic ones and those of a router port ("router") resolved.
	Addresses []Address
	// Network is the physical network that a port of type "localnet" leads to (options:network_name); "" for other types.
	Network string
	// VirtualIP is the address of a port of type "virtual", VirtualParents are the ports of which one has it, VirtualParent the one that has said so last
	// (ovn-sb(5) Port_Binding virtual_parent); "" for none.
	VirtualIP      netip.Addr
	VirtualParents []string
	VirtualParent  string
	// Link is the other end of a port of type "router"; nil for other types, and when that is not known.
	Link *Link
	// ARPProxy are addresses for which a port of type "router" answers ARP and ND requests besides its own; the MAC address
	// is zero where it answers with that of the router port.
	ARPProxy Address
	// DHCPv4 and DHCPv6 are what the DHCP requests of a port with a Device are answered with; nil: they are not.
	DHCPv4, DHCPv6 *DHCPOptions
	// Hostname is DHCPv4's option 12 for this port (options:hostname); "" for none.
	Hostname string
	// ConnectionLimit is how many established connections the port may have (options:ct-zone-limit): 0 for no limit; nil: the switch's, and if that has
	// none, a built-in one.
	ConnectionLimit *uint32
	// Unknown: "unknown" is among the addresses.
	Unknown bool
	// PortSecurity is empty when every source address is allowed.
	PortSecurity []Address
	// Chassis the port is bound to, by name; "" when nowhere. It is our own for a port with a Device, unless
	// this is one of the additional chassis.
	Chassis string
	// Peers are where the port is besides this node, by their names in Network.Peers, ascending.
	Peers []string
	// Device is the local interface; nil when the port is not on this chassis. Tag is the VLAN that tells the port's frames from
	// others on it, 1..4094; 0: they are untagged.
	Device *Device
	Tag    uint16
	// Activation names the kinds of packets one of which must come from Device before the port passes anything, as in
	// options:activation-strategy of ovn-nb(5); nil: it is active.
	Activation []string
}

// ActivationKinds are the words of options:activation-strategy.
var ActivationKinds = []string{"rarp", "garp", "na"}

// Address is one element of addresses or port_security: a MAC with the IP
// prefixes that go with it. Single addresses are /32 and /128. A prefix may have host
// bits set (ovn-nb(5) port_security: then only that host, and the subnet's broadcast as
// destination).
type Address struct {
	MAC      [6]byte
	Prefixes []netip.Prefix
	// VRRP, in port_security only: the element begins with VRRPv3, and names these MAC addresses of virtual routers (00:00:5e:00:01:XX, 00:00:5e:00:02:XX); one
	// that ends in 0 stands for its range.
	VRRP [][6]byte
}

// Device is a local network interface that is plugged in a port.
type Device struct {
	Name    string
	Ifindex int
	// PeerElsewhere: a veth whose other end is in another network namespace.
	PeerElsewhere bool
}

// Group is a row of Multicast_Group.
type Group struct {
	Name string
	// Addr is the IP multicast address that the group is for; the zero Addr: for none.
	Addr  netip.Addr
	Key   uint16
	Ports []uint16 // keys, ascending
}

// Peer is a tunnel end of another chassis, and the way to it.
type Peer struct {
	// Name is the chassis' for the end that it prefers, for another one followed by "@" and Addr.
	Name    string
	Chassis string
	Addr    netip.Addr
	Route
}

// Route is the way to a tunnel peer. Ifindex 0: there is none.
type Route struct {
	Ifindex int
	// From is our own address towards the peer.
	From    netip.Addr
	NextHop netip.Addr
	MTU     int // bytes of the largest outer IP packet
}

// Tunnel is our own end.
type Tunnel struct {
	Addrs []netip.Addr // the preferred one first; at least one
	// TOS of outer packets, and whether they have the inner packet's instead.
	TOS        uint8
	InheritTOS bool
	// MayFragment: outer IPv4 packets go without DF.
	MayFragment bool
	Devices     []Device // those that carry one of Addrs or lead to a peer
}

// MAC formats a hardware address.
func MAC(m [6]byte) string { return net.HardwareAddr(m[:]).String() }
