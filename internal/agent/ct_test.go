package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom/ct"
)

// sweptConnections note what they were asked for.
type sweptConnections struct {
	sweeps []time.Duration
	zones  []ct.Zone // that there are
	gone   []ct.Zone
	fail   error

	usage  []ct.Usage
	counts map[ct.Zone]ct.Count
}

func (s *sweptConnections) Sweep(uptime time.Duration, gone func(ct.Zone) bool) (int, []ct.Usage, error) {
	s.sweeps = append(s.sweeps, uptime)
	for _, z := range s.zones {
		if gone(z) {
			s.gone = append(s.gone, z)
		}
	}
	return len(s.gone), s.usage, s.fail
}

func (s *sweptConnections) Counts(time.Duration) (map[ct.Zone]ct.Count, error) { return s.counts, nil }

// sweptPlane has an instance with ports 1, which is plugged, 2, which is not, 4, which is elsewhere, and 5, which is here, too, and an instance that could
// not be applied.
type sweptPlane struct{ flows hover.FlowCounts }

func (p sweptPlane) FlowCounts() (hover.FlowCounts, error) { return p.flows, nil }

func (sweptPlane) ReadTable(string) (map[string]string, error)          { return nil, nil }
func (sweptPlane) WriteTable(string, map[string]string, []string) error { return nil }

func (sweptPlane) Uptime() time.Duration { return time.Hour }
func (sweptPlane) Instances() []hover.Instance {
	return []hover.Instance{
		{Slot: 1, Module: &netstate.Module{Kind: "l2switch", Ports: []netstate.Port{{Name: "p1", Key: 1, Device: &netstate.Device{}}, {Name: "p2", Key: 2},
			{Name: "p4", Key: 4, Nodes: []string{"hv2"}}, {Name: "p5", Key: 5, Device: &netstate.Device{}, Nodes: []string{"hv2"}}}}},
		{Slot: 2, Module: &netstate.Module{}},
	}
}

func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &sweptConnections{zones: []ct.Zone{{Instance: 1, Port: 1}, {Instance: 1, Port: 2}, {Instance: 1, Port: 3}, {Instance: 1, Port: 4},
			{Instance: 1, Port: 5}, {Instance: 2, Port: 1}, {Instance: 3, Port: 1}}}
		s := &sweeper{connections: c, plane: sweptPlane{}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		ctx, cancel := context.WithTimeout(t.Context(), sweepEvery+sweepEvery/2)
		defer cancel()
		if err := s.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the sweeper ended with %v", err)
		}
		if len(c.sweeps) != 1 || c.sweeps[0] != time.Hour {
			t.Errorf("swept at uptimes %v, want once, after an hour", c.sweeps)
		}
		if want := []ct.Zone{{Instance: 1, Port: 3}, {Instance: 1, Port: 4}}; !slices.Equal(c.gone, want) {
			t.Errorf("zones %v are gone, want %v", c.gone, want)
		}
	})
}

// An error is no end: the next time may do better.
func TestSweeperGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &sweptConnections{fail: errors.New("no")}
		s := &sweeper{connections: c, plane: sweptPlane{}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		ctx, cancel := context.WithTimeout(t.Context(), 3*sweepEvery+sweepEvery/2)
		defer cancel()
		if err := s.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the sweeper ended with %v", err)
		}
		if len(c.sweeps) != 3 {
			t.Errorf("%d sweeps, want 3", len(c.sweeps))
		}
	})
}

// Short room is a problem as long as it lasts, and the loop is told when it begins and when it ends.
func TestSweeperSeesPressure(t *testing.T) {
	zone1, zone2, gone := ct.Zone{Instance: 1, Port: 1}, ct.Zone{Instance: 1, Port: 2}, ct.Zone{Instance: 1, Port: 3}
	calm := map[ct.Zone]ct.Count{zone1: {Established: 9, Limit: 10, Refused: 5, PerSecond: ct.Pace}, gone: {Established: 10, Limit: 10}}
	room := []ct.Usage{{Table: "iom_cts", Rows: 90, Max: 100}, {Table: "iom_cts_new", Rows: 90, Max: 100}, {Table: "iom_cts_brief", Rows: 100, Max: 100}}
	c := &sweptConnections{counts: calm, usage: room}
	woken := 0
	s := &sweeper{connections: c, plane: sweptPlane{}, log: slog.New(slog.DiscardHandler), wake: func() { woken++ }}
	look := func(what string, wake int, want ...string) {
		t.Helper()
		if err := s.sweep(); err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, p := range s.last().problems {
			have = append(have, p.Object+": "+p.Reason)
		}
		if !slices.Equal(have, want) || woken != wake || !slices.Equal(s.last().usage, c.usage) {
			t.Errorf("%s: woken %d times, want %d; usage %v; have\n%s\nwant\n%s", what, woken, wake, s.last().usage, strings.Join(have, "\n"), strings.Join(want, "\n"))
		}
	}
	look("room everywhere", 0)
	c.counts = map[ct.Zone]ct.Count{zone1: {Established: 10, Limit: 10}, zone2: {Limit: 10, PerSecond: ct.Pace + 1}}
	c.usage = []ct.Usage{{Table: "iom_cts", Rows: 91, Max: 100}, {Table: "iom_cts_new", Rows: 91, Max: 100}, {Table: "iom_cts_brief", Rows: 100, Max: 100}}
	short := []string{
		"data_plane iom_cts: more than 90% of the room is taken for established connections: further ones work, but are the first to be forgotten when many begin",
		"data_plane iom_cts_new: more than 90% of the room is taken for connections that begin: those that began first are forgotten, and what answers them is dropped",
		"logical_switch_port p1: it has 10 established connections, its limit: further ones work, but are the first to be forgotten when many begin",
		"logical_switch_port p2: more than 2048 connections a second begin: those beyond are forgotten first when many do; is it a flood?",
	}
	look("short", 1, short...)
	look("still short", 1, short...)
	c.counts, c.usage = calm, room
	look("room again", 2)
	s.plane = sweptPlane{flows: hover.FlowCounts{Checks: 9, Differences: 2}}
	look("a flow cache that is wrong", 3,
		"data_plane flow cache: 2 of 9 packets that were compared came out differently from what was noted of their flow: set external_ids:woven-flow-cache=false, and report it")
	if seen := (*sweeper)(nil).last(); len(seen.problems) != 0 {
		t.Errorf("without a sweeper there are problems %v", seen.problems)
	}
}
