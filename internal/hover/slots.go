package hover

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// slotRest is how long a freed slot rests: packets under way may still carry its number.
const slotRest = time.Second

// ErrFull: a table or a range of slots has no room left.
var ErrFull = errors.New("full")

// slots gives small numbers, 1..max-1, to keys. A number stays with its key until it is freed.
type slots struct {
	what  string // for errors
	max   uint32
	byKey map[string]uint32
	mu    sync.RWMutex // guards used, which keyOf reads from any goroutine; the rest has one user at a time
	used  map[uint32]string
	next  uint32 // no number from here on was ever used
	freed []freedSlot
}

type freedSlot struct {
	slot uint32
	at   time.Time
}

func newSlots(what string, max uint32) *slots {
	return &slots{what: what, max: max, byKey: map[string]uint32{}, used: map[uint32]string{}, next: 1}
}

// adopt takes over a number that is in use. Numbers below it that nobody adopts count as free.
func (s *slots) adopt(key string, slot uint32) {
	s.use(slot, key)
	for ; s.next <= slot; s.next++ {
		if s.next != slot {
			s.freed = append(s.freed, freedSlot{slot: s.next})
		}
	}
}

// finishAdoption forgets the gaps that a later adopt filled.
func (s *slots) finishAdoption() {
	kept := s.freed[:0]
	for _, f := range s.freed {
		if _, used := s.used[f.slot]; !used {
			kept = append(kept, f)
		}
	}
	s.freed = kept
}

// get returns the number of key, a new one if it has none.
func (s *slots) get(key string, now time.Time) (uint32, error) {
	if slot, ok := s.byKey[key]; ok {
		return slot, nil
	}
	var slot uint32
	switch {
	case len(s.freed) > 0 && now.Sub(s.freed[0].at) >= slotRest:
		slot = s.freed[0].slot
		s.freed = s.freed[1:]
	case s.next < s.max:
		slot = s.next
		s.next++
	default:
		return 0, fmt.Errorf("number %s: all %d are in use: %w", s.what, s.max-1, ErrFull)
	}
	s.use(slot, key)
	return slot, nil
}

func (s *slots) use(slot uint32, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey[key], s.used[slot] = slot, key
}

// keyOf returns the key that has a number now. It may be called from any goroutine.
func (s *slots) keyOf(slot uint32) (key string, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, ok = s.used[slot]
	return key, ok
}

// free gives a number back; freeing the absent does nothing.
func (s *slots) free(key string, now time.Time) (slot uint32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, ok = s.byKey[key]
	if ok {
		delete(s.byKey, key)
		delete(s.used, slot)
		s.freed = append(s.freed, freedSlot{slot, now})
	}
	return slot, ok
}
