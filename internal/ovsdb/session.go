package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
	"github.com/ovn-kubernetes/libovsdb/ovsdb/serverdb"
)

// session is a server in use: complete from the start, until watch returns.
type session struct {
	server  *conn // to database _Server, which knows schema and role of the others (ovsdb-server(5))
	data    *conn
	dialect *dialect
	replica *replica
	// serverChanged: the server's own rows may have changed.
	serverChanged chan struct{}
	want          sessionConfig
}

// sessionConfig is what a session must have and do.
type sessionConfig struct {
	catalog    catalog
	leaderOnly bool
	timing     timing
	// touched is called after a row of the replica may have changed.
	touched func()
}

// openSession connects to a remote and reads all tables.
func openSession(ctx context.Context, remote string, want sessionConfig) (*session, error) {
	s := &session{want: want, serverChanged: make(chan struct{}, 1)}
	if err := s.open(ctx, remote); err != nil {
		s.close()
		return nil, fmt.Errorf("open %s: %w", remote, err)
	}
	return s, nil
}

func (s *session) open(ctx context.Context, remote string) error {
	dialCtx, cancel := context.WithTimeout(ctx, s.want.timing.dial)
	defer cancel()
	if err := s.openServer(dialCtx, remote); err != nil {
		return err
	}
	schema, err := s.schema()
	if err != nil {
		return err
	}
	if s.dialect, err = s.want.catalog.adapt(schema); err != nil {
		return err
	}
	if s.data, err = dial(dialCtx, s.dialect.model, remote); err != nil {
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
		s.replica.touch(table)
		s.want.touched()
	}))
	return nil
}

// serverRow is what is read of a row of table Database in database _Server.
type serverRow struct {
	UUID      string  `ovsdb:"_uuid"`
	Name      string  `ovsdb:"name"`
	Model     string  `ovsdb:"model"`
	Connected bool    `ovsdb:"connected"`
	Leader    bool    `ovsdb:"leader"`
	Schema    *string `ovsdb:"schema"`
}

// openServer connects to database _Server and watches its table.
func (s *session) openServer(ctx context.Context, remote string) error {
	m, err := model.NewClientDBModel("_Server", map[string]model.Model{serverdb.DatabaseTable: &serverRow{}})
	if err != nil {
		return fmt.Errorf("build model of _Server: %w", err)
	}
	if s.server, err = dial(ctx, m, remote); err != nil {
		return err
	}
	err = s.server.monitor(ctx, []client.TableMonitor{{
		Table:  serverdb.DatabaseTable,
		Fields: []string{"name", "model", "connected", "leader", "schema"},
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

// schema returns the schema of the database, or an error if the server does not serve it as it should.
func (s *session) schema() (ovsdb.DatabaseSchema, error) {
	var schema ovsdb.DatabaseSchema
	row, err := s.serverRow()
	if err != nil {
		return schema, err
	}
	if err := row.usable(s.want.leaderOnly); err != nil {
		return schema, fmt.Errorf("use database %s: %w", row.Name, err)
	}
	if err := json.Unmarshal([]byte(*row.Schema), &schema); err != nil {
		return schema, fmt.Errorf("parse schema of %s: %w", row.Name, err)
	}
	return schema, nil
}

// serverRow returns what the server says of our database.
func (s *session) serverRow() (*serverRow, error) {
	if cached := s.server.Cache(); cached != nil {
		for _, m := range cached.Table(serverdb.DatabaseTable).RowsShallow() {
			if row := m.(*serverRow); row.Name == s.want.catalog.database {
				return row, nil
			}
		}
	}
	return nil, fmt.Errorf("find database %s: server has none", s.want.catalog.database)
}

// usable returns why a database cannot be used at this server, nil if it can.
func (r *serverRow) usable(leaderOnly bool) error {
	switch {
	case !r.Connected:
		return errors.New("server has lost its cluster")
	case leaderOnly && r.Model == serverdb.DatabaseModelClustered && !r.Leader:
		return errors.New("server is not the leader of its cluster")
	case r.Schema == nil:
		return errors.New("server has not joined its cluster yet")
	}
	return nil
}

// watch returns when the server is gone or no longer fit for use, with the reason, or when ctx ends, with nil.
// It calls sweep from time to time.
func (s *session) watch(ctx context.Context, sweep func()) error {
	probe := time.NewTicker(s.want.timing.probe)
	defer probe.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.data.gone:
			return errors.New("connection ended")
		case <-s.server.gone:
			return errors.New("connection ended")
		case <-s.serverChanged:
			if err := s.stillUsable(); err != nil {
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

// stillUsable returns why the server cannot be used any longer. A new schema never comes here: a server that changes
// it drops clients that, like libovsdb, are not db_change_aware (ovsdb-server(7)).
func (s *session) stillUsable() error {
	row, err := s.serverRow()
	if err != nil {
		return err
	}
	return row.usable(s.want.leaderOnly)
}

// probe fails when the server does not answer in time.
func (s *session) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.want.timing.probe)
	defer cancel()
	return errors.Join(s.server.echo(ctx), s.data.echo(ctx))
}

// close ends the connections.
func (s *session) close() {
	for _, c := range []*conn{s.data, s.server} {
		if c != nil {
			c.close()
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
