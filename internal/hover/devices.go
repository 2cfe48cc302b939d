package hover

import (
	"maps"
	"sync"

	"woven.dev/woven/internal/netstate"
)

// DevicesChanged tells that network devices came, went or changed, by ifindex; nil: any may have. The next Apply looks which of their
// programs are still attached.
func (h *Hover) DevicesChanged(ifindexes map[int]bool) { h.devices.add(ifindexes) }

// syncHooks attaches and detaches programs.
func (h *Hover) syncHooks(want *netstate.State) (synced, error) {
	all, some := h.devices.take()
	var err error
	if all {
		err = h.hooks.refresh()
	} else {
		err = h.hooks.check(some)
	}
	if err != nil {
		h.devices.add(nil)
		return synced{}, err
	}
	return h.hooks.sync(wantHooks(want))
}

// suspects are devices whose hooks have to be looked at again. The zero value is ready.
type suspects struct {
	mu   sync.Mutex
	all  bool
	some map[int]bool // by ifindex
}

// add suspects devices; nil: any.
func (s *suspects) add(ifindexes map[int]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = s.all || ifindexes == nil
	if s.some == nil {
		s.some = map[int]bool{}
	}
	maps.Copy(s.some, ifindexes)
}

// take empties the list.
func (s *suspects) take() (all bool, some map[int]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, some = s.all, s.some
	s.all, s.some = false, nil
	return all, some
}
