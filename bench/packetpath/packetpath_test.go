package packetpath

import (
	"errors"
	"testing"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/testutil"
)

// Every packet of a round takes the path that is to be measured: Run fails on any other verdict and on drops.
func TestRun(t *testing.T) {
	testutil.RequireRoot(t)
	r := rig.New()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.Run(2, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", s)
	if len(s.Switch) != 2 || len(s.Decapsulate) != 2 {
		t.Errorf("2 rounds gave %+v", s)
	}
	stop := errors.New("stop")
	if _, err := b.Run(1, func() error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped: got %v", err)
	}
}
