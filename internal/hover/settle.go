package hover

import (
	"errors"
	"fmt"
	"slices"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// adoptedFail says whether a module fails that earlier runs carried out: what they left of it goes on, so it must stay, and with it all that they
// left.
func (h *Hover) adoptedFail(failures []netstate.Failure) bool {
	return slices.ContainsFunc(failures, func(f netstate.Failure) bool { return h.numbers.adopted[dpKey(instanceID(f.Module))] })
}

// former are the ports of a refused module that the tables have on the same device as it wants them, by name: they go on as they were.
func (h *Hover) former(m *netstate.Module) []string {
	dp := h.numbers.dps.byKey[dpKey(instanceID(m.ID))]
	if h.tables.had[moduleOwner(m.ID)].torn {
		return nil
	}
	var names []string
	for _, p := range m.Ports {
		row, there := h.tables.rows["iom_ports"][iom.Bytes(h.numbers.local[dp][p.Key])]
		have, err := iom.Get[wire.Port](row.value)
		if there && err == nil && p.Device != nil && have.Dp == dp && have.Key == p.Key && int(have.Ifindex) == p.Device.Ifindex && have.Tag == p.Tag {
			names = append(names, p.Name)
		}
	}
	return names
}

// settle removes what earlier runs left and nobody wants any more, after the first state is live.
func (h *Hover) settle() error {
	if err := h.tables.prune(slotTables...); err != nil {
		return err
	}
	h.freed(h.numbers.freeUnused(h.have, h.now()))
	if err := h.hooks.leaveOther(); err != nil {
		return err
	}
	if err := h.pins.removeOld(); err != nil {
		return fmt.Errorf("remove old releases: %w", err)
	}
	h.settled = true
	return nil
}

// freed clears what belonged to slots that were given back.
func (h *Hover) freed(f freedSlots) {
	errs := []error{h.live.clearPorts(f.ports)}
	for _, dp := range f.dps {
		errs = append(errs, h.live.clearInstance(dp))
	}
	if err := errors.Join(errs...); err != nil {
		h.cfg.Log.Warn("rows of removed ports stay behind", "error", err)
	}
}
