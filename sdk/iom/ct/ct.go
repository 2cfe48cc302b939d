// Package ct is the user-space side of <iom/ct.h>: it lists connections and removes those that have expired, or that somebody wants gone.
package ct

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Zone is a port of an instance, whose connections are apart from others'.
type Zone struct {
	Instance uint32 // slot
	Port     uint16 // key
}

func zoneOf(z uint32) Zone        { return Zone{z >> 16, uint16(z)} }
func (z Zone) key() wire.CtZone   { return wire.CtZone{Zone: z.Instance<<16 | uint32(z.Port)} }
func (z Zone) String() string     { return fmt.Sprintf("instance %d port %d", z.Instance, z.Port) }
func (z Zone) compare(o Zone) int { return int(int64(z.key().Zone) - int64(o.key().Zone)) }

// Connection is one as a zone sees it.
type Connection struct {
	Zone  Zone
	Proto uint8
	// From is who began it. Ports are 0 for protocols that have none; of an echo both are its identifier.
	From, To netip.AddrPort
	// Progress is "asked", "answered", "established", "closing" or "closed".
	Progress string
	// Established ones are safe from others that begin.
	Established bool
	// Blocked: nothing of it passes. Egress: it began on its way out by the zone's port, not in.
	Blocked, Egress bool
	// Left is the time until it is forgotten, if nothing comes.
	Left time.Duration
	// Rule is the number of what decided on it last, Label what that gave it.
	Rule  uint64
	Label uint32
}

var progress = map[wire.CtProgress]string{
	wire.CtAsked: "asked", wire.CtAnswered: "answered", wire.CtEstablished: "established", wire.CtClosing: "closing", wire.CtClosed: "closed",
}

// Tables are the tables of a node.
type Tables struct {
	established, others *ebpf.Map
	zones, removed      *ebpf.Map
}

// Open takes the tables from all maps of a node by name.
func Open(maps map[string]*ebpf.Map) (*Tables, error) {
	t := &Tables{}
	for name, m := range map[string]**ebpf.Map{"iom_cts": &t.established, "iom_cts_new": &t.others, "iom_ct_zones": &t.zones,
		"iom_ct_removed": &t.removed} {
		if *m = maps[name]; *m == nil {
			return nil, fmt.Errorf("open connections: there is no table %q", name)
		}
	}
	return t, nil
}

// List gives the connections whose time is not up; uptime is the clock of Hover.Uptime. In no order.
func (t *Tables) List(uptime time.Duration) ([]Connection, error) {
	var out []Connection
	now := uint32(uptime / time.Second)
	for _, table := range []*ebpf.Map{t.established, t.others} {
		err := each(table, func(key wire.CtKey, row wire.Ct) {
			if row.Expires > now {
				out = append(out, t.connection(key, row, now, table))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tables) connection(key wire.CtKey, row wire.Ct, now uint32, table *ebpf.Map) Connection {
	from := 0
	if row.Flags&wire.CtFrom1 != 0 {
		from = 1
	}
	end := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(iom.NetipAddr(key.Addr[i].A), key.L4[i])
	}
	return Connection{Zone: zoneOf(key.Zone), Proto: key.Proto, From: end(from), To: end(1 - from), Progress: progress[row.Progress],
		Established: table == t.established, Blocked: row.Flags&wire.CtBlocked != 0, Egress: row.Flags&wire.CtEgress != 0,
		Left: time.Duration(row.Expires-min(now, row.Expires)) * time.Second, Rule: row.Rule, Label: row.Label}
}

// Flush removes the connections that match says, and tells how many.
func (t *Tables) Flush(uptime time.Duration, match func(Connection) bool) (int, error) {
	now := uint32(uptime / time.Second)
	return t.remove(func(key wire.CtKey, row wire.Ct, table *ebpf.Map) bool {
		return match(t.connection(key, row, now, table))
	})
}

// Sweep removes the connections whose time is up, and tells how many.
func (t *Tables) Sweep(uptime time.Duration) (int, error) {
	now := uint32(uptime / time.Second)
	return t.remove(func(_ wire.CtKey, row wire.Ct, _ *ebpf.Map) bool { return row.Expires <= now })
}

// Forget removes all that belongs to zones that are gone, and tells how many connections that were.
func (t *Tables) Forget(gone func(Zone) bool) (int, error) {
	n, err := t.remove(func(key wire.CtKey, _ wire.Ct, _ *ebpf.Map) bool { return gone(zoneOf(key.Zone)) })
	if err != nil {
		return n, err
	}
	for _, table := range []*ebpf.Map{t.zones, t.removed} {
		keys, err := zones(table)
		if err != nil {
			return n, err
		}
		for _, z := range keys {
			if gone(z) {
				if err := table.Delete(z.key()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
					return n, fmt.Errorf("forget zone of %s: %w", z, err)
				}
			}
		}
	}
	return n, nil
}

// remove takes connections out, unless one was renewed meanwhile.
func (t *Tables) remove(match func(key wire.CtKey, row wire.Ct, table *ebpf.Map) bool) (int, error) {
	n := 0
	for _, table := range []*ebpf.Map{t.established, t.others} {
		var gone []wire.CtKey
		if err := each(table, func(key wire.CtKey, row wire.Ct) {
			if match(key, row, table) {
				gone = append(gone, key)
			}
		}); err != nil {
			return n, err
		}
		taken := map[Zone]uint32{}
		for _, key := range gone {
			var row wire.Ct
			switch err := table.LookupAndDelete(key, &row); {
			case errors.Is(err, ebpf.ErrKeyNotExist):
			case err != nil:
				return n, errors.Join(fmt.Errorf("remove connection: %w", err), t.count(table, taken))
			case match(key, row, table):
				taken[zoneOf(key.Zone)]++
				n++
			default:
				if err := table.Update(key, row, ebpf.UpdateNoExist); err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
					return n, errors.Join(fmt.Errorf("put connection back: %w", err), t.count(table, taken))
				}
			}
		}
		if err := t.count(table, taken); err != nil {
			return n, err
		}
	}
	return n, nil
}

// count tells the programs that zones have fewer established connections. Only user space writes that table.
func (t *Tables) count(table *ebpf.Map, taken map[Zone]uint32) error {
	if table != t.established {
		return nil
	}
	for z, n := range taken {
		var removed uint32
		if err := t.removed.Lookup(z.key(), &removed); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("count connections of %s: %w", z, err)
		}
		if err := t.removed.Put(z.key(), removed+n); err != nil {
			return fmt.Errorf("count connections of %s: %w", z, err)
		}
	}
	return nil
}

// Count is how many established connections a zone has, and how many found no room since it came.
type Count struct{ Established, Refused uint32 }

// Counts gives those of all zones that ever had one.
func (t *Tables) Counts() (map[Zone]Count, error) {
	keys, err := zones(t.zones)
	if err != nil {
		return nil, err
	}
	out := make(map[Zone]Count, len(keys))
	for _, z := range keys {
		var row wire.CtZoneCount
		var removed uint32
		err := t.zones.Lookup(z.key(), &row)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		}
		if err == nil {
			if err = t.removed.Lookup(z.key(), &removed); errors.Is(err, ebpf.ErrKeyNotExist) {
				err = nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("read zone of %s: %w", z, err)
		}
		out[z] = Count{row.Established - removed, row.Refused}
	}
	return out, nil
}

// zones are the keys of a table, sorted.
func zones(table *ebpf.Map) ([]Zone, error) {
	var all []Zone
	var key wire.CtZone
	value := make([]byte, table.ValueSize())
	it := table.Iterate()
	for it.Next(&key, &value) {
		all = append(all, zoneOf(key.Zone))
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read zones: %w", err)
	}
	slices.SortFunc(all, Zone.compare)
	return all, nil
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
