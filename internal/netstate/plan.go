package netstate

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
)

// Verb is what an Action does.
type Verb string

// The verbs of a Plan.
const (
	SetFloodLimit Verb = "set-flood-limit"
	SetFlowCache  Verb = "set-flow-cache"

	SetTunnel Verb = "set-tunnel"
	SetNode   Verb = "set-node"
	SetModule Verb = "set-module"
	DelModule Verb = "del-module"
	DelNode   Verb = "del-node"
	DelTunnel Verb = "del-tunnel"
)

// Action is one step of a Plan: it makes one object as it shall be, or removes it. A set creates what is absent.
type Action struct {
	Verb Verb
	// Tunnel, Node or Module is the object of the verb; for a removal it is what is to go.
	Tunnel *Tunnel
	Node   *Node
	Module *Module
	// FloodLimit is that of a SetFloodLimit.
	FloodLimit uint32
	// FlowCache is that of a SetFlowCache.
	FlowCache FlowCache
	// Have is the module that a SetModule changes; nil when the module is new.
	Have *Module
}

// Plan is a sequence of actions, see Diff.
type Plan []Action

// String is the plan as text, one action a line.
func (p Plan) String() string {
	var b strings.Builder
	for _, a := range p {
		b.WriteString(a.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// String is the action in one line. A module lists the devices that it binds and unbinds and counts the rest.
func (a Action) String() string {
	switch a.Verb {
	case SetFloodLimit:
		return fmt.Sprintf("%s %d", a.Verb, a.FloodLimit)
	case SetFlowCache:
		return fmt.Sprintf("%s %s", a.Verb, a.FlowCache)
	case SetTunnel, DelTunnel:
		return fmt.Sprintf("%s %s", a.Verb, a.Tunnel)
	case SetNode, DelNode:
		return fmt.Sprintf("%s %s", a.Verb, a.Node)
	case DelModule:
		return a.moduleLine(portChanges(a.Module.Ports, nil))
	}
	if a.Have == nil {
		return a.moduleLine(portChanges(nil, a.Module.Ports))
	}
	return a.moduleLine(moduleChanges(a.Have, a.Module))
}

// LogValue is the line, made only where it is logged: it compares the whole of two modules.
func (a Action) LogValue() slog.Value { return slog.StringValue(a.String()) }

func (a Action) moduleLine(changes []string) string {
	line := fmt.Sprintf("%s %s", a.Verb, a.Module)
	if len(changes) > 0 {
		line += ": " + strings.Join(changes, ", ")
	}
	return line
}

// moduleChanges says how want differs from have.
func moduleChanges(have, want *Module) []string {
	changes := portChanges(have.Ports, want.Ports)
	if have.Kind != want.Kind || have.Name != want.Name || have.Key != want.Key {
		changes = append(changes, "was "+have.String())
	}
	if !reflect.DeepEqual(have.Groups, want.Groups) {
		changes = append(changes, "groups")
	}
	if !reflect.DeepEqual(have.Config, want.Config) {
		changes = append(changes, "config")
	}
	return changes
}

// portChanges lists the devices bound, then those unbound, and counts the ports added, changed and removed.
func portChanges(have, want []Port) []string {
	old, kept := portsByKey(have), portsByKey(want)
	var binds, unbinds []string
	added, changed, removed := 0, 0, 0
	for _, p := range want {
		was, ok := old[p.Key]
		if !ok {
			added++
		} else if !reflect.DeepEqual(was, p) {
			changed++
		}
		if p.Device != nil && !p.Device.same(was.Device) {
			binds = append(binds, fmt.Sprintf("bind %q to %q", p.Name, p.Device.Name))
		}
	}
	for _, was := range have {
		p, ok := kept[was.Key]
		if !ok {
			removed++
		}
		if was.Device != nil && !was.Device.same(p.Device) {
			unbinds = append(unbinds, fmt.Sprintf("unbind %q from %q", was.Name, was.Device.Name))
		}
	}
	return slices.Concat(binds, unbinds, count(added, "added"), count(changed, "changed"), count(removed, "removed"))
}

func portsByKey(ports []Port) map[uint16]Port {
	m := make(map[uint16]Port, len(ports))
	for _, p := range ports {
		m[p.Key] = p
	}
	return m
}

// same: both are the same interface, whatever else is known of it.
func (d *Device) same(other *Device) bool {
	return other != nil && d.Ifindex == other.Ifindex && d.Name == other.Name
}

// count says how many ports had something done to them; nothing for none.
func count(n int, done string) []string {
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d ports %s", n, done)}
}
