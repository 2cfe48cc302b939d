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

func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
