package agent

import (
	"cmp"
	"slices"
	"strings"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/logical"
)

// Interfaces lists the interfaces that have programs of ours or that ports are on, by name. One that is just coming or going may be left out.
func (s *Source) Interfaces() ([]v1.Interface, error) {
	v := s.loop.published.Load()
	found := map[int]*v1.Interface{}
	at := func(ifindex int) *v1.Interface {
		if found[ifindex] == nil {
			found[ifindex] = &v1.Interface{Ifindex: ifindex}
		}
		return found[ifindex]
	}
	for _, h := range s.loop.plane.Hooks() {
		in, direction := at(h.Ifindex), "ingress"
		if h.Egress {
			direction = "egress"
		}
		in.Hooks = append(in.Hooks, v1.Hook{Direction: direction, Program: h.Program})
	}
	for _, instance := range s.loop.plane.Instances() {
		for _, p := range instance.Module.Ports {
			if p.Device == nil {
				continue
			}
			port := v1.InterfacePort{Port: p.Name, Module: instance.Module.Name, ModuleID: instance.Module.ID,
				Key: p.Key, Slot: instance.Ports[p.Key], Tag: p.Tag}
			var err error
			if port.Counters, port.Drops, err = s.portCounts(instance.Module.ID, p.Key); err != nil {
				return nil, err
			}
			in := at(p.Device.Ifindex)
			in.Ports = append(in.Ports, port)
		}
	}
	return v.describe(found), nil
}

// describe adds to interfaces what the host says of them, and sorts.
func (v *view) describe(found map[int]*v1.Interface) []v1.Interface {
	var list []v1.Interface
	for _, link := range v.links {
		in := found[link.Index]
		if in == nil {
			continue
		}
		in.Name, in.Kind, in.MTU, in.Up, in.Carrier = link.Name, link.Kind, link.MTU, link.Up, link.Carrier
		if link.MAC != [6]byte{} {
			in.MAC = logical.MAC(link.MAC)
		}
		slices.SortFunc(in.Ports, func(a, b v1.InterfacePort) int {
			return cmp.Or(cmp.Compare(a.Tag, b.Tag), strings.Compare(a.Port, b.Port))
		})
		list = append(list, *in)
	}
	slices.SortFunc(list, func(a, b v1.Interface) int { return strings.Compare(a.Name, b.Name) })
	return list
}
