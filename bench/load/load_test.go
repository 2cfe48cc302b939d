package load

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/testutil"
)

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := perSecond(t.Context(), time.Second, func() (uint64, error) { return 7, nil })
		if !errors.Is(err, ErrSilent) {
			t.Errorf("a counter that stands still: got %v", err)
		}
	})
	broken := errors.New("broken")
	if _, err := perSecond(t.Context(), time.Millisecond, func() (uint64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("a broken counter: got %v", err)
	}
}

// The warm-up does not count, and a late arrival does.
func TestPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, err := perSecond(t.Context(), time.Second, func() (uint64, error) {
			switch since := time.Since(start); {
			case since < warmUp:
				return 0, nil
			case since < warmUp+3*time.Second:
				return 1000, nil
			default:
				return 1600, nil
			}
		})
		if got != 200 || err != nil {
			t.Errorf("600 in 3 s: got %v per second, %v", got, err)
		}
	})
}

// Cancelling ends a measurement at once, its threads included.
func TestCancel(t *testing.T) {
	testutil.RequireRoot(t)
	r := rig.New()
	p, err := r.Veth("veth")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	why := errors.New("enough")
	for name, run := range map[string]func(context.Context) error{
		"stream": func(ctx context.Context) error { _, err := Stream(ctx, p.A, p.B, p.B.IP4(), time.Hour); return err },
		"trips":  func(ctx context.Context) error { _, err := RoundTrips(ctx, p.A, p.B, p.B.IP4(), time.Hour); return err },
		"connections": func(ctx context.Context) error {
			_, err := Connections(ctx, p.A, p.B, p.B.IP6(), time.Hour)
			return err
		},
		"packets": func(ctx context.Context) error { _, err := Packets(ctx, p.A, p.B, p.B.IP4(), time.Hour); return err },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*warmUp, func() { cancel(why) })
		if err := run(ctx); !errors.Is(err, why) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Stream(t.Context(), p.A, rig.End{NS: "wvb-absent"}, p.B.IP4(), time.Millisecond); err == nil {
		t.Error("a stream into an absent namespace")
	}
}
