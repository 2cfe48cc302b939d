package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"woven.dev/woven/internal/ovsdb"
)

// database is what the agent needs of an ovsdb.DB.
type database[R any] interface {
	Run(ctx context.Context) error
	Changed() <-chan struct{}
	Rows() *R
	Status() ovsdb.Status
	Transact(ctx context.Context, ops []ovsdb.Op) error
}

// writeTimeout bounds a transaction; minBackoff and maxBackoff the wait after a failed one.
const (
	writeTimeout = 10 * time.Second
	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 15 * time.Second
)

// connection is the copy of one database wherever its remote is at present, and the way to write to it. All methods belong
// to the goroutine of the main loop.
type connection[R any] struct {
	name string // of the schema
	open func(remotes []string) database[R]
	wake func() // called from any goroutine when there may be something new

	remotes []string
	db      database[R] // nil without remotes
	stop    func()      // ends what point started, and waits for it
	ended   chan error  // the end of db.Run
	endErr  error

	writes   *sync.WaitGroup
	writeCtx context.Context
	written  chan error // the outcome of the write under way
	writing  bool
	retry    backoff
}

// backoff is the waiting time after failures, doubled each time that it has passed in vain.
type backoff struct {
	err   error // of the last attempt
	wait  time.Duration
	until time.Time
}

// note records the outcome of an attempt.
func (b *backoff) note(err error, now time.Time) {
	if err == nil {
		*b = backoff{}
		return
	}
	b.err = err
	if now.Before(b.until) {
		return
	}
	b.wait = min(max(2*b.wait, minBackoff), maxBackoff)
	b.until = now.Add(b.wait)
}

// point makes the connection follow a change of the remotes. A copy of other remotes is forgotten.
func (c *connection[R]) point(ctx context.Context, remotes []string) {
	if slices.Equal(remotes, c.remotes) {
		return
	}
	c.close()
	c.remotes = slices.Clone(remotes)
	if len(remotes) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	db := c.open(c.remotes)
	c.db, c.ended, c.writeCtx = db, make(chan error, 1), ctx
	c.written, c.writes = make(chan error, 1), &sync.WaitGroup{}
	ended, writes := c.ended, c.writes
	var running sync.WaitGroup
	running.Go(func() {
		if err := db.Run(ctx); err != nil && ctx.Err() == nil {
			ended <- err
			c.wake()
		}
	})
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-db.Changed():
				c.wake()
			}
		}
	})
	c.stop = func() { cancel(); running.Wait(); writes.Wait() }
}

// close ends the connection.
func (c *connection[R]) close() {
	if c.stop != nil {
		c.stop()
	}
	*c = connection[R]{name: c.name, open: c.open, wake: c.wake}
}

// rows returns the last complete copy, nil before the first one.
func (c *connection[R]) rows() *R {
	if c.db == nil {
		return nil
	}
	return c.db.Rows()
}

func (c *connection[R]) status() ovsdb.Status {
	if c.db == nil {
		return ovsdb.Status{Err: errors.New("no remote is set")}
	}
	s := c.db.Status()
	if c.endErr != nil {
		s.Connected, s.Err = false, c.endErr
	}
	return s
}

// settle notes the outcome of the write under way, if it has come.
func (c *connection[R]) settle(now time.Time) {
	select {
	case err := <-c.written:
		c.writing = false
		c.retry.note(err, now)
	case c.endErr = <-c.ended:
	default:
	}
}

// ready says whether write would do something now.
func (c *connection[R]) ready(now time.Time) bool {
	return c.db != nil && !c.writing && !now.Before(c.retry.until) && c.db.Status().Connected
}

// write carries out transactions one after another in the background; one that fails doesn't stop the next. While earlier ones are under way,
// or after a failure, it does nothing: the caller decides again later, from newer rows.
func (c *connection[R]) write(now time.Time, transactions ...[]ovsdb.Op) {
	transactions = slices.DeleteFunc(transactions, func(ops []ovsdb.Op) bool { return len(ops) == 0 })
	if len(transactions) == 0 || !c.ready(now) {
		return
	}
	c.writing = true
	db, ctx, written := c.db, c.writeCtx, c.written
	c.writes.Go(func() {
		var errs []error
		for _, ops := range transactions {
			errs = append(errs, transact(ctx, db.Transact, ops))
		}
		written <- errors.Join(errs...)
		c.wake()
	})
}

// transact carries out one transaction, in a time that is bounded; no operations: nothing.
func transact(ctx context.Context, f func(context.Context, []ovsdb.Op) error, ops []ovsdb.Op) error {
	if len(ops) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return f(ctx, ops)
}
