package hover

import (
	"fmt"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// flows are the node's flow cache (<iom/flow.h>): what programs noted before a table was written must not count afterwards.
type flows struct {
	stamps, counts *ebpf.Map
	step           steps
	halted         bool // nothing counts just now
}

// FlowCounts are packets since the tables were made.
type FlowCounts = wire.FlowCount

func newFlows(maps map[string]*ebpf.Map, step steps) *flows {
	return &flows{stamps: maps["iom_flow_stamps"], counts: maps["iom_flow_counts"], step: step}
}

// halt is due before tables are written: from here on until resume packets pass all modules, and nothing is noted. A process that dies in between
// leaves it so.
func (f *flows) halt() error {
	if f.halted {
		return nil
	}
	if err := f.stamp(0); err != nil {
		return err
	}
	f.halted = true
	return nil
}

// resume is due after tables were written.
func (f *flows) resume() error {
	if !f.halted {
		return nil
	}
	if err := f.stamp(uint64(uptime())); err != nil {
		return err
	}
	f.halted = false
	return nil
}

func (f *flows) stamp(value uint64) error {
	f.step.next("write row of", "iom_flow_stamps")
	if err := f.stamps.Put(uint32(0), value); err != nil {
		return fmt.Errorf("stamp the flow cache: %w", err)
	}
	return nil
}

// FlowCounts reads the counters of the flow cache.
func (h *Hover) FlowCounts() (FlowCounts, error) {
	n, err := iom.SumCPUs[FlowCounts](h.flows.counts, 0)
	if err != nil {
		return FlowCounts{}, fmt.Errorf("read counters of the flow cache: %w", err)
	}
	return n, nil
}

func flowRows(c netstate.FlowCache) *iom.Tables {
	t := &iom.Tables{}
	row := wire.FlowConfig{Check: c.Check}
	if c.Off {
		row.Off = 1
	}
	iom.Put(t, "iom_flow_configs", uint32(0), row)
	return t
}
