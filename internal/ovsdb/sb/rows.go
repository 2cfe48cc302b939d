package sb

//go:generate go tool modelgen -p sb -o . /usr/share/ovn/ovn-sb.ovsschema

// Rows are the tables of OVN_Southbound that Woven reads, by row UUID. A row that did not change
// between two snapshots is the same pointer in both. Rows and their
// maps and slices are read only. References may dangle.
type Rows struct {
	SBGlobal         map[string]*SBGlobal
	Chassis          map[string]*Chassis
	ChassisPrivate   map[string]*ChassisPrivate
	Encap            map[string]*Encap
	DatapathBinding  map[string]*DatapathBinding
	PortBinding      map[string]*PortBinding
	MulticastGroup   map[string]*MulticastGroup
	FDB              map[string]*FDBEntry
	IPMulticast      map[string]*IPMulticast
	IGMPGroup        map[string]*IGMPEntry
	MACBinding       map[string]*MACBinding
	StaticMACBinding map[string]*StaticMACBinding
	DNS              map[string]*DNSEntry
	DHCPOptions      map[string]*DHCPOptions
	DHCPv6Options    map[string]*DHCPv6Options
}
