package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
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
}

func (s *sweptConnections) Sweep(uptime time.Duration) (int, error) {
	s.sweeps = append(s.sweeps, uptime)
	return 0, s.fail
}

func (s *sweptConnections) Forget(gone func(ct.Zone) bool) (int, error) {
	for _, z := range s.zones {
		if gone(z) {
			s.gone = append(s.gone, z)
		}
	}
	return len(s.gone), nil
}

// sweptPlane has an instance with ports 1, which is plugged, and 2, which is not, and one that could not be applied.
type sweptPlane struct{}

func (sweptPlane) Uptime() time.Duration { return time.Hour }
func (sweptPlane) Instances() []hover.Instance {
	return []hover.Instance{
		{Slot: 1, Module: &netstate.Module{Kind: "l2switch", Ports: []netstate.Port{{Key: 1, Device: &netstate.Device{}}, {Key: 2}}}},
		{Slot: 2, Module: &netstate.Module{}},
	}
}

func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &sweptConnections{zones: []ct.Zone{{Instance: 1, Port: 1}, {Instance: 1, Port: 2}, {Instance: 1, Port: 3}, {Instance: 2, Port: 1}, {Instance: 3, Port: 1}}}
		s := &sweeper{connections: c, plane: sweptPlane{}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		ctx, cancel := context.WithTimeout(t.Context(), sweepEvery+sweepEvery/2)
		defer cancel()
		if err := s.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the sweeper ended with %v", err)
		}
		if len(c.sweeps) != 1 || c.sweeps[0] != time.Hour {
			t.Errorf("swept at uptimes %v, want once, after an hour", c.sweeps)
		}
		if want := (ct.Zone{Instance: 1, Port: 3}); len(c.gone) != 1 || c.gone[0] != want {
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
