package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// patience bounds the wait for what should happen at once.
const patience = 20 * time.Second

// impatient is a timing for tests in which peers die.
var impatient = timing{
	dial:       300 * time.Millisecond,
	sync:       patience,
	call:       300 * time.Millisecond,
	probe:      100 * time.Millisecond,
	close:      100 * time.Millisecond,
	firstPause: 5 * time.Millisecond,
	lastPause:  50 * time.Millisecond,
}

// brisk is a timing for tests in which peers come and go, but don't fall silent.
func brisk() timing {
	t := defaultTiming
	t.firstPause, t.lastPause = impatient.firstPause, impatient.lastPause
	return t
}

// start runs a client until the test ends.
func start[R any](t *testing.T, db *DB[R]) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- db.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// await waits for rows that fulfil a condition, looking only when the client says that something changed.
func await[R any](t *testing.T, db *DB[R], what string, ok func(*R) bool) *R {
	t.Helper()
	timeout := time.After(patience)
	for {
		if rows := db.Rows(); rows != nil && ok(rows) {
			return rows
		}
		select {
		case <-db.Changed():
		case <-timeout:
			t.Fatalf("waited in vain for %s; status %+v", what, db.Status())
		}
	}
}

// awaitConnected waits for the connection to come (or go).
func awaitConnected[R any](t *testing.T, db *DB[R], want bool) {
	t.Helper()
	timeout := time.After(patience)
	for db.Status().Connected != want {
		select {
		case <-db.Changed():
		case <-timeout:
			t.Fatalf("waited in vain for Connected %v; status %+v", want, db.Status())
		}
	}
}

// complete is fulfilled by the first copy.
func complete[R any](*R) bool { return true }

func addSwitch(t *testing.T, server *ovsdbtest.Server, name string) {
	t.Helper()
	server.Transact(fmt.Sprintf(`["OVN_Northbound", {"op": "insert", "table": "Logical_Switch", "row": {"name": %q}}]`, name))
}

func switchNamed(rows *nb.Rows, name string) *nb.LogicalSwitch {
	for _, ls := range rows.LogicalSwitch {
		if ls.Name == name {
			return ls
		}
	}
	return nil
}

func hasSwitch(name string) func(*nb.Rows) bool {
	return func(rows *nb.Rows) bool { return switchNamed(rows, name) != nil }
}

func TestRowsFollowTheDatabase(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	addSwitch(t, server, "blue")
	db := NewNB(Config{Name: "nb", Remotes: []string{server.Remote()}})
	if rows := db.Rows(); rows != nil {
		t.Errorf("Rows before Run = %+v, want nil", rows)
	}
	start(t, db)

	first := await(t, db, "first copy", complete)
	blue := switchNamed(first, "blue")
	if blue == nil || len(first.LogicalSwitch) != 1 || first.ACL == nil || len(first.ACL) != 0 {
		t.Fatalf("first copy = %+v, want switch blue and else empty tables", first)
	}
	if again := db.Rows(); again != first {
		t.Errorf("Rows without a change: another copy")
	}

	addSwitch(t, server, "green")
	second := await(t, db, "switch green", hasSwitch("green"))
	if second.LogicalSwitch[blue.UUID] != blue {
		t.Errorf("switch blue did not change, but its pointer did")
	}
	if len(first.LogicalSwitch) != 1 {
		t.Errorf("first copy changed afterwards: %+v", first.LogicalSwitch)
	}

	server.Transact(`["OVN_Northbound", {"op": "update", "table": "Logical_Switch", "where": [["name", "==", "green"]],
		"row": {"other_config": ["map", [["mcast_snoop", "true"]]]}}]`)
	third := await(t, db, "changed switch", func(rows *nb.Rows) bool {
		return len(switchNamed(rows, "green").OtherConfig) > 0
	})
	want := *switchNamed(second, "green")
	want.OtherConfig = map[string]string{"mcast_snoop": "true"}
	if diff := cmp.Diff(&want, switchNamed(third, "green")); diff != "" {
		t.Errorf("changed switch (-want +got):\n%s", diff)
	}

	server.Transact(`["OVN_Northbound", {"op": "delete", "table": "Logical_Switch", "where": [["name", "==", "blue"]]}]`)
	await(t, db, "deletion of blue", func(rows *nb.Rows) bool { return switchNamed(rows, "blue") == nil })
}

func TestStatisticsAreNotRead(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.VSW)
	server.Transact(`["Open_vSwitch",
		{"op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": "eth0", "ifindex": 7, "statistics": ["map", [["rx_bytes", 5]]]}},
		{"op": "insert", "table": "Port", "uuid-name": "p", "row": {"name": "eth0", "interfaces": ["named-uuid", "i"]}},
		{"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": "br-int", "ports": ["named-uuid", "p"]}},
		{"op": "insert", "table": "Open_vSwitch", "row": {"bridges": ["named-uuid", "b"], "statistics": ["map", [["load", "1"]]]}}]`)
	db := NewVSW(Config{Remotes: []string{server.Remote()}})
	start(t, db)
	rows := await(t, db, "first copy", complete)
	for _, i := range rows.Interface {
		if i.Name != "eth0" || i.Ifindex == nil || *i.Ifindex != 7 || i.Statistics != nil {
			t.Errorf("interface = %+v, want eth0 with index 7 and no statistics", i)
		}
	}
	for _, ovs := range rows.OpenvSwitch {
		if len(ovs.Bridges) != 1 || rows.Bridge[ovs.Bridges[0]] == nil || ovs.Statistics != nil {
			t.Errorf("Open_vSwitch = %+v, want one bridge and no statistics", ovs)
		}
	}
	if len(rows.Interface) != 1 || len(rows.Port) != 1 || len(rows.OpenvSwitch) != 1 {
		t.Errorf("rows = %+v, want one of each", rows)
	}
}

func TestServerRestart(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	addSwitch(t, server, "blue")
	addSwitch(t, server, "green")
	db := NewNB(Config{Remotes: []string{server.Remote()}})
	db.timing = impatient
	start(t, db)
	before := await(t, db, "first copy", complete)

	server.Stop()
	awaitConnected(t, db, false)
	if db.Rows() != before {
		t.Errorf("rows changed when the server went away")
	}
	if status := db.Status(); status.Err == nil || !status.Synced || status.Remote != server.Remote() {
		t.Errorf("status = %+v, want an error, Synced and the remote", status)
	}
	if err := db.Transact(t.Context(), nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("Transact = %v, want ErrNotConnected", err)
	}

	server.Restart()
	server.Transact(`["OVN_Northbound", {"op": "delete", "table": "Logical_Switch", "where": [["name", "==", "green"]]}]`)
	after := await(t, db, "deletion of green", func(rows *nb.Rows) bool {
		if switchNamed(rows, "blue") == nil {
			t.Errorf("switch blue was missing in between")
		}
		return switchNamed(rows, "green") == nil
	})
	if switchNamed(after, "blue") != switchNamed(before, "blue") {
		t.Errorf("switch blue did not change, but its pointer did")
	}
	if status := db.Status(); !status.Connected || status.Err != nil {
		t.Errorf("status = %+v, want connected", status)
	}
}

// A stopped process keeps its sockets open: only the probe can tell.
func TestDeadPeer(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	db := NewNB(Config{Remotes: []string{server.Remote()}})
	db.timing = impatient
	start(t, db)
	await(t, db, "first copy", complete)

	server.Signal(syscall.SIGSTOP)
	huge := &nb.LogicalSwitch{Name: strings.Repeat("x", 4<<20)} // more than a socket's buffer holds
	err := db.Transact(t.Context(), []Op{{Kind: Insert, Row: huge}})
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrNotConnected) {
		t.Errorf("Transact to a stopped server = %v, want it to give up", err)
	}
	awaitConnected(t, db, false)
	server.Signal(syscall.SIGCONT)
	awaitConnected(t, db, true)
}

// A server that tells changes is not left because its answer is late.
func TestBusyPeer(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	db := NewNB(Config{Remotes: []string{server.Remote()}})
	s, err := openSession(t.Context(), server.Remote(), sessionConfig{catalog: db.catalog, timing: brisk(), touched: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.want.timing.probe = impatient.probe
	server.Signal(syscall.SIGSTOP)
	defer server.Signal(syscall.SIGCONT)
	if err := s.probe(t.Context()); err == nil {
		t.Error("a server that is silent passes for alive")
	}
	time.AfterFunc(impatient.probe/2, func() { s.heard.Add(1) }) // a change that was under way
	if err := s.probe(t.Context()); err != nil {
		t.Errorf("a server that tells changes is left: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.probe(ctx); err == nil {
		t.Error("a probe that was called off passes for an answer")
	}
}

// The first remotes are nonsense, refuse, hang up, talk nonsense or stay silent; the last one works.
func TestGarbageRemotes(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	remotes := []string{"", "unix:", "tcp:", "tcp:nowhere", "ftp:1.2.3.4", "unix:/does/not/exist"}
	for _, says := range []string{"", "HTTP/1.1 400 Bad Request\r\n\r\n", `{"id":1,"result":[],"error":null}`,
		`{"id":1,"result":["_Server"],"error":null}{"id":2,"result":{"name":5},"error":null}`, "silence"} {
		remotes = append(remotes, listen(t, says))
	}
	db := NewNB(Config{Remotes: append(remotes, server.Remote())})
	db.timing = impatient
	start(t, db)
	await(t, db, "first copy", complete)
	if got := db.Status().Remote; got != server.Remote() {
		t.Errorf("connected to %s, want %s", got, server.Remote())
	}
	if err := NewNB(Config{}).Run(t.Context()); err == nil {
		t.Errorf("Run without remotes: no error")
	}
}

// listen returns the remote of a listener that sends a text and closes the connection; the text "silence" does neither.
func listen(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			if says == "silence" {
				t.Cleanup(func() { _ = c.Close() })
				continue
			}
			_, _ = c.Write([]byte(says))
			_ = c.Close()
		}
	}()
	return "tcp:" + l.Addr().String()
}

func TestRunEndsItsGoroutines(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		db := NewNB(Config{Remotes: []string{"unix:/does/not/exist", server.Remote()}})
		done := make(chan error, 1)
		go func() { done <- db.Run(ctx) }()
		await(t, db, "first copy", complete)
		server.Restart()
		awaitConnected(t, db, false)
		awaitConnected(t, db, true)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if status := db.Status(); status.Connected || db.Rows() == nil {
			t.Errorf("status after Run = %+v, want disconnected, and rows", status)
		}
	}
	var left string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		buf := make([]byte, 1<<20)
		left = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(left, "libovsdb") && !strings.Contains(left, "rpc2") {
			return
		}
	}
	t.Errorf("goroutines are left:\n%s", left)
}
