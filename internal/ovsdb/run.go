package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	remotes := db.cfg.Remotes
	if len(remotes) == 0 {
		return fmt.Errorf("run client of database %q: no remotes", db.cfg.Name)
	}
	retry := backoff{first: db.timing.firstPause, last: db.timing.lastPause}
	for turn := 0; ; turn = (turn + 1) % len(remotes) {
		wasLive := db.serve(ctx, remotes[turn])
		if wasLive {
			retry = backoff{first: retry.first, last: retry.last}
		}
		// Those not yet tried in this round come at once.
		if wasLive || turn == len(remotes)-1 {
			retry.pause(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// serve uses a remote until it ends or ctx does, and says whether it was ever fit for use.
func (db *DB[R]) serve(ctx context.Context, remote string) (wasLive bool) {
	s, err := openSession(ctx, remote, sessionConfig{
		catalog:    db.catalog,
		leaderOnly: db.cfg.LeaderOnly,
		timing:     db.timing,
		touched:    db.notify,
	})
	if err != nil {
		db.disconnected(remote, false, err)
		return false
	}
	db.connected(remote, s)
	db.disconnected(remote, true, s.watch(ctx, db.sweep))
	s.close()
	return true
}

// connected makes a session the live one; from now on Rows copies it.
func (db *DB[R]) connected(remote string, s *session) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.live, db.copied = s, s.replica
	db.status = Status{Connected: true, Remote: remote, Synced: true, Since: time.Now()}
	db.cfg.Log.Info("database connected", "remote", remote)
	db.notify()
}

// disconnected notes that a remote was lost or could not be used. Only the first of a row of failures is
// news.
func (db *DB[R]) disconnected(remote string, wasLive bool, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.live = nil
	db.status.Connected, db.status.Remote, db.status.Err = false, remote, err
	if !wasLive && !db.status.Since.IsZero() {
		db.cfg.Log.Debug("database still not connected", "remote", remote, "reason", err)
		return
	}
	if !errors.Is(err, context.Canceled) { // Run ends
		db.cfg.Log.Warn("database not connected", "remote", remote, "reason", err)
	}
	db.status.Since = time.Now()
	db.notify()
}

// backoff gives pauses that double, up to the last.
type backoff struct {
	first, last time.Duration
	next        time.Duration
}

// pause waits until it is time for another attempt or ctx ends; half of the time is random, so that a restarted
// server isn't hit by all its clients at once.
func (b *backoff) pause(ctx context.Context) {
	b.next = min(max(b.next, b.first), b.last)
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2+1))
	defer timer.Stop()
	b.next *= 2
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
