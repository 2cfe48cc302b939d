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
	SetRemotes(remotes []string, keys ovsdb.TLS)
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
	open func(remotes []string, keys ovsdb.TLS) database[R]
	wake func() // called from any goroutine when there may be something new

	remotes []string
	keys    ovsdb.TLS
	db      database[R] // nil without remotes
	stop    func()      // ends what point started, and waits for it
	ended   chan error  // the end of db.Run
	endErr  error

	writes   *sync.WaitGroup
	writeCtx context.Context
	written  chan outcome // of the write under way
	writing  bool
	retry    backoff
	refusals refusals
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

// point makes the connection follow a change of the remotes and keys. A copy of other remotes is forgotten.
func (c *connection[R]) point(ctx context.Context, remotes []string, keys ovsdb.TLS) {
	if slices.Equal(remotes, c.remotes) && keys == c.keys {
		return
	}
	switch {
	case len(remotes) == 0:
		c.close()
	case c.db != nil:
		c.db.SetRemotes(remotes, keys)
		c.retry, c.refusals = backoff{}, refusals{}
	default:
		c.connect(ctx, remotes, keys)
	}
	c.remotes, c.keys = remotes, keys
}

// connect opens the connection.
func (c *connection[R]) connect(ctx context.Context, remotes []string, keys ovsdb.TLS) {
	ctx, cancel := context.WithCancel(ctx)
	db := c.open(remotes, keys)
	c.db, c.ended, c.writeCtx = db, make(chan error, 1), ctx
	c.written, c.writes, c.refusals = make(chan outcome, 1), &sync.WaitGroup{}, refusals{}
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

// settle notes the outcome of the write under way, if it has come. A round begins with it.
func (c *connection[R]) settle(now time.Time) {
	select {
	case o := <-c.written:
		c.writing = false
		c.retry.note(o.err, now)
		c.refusals.note(o, now)
	case c.endErr = <-c.ended:
	default:
	}
	c.refusals.forget()
}

// backoffs are those that the connection waits for.
func (c *connection[R]) backoffs() []backoff {
	list := []backoff{c.retry}
	for _, of := range c.refusals {
		list = append(list, of.backoff)
	}
	return list
}

// ready says whether write would do something now.
func (c *connection[R]) ready(now time.Time) bool {
	return c.db != nil && !c.writing && !now.Before(c.retry.until) && c.db.Status().Connected
}

// write commits pieces in the background. While earlier ones are under way, or after a failure, it does nothing, and it leaves out those
// that were refused: the caller decides again later, from newer rows.
func (c *connection[R]) write(now time.Time, pieces ...piece) {
	pieces = c.refusals.due(pieces, now)
	if len(pieces) == 0 || !c.ready(now) {
		return
	}
	c.writing = true
	db, ctx, written := c.db, c.writeCtx, c.written
	c.writes.Go(func() {
		written <- commit(ctx, db.Transact, pieces)
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
