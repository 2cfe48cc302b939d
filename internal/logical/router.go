package logical

import "net/netip"

// Router is a logical router, of which every chassis carries out its own part.
type Router struct {
	// UUID of the Datapath_Binding; with Key the identity of the datapath.
	UUID string
	// NBUUID of the Logical_Router.
	NBUUID string
	Name   string
	// Key is the tunnel key, 1..2^24-1. No tunnel carries a packet in a router.
	Key uint32
	// Enabled is false, too, while the Northbound row is not known: then everything is dropped.
	Enabled bool
	// Ports in ascending order of Key.
	Ports []*RouterPort
	// Routes besides those to the ports' own networks, by UUID.
	Routes []*StaticRoute
	// Policies in descending order of Priority, then by UUID.
	Policies []*Policy
	// Neighbours on the ports' networks that are not ports of a switch or router here, one for each Port and Addr, in that order.
	Neighbours []Neighbour
	// IgnoreARPRequests: a request teaches its sender's address only if that is known with another MAC address or the request is
	// for an address of the router (options:always_learn_from_arp_request=false).
	IgnoreARPRequests bool
	// DynamicRouters: the addresses of other routers on a switch are asked for, not taken from their ports
	// (options:dynamic_neigh_routers).
	DynamicRouters bool
	// Copp is as in Switch.
	Copp map[string]string
}

// RouterPort is a port of a logical router that has a binding.
type RouterPort struct {
	// UUID of the Port_Binding, NBUUID of the Logical_Router_Port.
	UUID, NBUUID string
	Name         string
	// Key is the port's tunnel key in its datapath, 1..32767.
	Key uint16
	// Enabled is false, too, while the Northbound row is missing or its MAC address can't be read.
	Enabled bool
	MAC     [6]byte
	// Networks are the port's addresses with the lengths of their networks, host bits set: those of the row in ovn-northd's order (where
	// it says "first" it means this one), then the IPv6 link-local one that follows from MAC.
	Networks []netip.Prefix
	// Link is the other end; nil when there is none, or it is not known.
	Link *Link
	// Gateway: the port is a distributed gateway port, what leaves by it has to pass the chassis in charge.
	Gateway bool
	// MTU is the largest IP packet in bytes that may leave by the port (options:gateway_mtu), MTUBypass a match (as
	// in ACL.Match) for packets that are exempt; 0 and "": none.
	MTU       uint16
	MTUBypass string
	// RouteTable is the table of what comes in by the port (options:route_table); "": the main one. Of other tables it takes no route.
	RouteTable string
	// RA is what the port advertises; nil: nothing.
	RA *RAConfig
}

// Link is the other end of a port that leads to another datapath.
type Link struct {
	// Datapath is the UUID of its Datapath_Binding, Key the key of its port there. It is among the network's Switches or Routers
	// unless packets don't cross here.
	Datapath string
	Key      uint16
	// Router: it is a port of a router, with MAC and Networks as in RouterPort; else these are empty.
	Router   bool
	MAC      [6]byte
	Networks []netip.Prefix
}

// StaticRoute is a row of Logical_Router_Static_Route.
type StaticRoute struct {
	UUID string
	// Prefix that the destination address, or with BySource the source address, is in; without host bits.
	Prefix   netip.Prefix
	BySource bool
	// Table is "" for the main table.
	Table string
	// Discard: what matches is dropped; then NextHop and OutputPort are empty.
	Discard bool
	// NextHop, of either family; the zero Addr: the destination is on the network of OutputPort.
	NextHop netip.Addr
	// OutputPort is the name of a port of the router; "": it follows from NextHop.
	OutputPort string
	// SymmetricReply: connections that came in from NextHop are answered that way (options:ecmp_symmetric_reply).
	SymmetricReply bool
	// Origin orders routes to one prefix that OVN's interconnection has learned: "connected" before "static"; else "".
	Origin string
}

// Policy is a row of Logical_Router_Policy. The one of the highest Priority that matches decides.
type Policy struct {
	UUID string
	// Priority is 0..32767.
	Priority int
	// Match is in the language of ovn-sb(5), Logical_Flow match.
	Match  string
	Action PolicyAction
	// NextHops for Reroute: at least one, all of one family, ascending.
	NextHops []netip.Addr
	// Mark of the packet (options:pkt_mark); 0: none.
	Mark uint32
}

// PolicyAction is what becomes of a packet that a policy matches.
type PolicyAction string

// Policy actions, as in ovn-nb(5).
const (
	PolicyAllow   PolicyAction = "allow"
	PolicyDrop    PolicyAction = "drop"
	PolicyReroute PolicyAction = "reroute"
)

// Neighbour is the MAC address of an IP address behind a router port. Of MAC_Binding and Static_MAC_Binding it is the row that counts:
// a static one with override_dynamic_mac, else a learned one, else a static one.
type Neighbour struct {
	Port   uint16 // Key of the RouterPort
	Addr   netip.Addr
	MAC    [6]byte
	Static bool
}

// RAConfig is what a router port advertises to hosts, ovn-nb(5) Logical_Router_Port ipv6_ra_configs. The prefixes are the port's
// IPv6 networks that are not link-local.
type RAConfig struct {
	Mode       RAMode
	Preference RAPreference
	// MTU in bytes, at least 1280; 0: it is not told.
	MTU uint32
	// Periodic: advertisements are sent unasked, too, every MinInterval to MaxInterval seconds.
	Periodic                 bool
	MinInterval, MaxInterval uint16
	// RDNSS is a DNS server; the zero Addr: none. DNSSL are domains to search.
	RDNSS netip.Addr
	DNSSL []string
	// Routes of RFC 4191, in the order of the row.
	Routes []RARoute
}

// RARoute is a route information option.
type RARoute struct {
	Preference RAPreference
	Prefix     netip.Prefix
}

// RAMode says how hosts get their addresses.
type RAMode string

// Address modes, as in ovn-nb(5).
const (
	RASLAAC           RAMode = "slaac"
	RADHCPv6Stateful  RAMode = "dhcpv6_stateful"
	RADHCPv6Stateless RAMode = "dhcpv6_stateless"
)

// RAPreference is a router preference as on the wire, RFC 4191 section 2.1.
type RAPreference uint8

// Preferences.
const (
	RAMedium RAPreference = 0
	RAHigh   RAPreference = 1
	RALow    RAPreference = 3
)
