package rig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"woven.dev/woven/bench/load"
	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/testutil"
)

// Each path carries each kind of traffic, and nothing is left of it.
func TestPaths(t *testing.T) {
	testutil.RequireRoot(t)
	r := rig.New()
	u, err := r.Underlay()
	if err != nil {
		t.Fatal(err)
	}
	for _, build := range []func() (rig.Path, error){
		func() (rig.Path, error) { return r.Veth("veth") },
		func() (rig.Path, error) { return r.Bridge("bridge") },
		func() (rig.Path, error) { return r.VXLAN("vxlan", u) },
		func() (rig.Path, error) { return r.Woven("woven", hover.AttachTCX) },
		func() (rig.Path, error) { return r.Woven("woven-clsact", hover.AttachClsact) },
		func() (rig.Path, error) { return r.Geneve("geneve", u, hover.AttachTCX) },
		func() (rig.Path, error) { return r.Geneve("geneve-clsact", u, hover.AttachClsact) },
	} {
		p, err := build()
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		t.Run(p.Name, func(t *testing.T) { carries(t, p) })
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(fmt.Sprintf("/run/netns/wvb%d-*", os.Getpid()))
	if err != nil || left != nil {
		t.Errorf("namespaces are left: %v, %v", left, err)
	}
}

func carries(t *testing.T, p rig.Path) {
	const moment = 10 * time.Millisecond
	if _, err := load.Stream(t.Context(), p.A, p.B, p.B.IP4(), moment); err != nil {
		t.Errorf("stream, IPv4: %v", err)
	}
	if _, err := load.Stream(t.Context(), p.A, p.B, p.B.IP6(), moment); err != nil {
		t.Errorf("stream, IPv6: %v", err)
	}
	if _, err := load.RoundTrips(t.Context(), p.B, p.A, p.A.IP4(), moment); err != nil {
		t.Errorf("round trips: %v", err)
	}
	if _, err := load.Packets(t.Context(), p.A, p.B, p.B.IP4(), moment); err != nil {
		t.Errorf("packets: %v", err)
	}
}
