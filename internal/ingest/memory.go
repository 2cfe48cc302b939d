package ingest

import (
	"maps"
	"reflect"
	"slices"

	"woven.dev/woven/internal/logical"
)

// memory is what a Reader remembers of what networks are made of. Each call of Network that reads is a round of it.
type memory struct {
	patches       patches
	members       members
	knownSwitches memo[*knownSwitch] // by Datapath_Binding UUID
	knownRouters  memo[*knownRouter] // likewise
	knownGroups   memo[*knownGroup]  // by Port_Group UUID
	knownSets     memo[*knownSet]    // by name
	knownDNS      memo[*knownDNS]    // by DNS UUID
	// These are values that stay the same pointers, by UUID of their rows; links by that of the port which leads to it.
	links       lasting[logical.Link]
	routerPorts lasting[logical.RouterPort]
	dhcpRows    lasting[logical.DHCPOptions]
	meters      lasting[logical.Meter]
	// dhcpv4 and dhcpv6 are the dictionaries.
	dhcpv4, dhcpv6 map[string]logical.DHCPCode
}

func (m *memory) begin() {
	m.members.begin()
	m.knownSwitches.begin()
	m.knownRouters.begin()
	m.knownGroups.begin()
	m.knownSets.begin()
	m.knownDNS.begin()
	m.links.begin()
	m.routerPorts.begin()
	m.dhcpRows.begin()
	m.meters.begin()
}

// plugging is a call of Plugs that has ended.
type plugging struct {
	in       Input
	plugs    []Plug
	problems []logical.Problem
}

// same says whether Plugs would give the same again.
func (p *plugging) same(in *Input) bool {
	last := &p.in
	return last.SB != nil && last.Chassis == in.Chassis &&
		SameTable(last.SB.PortBinding, in.SB.PortBinding) && SameTable(last.SB.DatapathBinding, in.SB.DatapathBinding) &&
		SameTable(last.SB.Chassis, in.SB.Chassis) &&
		SameTable(last.VS.OpenvSwitch, in.VS.OpenvSwitch) && SameTable(last.VS.Bridge, in.VS.Bridge) &&
		SameTable(last.VS.Port, in.VS.Port) && SameTable(last.VS.Interface, in.VS.Interface) &&
		maps.Equal(last.Devices, in.Devices)
}

// reading is a call of Network that has ended.
type reading struct {
	in      Input // its Activated is a copy
	plugs   []Plug
	globals globals
	network *logical.Network
}

func newReading(in Input, plugs []Plug, globals globals, network *logical.Network) reading {
	in.Activated = maps.Clone(in.Activated)
	return reading{in: in, plugs: plugs, globals: globals, network: network}
}

// sameness says what is as it was at the last call.
type sameness struct {
	bindings   bool // table Port_Binding
	ports      bool // table Logical_Switch_Port
	sites      bool // all that placeOf looks at besides the binding and its plug
	patches    bool // what findPatches looks at
	neighbours bool // what findNeighbours looks at, and the ports of routers
}

func (r *reading) sameness(in *Input) sameness {
	last := &r.in
	if r.network == nil || last.Chassis != in.Chassis {
		return sameness{}
	}
	bindings := SameTable(last.SB.PortBinding, in.SB.PortBinding)
	return sameness{
		bindings: bindings,
		ports:    SameTable(last.NB.LogicalSwitchPort, in.NB.LogicalSwitchPort),
		sites: SameTable(last.SB.Chassis, in.SB.Chassis) && SameTable(last.SB.Encap, in.SB.Encap) &&
			reflect.DeepEqual(last.Tunnel, in.Tunnel) && maps.Equal(last.Routes, in.Routes) && maps.Equal(last.Activated, in.Activated),
		patches:    bindings && SameTable(last.NB.LogicalRouterPort, in.NB.LogicalRouterPort),
		neighbours: bindings && SameTable(last.SB.MACBinding, in.SB.MACBinding) && SameTable(last.SB.StaticMACBinding, in.SB.StaticMACBinding),
	}
}

// unread are the tables that Network does not look at, and those that it reads as globals.
var unread = []string{"NBGlobal", "SBGlobal", "ChassisPrivate", "FDB", "IPMulticast", "IGMPGroup"}

// sameNetwork says whether Network would give the same again.
func (r *reading) sameNetwork(in *Input, plugs []Plug, globals *globals) bool {
	return r.network != nil && r.in.Chassis == in.Chassis && r.sameness(in).sites && r.globals.same(globals) &&
		sameTables(r.in.NB, in.NB, unread) && sameTables(r.in.SB, in.SB, unread) && slices.EqualFunc(r.plugs, plugs, equallyHeld)
}

// equallyHeld says whether two plugs have the same port in the same way, or neither has any.
func equallyHeld(a, b Plug) bool {
	if a.Refusal != "" || b.Refusal != "" {
		return a.Refusal != "" && b.Refusal != ""
	}
	return a.Binding == b.Binding && holdOf(&a).same(holdOf(&b))
}

// SameTable says whether two copies of a table are one and the same map, which nobody changes.
func SameTable[R any](a, b map[string]*R) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// sameTables says sameTable of all tables of two copies of a database, but for those with names in except.
func sameTables[R any](a, b *R, except []string) bool {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if x.Field(i).UnsafePointer() != y.Field(i).UnsafePointer() && !slices.Contains(except, x.Type().Field(i).Name) {
			return false
		}
	}
	return true
}
