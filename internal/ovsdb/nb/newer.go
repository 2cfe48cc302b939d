package nb

import "github.com/ovn-kubernetes/libovsdb/model"

// The rows in this file have the columns of newer releases than that which the other rows were generated from: zero when the
// server's schema lacks them.

// ACLEntry is a row of ACL.
type ACLEntry struct {
	UUID      string            `ovsdb:"_uuid"`
	Action    ACLAction         `ovsdb:"action"`
	Direction ACLDirection      `ovsdb:"direction"`
	Label     int               `ovsdb:"label"`
	Log       bool              `ovsdb:"log"`
	Match     string            `ovsdb:"match"`
	Meter     *string           `ovsdb:"meter"`
	Name      *string           `ovsdb:"name"`
	Options   map[string]string `ovsdb:"options"`
	Priority  int               `ovsdb:"priority"`
	SampleEst *string           `ovsdb:"sample_est"`
	SampleNew *string           `ovsdb:"sample_new"`
	Severity  *ACLSeverity      `ovsdb:"severity"`
	Tier      int               `ovsdb:"tier"` // 0..3
}

// RouterPort is a row of Logical_Router_Port.
type RouterPort struct {
	UUID           string            `ovsdb:"_uuid"`
	DHCPRelay      *string           `ovsdb:"dhcp_relay"`
	Enabled        *bool             `ovsdb:"enabled"`
	GatewayChassis []string          `ovsdb:"gateway_chassis"`
	HaChassisGroup *string           `ovsdb:"ha_chassis_group"`
	Ipv6RaConfigs  map[string]string `ovsdb:"ipv6_ra_configs"`
	MAC            string            `ovsdb:"mac"`
	Name           string            `ovsdb:"name"`
	Networks       []string          `ovsdb:"networks"`
	Options        map[string]string `ovsdb:"options"`
	Peer           *string           `ovsdb:"peer"`
}

// StaticRoute is a row of Logical_Router_Static_Route.
type StaticRoute struct {
	UUID            string                          `ovsdb:"_uuid"`
	BFD             *string                         `ovsdb:"bfd"`
	IPPrefix        string                          `ovsdb:"ip_prefix"`
	Nexthop         string                          `ovsdb:"nexthop"`
	Options         map[string]string               `ovsdb:"options"`
	OutputPort      *string                         `ovsdb:"output_port"`
	Policy          *LogicalRouterStaticRoutePolicy `ovsdb:"policy"`
	RouteTable      string                          `ovsdb:"route_table"`
	SelectionFields []string                        `ovsdb:"selection_fields"`
}

// RouterPolicy is a row of Logical_Router_Policy.
type RouterPolicy struct {
	UUID        string                    `ovsdb:"_uuid"`
	Action      LogicalRouterPolicyAction `ovsdb:"action"`
	BFDSessions []string                  `ovsdb:"bfd_sessions"`
	Chain       *string                   `ovsdb:"chain"`
	Match       string                    `ovsdb:"match"`
	Nexthop     *string                   `ovsdb:"nexthop"`
	Nexthops    []string                  `ovsdb:"nexthops"`
	Options     map[string]string         `ovsdb:"options"`
	OutputPort  *string                   `ovsdb:"output_port"`
	Priority    int                       `ovsdb:"priority"`
}

// Newer are the row types above by table, which stand in for the generated ones.
func Newer() map[string]model.Model {
	return map[string]model.Model{
		ACLTable:                      &ACLEntry{},
		LogicalRouterPortTable:        &RouterPort{},
		LogicalRouterStaticRouteTable: &StaticRoute{},
		LogicalRouterPolicyTable:      &RouterPolicy{},
	}
}
