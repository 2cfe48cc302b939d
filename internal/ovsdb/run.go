package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

// timing holds the patience of a client.
type timing struct {
	dial  time.Duration // to connect and learn the schema
	sync  time.Duration // to read all tables; a busy server sends many megabytes
	call  time.Duration // for the answer to a transaction
	probe time.Duration // between probes, and for the answer: a dead peer is noticed after at most twice this time
	close time.Duration // for libovsdb's goroutines to end
	// Pauses between attempts grow from the first to the last.
	firstPause, lastPause time.Duration
}

var defaultTiming = timing{
	dial:       5 * time.Second,
	sync:       30 * time.Second,
	call:       10 * time.Second,
	probe:      5 * time.Second,
	close:      time.Second,
	firstPause: 100 * time.Millisecond,
	lastPause:  5 * time.Second,
}

// Run keeps a connection to one of the remotes, and with it Rows, until ctx ends; then it returns nil, when all its
// goroutines have ended. It may be called once.
func (db *DB[R]) Run(ctx context.Context) error {
	retry := backoff{first: db.timing.firstPause, last: db.timing.lastPause}
	var route route
	for ctx.Err() == nil {
		t := db.aim()
		if len(t.remotes) == 0 {
			return fmt.Errorf("run client of database %q: no remotes", db.cfg.Name)
		}
		remote, lastOfRound := route.next(t)
		wasLive := db.serve(ctx, t, remote)
		if wasLive {
			retry = backoff{first: retry.first, last: retry.last}
		}
		// Those not yet tried in this round come at once.
		if wasLive || lastOfRound {
			retry.pause(ctx, t.replaced.Done())
		}
	}
	return nil
}

// aim returns the present target.
func (db *DB[R]) aim() *target {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.target
}

// serve uses a remote until it ends or ctx does, or the target changes to one without it; and says whether the remote was ever fit for use.
func (db *DB[R]) serve(ctx context.Context, t *target, remote string) (wasLive bool) {
	openCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.replaced, cancel)()
	s, err := openSession(openCtx, remote, sessionConfig{
		catalog: db.catalog,
		tls:     t.tls,
		newest:  db.newest,
		timing:  db.timing,
		touched: db.notify,
	})
	if err != nil {
		db.disconnected(remote, err)
		return false
	}
	db.connected(remote, s)
	for now := t; now.allows(remote, t.tls); now = db.aim() {
		if err = s.watch(ctx, now.replaced.Done(), db.sweep); !errors.Is(err, errTargetChanged) {
			break
		}
	}
	db.newest = s.newest
	db.disconnected(remote, err)
	s.close()
	return true
}

// connected makes a session the live one; from now on Rows copies it.
func (db *DB[R]) connected(remote string, s *session) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !slices.Contains(db.target.remotes, remote) {
		return // SetRemotes was just called; watch will see it
	}
	db.live, db.copied, db.source = s, s.replica, remote
	db.status = Status{Connected: true, Remote: remote, Synced: true, Since: time.Now()}
	db.cfg.Log.Info("database connected", "remote", remote)
	db.notify()
}

// disconnected notes that a remote was lost or could not be used.
func (db *DB[R]) disconnected(remote string, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	before := db.status
	db.live = nil
	db.status.Connected, db.status.Remote, db.status.Err = false, remote, err
	if before.Connected || before.Since.IsZero() {
		db.status.Since = time.Now()
	}
	db.notify()
	level := slog.LevelWarn
	switch {
	case errors.Is(err, context.Canceled): // by the end of Run, or SetRemotes
		level = slog.LevelDebug
	case errors.Is(err, errTargetChanged):
		level = slog.LevelInfo
	case !before.Connected && before.Err != nil && !errors.Is(before.Err, errTargetChanged):
		level = slog.LevelDebug // only the first of a row of failures is news
	}
	db.cfg.Log.Log(context.Background(), level, "database not connected", "remote", remote, "reason", err)
}

// backoff gives pauses that double, up to the last.
type backoff struct {
	first, last time.Duration
	next        time.Duration
}

// pause waits until it is time for another attempt, ctx ends, or skip is closed; half of the time is random, so that a
// restarted server isn't hit by all its clients at once.
func (b *backoff) pause(ctx context.Context, skip <-chan struct{}) {
	b.next = min(max(b.next, b.first), b.last)
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2+1))
	defer timer.Stop()
	b.next *= 2
	select {
	case <-ctx.Done():
	case <-skip:
	case <-timer.C:
	}
}
