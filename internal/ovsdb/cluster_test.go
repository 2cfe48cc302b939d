package ovsdb

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// awaitRemote waits for a connection to another remote than a lost one, and returns it.
func awaitRemote[R any](t *testing.T, db *DB[R], lost string) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		if s := db.Status(); s.Connected && s.Remote != lost {
			return s.Remote
		}
		select {
		case <-db.Changed():
		case <-timeout:
			t.Fatalf("waited in vain for another remote than %s; status %+v", lost, db.Status())
		}
	}
}

// insert repeats a transaction until it is carried out: while a cluster elects a leader nothing can be written. The rows must have an
// index, as one that was refused for them was carried out by an attempt before, whose answer was lost.
func insert[R any](t *testing.T, db *DB[R], ops ...Op) {
	t.Helper()
	var err error
	deadline := time.Now().Add(patience)
	for lost := false; time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		err = db.Transact(t.Context(), ops)
		var refused *RefusedError
		if err == nil || lost && errors.As(err, &refused) {
			return
		}
		lost = lost || !errors.Is(err, ErrNotConnected)
	}
	t.Fatalf("insert: %v", err)
}

// newChassis inserts one that has nothing but a name and an encapsulation.
func newChassis(i int) []Op {
	return []Op{
		{Kind: Insert, Row: &sb.Encap{UUID: "e", Type: "geneve", IP: fmt.Sprint("192.0.2.", i), ChassisName: fmt.Sprint("hv", i)}},
		{Kind: Insert, Row: &sb.Chassis{Name: fmt.Sprint("hv", i), Encaps: []string{"e"}}},
	}
}

// The leader of a cluster is killed: clients of all its members go on reading and writing, and no row is missing at any time.
func TestLeaderLost(t *testing.T) {
	cluster := ovsdbtest.StartCluster(t, ovsdbtest.SB, 3)
	var clients []*DB[sb.Rows]
	for i := range cluster.Servers {
		// Each one begins at another server.
		db := NewSB(Config{Remotes: cluster.Remotes()[i : i+1]})
		start(t, db)
		await(t, db, "first copy", complete)
		db.SetRemotes(cluster.Remotes(), TLS{})
		clients = append(clients, db)
	}
	insert(t, clients[0], newChassis(0)...)
	for _, db := range clients {
		await(t, db, "chassis", hasChassis("hv0"))
	}
	leader := cluster.Leader()
	leader.Stop()
	for i, db := range clients {
		if db.Status().Remote == leader.Remote() {
			awaitRemote(t, db, leader.Remote())
		}
		if !hasChassis("hv0")(db.Rows()) {
			t.Errorf("client %d has lost the chassis", i)
		}
		insert(t, db, newChassis(i+1)...)
		await(t, db, "new chassis", func(rows *sb.Rows) bool {
			if !hasChassis("hv0")(rows) {
				t.Errorf("client %d: a chassis was missing in between", i)
			}
			return hasChassis(fmt.Sprint("hv", i+1))(rows)
		})
	}
}

// Only followers are known: they pass writes on.
func TestFollowersOnly(t *testing.T) {
	cluster := ovsdbtest.StartCluster(t, ovsdbtest.SB, 3)
	var remotes []string
	for _, s := range cluster.Followers() {
		remotes = append(remotes, s.Remote())
	}
	db := NewSB(Config{Remotes: remotes})
	start(t, db)
	await(t, db, "first copy", complete)
	insert(t, db, newChassis(1)...)
	await(t, db, "chassis", hasChassis("hv1"))
	if got := db.Status().Remote; !slices.Contains(remotes, got) {
		t.Errorf("connected to %s", got)
	}
}

// A member without a majority is left, and taken again when the majority is back.
func TestMajorityLost(t *testing.T) {
	cluster := ovsdbtest.StartCluster(t, ovsdbtest.NB, 3)
	db := NewNB(Config{Remotes: cluster.Remotes()})
	db.timing = brisk()
	start(t, db)
	await(t, db, "first copy", complete)
	addSwitch(t, cluster.Leader(), "blue")
	await(t, db, "switch blue", hasSwitch("blue"))
	down := cluster.Servers[1:]
	for _, s := range down {
		s.Stop()
	}
	awaitError(t, db, "")
	if !hasSwitch("blue")(db.Rows()) {
		t.Error("rows went with the majority")
	}
	for _, s := range down {
		s.Restart()
	}
	awaitConnected(t, db, true)
	addSwitch(t, cluster.Leader(), "green")
	await(t, db, "switch green", hasSwitch("green"))
}

// A relay hands rows out and passes writes on to the source. Without source it hands out what it has for a while.
func TestRelay(t *testing.T) {
	source := ovsdbtest.Start(t, ovsdbtest.SB)
	relay := ovsdbtest.StartRelay(t, "OVN_Southbound", source.Remote())
	db := NewSB(Config{Remotes: []string{relay.Remote()}})
	db.timing.call = time.Second
	start(t, db)
	await(t, db, "first copy", complete)
	for i := range 20 {
		transact(t, db, newChassis(i)...)
		await(t, db, "chassis", hasChassis(fmt.Sprint("hv", i)))
	}
	source.Stop()
	if err := db.Transact(t.Context(), newChassis(20)); err == nil {
		t.Error("a write without source succeeded")
	}
	if !hasChassis("hv19")(db.Rows()) {
		t.Error("rows are lost")
	}
	source.Restart()
	insert(t, db, newChassis(21)...)
	await(t, db, "chassis", hasChassis("hv21"))
	var refused *RefusedError
	if err := db.Transact(t.Context(), newChassis(3)); !errors.As(err, &refused) {
		t.Errorf("chassis that is there: %v, want a refusal", err)
	}
}

// SetRemotes moves a client from one server to another, and never mixes what they say.
func TestSetRemotes(t *testing.T) {
	first, second := ovsdbtest.Start(t, ovsdbtest.NB), ovsdbtest.Start(t, ovsdbtest.NB)
	addSwitch(t, first, "blue")
	addSwitch(t, second, "green")
	db := NewNB(Config{Remotes: []string{first.Remote()}})
	db.timing = brisk()
	start(t, db)
	await(t, db, "first copy", hasSwitch("blue"))
	since := db.Status().Since

	// The server in use stays one of them, whatever the keys.
	db.SetRemotes([]string{"unix:/does/not/exist", first.Remote()}, TLS{CACert: "other"})
	db.SetRemotes([]string{first.Remote(), "unix:/does/not/exist"}, TLS{})
	addSwitch(t, first, "red")
	await(t, db, "switch red", hasSwitch("red"))
	if s := db.Status(); s.Since != since || s.Remote != first.Remote() {
		t.Errorf("status %+v: reconnected", s)
	}

	db.SetRemotes([]string{"unix:/does/not/exist"}, TLS{})
	if err := db.Transact(t.Context(), nil); !errors.Is(err, ErrNotConnected) || db.Rows() != nil {
		t.Errorf("the former server is still in use: rows %v, Transact: %v", db.Rows(), err)
	}
	awaitError(t, db, "no such file")
	db.SetRemotes([]string{second.Remote()}, TLS{})
	rows := await(t, db, "the other server's rows", complete)
	if !hasSwitch("green")(rows) || hasSwitch("blue")(rows) {
		t.Errorf("switches %v, want those of the other server", rows.LogicalSwitch)
	}
}

// An attempt that hangs doesn't hold up a change of the remotes.
func TestSetRemotesWhileConnecting(t *testing.T) {
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	db := NewNB(Config{Remotes: []string{listen(t, "silence")}})
	db.timing.dial, db.timing.firstPause, db.timing.lastPause = time.Hour, time.Hour, time.Hour
	start(t, db)
	db.SetRemotes([]string{"unix:/does/not/exist"}, TLS{})
	awaitError(t, db, "no such file") // it pauses now
	db.SetRemotes([]string{listen(t, "silence")}, TLS{})
	db.SetRemotes([]string{server.Remote()}, TLS{})
	awaitConnected(t, db, true)
}
