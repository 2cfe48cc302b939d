package labtest

import (
	"context"
	"fmt"
	"time"
)

const (
	patience  = 20 * time.Second
	pollEvery = 20 * time.Millisecond
)

// Poll asks cond until it answers nil, for 20 seconds at most; then the error says what cond said last.
func Poll(ctx context.Context, cond func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
