package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
)

// Types lists the loaded module kinds, the platform first.
func (s *Source) Types() []v1.Type {
	instances := map[string]int{}
	for _, in := range s.loop.plane.Instances() {
		instances[in.Module.Kind]++
	}
	var types []v1.Type
	for _, t := range s.loop.plane.Types() {
		out := v1.Type{Name: t.Name, Modules: instances[t.Name], Programs: t.Programs}
		for _, table := range t.Tables {
			out.Tables = append(out.Tables, tableType(table))
		}
		for _, d := range t.Drops {
			out.Drops = append(out.Drops, v1.DropReason{Name: d.Name, Text: d.Text})
		}
		types = append(types, out)
	}
	return types
}

func tableType(t hover.TableType) v1.TableType {
	return v1.TableType{Name: t.Name, Kind: t.Kind, MaxEntries: t.MaxEntries, Key: t.Key, Value: t.Value}
}

// Modules lists the live module instances by name, then ID.
func (s *Source) Modules() ([]v1.ModuleInstance, error) {
	var list []v1.ModuleInstance
	instances := s.loop.plane.Instances()
	all := linkedIn(instances)
	for _, in := range instances {
		m, err := s.module(in, all)
		if errors.Is(err, hover.ErrUnknown) {
			continue // it has just gone
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m.ModuleInstance)
	}
	slices.SortFunc(list, func(a, b v1.ModuleInstance) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// FindModules returns the IDs of the modules that a name stands for: the one with that ID, or else all with that name.
func (s *Source) FindModules(name string) []string {
	var ids []string
	for _, in := range s.loop.plane.Instances() {
		if in.Module.ID == name {
			return []string{name}
		}
		if in.Module.Name == name {
			ids = append(ids, in.Module.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Module returns a live module instance by its ID. One that there is not gives hover.ErrUnknown.
func (s *Source) Module(id string) (v1.ModuleDetails, error) {
	instances := s.loop.plane.Instances()
	for _, in := range instances {
		if in.Module.ID == id {
			return s.module(in, linkedIn(instances))
		}
	}
	return v1.ModuleDetails{}, fmt.Errorf("find module %q: %w", id, hover.ErrUnknown)
}

func (s *Source) module(in hover.Instance, all linked) (v1.ModuleDetails, error) {
	m := in.Module
	drops, err := s.loop.plane.Drops(m.ID)
	if err != nil {
		return v1.ModuleDetails{}, err
	}
	out := v1.ModuleDetails{ModuleInstance: v1.ModuleInstance{ID: m.ID, Name: m.Name, Kind: m.Kind, Slot: in.Slot, Key: m.Key,
		PortCount: len(m.Ports), Drops: dropsOf(drops)}}
	for _, p := range m.Ports {
		port := v1.ModulePort{MapPort: mapPort(p, in.Ports[p.Key], all), Tag: p.Tag}
		if p.Device != nil {
			if port.Counters, port.Drops, err = s.portCounts(m.ID, p.Key); err != nil {
				return v1.ModuleDetails{}, err
			}
			out.LocalPortCount++
			out.Counters = out.Counters.Plus(port.Counters)
		}
		out.Ports = append(out.Ports, port)
	}
	return out, nil
}

// Tables lists the tables of a module by its ID, sorted. A module that there is not gives hover.ErrUnknown.
func (s *Source) Tables(id string) ([]v1.Table, error) {
	tables, err := s.loop.plane.Tables(id)
	if err != nil {
		return nil, err
	}
	list := make([]v1.Table, 0, len(tables))
	for _, t := range tables {
		list = append(list, v1.Table{TableType: tableType(t.TableType), Rows: t.Rows})
	}
	return list, nil
}

// Rows lists at most limit rows of a module's table. A module or table that there is not gives hover.ErrUnknown.
func (s *Source) Rows(id, table string, limit int) (v1.Rows, error) {
	rows, more, err := s.loop.plane.Rows(id, table, limit)
	if err != nil {
		return v1.Rows{}, err
	}
	out := v1.Rows{More: more}
	for _, r := range rows {
		key, err := json.Marshal(r.Key)
		if err != nil {
			return v1.Rows{}, fmt.Errorf("write key of a row of table %q: %w", table, err)
		}
		value, err := json.Marshal(r.Value)
		if err != nil {
			return v1.Rows{}, fmt.Errorf("write value of a row of table %q: %w", table, err)
		}
		out.Rows = append(out.Rows, v1.Row{Key: key, Value: value})
	}
	return out, nil
}

// Links lists what the ports of modules are linked to, by module, then port.
func (s *Source) Links() []v1.Link {
	v := s.loop.published.Load()
	links := v.linksByIndex()
	var list []v1.Link
	instances := s.loop.plane.Instances()
	all := linkedIn(instances)
	for _, in := range instances {
		for _, p := range in.Module.Ports {
			ends := v.linkEnds(p, links)
			if peer := all.peer(p.Peer); peer != nil {
				ends = append(ends, v1.LinkEnd{Type: v1.EndPort, Name: peer.Port, Module: peer.Module, ModuleID: peer.ModuleID})
			}
			if len(ends) > 0 {
				list = append(list, v1.Link{Port: p.Name, Key: p.Key, Module: in.Module.Name, ModuleID: in.Module.ID, Ends: ends})
			}
		}
	}
	slices.SortFunc(list, func(a, b v1.Link) int {
		return cmp.Or(strings.Compare(a.Module, b.Module), strings.Compare(a.ModuleID, b.ModuleID), strings.Compare(a.Port, b.Port))
	})
	return list
}

// linkEnds are the places that a port is plugged in, the one here first.
func (v *view) linkEnds(p netstate.Port, links map[int]hostnet.Link) []v1.LinkEnd {
	var ends []v1.LinkEnd
	if d := p.Device; d != nil {
		ends = append(ends, v1.LinkEnd{Type: v1.EndDevice, Name: d.Name, Ifindex: d.Ifindex, Tag: p.Tag})
	}
	for _, name := range p.Nodes {
		end := v1.LinkEnd{Type: v1.EndPeer, Name: name}
		if v.live.network != nil && v.live.network.Peers[name] != nil {
			peer := v.live.network.Peers[name]
			end.Address, end.Device = peer.Addr.String(), links[peer.Ifindex].Name
		}
		ends = append(ends, end)
	}
	return ends
}
