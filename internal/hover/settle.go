package hover

import (
	"errors"
	"fmt"
	"slices"

	"woven.dev/woven/internal/netstate"
)

// adoptedFail says whether a module fails that earlier runs carried out: what they left of it goes on, so it must stay, and with it all that they
// left.
func (h *Hover) adoptedFail(failures []netstate.Failure) bool {
	return slices.ContainsFunc(failures, func(f netstate.Failure) bool { return h.numbers.adopted[dpKey(instanceID(f.Module))] })
}

// settle removes what earlier runs left and nobody wants any more, after the first state is live.
func (h *Hover) settle() error {
	if err := h.tables.prune("iom_ports", "iom_dps", "iom_nodes"); err != nil {
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
