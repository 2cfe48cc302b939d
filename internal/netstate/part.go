package netstate

import (
	"maps"
	"slices"
)

// Change says in what two states of a module differ.
type Change struct {
	// Ports and Groups are the keys of those that differ, came or went. The configurations may differ besides.
	Ports, Groups map[uint16]bool
}

// ChangeOf compares two states of a module. It is not ok when they differ in more than ports, groups and configuration, or when either does
// not list its ports in ascending order of key.
func ChangeOf(have, want *Module) (c Change, ok bool) {
	if have.ID != want.ID || have.Kind != want.Kind || have.Name != want.Name || have.Key != want.Key || !maps.Equal(have.Objects, want.Objects) ||
		!slices.EqualFunc(have.Services, want.Services, Service.equal) || !ascending(have.Ports) || !ascending(want.Ports) {
		return c, false
	}
	return Change{Ports: changedPorts(have.Ports, want.Ports), Groups: changedGroups(have.Groups, want.Groups)}, true
}

func ascending(ports []Port) bool {
	for i := range ports {
		if i > 0 && ports[i-1].Key >= ports[i].Key {
			return false
		}
	}
	return true
}

// changedPorts compares two lists in ascending order of key.
func changedPorts(have, want []Port) map[uint16]bool {
	changed := map[uint16]bool{}
	for i, j := 0, 0; i < len(have) || j < len(want); {
		switch {
		case j == len(want) || i < len(have) && have[i].Key < want[j].Key:
			changed[have[i].Key] = true
			i++
		case i == len(have) || have[i].Key > want[j].Key:
			changed[want[j].Key] = true
			j++
		default:
			if !have[i].equal(want[j]) {
				changed[want[j].Key] = true
			}
			i++
			j++
		}
	}
	return changed
}

func changedGroups(have, want []Group) map[uint16]bool {
	changed, former := map[uint16]bool{}, make(map[uint16]Group, len(have))
	for _, g := range have {
		former[g.Key] = g
		changed[g.Key] = true
	}
	for _, g := range want {
		if was, ok := former[g.Key]; ok && was.equal(g) {
			delete(changed, g.Key)
		} else {
			changed[g.Key] = true
		}
	}
	return changed
}
