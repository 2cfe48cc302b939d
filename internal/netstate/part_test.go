package netstate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangeOf(t *testing.T) {
	module := func(edit func(*Module)) *Module {
		m := &Module{ID: "m", Kind: "k", Name: "n", Key: 1, Ports: []Port{{Key: 1}, {Key: 3}, {Key: 5}},
			Groups: []Group{{Key: 40000, Ports: []uint16{1, 3}}, {Key: 40001}}, Services: []Service{{Kind: "s", Config: 1}}}
		edit(m)
		return m
	}
	keys := func(keys ...uint16) map[uint16]bool {
		set := map[uint16]bool{}
		for _, k := range keys {
			set[k] = true
		}
		return set
	}
	for _, c := range []struct {
		name          string
		edit          func(*Module)
		ok            bool
		ports, groups map[uint16]bool
	}{
		{"nothing", func(*Module) {}, true, keys(), keys()},
		{"configuration", func(m *Module) { m.Config = 1 }, true, keys(), keys()},
		{"first port gone", func(m *Module) { m.Ports = m.Ports[1:] }, true, keys(1), keys()},
		{"last port gone", func(m *Module) { m.Ports = m.Ports[:2] }, true, keys(5), keys()},
		{"port between", func(m *Module) { m.Ports = []Port{{Key: 1}, {Key: 2}, {Key: 3}, {Key: 5}} }, true, keys(2), keys()},
		{"port behind, another one renamed", func(m *Module) { m.Ports = []Port{{Key: 1, Name: "x"}, {Key: 3}, {Key: 5}, {Key: 6}} }, true, keys(1, 6), keys()},
		{"group gone, another one smaller", func(m *Module) { m.Groups = []Group{{Key: 40000, Ports: []uint16{1}}} }, true, keys(), keys(40000, 40001)},
		{"new group", func(m *Module) { m.Groups = append(m.Groups, Group{Key: 40002}) }, true, keys(), keys(40002)},
		{"name", func(m *Module) { m.Name = "x" }, false, nil, nil},
		{"service", func(m *Module) { m.Services = []Service{{Kind: "s", Config: 2}} }, false, nil, nil},
		{"ports in disorder", func(m *Module) { m.Ports = []Port{{Key: 3}, {Key: 1}, {Key: 5}} }, false, nil, nil},
		{"one key twice", func(m *Module) { m.Ports = []Port{{Key: 1}, {Key: 1}} }, false, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := module(func(*Module) {})
			for _, pair := range [][2]*Module{{whole, module(c.edit)}, {module(c.edit), whole}} {
				got, ok := ChangeOf(pair[0], pair[1])
				if diff := cmp.Diff(Change{c.ports, c.groups}, got); diff != "" || ok != c.ok {
					t.Errorf("ok %t (-want +got):\n%s", ok, diff)
				}
			}
		})
	}
}
