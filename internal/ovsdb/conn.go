package ovsdb

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// conn is a connection to one database of one server. It ends once and for all: libovsdb's own reconnection would
// insist on the model of the first server, so it is not used.
type conn struct {
	client.Client
	gone chan struct{} // closed when the connection has ended
	stop chan struct{} // closed by close
}

// dial connects to the database that m names.
func dial(ctx context.Context, m model.ClientDBModel, remote string) (*conn, error) {
	endpoint, err := endpointOf(remote)
	if err != nil {
		return nil, err
	}
	c, err := client.NewOVSDBClient(m, client.WithEndpoint(endpoint))
	if err != nil {
		return nil, fmt.Errorf("set up client: %w", err)
	}
	conn := &conn{Client: c, gone: make(chan struct{}), stop: make(chan struct{})}
	// libovsdb drops the notification when nobody waits at that moment: wait from before the start.
	go conn.waitGone()
	if err := c.Connect(ctx); err != nil {
		close(conn.stop)
		<-conn.gone
		return nil, fmt.Errorf("connect to database %s: %w", m.Name(), err)
	}
	return conn, nil
}

func (c *conn) waitGone() {
	defer close(c.gone)
	select {
	case <-c.DisconnectNotify():
	case <-c.stop:
	}
}

// closeTimeout bounds how long close waits for libovsdb's goroutines.
const closeTimeout = time.Second

// close ends the connection and returns when libovsdb's goroutines have ended, or after closeTimeout if one hangs.
func (c *conn) close() {
	go c.Close() // may wait for a call that hangs, see bounded
	select {
	case <-c.gone:
	case <-time.After(closeTimeout):
	}
	close(c.stop)
	<-c.gone
}

// endpointOf translates a remote to the URL that libovsdb wants, which would take what it does not understand for the
// system's own database.
func endpointOf(remote string) (string, error) {
	scheme, address, _ := strings.Cut(remote, ":")
	switch {
	case scheme == "unix" && address != "":
		path, err := filepath.Abs(address)
		if err != nil {
			return "", fmt.Errorf("find socket of remote %q: %w", remote, err)
		}
		return (&url.URL{Scheme: scheme, Path: path}).String(), nil
	case scheme == "tcp" && address != "":
		return (&url.URL{Scheme: scheme, Opaque: address}).String(), nil
	}
	return "", fmt.Errorf("parse remote %q: want unix:PATH or tcp:HOST:PORT", remote)
}

// monitor fills the cache with the columns of tables, and returns when it is complete. Columns must be named:
// libovsdb asks for all columns otherwise, and fails on changes of those that its model lacks.
func (c *conn) monitor(ctx context.Context, tables []client.TableMonitor) error {
	m := c.NewMonitor()
	// After an update3, of monitor_cond_since, that does not fit its cache, libovsdb goes on with a wrong cache; after an
	// update2 it disconnects.
	m.Method = ovsdb.ConditionalMonitorRPC
	m.Tables = tables
	if _, err := c.Monitor(ctx, m); err != nil {
		return fmt.Errorf("monitor tables: %w", err)
	}
	return nil
}

// echo asks the server for a sign of life.
func (c *conn) echo(ctx context.Context) error {
	_, err := bounded(ctx, func() (struct{}, error) { return struct{}{}, c.Echo(ctx) })
	if err != nil {
		return fmt.Errorf("probe server: %w", err)
	}
	return nil
}

// transact sends operations as one transaction.
func (c *conn) transact(ctx context.Context, ops []ovsdb.Operation) ([]ovsdb.OperationResult, error) {
	return bounded(ctx, func() ([]ovsdb.OperationResult, error) { return c.Transact(ctx, ops...) })
}

// bounded calls f and returns when ctx ends even if f does not: libovsdb minds the context while it waits for an answer, but
// not while it writes to a peer that does not read. f then ends with the connection.
func bounded[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := f()
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
