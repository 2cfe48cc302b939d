package scale

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/model"
)

// The few columns that are watched: a full copy would take the CPU away from what is measured.
type (
	portBinding struct {
		UUID        string `ovsdb:"_uuid"`
		LogicalPort string `ovsdb:"logical_port"`
		// Of an index: libovsdb wants them.
		Datapath  string `ovsdb:"datapath"`
		TunnelKey int    `ovsdb:"tunnel_key"`
	}
	chassisPrivate struct {
		UUID  string `ovsdb:"_uuid"`
		Name  string `ovsdb:"name"`
		NbCfg int    `ovsdb:"nb_cfg"`
	}
	sbGlobal struct {
		UUID  string `ovsdb:"_uuid"`
		NbCfg int    `ovsdb:"nb_cfg"`
	}
	nbGlobal struct {
		UUID  string `ovsdb:"_uuid"`
		HvCfg int    `ovsdb:"hv_cfg"`
	}
	iface struct {
		UUID        string            `ovsdb:"_uuid"`
		Name        string            `ovsdb:"name"`
		ExternalIDs map[string]string `ovsdb:"external_ids"`
	}
)

// watcher notes when rows of a database come to be as expected.
type watcher struct {
	client.Client

	mu       sync.Mutex
	expected []*expectation
}

// expectation is a moment that is waited for.
type expectation struct {
	match func(row model.Model, gone bool) bool
	at    chan time.Time // receives the moment
}

// watch reads tables of a database at a unix socket, and follows them until Close.
func watch(ctx context.Context, database, socket string, tables map[string]model.Model) (*watcher, error) {
	m, err := model.NewClientDBModel(database, tables)
	if err != nil {
		return nil, fmt.Errorf("build model of %s: %w", database, err)
	}
	w := &watcher{}
	if w.Client, err = client.NewOVSDBClient(m, client.WithEndpoint("unix:"+socket)); err != nil {
		return nil, fmt.Errorf("set up client of %s: %w", database, err)
	}
	if err := w.Connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", database, err)
	}
	w.Cache().AddEventHandler(&cache.EventHandlerFuncs{
		AddFunc:    func(_ string, row model.Model) { w.note(row, false) },
		UpdateFunc: func(_ string, _, row model.Model) { w.note(row, false) },
		DeleteFunc: func(_ string, row model.Model) { w.note(row, true) },
	})
	monitor := w.NewMonitor()
	monitor.Tables = columnsOf(tables)
	if _, err := w.Monitor(ctx, monitor); err != nil {
		w.Close()
		return nil, fmt.Errorf("monitor %s: %w", database, err)
	}
	return w, nil
}

// columnsOf names the columns: libovsdb would ask for all, and fail on those that the structs lack.
func columnsOf(tables map[string]model.Model) []client.TableMonitor {
	var list []client.TableMonitor
	for table, row := range tables {
		t := client.TableMonitor{Table: table}
		for i := 1; i < reflect.TypeOf(row).Elem().NumField(); i++ { // all but the UUID
			t.Fields = append(t.Fields, reflect.TypeOf(row).Elem().Field(i).Tag.Get("ovsdb"))
		}
		list = append(list, t)
	}
	return list
}

// note compares a row with what is expected.
func (w *watcher) note(row model.Model, gone bool) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.expected[:0]
	for _, e := range w.expected {
		if !e.match(row, gone) {
			kept = append(kept, e)
			continue
		}
		e.at <- now
	}
	w.expected = kept
}

// expect returns a channel that receives the moment when a row has come, changed or gone such that match is true. It looks only
// at what comes later.
func (w *watcher) expect(match func(row model.Model, gone bool) bool) <-chan time.Time {
	e := &expectation{match: match, at: make(chan time.Time, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, e)
	return e.at
}

// await waits for an expectation.
func await(ctx context.Context, what string, at <-chan time.Time) (time.Time, error) {
	select {
	case t := <-at:
		return t, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
	}
}
