package hover

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// counts reads the counters of ports and the drop tables of all kinds.
type counts struct {
	stats *ebpf.Map
	drops []dropTable
}

type dropTable struct {
	kind    string
	table   *ebpf.Map
	members []iom.Member
}

// Drop is a drop reason that occurred.
type Drop struct {
	// Module is the module kind, "iom" for the platform.
	Module string
	Reason string // lower case
	Text   string
	// Packets dropped; a GSO packet counts as one.
	Packets uint64
}

// Stats are a port's counters, seen from the network: rx is what the port sent into it.
type Stats = wire.Stats

// PortCounters are the counters of one port of this node.
type PortCounters struct {
	Stats Stats
	Drops []Drop
}

// Instance is a module instance as it is in the kernel.
type Instance struct {
	Module *netstate.Module
	Slot   uint32
	// Ports of this node: slot by key.
	Ports map[uint16]uint32
	// Refs are the ways to all ports that are plugged somewhere, by key.
	Refs map[uint16]iom.Ref
}

func newCounts(spec *iom.Spec, set *iom.Set) (*counts, error) {
	c := &counts{stats: set.Maps["iom_port_stats"]}
	kinds := []string{"iom"}
	for _, k := range spec.Kinds {
		kinds = append(kinds, k.Name)
	}
	for _, kind := range kinds {
		members, err := spec.Drops(kind)
		if err != nil {
			return nil, err
		}
		c.drops = append(c.drops, dropTable{kind, set.Maps[kind+"_drops"], members})
	}
	return c, nil
}

// read lists the drops of (dp, port) that occurred; port 0 is the instance's total.
func (c *counts) read(dp, port uint32) ([]Drop, error) {
	var out []Drop
	for _, d := range c.drops {
		value, err := d.table.LookupBytes(wire.DropKey{Dp: dp, Port: port})
		if err != nil {
			return nil, fmt.Errorf("read drops of %s: %w", d.kind, err)
		}
		for _, m := range d.members {
			if len(value) < m.Offset+8 {
				continue
			}
			if n := binary.NativeEndian.Uint64(value[m.Offset:]); n > 0 {
				out = append(out, Drop{Module: d.kind, Reason: m.Name, Text: m.Text, Packets: n})
			}
		}
	}
	return out, nil
}

func (c *counts) port(dp, slot uint32) (PortCounters, error) {
	stats, err := iom.SumCPUs[Stats](c.stats, slot)
	if err != nil {
		return PortCounters{}, fmt.Errorf("read counters: %w", err)
	}
	out := PortCounters{Stats: stats}
	out.Drops, err = c.read(dp, slot)
	return out, err
}

// ErrUnknown: no such module or port in the data plane.
var ErrUnknown = errors.New("not in the data plane")

// Port reads the counters of a port by its module's ID and its key.
func (h *Hover) Port(module string, key uint16) (PortCounters, error) {
	h.mu.Lock()
	dp, ok := h.numbers.dps.byKey[dpKey(instanceID(module))]
	slot, local := h.numbers.local[dp][key]
	h.mu.Unlock()
	if !ok || !local {
		return PortCounters{}, fmt.Errorf("read counters of port %d of %q: %w", key, module, ErrUnknown)
	}
	return h.counts.port(dp, slot)
}

// Drops reads the drops of a module instance, those of its ports included.
func (h *Hover) Drops(module string) ([]Drop, error) {
	h.mu.Lock()
	dp, ok := h.numbers.dps.byKey[dpKey(instanceID(module))]
	h.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("read drops of %q: %w", module, ErrUnknown)
	}
	return h.counts.read(dp, 0)
}

// NodeDrops reads the drops that belong to no module: unknown senders, foreign packets on Woven's devices.
func (h *Hover) NodeDrops() ([]Drop, error) { return h.counts.read(0, 0) }

// Instances lists the live modules with their numbers, in no order.
func (h *Hover) Instances() []Instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Instance
	for id, m := range h.have.Modules {
		if dp, ok := h.numbers.dps.byKey[dpKey(instanceID(id))]; ok {
			out = append(out, Instance{Module: m, Slot: dp, Ports: h.numbers.local[dp], Refs: h.numbers.refs[dp]})
		}
	}
	return out
}

// Kinds lists the loaded kinds' drop reasons, for documentation and metrics.
func (h *Hover) Kinds() map[string][]iom.Member {
	out := map[string][]iom.Member{}
	for _, d := range h.counts.drops {
		out[d.kind] = d.members
	}
	return out
}
