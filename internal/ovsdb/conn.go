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

// close ends the connection and returns when libovsdb's goroutines have ended, or after a while if one hangs.
func (c *conn) close(patience time.Duration) {
	go c.Close() // may wait for a transact that hangs
	select {
	case <-c.gone:
	case <-time.After(patience):
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

// probe asks the server for a sign of life, the answer to an empty transaction. (libovsdb's Echo looks at the answer
// even when its context has ended, and races with one that comes late.)
func (c *conn) probe(ctx context.Context) error {
	if _, err := c.transact(ctx, nil); err != nil {
		return fmt.Errorf("probe server: %w", err)
	}
	return nil
}

// transact sends operations as one transaction. It returns when ctx ends even if libovsdb hangs, which minds the context
// while it waits for the answer, but not while it writes to a peer that does not read.
func (c *conn) transact(ctx context.Context, ops []ovsdb.Operation) ([]ovsdb.OperationResult, error) {
	type answer struct {
		results []ovsdb.OperationResult
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		results, err := c.Transact(ctx, ops...)
		answers <- answer{results, err}
	}()
	select {
	case a := <-answers:
		return a.results, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
