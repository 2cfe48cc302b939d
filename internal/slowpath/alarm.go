package slowpath

import (
	"context"
	"time"
)

// alarm has work done when it is due. Its methods may be called from any goroutine.
type alarm struct {
	wake chan struct{} // capacity 1
}

func newAlarm() alarm { return alarm{make(chan struct{}, 1)} }

// poke says that work may have become due, or due sooner.
func (a alarm) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run calls advance at once, whenever somebody pokes, and at the time that it returned last, until ctx ends; then it returns nil. advance does what
// is due, and returns when to come again; the zero Time: when poked. now is the clock that it goes by.
func (a alarm) run(ctx context.Context, now func() time.Time, advance func() time.Time) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-a.wake:
		}
		if next := advance(); !next.IsZero() {
			timer.Reset(max(next.Sub(now()), 0))
		}
	}
}
