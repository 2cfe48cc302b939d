package rest

import (
	v1 "woven.dev/woven/api/v1"
)

// The full functions give lists that are nil their empty form: [] in JSON and never null. They change copies.

func fullStatus(s v1.Status) v1.Status {
	s.Databases, s.Problems = full(s.Databases), full(s.Problems)
	if s.Tunnel != nil {
		t := *s.Tunnel
		t.Devices, t.Peers = full(t.Devices), full(t.Peers)
		s.Tunnel = &t
	}
	return s
}

func fullPort(p v1.Port) v1.Port {
	p.Addresses, p.Drops = full(p.Addresses), full(p.Drops)
	return p
}

func fullMapEntry(e v1.MapEntry) v1.MapEntry {
	e.Ports = full(e.Ports)
	return e
}

func fullDrops(d v1.DatapathDrops) v1.DatapathDrops {
	d.Drops = full(d.Drops)
	return d
}

func fullType(t v1.Type) v1.Type {
	t.Programs, t.Tables, t.Drops = full(t.Programs), full(t.Tables), full(t.Drops)
	return t
}

func fullModule(m v1.ModuleInstance) v1.ModuleInstance {
	m.Drops = full(m.Drops)
	return m
}

func fullModuleDetails(m v1.ModuleDetails) v1.ModuleDetails {
	m.ModuleInstance = fullModule(m.ModuleInstance)
	ports := make([]v1.ModulePort, len(m.Ports))
	for i, p := range m.Ports {
		p.Drops = full(p.Drops)
		ports[i] = p
	}
	m.Ports = ports
	return m
}

func fullRows(r v1.Rows) v1.Rows {
	r.Rows = full(r.Rows)
	return r
}

func fullLink(l v1.Link) v1.Link {
	l.Ends = full(l.Ends)
	return l
}

func fullInterface(i v1.Interface) v1.Interface {
	ports := make([]v1.InterfacePort, len(i.Ports))
	for n, p := range i.Ports {
		p.Drops = full(p.Drops)
		ports[n] = p
	}
	i.Hooks, i.Ports = full(i.Hooks), ports
	return i
}

func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
