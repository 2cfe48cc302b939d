package load

import (
	"context"
	"errors"
	"testing"
	"time"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/testutil"
)

func TestSilence(t *testing.T) {
	_, err := perSecond(t.Context(), time.Millisecond, func() (uint64, error) { return 7, nil })
	if !errors.Is(err, ErrSilent) {
		t.Errorf("a counter that stands still: got %v", err)
	}
	broken := errors.New("broken")
	if _, err := perSecond(t.Context(), time.Millisecond, func() (uint64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("a broken counter: got %v", err)
	}
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
		"stream":  func(ctx context.Context) error { _, err := Stream(ctx, p.A, p.B, p.B.IP4(), time.Hour); return err },
		"trips":   func(ctx context.Context) error { _, err := RoundTrips(ctx, p.A, p.B, p.B.IP4(), time.Hour); return err },
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
