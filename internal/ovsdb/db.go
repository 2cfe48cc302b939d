// Package ovsdb keeps copies of the three databases that an agent reads (Northbound, Southbound, the local Open_vSwitch)
// and writes to them. A change is only a hint to look again: see DB.Changed.
package ovsdb

import (
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/ovn-kubernetes/libovsdb/model"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// ErrNotConnected is why a transaction was not sent: no server is connected, or the connection ended before.
var ErrNotConnected = errors.New("not connected to the database")

// Config says how to reach a database.
type Config struct {
	// Name is for messages: "nb", "sb", "ovs".
	Name string
	// Remotes in OVSDB's notation: "tcp:10.0.0.1:6642", "ssl:[::1]:6642", "ssl:sb.example.org", "unix:/run/ovn/ovnsb_db.sock". They
	// are servers of one cluster, or relays of it, and tried in random order, so that clients spread; any will do, as
	// followers and relays pass writes on to the leader. One that cannot be understood counts as one that does not answer.
	Remotes []string
	// TLS is for remotes "ssl:".
	TLS TLS
	// Log may be nil.
	Log *slog.Logger
}

// Status of a connection, for people.
type Status struct {
	Connected bool
	// Remote in use, or tried last.
	Remote string
	// Synced: Rows is complete, if not up to date.
	Synced bool
	// Since is when Connected changed last; Err why it is not connected.
	Since time.Time
	Err   error
}

// DB is a client of one database, whose tables it copies to an R (nb.Rows, sb.Rows or vsw.Rows) while Run runs.
// All methods may be called at the same time.
type DB[R any] struct {
	cfg     Config
	catalog catalog
	timing  timing
	changed chan struct{}
	newest  position // read so far; only Run uses it

	mu     sync.Mutex
	target *target
	status Status
	live   *session // nil while not connected
	copied *replica // of the last session that became live, whose cache stays readable after its end
	source string   // the remote of that session
	rows   *R
}

// NewNB returns a client of OVN_Northbound. It does nothing before Run.
func NewNB(cfg Config) *DB[nb.Rows] {
	db := newDB[nb.Rows](cfg, nb.FullDatabaseModel, nb.Newer(), nil)
	db.catalog.lingers = []string{nb.ACLTable, nb.LogicalRouterStaticRouteTable, nb.LogicalRouterPolicyTable}
	return db
}

// NewSB returns a client of OVN_Southbound. It does nothing before Run.
func NewSB(cfg Config) *DB[sb.Rows] {
	return newDB[sb.Rows](cfg, sb.FullDatabaseModel, sb.Newer(), nil)
}

// NewVSW returns a client of the local Open_vSwitch database. It does nothing before Run. Columns that a vswitchd keeps
// writing are not read: in Rows, Statistics, Status, RSTPStatistics, RSTPStatus and BFDStatus are always nil.
func NewVSW(cfg Config) *DB[vsw.Rows] {
	return newDB[vsw.Rows](cfg, vsw.FullDatabaseModel, nil,
		[]string{"statistics", "status", "rstp_statistics", "rstp_status", "bfd_status"})
}

// newDB panics if the generated model is broken: a test of any kind finds that.
func newDB[R any](cfg Config, generated func() (model.ClientDBModel, error), newer map[string]model.Model, unread []string) *DB[R] {
	m, err := generated()
	if err != nil {
		panic(err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("database", cfg.Name)
	return &DB[R]{
		cfg:     cfg,
		catalog: newCatalog(m, newer, reflect.TypeFor[R](), unread),
		timing:  defaultTiming,
		changed: make(chan struct{}, 1),
		target:  newTarget(cfg.Remotes, cfg.TLS),
	}
}

// SetRemotes makes Run follow a change of Config.Remotes and Config.TLS; it does nothing when they are the same. A connection that
// is right by the new ones too goes on, and a copy of a remote that is among them stays. Another one is forgotten: Rows is nil
// until there is a new one.
func (db *DB[R]) SetRemotes(remotes []string, keys TLS) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if slices.Equal(db.target.remotes, remotes) && db.target.tls == keys {
		return
	}
	db.target.replace()
	db.target = newTarget(remotes, keys)
	if !slices.Contains(remotes, db.source) {
		db.live, db.copied, db.rows = nil, nil, nil
		db.status.Synced = false
		db.notify()
	}
}

// Changed returns a channel of capacity 1 that receives after rows changed (also by the first complete copy) and after the
// connection came or went. Many changes may give one signal, and a signal may come without a change.
func (db *DB[R]) Changed() <-chan struct{} { return db.changed }

func (db *DB[R]) notify() {
	select {
	case db.changed <- struct{}{}:
	default: // the reader has yet to look
	}
}

// Rows returns the newest complete copy: nil before the first, the last known one while disconnected. Nobody may change it.
// In a row, an empty map or set is nil, as is a column that the server lacks.
// Rows, and whole tables, that did not change since the last call are the same pointers and maps as then; if nothing
// changed, so is the result.
func (db *DB[R]) Rows() *R {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.refresh()
	return db.rows
}

// refresh brings rows up to date with the cache and says whether that changed anything. The caller holds mu.
func (db *DB[R]) refresh() bool {
	if db.copied == nil {
		return false
	}
	var next R
	if db.rows != nil {
		next = *db.rows
	}
	if !db.copied.update(reflect.ValueOf(&next).Elem()) {
		return false
	}
	db.rows = &next
	return true
}

// sweep reads every table again: libovsdb drops events when its buffer is full, and with them the hint to look.
func (db *DB[R]) sweep() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.copied == nil {
		return
	}
	db.copied.touchAll()
	if db.refresh() {
		db.notify()
	}
}

// Status returns the state of the connection now.
func (db *DB[R]) Status() Status {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.status
}

// session returns the connection in use, nil if there is none.
func (db *DB[R]) session() *session {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.live
}
