// Package ct is the user-space side of <iom/ct.h>: it lists connections and removes those that have expired, or that somebody wants gone.
package ct

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom/wire"
)

// Names of the tables of connections.
const (
	beginsTable      = "iom_cts_new"
	briefTable       = "iom_cts_brief"
	establishedTable = "iom_cts"
)

// Usage is how full a table of connections is.
type Usage struct {
	Table     string
	Rows, Max int
}

// Turn waits until no other process removes connections, and tells how to let others.
type Turn func() (done func(), err error)

// Open takes the tables from all maps of a node by name.
func Open(maps map[string]*ebpf.Map, turn Turn) (*Tables, error) {
	t := &Tables{turn: turn}
	for name, m := range map[string]**ebpf.Map{beginsTable: &t.begins, briefTable: &t.brief, establishedTable: &t.established,
		"iom_ct_zones": &t.zones, "iom_ct_removed": &t.removed, "iom_ct_limits": &t.limits, "iom_ct_paces": &t.paces} {
		if *m = maps[name]; *m == nil {
			return nil, fmt.Errorf("open connections: there is no table %q", name)
		}
	}
	return t, nil
}

// all are the tables of connections. Each comes before those that a connection moves on to: one that moves while they are read is not missed.
func (t *Tables) all() []*ebpf.Map { return []*ebpf.Map{t.begins, t.established, t.brief} }

// List gives the connections that match says, of those whose time is not up; uptime is the clock of Hover.Uptime. In ascending order of zone, protocol,
// originator and the other end.
func (t *Tables) List(uptime time.Duration, match func(Connection) bool) ([]Connection, error) {
	have := map[wire.CtKey]Connection{}
	now := uint32(uptime / time.Second)
	for _, table := range t.all() {
		err := each(table, func(key wire.CtKey, row wire.Ct) {
			if row.Expires <= now {
				return
			}
			if c := t.connection(key, row, now, table); match(c) {
				have[key] = c
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(have), Connection.compare), nil
}

// Flush removes the connections that match says, and tells how many.
func (t *Tables) Flush(uptime time.Duration, match func(Connection) bool) (int, error) {
	now := uint32(uptime / time.Second)
	n, _, err := t.remove(func(key wire.CtKey, row wire.Ct, table *ebpf.Map) bool {
		return match(t.connection(key, row, now, table))
	})
	return n, err
}

// Sweep removes the connections whose time is up, and all that belongs to zones that are gone. It tells how many connections that were, and how full
// it leaves the tables.
func (t *Tables) Sweep(uptime time.Duration, gone func(Zone) bool) (int, []Usage, error) {
	now := uint32(uptime / time.Second)
	n, left, err := t.remove(func(key wire.CtKey, row wire.Ct, _ *ebpf.Map) bool {
		return row.Expires <= now || gone(zoneOf(key.Zone))
	})
	if err != nil {
		return n, nil, err
	}
	return n, left, t.forgetZones(gone)
}

// remove takes connections out, unless one was renewed meanwhile. It tells how many, and how full that leaves the tables.
func (t *Tables) remove(match func(key wire.CtKey, row wire.Ct, table *ebpf.Map) bool) (removed int, left []Usage, err error) {
	done, err := t.turn()
	if err != nil {
		return 0, nil, err
	}
	defer done()
	for _, table := range t.all() {
		n, rows, err := t.take(table, func(key wire.CtKey, row wire.Ct) bool { return match(key, row, table) })
		removed += n
		if err != nil {
			return removed, nil, err
		}
		left = append(left, Usage{t.name(table), rows, int(table.MaxEntries())})
	}
	return removed, left, nil
}

func (t *Tables) name(table *ebpf.Map) string {
	switch table {
	case t.begins:
		return beginsTable
	case t.brief:
		return briefTable
	}
	return establishedTable
}

// take removes connections from a table, and tells how many, and how many are left.
func (t *Tables) take(table *ebpf.Map, match func(wire.CtKey, wire.Ct) bool) (removed, left int, err error) {
	var gone []wire.CtKey
	if err := each(table, func(key wire.CtKey, row wire.Ct) {
		left++
		if match(key, row) {
			gone = append(gone, key)
		}
	}); err != nil {
		return 0, left, err
	}
	for _, key := range gone {
		taken, err := t.takeOne(table, key, match)
		if err != nil {
			return removed, left, err
		}
		if taken {
			removed++
			left--
		}
	}
	return removed, left, nil
}

// takeOne removes a connection, unless it was renewed meanwhile. Each is counted at once: a process may be killed at any time.
func (t *Tables) takeOne(table *ebpf.Map, key wire.CtKey, match func(wire.CtKey, wire.Ct) bool) (bool, error) {
	var row wire.Ct
	err := table.LookupAndDelete(key, &row)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("remove connection: %w", err)
	}
	if !match(key, row) {
		err := table.Update(key, row, ebpf.UpdateNoExist)
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, ebpf.ErrKeyExist) { // else it has begun again, and was counted again
			return false, fmt.Errorf("put connection back: %w", err)
		}
	}
	if table == t.established {
		return true, t.count(zoneOf(key.Zone))
	}
	return true, nil
}

// count tells the programs that a zone has one established connection less. Only the process whose turn it is writes that table.
func (t *Tables) count(z Zone) error {
	var removed uint32
	if err := t.removed.Lookup(z.key(), &removed); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("count connections of zone %s: %w", z, err)
	}
	if err := t.removed.Put(z.key(), removed+1); err != nil {
		return fmt.Errorf("count connections of zone %s: %w", z, err)
	}
	return nil
}

// batch is how many rows are read with one call.
const batch = 4096

// each reads a table of connections.
func each(table *ebpf.Map, f func(wire.CtKey, wire.Ct)) error {
	var cursor ebpf.MapBatchCursor
	keys, rows := make([]wire.CtKey, batch), make([]wire.Ct, batch)
	for {
		n, err := table.BatchLookup(&cursor, keys, rows, nil)
		for i := range n {
			f(keys[i], rows[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read connections: %w", err)
		}
	}
}
