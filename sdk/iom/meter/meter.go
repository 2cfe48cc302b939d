// Package meter limits how much of a module's punts (<iom/punt.h>) reaches user space. Meters are plain data, a part of modules' configurations.
package meter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Meter is a token bucket.
type Meter struct {
	// Rate is in packets/s, or with Bits in kbit/s; it is not 0.
	Rate uint32
	// Burst is in packets or kbit; 0: a second's worth.
	Burst uint32
	Bits  bool
}

// String is the meter as in "10 pktps burst 20".
func (m Meter) String() string {
	unit := "pktps"
	if m.Bits {
		unit = "kbps"
	}
	return fmt.Sprintf("%d %s burst %d", m.Rate, unit, m.BurstSize())
}

// Text is a line for each meter, by kind of packet.
func Text(meters map[string]Meter) string {
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(meters)) {
		fmt.Fprintf(&b, "meter %s %s\n", kind, meters[kind])
	}
	return b.String()
}

// BurstSize is Burst, or a second's worth.
func (m Meter) BurstSize() uint32 {
	if m.Burst == 0 {
		return m.Rate
	}
	return m.Burst
}

// Punts are those of an instance that a bucket is for: of a reason, about IPv6 packets or about all others.
type Punts struct {
	Reason uint32
	IP6    bool
}

// Put limits the punts of an instance. Both maps are by kind of packet; each of its Punts has the meter's rate for itself.
func Put(t *iom.Tables, inst iom.Instance, meters map[string]Meter, punts map[string][]Punts) {
	for kind, m := range meters {
		row := wire.PuntMeter{Rate: m.Rate, Burst: m.BurstSize()}
		if m.Bits {
			row.Bits = 1
		}
		for _, p := range punts[kind] {
			key := wire.PuntKey{Dp: inst.Slot, Kind: uint8(inst.Kind), Reason: uint16(p.Reason)}
			if p.IP6 {
				key.Ip6 = 1
			}
			iom.Put(t, "iom_punt_meters", key, row)
		}
	}
}

// Validate reports the first meter that can't be: of a kind of packet that is not among kinds, or without a rate.
func Validate(meters map[string]Meter, kinds []string) error {
	for _, kind := range slices.Sorted(maps.Keys(meters)) {
		if !slices.Contains(kinds, kind) {
			return fmt.Errorf("meter for %q: packets of that kind don't reach user space", kind)
		}
		if meters[kind].Rate == 0 {
			return fmt.Errorf("meter for %q has no rate", kind)
		}
	}
	return nil
}
