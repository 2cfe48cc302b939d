package logical

import "net/netip"

// DHCPOptions is a row of DHCP_Options of the Northbound database.
type DHCPOptions struct {
	UUID string
	// CIDR is the network that the port's address has to be in; without host bits.
	CIDR netip.Prefix
	// Options by name, verbatim, ovn-nb(5). Network.DHCPv4Codes and DHCPv6Codes say what most of them are on the wire.
	Options map[string]string
}

// DHCPCode is a row of DHCP_Options or DHCPv6_Options of the Southbound database: how an option is encoded.
type DHCPCode struct {
	Code uint8
	// Type as in ovn-sb(5): "bool", "uint8", "uint16", "uint32", "ipv4", "static_routes", "str", "host_id", "domains"; for DHCPv6
	// "ipv6", "str", "mac", "domain".
	Type string
}

// DNS is a row of DNS of the Southbound database.
type DNS struct {
	UUID string
	// Records by name in lower case: addresses, or for a PTR request names, separated by commas or spaces.
	Records map[string]string
	// Owned: a request of another type for one of the names is refused, not passed on (options:ovn-owned).
	Owned bool
}
