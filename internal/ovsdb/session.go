package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
	"github.com/ovn-kubernetes/libovsdb/ovsdb/serverdb"
)

// session is a server in use: complete from the start, until watch returns.
type session struct {
	server  *conn // to database _Server, which knows the server's role in a cluster (ovsdb-server(5))
	data    *conn
	dialect *dialect
	replica *replica
	// newest is how far the server had come when it was looked at last.
	newest position
	// serverChanged: the server's own rows may have changed.
	serverChanged chan struct{}
	heard         atomic.Uint64 // changes of rows so far
	want          sessionConfig
}

// sessionConfig is what a session must have and do.
type sessionConfig struct {
	catalog catalog
	tls     TLS
	// newest is what was read of any server before: one that is behind is not fit for use.
	newest position
	timing timing
	// touched is called after a row of the replica may have changed.
	touched func()
}

// openSession connects to a remote and reads all tables.
func openSession(ctx context.Context, remote string, want sessionConfig) (*session, error) {
	s := &session{want: want, newest: want.newest, serverChanged: make(chan struct{}, 1)}
	if err := s.open(ctx, remote); err != nil {
		s.close()
		return nil, fmt.Errorf("open %s: %w", remote, err)
	}
	return s, nil
}

func (s *session) open(ctx context.Context, remote string) error {
	dialCtx, cancel := context.WithTimeout(ctx, s.want.timing.dial)
	defer cancel()
	p, err := newPeer(dialCtx, remote, s.want.tls)
	if err != nil {
		return err
	}
	if err := s.openServer(dialCtx, p); err != nil {
		return err
	}
	if err := s.usable(); err != nil {
		return err
	}
	schema, err := s.readSchema(dialCtx, p)
	if err != nil {
		return err
	}
	if s.dialect, err = s.want.catalog.adapt(schema); err != nil {
		return err
	}
	if s.data, err = dial(dialCtx, s.dialect.model, p); err != nil {
		return err
	}
	var tables []client.TableMonitor
	for _, m := range s.dialect.monitored {
		tables = append(tables, client.TableMonitor{Table: m.name, Fields: m.columns})
	}
	syncCtx, cancel := context.WithTimeout(ctx, s.want.timing.sync)
	defer cancel()
	if err := s.data.monitor(syncCtx, tables); err != nil {
		return err
	}
	cached := s.data.Cache()
	if cached == nil { // libovsdb clears it when the connection ends
		return errors.New("connection ended")
	}
	s.replica = newReplica(s.want.catalog.rows, s.dialect, cached)
	cached.AddEventHandler(onEvent(func(table string) {
		s.heard.Add(1)
		s.replica.touch(table)
		s.want.touched()
	}))
	return nil
}

// openServer connects to database _Server and watches its table.
func (s *session) openServer(ctx context.Context, p peer) error {
	m, err := model.NewClientDBModel("_Server", map[string]model.Model{serverdb.DatabaseTable: &serverRow{}})
	if err != nil {
		return fmt.Errorf("build model of _Server: %w", err)
	}
	if s.server, err = dial(ctx, m, p); err != nil {
		return err
	}
	err = s.server.monitor(ctx, []client.TableMonitor{{
		Table:  serverdb.DatabaseTable,
		Fields: []string{"name", "model", "connected", "cid", "index"},
	}})
	if err != nil {
		return err
	}
	cached := s.server.Cache()
	if cached == nil {
		return errors.New("connection ended")
	}
	cached.AddEventHandler(onEvent(func(string) {
		select {
		case s.serverChanged <- struct{}{}:
		default:
		}
	}))
	return nil
}

// readSchema asks the server for the schema of the database, by a connection of its own: libovsdb does that only when it
// connects, with a model that must fit already. (Column schema in _Server keeps the old one after an upgrade.)
func (s *session) readSchema(ctx context.Context, p peer) (ovsdb.DatabaseSchema, error) {
	none, err := model.NewClientDBModel(s.want.catalog.database, nil)
	if err != nil {
		return ovsdb.DatabaseSchema{}, fmt.Errorf("build empty model: %w", err)
	}
	c, err := dial(ctx, none, p)
	if err != nil {
		return ovsdb.DatabaseSchema{}, err
	}
	defer c.close(s.want.timing.close)
	return c.Schema(), nil
}

// usable returns why the database cannot be used at this server, nil if it can; then newest says how far it has come.
func (s *session) usable() error {
	if cached := s.server.Cache(); cached != nil {
		for _, m := range cached.Table(serverdb.DatabaseTable).RowsShallow() {
			if row := m.(*serverRow); row.Name == s.want.catalog.database {
				if err := row.usable(s.newest); err != nil {
					return err
				}
				s.newest = row.position().or(s.newest)
				return nil
			}
		}
	}
	return fmt.Errorf("find database %s: server has none", s.want.catalog.database)
}

// watch returns when the server is gone or no longer fit for use (it drops its clients when the schema changes), when retarget
// is closed, or when ctx ends, with the reason. It calls sweep from time to time.
func (s *session) watch(ctx context.Context, retarget <-chan struct{}, sweep func()) error {
	probe := time.NewTicker(s.want.timing.probe)
	defer probe.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retarget:
			return errTargetChanged
		case <-s.data.gone:
			return errors.New("connection ended")
		case <-s.server.gone:
			return errors.New("connection ended")
		case <-s.serverChanged:
			if err := s.usable(); err != nil {
				return err
			}
		case <-probe.C:
			if err := s.probe(ctx); err != nil {
				return err
			}
			sweep()
		}
	}
}

// probe fails when the server does not answer in time, unless it is busy telling changes, behind which the answer waits: to leave it
// would be to ask for all rows anew.
func (s *session) probe(ctx context.Context) error {
	heard := s.heard.Load()
	within, cancel := context.WithTimeout(ctx, s.want.timing.probe)
	defer cancel()
	err := errors.Join(s.server.probe(within), s.data.probe(within))
	if errors.Is(err, context.DeadlineExceeded) && s.heard.Load() != heard {
		return nil
	}
	return err
}

// close ends the connections.
func (s *session) close() {
	for _, c := range []*conn{s.data, s.server} {
		if c != nil {
			c.close(s.want.timing.close)
		}
	}
}

// onEvent returns a handler of cache events that wants only to know the table.
func onEvent(touched func(table string)) cache.EventHandler {
	return &cache.EventHandlerFuncs{
		AddFunc:    func(table string, _ model.Model) { touched(table) },
		UpdateFunc: func(table string, _, _ model.Model) { touched(table) },
		DeleteFunc: func(table string, _ model.Model) { touched(table) },
	}
}
