package hover

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/ct"
	"woven.dev/woven/sdk/iom/wire"
)

// Connections are the tracked connections of a node, with the names of what their numbers stand for.
type Connections struct {
	Tables *ct.Tables

	pinned map[string]*ebpf.Map // that Close closes
	names  *ebpf.Map
	flows  *flows
	kinds  int
}

// Connection is a tracked connection.
type Connection struct {
	ct.Connection
	// Port is the name of the port whose zone it is in, Instance that of the port's instance.
	Port, Instance string
	// Object is the name of what decided on it last; "": nothing, or nothing that has a name.
	Object string
}

// ConnectionFilter says which connections are meant: those for which all that is set holds.
type ConnectionFilter struct {
	Port  string // name
	Zone  *ct.Zone
	Tuple *ct.Tuple
}

// ParseConnectionFilter reads a filter from texts, each of which may be empty: a port's name; a zone, see ct.ParseZone; a tuple, see ct.ParseTuple.
func ParseConnectionFilter(port, zone, tuple string) (ConnectionFilter, error) {
	f := ConnectionFilter{Port: port}
	if zone != "" {
		z, err := ct.ParseZone(zone)
		if err != nil {
			return ConnectionFilter{}, err
		}
		f.Zone = &z
	}
	if tuple != "" {
		t, err := ct.ParseTuple(tuple)
		if err != nil {
			return ConnectionFilter{}, err
		}
		f.Tuple = &t
	}
	return f, nil
}

// ZoneCount is what is known of a zone as a whole.
type ZoneCount struct {
	ct.Zone
	ct.Count
	Port, Instance string // names
}

// Connections gives access to the tracked connections.
func (h *Hover) Connections() (*Connections, error) {
	return newConnections(h.set.Maps, h.pins, len(h.cfg.Kinds))
}

// OpenConnections opens the pins under bpffs. It needs no agent. kinds must be those of the release that is there.
func OpenConnections(bpffs string, kinds []iom.Kind) (*Connections, error) {
	p, state, err := openState(bpffs, kinds)
	if err != nil {
		return nil, err
	}
	c, err := newConnections(state, p, len(kinds))
	if err != nil {
		return nil, errors.Join(err, closeMaps(state))
	}
	c.pinned = state
	return c, nil
}

func newConnections(maps map[string]*ebpf.Map, p *pins, kinds int) (*Connections, error) {
	tables, err := ct.Open(maps, func() (func(), error) {
		lock, err := lockDir(p.mapsDir())
		if err != nil {
			return nil, err
		}
		return func() { lock.Close() }, nil
	})
	if err != nil {
		return nil, err
	}
	return &Connections{Tables: tables, names: maps["iom_names"], flows: newFlows(maps, nil), kinds: kinds}, nil
}

// Close lets go of the pins.
func (c *Connections) Close() error { return closeMaps(c.pinned) }

// List gives those connections that are meant, in order, from the skip-th one on and at most limit; more says that there are others. A port that
// there is not gives ErrUnknown.
func (c *Connections) List(f ConnectionFilter, skip, limit int) (list []Connection, more bool, err error) {
	names, match, err := c.understand(f)
	if err != nil {
		return nil, false, err
	}
	all, err := c.Tables.List(uptime(), match)
	if err != nil {
		return nil, false, err
	}
	all = all[min(skip, len(all)):]
	for _, one := range all[:min(limit, len(all))] {
		list = append(list, Connection{Connection: one, Port: names.of(one.Zone.Instance, uint32(one.Zone.Port)), Instance: names.of(one.Zone.Instance, 0),
			Object: names.decider(one.Zone.Instance, uint32(one.Rule), c.kinds)})
	}
	return list, len(all) > len(list), nil
}

// Flush removes those connections that are meant, and tells how many. A port that there is not gives ErrUnknown.
func (c *Connections) Flush(f ConnectionFilter) (int, error) {
	_, match, err := c.understand(f)
	if err != nil {
		return 0, err
	}
	if err := c.flows.halt(); err != nil {
		return 0, err
	}
	n, err := c.Tables.Flush(uptime(), match)
	return n, errors.Join(err, c.flows.resume())
}

// Zones lists the zones that ever had a connection, in order, but those of ports that are gone.
func (c *Connections) Zones() ([]ZoneCount, error) {
	names, err := readNames(c.names)
	if err != nil {
		return nil, err
	}
	counts, err := c.Tables.Counts(uptime())
	if err != nil {
		return nil, err
	}
	var list []ZoneCount
	for _, z := range slices.SortedFunc(maps.Keys(counts), ct.Zone.Compare) {
		if port := names[wire.NameKey{Dp: z.Instance, Number: uint32(z.Port)}]; port != "" {
			list = append(list, ZoneCount{z, counts[z], port, names.of(z.Instance, 0)})
		}
	}
	return list, nil
}

// Ports are the names of the ports of all instances, sorted.
func (c *Connections) Ports() ([]string, error) {
	names, err := readNames(c.names)
	if err != nil {
		return nil, err
	}
	var ports []string
	for key, name := range names {
		if isPort(key) {
			ports = append(ports, name)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// understand reads the names, and makes a filter one by numbers.
func (c *Connections) understand(f ConnectionFilter) (names, func(ct.Connection) bool, error) {
	names, err := readNames(c.names)
	if err != nil {
		return nil, nil, err
	}
	zones := names.zones(f.Port)
	if f.Port != "" && len(zones) == 0 {
		return nil, nil, fmt.Errorf("find port %q: %w", f.Port, ErrUnknown)
	}
	return names, func(one ct.Connection) bool {
		return (f.Port == "" || slices.Contains(zones, one.Zone)) && (f.Zone == nil || *f.Zone == one.Zone) && (f.Tuple == nil || f.Tuple.Match(one))
	}, nil
}
