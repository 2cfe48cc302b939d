package ovsdb

import (
	"context"
	"crypto/tls"
	"fmt"
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

// peer is a server and how to speak to it.
type peer struct {
	remote
	tls *tls.Config // nil unless the scheme is ssl
}

// newPeer reads what a connection to a remote needs.
func newPeer(ctx context.Context, text string, keys TLS) (peer, error) {
	r, err := parseRemote(text)
	if err != nil || r.scheme != "ssl" {
		return peer{remote: r}, err
	}
	config, err := keys.open(ctx, r.address)
	return peer{r, config}, err
}

// dial connects to the database that m names.
func dial(ctx context.Context, m model.ClientDBModel, p peer) (*conn, error) {
	c, err := client.NewOVSDBClient(m, client.WithEndpoint(p.endpoint()), client.WithTLSConfig(p.tls))
	if err != nil {
		return nil, fmt.Errorf("set up client: %w", err)
	}
	conn := &conn{Client: c, gone: make(chan struct{}), stop: make(chan struct{})}
	// libovsdb drops the notification when nobody waits at that moment: wait from before the start.
	go conn.waitGone()
	if err := c.Connect(ctx); err != nil {
		close(conn.stop)
		<-conn.gone
		return nil, fmt.Errorf("connect to database %s: %w", m.Name(), p.explain(ctx, err))
	}
	return conn, nil
}

// explain returns the reason for an error of connecting, if it can be found.
func (p peer) explain(ctx context.Context, err error) error {
	if p.tls == nil || ctx.Err() != nil {
		return err
	}
	if reason := knock(ctx, p.address, p.tls); reason != nil {
		return reason
	}
	return err
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
