package config

import "net/netip"

// Part reduces two configurations, have and c, to what differs between them and to what names one of some ports; to these it adds the ports
// that differ. Entries makes of each entry of Ports, FDB and Neighbours rows that depend on it and on its port alone: those that are in neither part
// stay as they are. Both parts have all else that is in the configurations, and what their entries refer to.
func (c *Config) Part(have any, ports map[uint16]bool) (before, after any, ok bool) {
	h, ok := have.(*Config)
	if !ok {
		return nil, nil, false
	}
	for key := range differing(h.Ports, c.Ports, Port.equal) {
		ports[key] = true
	}
	b, a := h.without(), c.without()
	for mac := range differing(h.FDB, c.FDB, func(x, y uint16) bool { return x == y && !ports[x] }) {
		copyEntry(b.FDB, h.FDB, mac)
		copyEntry(a.FDB, c.FDB, mac)
	}
	for addr := range differing(h.Neighbours, c.Neighbours, func(x, y Neighbour) bool { return x == y && !ports[x.Port] }) {
		copyEntry(b.Neighbours, h.Neighbours, addr)
		copyEntry(a.Neighbours, c.Neighbours, addr)
	}
	b.addPorts(h, ports)
	a.addPorts(c, ports)
	return b, a, true
}

// without is the configuration without entries of ports and addresses.
func (c *Config) without() *Config {
	less := *c
	less.Ports, less.FDB, less.Neighbours = map[uint16]Port{}, map[[6]byte]uint16{}, map[netip.Addr]Neighbour{}
	return &less
}

// addPorts adds ports of the whole configuration: those with keys, and those to which entries refer.
func (c *Config) addPorts(all *Config, keys map[uint16]bool) {
	for key := range keys {
		copyEntry(c.Ports, all.Ports, key)
	}
	for _, key := range c.FDB {
		copyEntry(c.Ports, all.Ports, key)
	}
	for _, n := range c.Neighbours {
		copyEntry(c.Ports, all.Ports, n.Port)
	}
	for _, n := range c.Proxies {
		copyEntry(c.Ports, all.Ports, n.Port)
	}
}

// differing are the keys of entries of two maps that are not in both, or not the same by equal.
func differing[K comparable, V any](have, want map[K]V, equal func(a, b V) bool) map[K]bool {
	keys := map[K]bool{}
	kept := 0
	for key, value := range want {
		was, ok := have[key]
		if !ok || !equal(was, value) {
			keys[key] = true
		}
		if ok {
			kept++
		}
	}
	if kept == len(have) {
		return keys
	}
	for key := range have {
		if _, ok := want[key]; !ok {
			keys[key] = true
		}
	}
	return keys
}

// copyEntry copies the entry of a key, if there is one.
func copyEntry[K comparable, V any](to, from map[K]V, key K) {
	if value, ok := from[key]; ok {
		to[key] = value
	}
}
