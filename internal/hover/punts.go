package hover

import (
	"encoding/binary"
	"fmt"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// PuntCount is how many punts a module instance sent for a reason.
type PuntCount struct {
	// Module is the instance's ID and Name and Key are its name and key, Kind is the module kind, Reason its word for why.
	Module, Name, Kind, Reason string
	Key                        uint32
	// Sent reached the reader's buffer; Lost were over the instance's rate or found the buffer full.
	Sent, Lost uint64
}

// Punts returns a reader of what this release's programs punt. Only one may run at a time.
func (h *Hover) Punts() *punt.Reader {
	var kinds []string
	for _, k := range h.cfg.Kinds {
		kinds = append(kinds, k.Name)
	}
	return punt.NewReader(h.set.Maps["iom_punts"], kinds, h.PortAt)
}

// PortAt returns the port of this node that has a slot now. It may be called from any goroutine.
func (h *Hover) PortAt(slot uint32) (p punt.Port, ok bool) {
	key, ok := h.numbers.ports.keyOf(slot)
	if !ok {
		return punt.Port{}, false
	}
	p.Module, ok = h.numbers.moduleAt(binary.BigEndian.Uint32([]byte(key)))
	p.Key = binary.BigEndian.Uint16([]byte(key)[4:])
	return p, ok
}

// PuntCounts reads the programs' own counters, of live modules.
func (h *Hover) PuntCounts() ([]PuntCount, error) {
	rows, err := h.ReadTable("iom_punt_limits")
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	live := h.have.Modules
	h.mu.Unlock()
	type sum struct{ sent, lost uint64 }
	sums := map[PuntCount]sum{} // of both families, by a count without them
	for key, value := range rows {
		k, err := iom.Get[wire.PuntKey](key)
		if err != nil {
			return nil, fmt.Errorf("read punts: %w", err)
		}
		v, err := iom.Get[wire.PuntLimit](value)
		if err != nil {
			return nil, fmt.Errorf("read punts: %w", err)
		}
		id, _ := h.numbers.moduleAt(k.Dp)
		module := live[id]
		if module == nil || k.Kind == 0 || int(k.Kind) > len(h.cfg.Kinds) {
			continue
		}
		kind := h.cfg.Kinds[k.Kind-1].Name
		what := PuntCount{Module: id, Name: module.Name, Key: module.Key, Kind: kind, Reason: h.spec.PuntReason(kind, uint32(k.Reason))}
		so := sums[what]
		sums[what] = sum{so.sent + v.Sent, so.lost + v.Lost}
	}
	out := make([]PuntCount, 0, len(sums))
	for count, s := range sums {
		count.Sent, count.Lost = s.sent, s.lost
		out = append(out, count)
	}
	return out, nil
}
