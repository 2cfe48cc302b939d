package nb

//go:generate go tool modelgen -p nb -o . /usr/share/ovn/ovn-nb.ovsschema

// Rows are the tables of OVN_Northbound that Woven reads, by row UUID. A row that did not change
// between two snapshots is the same pointer in both. Rows and their
// maps and slices are read only. References may dangle.
type Rows struct {
	NBGlobal                 map[string]*NBGlobal
	LogicalSwitch            map[string]*LogicalSwitch
	LogicalSwitchPort        map[string]*LogicalSwitchPort
	LogicalRouter            map[string]*LogicalRouter
	LogicalRouterPort        map[string]*RouterPort
	LogicalRouterStaticRoute map[string]*StaticRoute
	LogicalRouterPolicy      map[string]*RouterPolicy
	PortGroup                map[string]*PortGroup
	AddressSet               map[string]*AddressSet
	ACL                      map[string]*ACLEntry
	Meter                    map[string]*Meter
	MeterBand                map[string]*MeterBand
	Copp                     map[string]*Copp
	DHCPOptions              map[string]*DHCPOptions
}
