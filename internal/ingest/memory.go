package ingest

import (
	"maps"
	"reflect"
	"slices"

	"woven.dev/woven/internal/logical"
)

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
	globals logical.Problems
	network *logical.Network
}

func newReading(in Input, plugs []Plug, globals logical.Problems, network *logical.Network) reading {
	in.Activated = maps.Clone(in.Activated)
	return reading{in: in, plugs: plugs, globals: globals, network: network}
}

// sameness says what is as it was at the last call.
type sameness struct {
	bindings bool // table Port_Binding
	ports    bool // table Logical_Switch_Port
	sites    bool // all that placeOf looks at besides the binding and its plug
}

func (r *reading) sameness(in *Input) sameness {
	last := &r.in
	if r.network == nil || last.Chassis != in.Chassis {
		return sameness{}
	}
	return sameness{
		bindings: SameTable(last.SB.PortBinding, in.SB.PortBinding),
		ports:    SameTable(last.NB.LogicalSwitchPort, in.NB.LogicalSwitchPort),
		sites: SameTable(last.SB.Chassis, in.SB.Chassis) && SameTable(last.SB.Encap, in.SB.Encap) &&
			reflect.DeepEqual(last.Tunnel, in.Tunnel) && maps.Equal(last.Routes, in.Routes) && maps.Equal(last.Activated, in.Activated),
	}
}

// sameNetwork says whether Network would give the same again, if checkGlobals does.
func (r *reading) sameNetwork(in *Input, plugs []Plug) bool {
	same, last := r.sameness(in), &r.in
	return same == sameness{true, true, true} &&
		SameTable(last.SB.DatapathBinding, in.SB.DatapathBinding) && SameTable(last.SB.MulticastGroup, in.SB.MulticastGroup) &&
		SameTable(last.NB.LogicalSwitch, in.NB.LogicalSwitch) && SameTable(last.NB.PortGroup, in.NB.PortGroup) &&
		slices.EqualFunc(r.plugs, plugs, equallyHeld)
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
