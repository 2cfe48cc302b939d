package labtest

import (
	"context"
	"time"

	"woven.dev/woven/internal/lab"
)

const patience = 20 * time.Second

// Poll asks cond until it answers nil, for 20 seconds at most; then the error says what cond said last.
func Poll(ctx context.Context, cond func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return lab.Poll(ctx, cond)
}
