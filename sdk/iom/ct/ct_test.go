package ct_test

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/ct"
	"woven.dev/woven/sdk/iom/wire"
)

const uptime = 1000 * time.Second

// node is the tables of a node, which the test fills in the place of programs.
type node struct {
	*ct.Tables
	t    *testing.T
	maps map[string]*ebpf.Map
	// turns is how often connections were to be removed.
	turns int
}

func all(ct.Connection) bool { return true }
func none(ct.Zone) bool      { return false }

func newNode(t *testing.T) *node {
	testutil.RequireRoot(t)
	spec, err := wire.Load()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, maps: map[string]*ebpf.Map{}}
	for name, m := range spec.Maps {
		if strings.HasPrefix(name, "iom_ct") {
			if n.maps[name], err = ebpf.NewMap(m); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { n.maps[name].Close() })
		}
	}
	if n.Tables, err = ct.Open(n.maps, func() (func(), error) { n.turns++; return func() {}, nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// put enters a connection from 10.0.0.1:port to fd00::2:80, which expires at some second since boot.
func (n *node) put(table string, zone ct.Zone, port uint16, expires uint32, change func(*wire.Ct)) {
	n.t.Helper()
	key := wire.CtKey{Zone: zone.Instance<<16 | uint32(zone.Port), Proto: 6, L4: [2]uint16{port, 80}}
	row := wire.Ct{Zone: key.Zone, L4: key.L4, Expires: expires, Progress: wire.CtEstablished}
	key.Addr[0].A = iom.Addr(netip.MustParseAddr("10.0.0.1"))
	key.Addr[1].A = iom.Addr(netip.MustParseAddr("fd00::2"))
	if change != nil {
		change(&row)
	}
	if err := n.maps[table].Put(key, row); err != nil {
		n.t.Fatal(err)
	}
	if table == "iom_cts" {
		zone := wire.CtZone{Zone: key.Zone}
		var count wire.CtZoneCount
		_ = n.maps["iom_ct_zones"].Lookup(zone, &count) // none yet: 0
		count.Established++
		if err := n.maps["iom_ct_zones"].Put(zone, count); err != nil {
			n.t.Fatal(err)
		}
	}
}

// ports lists the originators' ports of all connections.
func (n *node) ports() string {
	n.t.Helper()
	list, err := n.List(uptime, all)
	if err != nil {
		n.t.Fatal(err)
	}
	var ports []string
	for _, c := range list {
		ports = append(ports, fmt.Sprint(c.From.Port()))
	}
	slices.Sort(ports)
	return strings.Join(ports, " ")
}

func (n *node) counts() string {
	n.t.Helper()
	counts, err := n.Counts(uptime)
	if err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprint(counts)
}

var zone1, zone2 = ct.Zone{Instance: 1, Port: 7}, ct.Zone{Instance: 2, Port: 7}

func TestList(t *testing.T) {
	n := newNode(t)
	n.put("iom_cts", zone1, 1, 1060, nil)
	n.put("iom_cts_new", zone2, 2, 1001, func(row *wire.Ct) {
		row.Progress, row.Flags, row.Rule, row.Label = wire.CtAsked, wire.CtFrom1|wire.CtBlocked|wire.CtEgress, 99, 5
	})
	n.put("iom_cts", zone1, 3, 1000, nil) // its time is up
	list, err := n.List(uptime, all)
	if err != nil {
		t.Fatal(err)
	}
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::2")
	want := []ct.Connection{
		{Zone: zone1, Proto: 6, From: netip.AddrPortFrom(a, 1), To: netip.AddrPortFrom(b, 80), Progress: "established", Established: true, Left: time.Minute},
		{Zone: zone2, Proto: 6, From: netip.AddrPortFrom(b, 80), To: netip.AddrPortFrom(a, 2), Progress: "asked", Blocked: true, Egress: true, Left: time.Second,
			Rule: 99, Label: 5},
	}
	if !slices.Equal(list, want) {
		t.Errorf("have %+v\nwant %+v", list, want)
	}
}

func TestSweep(t *testing.T) {
	n := newNode(t)
	for i := range uint16(10) {
		n.put("iom_cts", zone1, i, 995+uint32(i), nil)
		n.put("iom_cts_new", zone1, 10+i, 995+uint32(i), nil)
	}
	swept, left, err := n.Sweep(uptime, none)
	if swept != 12 || err != nil || n.turns != 1 {
		t.Errorf("swept %d (%v) in %d turns, want 12 in one", swept, err, n.turns)
	}
	want := []ct.Usage{{Table: "iom_cts_new", Rows: 4, Max: 65536}, {Table: "iom_cts", Rows: 4, Max: 262144}, {Table: "iom_cts_brief", Max: 65536}}
	if !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	if got := n.ports(); got != "16 17 18 19 6 7 8 9" {
		t.Errorf("left are %s", got)
	}
	if got, want := n.counts(), fmt.Sprint(map[ct.Zone]ct.Count{zone1: {Established: 4, Limit: 65536}}); got != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
	if swept, _, err := n.Sweep(uptime, none); swept != 0 || err != nil {
		t.Errorf("swept %d more (%v)", swept, err)
	}
}

func TestFlush(t *testing.T) {
	n := newNode(t)
	n.put("iom_cts", zone1, 1, 2000, nil)
	n.put("iom_cts", zone2, 2, 2000, nil)
	n.put("iom_cts_new", zone2, 3, 2000, nil)
	flushed, err := n.Flush(uptime, func(c ct.Connection) bool { return c.Zone == zone2 })
	if flushed != 2 || err != nil {
		t.Errorf("flushed %d (%v), want 2", flushed, err)
	}
	if got := n.ports(); got != "1" {
		t.Errorf("left are %s", got)
	}
	if got, want := n.counts(), fmt.Sprint(map[ct.Zone]ct.Count{zone1: {Established: 1, Limit: 65536}, zone2: {Limit: 65536}}); got != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
}

// Of a zone that is gone nothing is left, so that the next one with its numbers begins anew.
func TestSweepOfZones(t *testing.T) {
	n := newNode(t)
	n.put("iom_cts", zone1, 1, 2000, nil)
	n.put("iom_cts", zone2, 2, 2000, nil)
	if swept, _, err := n.Sweep(uptime, func(z ct.Zone) bool { return z == zone2 }); swept != 1 || err != nil {
		t.Errorf("swept %d (%v), want 1", swept, err)
	}
	if got, want := n.counts(), fmt.Sprint(map[ct.Zone]ct.Count{zone1: {Established: 1, Limit: 65536}}); got != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
	n.put("iom_cts", zone2, 2, 2000, nil)
	if got, want := n.counts(), fmt.Sprint(map[ct.Zone]ct.Count{zone1: {Established: 1, Limit: 65536}, zone2: {Established: 1, Limit: 65536}}); got != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
}

// A zone has the limit and the pace that its rows say.
func TestCounts(t *testing.T) {
	n := newNode(t)
	n.put("iom_cts", zone1, 1, 2000, nil)
	set := func(table string, zone ct.Zone, row any) {
		t.Helper()
		if err := n.maps[table].Put(wire.CtZone{Zone: zone.Instance<<16 | uint32(zone.Port)}, row); err != nil {
			t.Fatal(err)
		}
	}
	set("iom_ct_limits", zone1, uint32(1))
	set("iom_ct_zones", zone2, wire.CtZoneCount{Established: 5, Refused: 3})
	set("iom_ct_removed", zone2, uint32(4))
	set("iom_ct_paces", zone1, wire.CtPace{Second: 999, Begun: 7, Before: 9})
	set("iom_ct_paces", zone2, wire.CtPace{Second: 1000, Begun: 7, Before: ct.Pace + 1})
	have, err := n.Counts(uptime)
	if err != nil {
		t.Fatal(err)
	}
	want := map[ct.Zone]ct.Count{zone1: {Established: 1, Limit: 1, PerSecond: 7}, zone2: {Established: 1, Limit: 65536, Refused: 3, PerSecond: ct.Pace + 1}}
	if !maps.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	if !have[zone1].Full() || have[zone2].Full() || have[zone1].Hurries() || !have[zone2].Hurries() {
		t.Errorf("zone 1 must be full, and zone 2 hurry: %v", have)
	}
	set("iom_ct_paces", zone2, wire.CtPace{Second: 998, Begun: 7, Before: 9})
	if have, err = n.Counts(uptime); err != nil || have[zone2].PerSecond != 0 {
		t.Errorf("two seconds later %d a second begin (%v)", have[zone2].PerSecond, err)
	}
}

func TestNoTurn(t *testing.T) {
	testutil.RequireRoot(t)
	n := newNode(t)
	busy := errors.New("busy")
	tables, err := ct.Open(n.maps, func() (func(), error) { return nil, busy })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tables.Flush(uptime, all); !errors.Is(err, busy) {
		t.Errorf("flushed without a turn: %v", err)
	}
}

func TestOpenWithoutTables(t *testing.T) {
	if _, err := ct.Open(nil, nil); err == nil {
		t.Error("no error without tables")
	}
}
