package rig_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
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
		func() (rig.Path, error) { return r.Firewall("firewall") },
		func() (rig.Path, error) { return r.Woven("woven-acls", hover.AttachTCX, rig.ACLs()) },
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
	if _, err := load.Connections(t.Context(), p.A, p.B, p.B.IP4(), moment); err != nil {
		t.Errorf("connections, IPv4: %v", err)
	}
	if _, err := load.Connections(t.Context(), p.B, p.A, p.A.IP6(), moment); err != nil {
		t.Errorf("connections, IPv6: %v", err)
	}
	if _, err := load.Packets(t.Context(), p.A, p.B, p.B.IP4(), moment); err != nil {
		t.Errorf("packets: %v", err)
	}
}

// Firewalls let nothing through to other ports, where nobody listens: without them that is told.
func TestFirewalls(t *testing.T) {
	testutil.RequireRoot(t)
	r := rig.New()
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, of := range map[string]struct {
		build   func() (rig.Path, error)
		refused bool
	}{
		"bridge":     {func() (rig.Path, error) { return r.Bridge("bridge") }, true},
		"firewall":   {func() (rig.Path, error) { return r.Firewall("firewall") }, false},
		"woven":      {func() (rig.Path, error) { return r.Woven("woven", hover.AttachTCX) }, true},
		"woven-acls": {func() (rig.Path, error) { return r.Woven("woven-acls", hover.AttachTCX, rig.ACLs()) }, false},
	} {
		p, err := of.build()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, to := range []netip.Addr{p.B.IP4(), p.B.IP6()} {
			err := p.A.NS.Do(func() error {
				_, err := net.DialTimeout("tcp", netip.AddrPortFrom(to, rig.OpenPort+1).String(), 300*time.Millisecond)
				return err
			})
			if err == nil || errors.Is(err, syscall.ECONNREFUSED) != of.refused {
				t.Errorf("%s: a connection to a port where nobody listens: got %v, want refused %v", name, err, of.refused)
			}
		}
	}
}
