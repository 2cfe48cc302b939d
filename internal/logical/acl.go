package logical

import "net/netip"

// ACL is a row of ACL, ovn-nb(5).
type ACL struct {
	UUID string
	// Name is for people; often "".
	Name string
	// Group is the name of the port group that has it; "": it is the switch's own.
	Group     string
	Direction Direction
	// AfterLB: it is looked up after load balancing, apart from those without; only with FromLport.
	AfterLB bool
	// Tier is 0..3: a lower one is looked up first, and ActionPass goes on to the next.
	Tier int
	// Priority is 0..32767; in a tier the highest that matches decides.
	Priority int
	// Match is in the language of ovn-sb(5), Logical_Flow match.
	Match  string
	Action ACLAction
	// Label goes into the connections that it allows; 0: none.
	Label uint32
	// Log is nil when nothing is logged.
	Log *ACLLog
}

// ACLLog says how an ACL is logged.
type ACLLog struct {
	// Severity is "alert", "warning", "notice", "info" or "debug".
	Severity string
	// Meter limits the log, by its name in Network.Meters; "": unlimited.
	Meter string
	// Related: replies and related packets are logged, too (options:log-related); only with Label.
	Related bool
}

// Direction of the traffic that an ACL is for.
type Direction string

// Directions, as in ovn-nb(5).
const (
	FromLport Direction = "from-lport"
	ToLport   Direction = "to-lport"
)

// ACLAction is what becomes of a packet that an ACL matches.
type ACLAction string

// ACL actions, as in ovn-nb(5). ActionPass is that of OVN 23.06.
const (
	ActionAllow          ACLAction = "allow"
	ActionAllowRelated   ACLAction = "allow-related"
	ActionAllowStateless ACLAction = "allow-stateless"
	ActionDrop           ACLAction = "drop"
	ActionReject         ACLAction = "reject"
	ActionPass           ACLAction = "pass"
)

// AddressSet is what "$NAME" stands for: a row of Address_Set, or the addresses of a port group's ports, $GROUP_ip4 and $GROUP_ip6.
type AddressSet struct {
	Name string
	// Prefixes without host bits, of both families, ascending, each once. Single addresses are /32 and /128.
	Prefixes []netip.Prefix
	// MACs ascending, each once.
	MACs [][6]byte
}

// PortGroup is what "@NAME" stands for.
type PortGroup struct {
	Name string
	// Ports are the keys of its ports in the network's switches, ascending, by Datapath_Binding UUID. Switches without one are absent.
	Ports map[string][]uint16
}

// Meter is a row of Meter: how many packets of a kind user space gets.
type Meter struct {
	Name string
	// Bits: Rate and Burst are kbit/s and kbit; else packets/s and packets.
	Bits bool
	// Rate that no band allows more than, and its Burst; 0: OVS' default of a second's worth.
	Rate, Burst uint32
	// Fair: each ACL has the rate for itself; else those with this meter share it.
	Fair bool
}
