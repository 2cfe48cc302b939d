// Package ovsdb keeps copies of the three databases that an agent reads (Northbound, Southbound, the local Open_vSwitch)
// and writes to them. A change is only a hint to look again: see DB.Changed.
package ovsdb

import (
	"log/slog"
	"time"
)

// Config says how to reach a database.
type Config struct {
	// Name is for messages: "nb", "sb", "ovs".
	Name string
	// Remotes in OVSDB's notation, tried in turn: "tcp:10.0.0.1:6642", "tcp:[::1]:6642", "unix:/run/ovn/ovnsb_db.sock".
	Remotes []string
	// LeaderOnly makes the client leave a clustered server that is not the leader (for databases that are written).
	LeaderOnly bool
	Log        *slog.Logger
}

// Status of a connection, for people.
type Status struct {
	Connected bool
	// Remote in use, or tried last.
	Remote string
	// Synced: Rows has been complete at least once.
	Synced bool
	// Since is when Connected changed last; Err why it is not connected.
	Since time.Time
	Err   error
}

// The API of this package (written by the helper in charge):
//   func NewNB(Config) *DB[nb.Rows]; NewSB(Config) *DB[sb.Rows]; NewVSW(Config) *DB[vsw.Rows]
//   func (*DB[R]) Run(ctx) error                  connect, monitor, reconnect with backoff, until ctx ends
//   func (*DB[R]) Changed() <-chan struct{}       capacity 1: rows or connection state may have changed
//   func (*DB[R]) Rows() *R                       last complete copy; nil before the first sync; kept while disconnected
//   func (*DB[R]) Status() Status
//   func (*DB[R]) Transact(ctx, []Op) error       one transaction, all or nothing
