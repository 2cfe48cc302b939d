package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

func TestLockRunDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "woven")
	unlock, err := lockRunDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockRunDir(dir)
	want := fmt.Sprintf("run directory %s is in use by the agent with pid %d", dir, os.Getpid())
	var inUse *InUseError
	if !errors.As(err, &inUse) || err.Error() != want {
		t.Errorf("second lock: %v", err)
	}
	err = Cleanup(t.Context(), Options{RunDir: dir}, &bytes.Buffer{})
	if !errors.As(err, &inUse) {
		t.Errorf("cleanup under a running agent: %v", err)
	}
	unlock()
	if unlock, err = lockRunDir(dir); err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	unlock()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lockRunDir(file); err == nil {
		t.Error("a file was locked as a run directory")
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	failed := errors.New("no")
	now := testNow
	for _, want := range []time.Duration{minBackoff, 2 * minBackoff, 4 * minBackoff} {
		b.note(failed, now)
		if got := b.until.Sub(now); got != want {
			t.Errorf("wait %v, want %v", got, want)
		}
		b.note(failed, now.Add(want/2)) // an attempt in between, for another reason
		if got := b.until.Sub(now); got != want {
			t.Errorf("wait after an attempt in between %v, want %v", got, want)
		}
		now = b.until
	}
	for range 20 {
		b.note(failed, b.until)
	}
	if b.wait != maxBackoff {
		t.Errorf("longest wait %v", b.wait)
	}
	if b.note(nil, now); b != (backoff{}) {
		t.Errorf("after a success: %+v", b)
	}
}

// fakeDB is a database that is connected and empty.
type fakeDB struct {
	changed  chan struct{}
	runErr   error
	transact func(ctx context.Context) error
	stopped  bool
	remotes  []string // as SetRemotes was last told
}

func (d *fakeDB) SetRemotes(remotes []string, _ ovsdb.TLS) { d.remotes = remotes }

func (d *fakeDB) Run(ctx context.Context) error {
	if d.runErr != nil {
		return d.runErr
	}
	<-ctx.Done()
	d.stopped = true
	return nil
}
func (d *fakeDB) Changed() <-chan struct{} { return d.changed }
func (d *fakeDB) Rows() *vsw.Rows          { return &vsw.Rows{} }
func (d *fakeDB) Status() ovsdb.Status     { return ovsdb.Status{Connected: true} }
func (d *fakeDB) Transact(ctx context.Context, _ []ovsdb.Op) error {
	return d.transact(ctx)
}

func TestConnection(t *testing.T) {
	woken := make(chan struct{}, 10)
	dbs := map[string]*fakeDB{"a": {changed: make(chan struct{}, 1)}, "b": {runErr: errors.New("no such scheme")}}
	c := &connection[vsw.Rows]{open: func(r []string, _ ovsdb.TLS) database[vsw.Rows] { return dbs[r[0]] }, wake: func() { woken <- struct{}{} }}
	if c.rows() != nil || c.status().Err == nil || c.ready(testNow) {
		t.Error("a connection without remotes pretends to be one")
	}
	c.write(testNow, piece{ops: []ovsdb.Op{{}}}) // goes nowhere

	c.point(t.Context(), []string{"a"}, ovsdb.TLS{})
	dbs["a"].changed <- struct{}{}
	<-woken
	answer := make(chan error)
	writes := 0
	dbs["a"].transact = func(context.Context) error { writes++; return <-answer }
	c.write(testNow, piece{ops: []ovsdb.Op{{}}})
	c.write(testNow, piece{ops: []ovsdb.Op{{}}}) // the first is under way
	answer <- errors.New("refused")
	<-woken
	c.settle(testNow)
	if writes != 1 || c.retry.err == nil || c.ready(testNow) || !c.ready(c.retry.until) {
		t.Errorf("after a refusal: %d writes, %+v", writes, c.retry)
	}

	dbs["a"].transact = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	c.write(c.retry.until, piece{ops: []ovsdb.Op{{}}})
	c.point(t.Context(), []string{"c"}, ovsdb.TLS{}) // the same client follows
	if r := dbs["a"].remotes; len(r) != 1 || r[0] != "c" || dbs["a"].stopped {
		t.Errorf("after a change of the remote: told %v, stopped %v", r, dbs["a"].stopped)
	}
	c.point(t.Context(), nil, ovsdb.TLS{}) // ends the write and the client
	if !dbs["a"].stopped || c.writing || c.retry.err != nil {
		t.Errorf("without remotes: stopped %v, %+v", dbs["a"].stopped, c)
	}
	c.point(t.Context(), []string{"b"}, ovsdb.TLS{})
	for c.endErr == nil {
		<-woken
		c.settle(testNow)
	}
	if s := c.status(); s.Connected || !strings.Contains(s.Err.Error(), "no such scheme") {
		t.Errorf("status of a client that ended: %+v", s)
	}
	c.point(t.Context(), nil, ovsdb.TLS{})
	if c.rows() != nil || c.stop != nil {
		t.Error("no remotes, but a client")
	}
}

func TestCleanup(t *testing.T) {
	n, _ := plugged(t)
	n.stopAgent()
	if _, ok := n.host.Snapshot().Links["br-int"]; !ok {
		t.Fatal("there is no br-int to remove")
	}
	clean := func(sb string, patience time.Duration) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var out bytes.Buffer
		w := databases(slog.New(slog.DiscardHandler))
		w.host = n.host
		err := cleanup(ctx, w, Options{OVS: n.vs.Remote(), SB: sb, BPFFS: "PINS"}, func() error { return nil }, &out)
		return out.String(), err
	}
	out, err := clean("", time.Minute)
	want := `removed: data plane in PINS
removed: neighbour entries of tunnel peers
removed: marks on local interfaces
removed: device br-int
removed: device woven-out
removed: chassis hv1 and its bindings
`
	if err != nil || out != want {
		t.Errorf("error %v, output:\n%s", err, out)
	}
	if got := n.binding("p1"); got != "- false" {
		t.Errorf("binding %s", got)
	}
	for _, table := range []string{"Chassis", "Chassis_Private", "Encap"} {
		if got := n.sbctl("--bare", "--columns=_uuid", "list", table); got != "" {
			t.Errorf("%s has %s", table, got)
		}
	}
	if got := n.iface("tap1", "external_ids"); got != "{iface-id=p1}" {
		t.Errorf("external_ids %s", got)
	}
	if _, ok := n.host.Snapshot().Links["br-int"]; ok {
		t.Error("br-int is still there")
	}

	out, err = clean("nonsense", 300*time.Millisecond)
	if err == nil || !strings.Contains(out, "not removed: chassis hv1 and its bindings: ") {
		t.Errorf("without a Southbound database: error %v, output:\n%s", err, out)
	}
}
