package ct

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Limits of a zone's established connections: what it has unless something else is configured, and the number for none but the table's size.
const (
	DefaultLimit = uint32(wire.CtZoneLimit)
	Unlimited    = ^uint32(0)
)

// Pace is how many connections may begin in a zone within a second; what is beyond competes with its like.
const Pace = uint32(wire.CtZonePace)

// Zone is a port of an instance, whose connections are apart from others'.
type Zone struct {
	Instance uint32 // slot
	Port     uint16 // key
}

func zoneOf(z uint32) Zone      { return Zone{z >> 16, uint16(z)} }
func (z Zone) key() wire.CtZone { return wire.CtZone{Zone: z.Instance<<16 | uint32(z.Port)} }

// Compare orders zones by instance, then port.
func (z Zone) Compare(o Zone) int { return cmp.Compare(z.key().Zone, o.key().Zone) }

// String is the zone as "3/7": the instance's slot and the port's key.
func (z Zone) String() string { return fmt.Sprintf("%d/%d", z.Instance, z.Port) }

// ParseZone is the inverse of String.
func ParseZone(text string) (Zone, error) {
	instance, port, found := strings.Cut(text, "/")
	i, err := strconv.ParseUint(instance, 10, 16)
	p, err2 := strconv.ParseUint(port, 10, 16)
	if !found || err != nil || err2 != nil {
		return Zone{}, fmt.Errorf("zone %q is no instance/port such as 3/7", text)
	}
	return Zone{uint32(i), uint16(p)}, nil
}

// Count is what is known of a zone's connections as a whole.
type Count struct {
	// Established connections, and how many there may be.
	Established, Limit uint32
	// Refused is how many found no room among them since the zone came.
	Refused uint32
	// PerSecond is how many connections begin.
	PerSecond uint32
}

// PutLimits sets how many established connections the zones of an instance's ports of this node may have, by key of the port; 0: as many as there is
// room for.
func PutLimits(t *iom.Tables, inst iom.Instance, limits map[uint16]uint32) {
	for port, limit := range limits {
		if limit == 0 {
			limit = Unlimited
		}
		if _, here := inst.Local[port]; here {
			iom.Put(t, "iom_ct_limits", Zone{inst.Slot, port}.key(), limit)
		}
	}
}

// Full says whether further connections find no room.
func (c Count) Full() bool { return c.Established >= c.Limit }

// Hurries says whether more connections begin than may.
func (c Count) Hurries() bool { return c.PerSecond > Pace }

// Counts gives those of all zones that ever had a connection; uptime is the clock of Hover.Uptime.
func (t *Tables) Counts(uptime time.Duration) (map[Zone]Count, error) {
	out := map[Zone]Count{}
	now := uint32(uptime / time.Second)
	for _, table := range []*ebpf.Map{t.zones, t.paces} {
		keys, err := zones(table)
		if err != nil {
			return nil, err
		}
		for _, z := range keys {
			if out[z], err = t.countOf(z, now); err != nil {
				return nil, fmt.Errorf("read zone %s: %w", z, err)
			}
		}
	}
	return out, nil
}

// countOf reads a zone. What it has no row for is 0, or the default.
func (t *Tables) countOf(z Zone, now uint32) (Count, error) {
	var row wire.CtZoneCount
	var removed uint32
	var pace wire.CtPace
	c := Count{Limit: DefaultLimit}
	for _, part := range []struct {
		table *ebpf.Map
		value any
	}{{t.zones, &row}, {t.removed, &removed}, {t.limits, &c.Limit}, {t.paces, &pace}} {
		if err := part.table.Lookup(z.key(), part.value); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return Count{}, err
		}
	}
	c.Established, c.Refused = row.Established-removed, row.Refused
	switch now - pace.Second {
	case 0:
		c.PerSecond = max(pace.Begun, pace.Before)
	case 1:
		c.PerSecond = pace.Begun
	}
	return c, nil
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
	slices.SortFunc(all, Zone.Compare)
	return all, nil
}

// forgetZones removes what is known of zones that are gone.
func (t *Tables) forgetZones(gone func(Zone) bool) error {
	for _, table := range []*ebpf.Map{t.zones, t.removed, t.paces} {
		keys, err := zones(table)
		if err != nil {
			return err
		}
		for _, z := range keys {
			if !gone(z) {
				continue
			}
			if err := table.Delete(z.key()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
				return fmt.Errorf("forget zone %s: %w", z, err)
			}
		}
	}
	return nil
}
