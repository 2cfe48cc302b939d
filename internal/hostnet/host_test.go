package hostnet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"woven.dev/woven/internal/testutil"
)

// namespace makes a network namespace for one test and opens a Host in it. run executes ip(8) there.
func namespace(t *testing.T) (h *Host, run func(args ...string) string) {
	t.Helper()
	testutil.RequireRoot(t)
	name := fmt.Sprintf("wvt-hn%d-%d", os.Getpid(), time.Now().UnixNano()%1e6)
	ip := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	ip("netns", "add", name)
	t.Cleanup(func() { ip("netns", "del", name) })
	run = func(args ...string) string { t.Helper(); return ip(append([]string{"-n", name}, args...)...) }
	run("link", "set", "lo", "up")
	ns, err := netns.GetFromName(name)
	if err != nil {
		t.Fatal(err)
	}
	if h, err = Open(ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); ns.Close() })
	return h, run
}

// watching runs the Host until the test ends and returns a function that waits until the snapshot is as wanted.
func watching(t *testing.T, h *Host) (until func(what string, ok func(*Snapshot) bool)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func(what string, ok func(*Snapshot) bool) {
		t.Helper()
		for deadline := time.After(5 * time.Second); ; {
			if ok(h.Snapshot()) {
				return
			}
			select {
			case <-h.Changed():
			case <-deadline:
				t.Fatalf("never saw: %s; last: %+v", what, h.Snapshot())
			}
		}
	}
}

func TestSnapshotFollowsALinksLife(t *testing.T) {
	h, ip := namespace(t)
	until := watching(t, h)

	ip("link", "add", "v0", "mtu", "1400", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "v1")
	until("v0 down", func(s *Snapshot) bool {
		l, v1 := s.Links["v0"], s.Links["v1"]
		return !l.Up && !l.Carrier && l.MTU == 1400 && l.MAC == [6]byte{2, 0, 0, 0, 0, 1} && l.Kind == "veth" &&
			l.Parent == v1.Index && v1.Parent == l.Index && v1.Index > 0 && !l.PeerElsewhere
	})
	ip("link", "set", "v0", "up")
	ip("link", "set", "v1", "up")
	until("carrier", func(s *Snapshot) bool { l := s.Links["v0"]; return l.Up && l.Carrier && l.Speed == 10e9 })
	ip("link", "set", "v0", "name", "renamed")
	until("the new name only", func(s *Snapshot) bool {
		_, old := s.Links["v0"]
		return s.Links["renamed"].Index > 0 && !old
	})
	ip("link", "del", "renamed")
	until("both ends gone", func(s *Snapshot) bool { return len(s.Links) == 1 })
}

func TestSnapshotSeesTapWithoutOpener(t *testing.T) {
	h, ip := namespace(t)
	until := watching(t, h)
	ip("tuntap", "add", "tap0", "mode", "tap")
	ip("link", "set", "tap0", "up")
	until("tap up without carrier", func(s *Snapshot) bool {
		l := s.Links["tap0"]
		return l.Kind == "tun" && l.Up && !l.Carrier && l.Parent == 0 && !l.PeerElsewhere
	})
}

func TestPeerElsewhere(t *testing.T) {
	h, ip := namespace(t)
	until := watching(t, h)
	peer := fmt.Sprintf("wvt%d", os.Getpid()) // it visits the namespace of the test
	ip("link", "add", "v0", "type", "veth", "peer", "name", peer)
	until("both ends here", func(s *Snapshot) bool { return len(s.Links) == 3 && !s.Links["v0"].PeerElsewhere })
	ip("link", "set", peer, "netns", fmt.Sprint(os.Getpid()))
	until("peer elsewhere", func(s *Snapshot) bool { return s.Links["v0"].PeerElsewhere })
	ip("link", "del", "v0")
}

func TestAddressesAndRouteGeneration(t *testing.T) {
	h, ip := namespace(t)
	until := watching(t, h)
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	until("links", func(s *Snapshot) bool { return len(s.Links) == 3 })
	gen := h.Snapshot().RouteGen
	ip("link", "set", "v1", "mtu", "1300")
	until("mtu", func(s *Snapshot) bool { return s.Links["v1"].MTU == 1300 })
	if got := h.Snapshot().RouteGen; got != gen {
		t.Errorf("a device without addresses changed the route generation from %d to %d", gen, got)
	}
	ip("addr", "add", "192.0.2.1/24", "dev", "v0")
	want := Addr{Ifindex: h.Snapshot().Links["v0"].Index, Prefix: netip.MustParsePrefix("192.0.2.1/24")}
	until("address", func(s *Snapshot) bool { return contains(s.Addrs, want) && s.RouteGen > gen })
	ip("-6", "addr", "add", "2001:db8::1/64", "dev", "v0", "nodad")
	want6 := Addr{Ifindex: want.Ifindex, Prefix: netip.MustParsePrefix("2001:db8::1/64")}
	until("IPv6 address", func(s *Snapshot) bool { return contains(s.Addrs, want6) })

	gen = h.Snapshot().RouteGen
	ip("link", "set", "v0", "mtu", "1300")
	until("new generation after an MTU change", func(s *Snapshot) bool { return s.RouteGen > gen })
	ip("link", "set", "v0", "up")
	ip("link", "set", "v1", "up")
	until("carrier", func(s *Snapshot) bool { return s.Links["v0"].Carrier })
	gen = h.Snapshot().RouteGen
	ip("route", "add", "198.51.100.0/24", "via", "192.0.2.9")
	until("new generation after a route", func(s *Snapshot) bool { return s.RouteGen > gen })
	ip("addr", "del", "192.0.2.1/24", "dev", "v0")
	until("address gone", func(s *Snapshot) bool { return !contains(s.Addrs, want) })
}

func contains(addrs []Addr, a Addr) bool {
	for _, x := range addrs {
		if x == a {
			return true
		}
	}
	return false
}

// With a listener that is too slow for its buffer the kernel drops notifications: everything is read again.
func TestRunReadsAgainAfterOverrun(t *testing.T) {
	h, ip := namespace(t)
	h.buffer = 1 // the kernel makes it its minimum
	until := watching(t, h)
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	until("the first pair", func(s *Snapshot) bool { return len(s.Links) == 3 })
	h.mu.Lock() // now Run gets stuck
	for i := range 10 {
		ip("link", "add", fmt.Sprint("a", i), "type", "veth", "peer", "name", fmt.Sprint("b", i))
	}
	h.mu.Unlock()
	until("all pairs", func(s *Snapshot) bool { return len(s.Links) == 23 })
}

func TestManyHintsAreOneListing(t *testing.T) {
	h, ip := namespace(t)
	before := h.Snapshot()
	if err := h.look(hints{links: many(dumpAbove + 1)}); err != nil || h.Snapshot() != before {
		t.Fatalf("a look without news: err %v, snapshot changed: %v", err, h.Snapshot() != before)
	}
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	if err := h.look(hints{links: many(dumpAbove + 1)}); err != nil || len(h.Snapshot().Links) != 3 {
		t.Errorf("err %v, links after a full listing: %+v", err, h.Snapshot().Links)
	}
}

func many(n int) map[int]bool {
	m := map[int]bool{}
	for i := range n {
		m[1000+i] = true
	}
	return m
}

func TestHintsIgnoreShortAndForeignMessages(t *testing.T) {
	h := hintsOf(nil)
	if len(h.links) != 0 || h.addrs || h.routes {
		t.Errorf("hints of nothing: %+v", h)
	}
	if _, ok := parseNeighbour([]byte{1, 2, 3}); ok {
		t.Error("a short neighbour message was accepted")
	}
}

func TestRoute(t *testing.T) {
	h, ip := namespace(t)
	ip("link", "add", "v0", "mtu", "1450", "type", "veth", "peer", "name", "v1")
	ip("link", "set", "v0", "up")
	ip("link", "set", "v1", "up")
	ip("addr", "add", "192.0.2.1/24", "dev", "v0")
	ip("-6", "addr", "add", "2001:db8::1/64", "dev", "v0", "nodad")
	ip("route", "add", "198.51.100.0/24", "via", "192.0.2.9", "mtu", "1200")
	ip("route", "add", "203.0.113.0/24", "via", "inet6", "2001:db8::9", "dev", "v0")
	ip("-6", "route", "add", "2001:db8:1::/64", "via", "2001:db8::9")
	ip("route", "add", "blackhole", "10.1.0.0/16")
	ip("route", "add", "prohibit", "10.2.0.0/16")
	if err := h.readAll(); err != nil {
		t.Fatal(err)
	}
	v0 := h.Snapshot().Links["v0"].Index
	for _, c := range []struct {
		to, from string
		want     Route
		err      error
	}{
		{"192.0.2.2", "", Route{v0, netip.MustParseAddr("192.0.2.2"), 1450}, nil},
		{"192.0.2.2", "192.0.2.1", Route{v0, netip.MustParseAddr("192.0.2.2"), 1450}, nil},
		{"198.51.100.7", "192.0.2.1", Route{v0, netip.MustParseAddr("192.0.2.9"), 1200}, nil},
		{"203.0.113.5", "", Route{v0, netip.MustParseAddr("2001:db8::9"), 1450}, nil},
		{"2001:db8::2", "2001:db8::1", Route{v0, netip.MustParseAddr("2001:db8::2"), 1450}, nil},
		{"2001:db8:1::7", "", Route{v0, netip.MustParseAddr("2001:db8::9"), 1450}, nil},
		{"192.0.2.1", "", Route{}, ErrNoRoute}, // our own
		{"2001:db8::1", "", Route{}, ErrNoRoute},
		{"8.8.8.8", "", Route{}, ErrNoRoute},
		{"2001:db8:ffff::1", "", Route{}, ErrNoRoute},
		{"10.1.0.1", "", Route{}, ErrNoRoute},
		{"10.2.0.1", "", Route{}, ErrNoRoute},
		{"192.0.2.2", "2001:db8::1", Route{}, ErrNoRoute},
		{"192.0.2.2", "192.0.2.77", Route{}, ErrNoRoute}, // not an address of this host
	} {
		var from netip.Addr
		if c.from != "" {
			from = netip.MustParseAddr(c.from)
		}
		got, err := h.Route(netip.MustParseAddr(c.to), from)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Route(%s, %s) = %+v, %v; want %+v, %v", c.to, c.from, got, err, c.want, c.err)
		}
	}
}

func TestVeth(t *testing.T) {
	h, ip := namespace(t)
	for range 2 { // the second time it is there already
		if err := h.EnsureVeth("br-int", "woven0", 1500); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.readAll(); err != nil {
		t.Fatal(err)
	}
	s := h.Snapshot()
	br, w := s.Links["br-int"], s.Links["woven0"]
	if br.Parent != w.Index || !br.Up || !w.Up || br.MTU != 1500 {
		t.Errorf("br-int %+v, woven0 %+v", br, w)
	}
	if out := ip("-6", "addr", "show"); strings.Contains(out, "br-int") || strings.Contains(out, "woven0") {
		t.Errorf("the pair has addresses:\n%s", out)
	}
	for i, want := range []bool{true, false} {
		if was, err := h.RemoveVeth("br-int", "woven0"); was != want || err != nil {
			t.Errorf("removal %d: %v, %v", i, was, err)
		}
	}
	ip("link", "add", "br-int", "type", "bridge") // somebody else's stays
	if err := h.EnsureVeth("br-int", "woven0", 1500); err != nil {
		t.Fatal(err)
	}
	if was, err := h.RemoveVeth("br-int", "woven0"); was || err != nil {
		t.Errorf("removal of a foreign bridge: %v, %v", was, err)
	}
	if err := h.EnsureVeth("a-name-that-is-too-long", "woven0", 1500); err == nil {
		t.Error("a name of 23 characters was accepted")
	}
}

func TestPrepareDevice(t *testing.T) {
	h, ip := namespace(t)
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	if err := h.readAll(); err != nil {
		t.Fatal(err)
	}
	if err := h.PrepareDevice(h.Snapshot().Links["v0"].Index); err != nil {
		t.Fatal(err)
	}
	if out := ip("-d", "link", "show", "v0"); !strings.Contains(out, "addrgenmode none") || !strings.Contains(out, ",UP") {
		t.Errorf("not prepared:\n%s", out)
	}
	if err := h.PrepareDevice(99999); err == nil {
		t.Error("a device that does not exist was prepared")
	}
}

func TestNeighbours(t *testing.T) {
	h, ip := namespace(t)
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	ip("link", "set", "v0", "up")
	ip("link", "set", "v1", "up")
	ip("addr", "add", "192.0.2.1/24", "dev", "v0")
	ip("neigh", "add", "192.0.2.50", "lladdr", "02:00:00:00:00:50", "dev", "v0") // not ours
	if err := h.readAll(); err != nil {
		t.Fatal(err)
	}
	v0 := h.Snapshot().Links["v0"].Index
	a := Neighbour{v0, netip.MustParseAddr("192.0.2.2")}
	b := Neighbour{v0, netip.MustParseAddr("fe80::2")}
	expect := func(step string, present, absent []string) {
		t.Helper()
		out := ip("neigh", "show", "dev", "v0") + ip("-6", "neigh", "show", "dev", "v0")
		for _, p := range present {
			if !strings.Contains(out, p+" ") {
				t.Errorf("%s: %s is missing:\n%s", step, p, out)
			}
		}
		for _, p := range absent {
			if strings.Contains(out, p+" ") {
				t.Errorf("%s: %s is there:\n%s", step, p, out)
			}
		}
	}
	for range 2 {
		if err := h.SetNeighbours([]Neighbour{a, b}); err != nil {
			t.Fatal(err)
		}
		expect("both", []string{"192.0.2.2", "fe80::2", "192.0.2.50"}, nil)
	}
	if !strings.Contains(ip("neigh", "show", "dev", "v0"), "managed") {
		t.Error("the kernel does not manage the entry")
	}
	if err := h.SetNeighbours([]Neighbour{b, {99999, a.Addr}}); err == nil || !strings.Contains(err.Error(), "99999") {
		t.Errorf("a missing device: %v", err)
	}
	expect("one left", []string{"fe80::2", "192.0.2.50"}, []string{"192.0.2.2"})
	if err := h.SetNeighbours(nil); err != nil {
		t.Fatal(err)
	}
	expect("none", []string{"192.0.2.50"}, []string{"192.0.2.2", "fe80::2"})
}

func TestCounters(t *testing.T) {
	h, ip := namespace(t)
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	ip("link", "set", "v0", "up")
	ip("link", "set", "v1", "up") // IPv6 says hello by itself
	if err := h.readAll(); err != nil {
		t.Fatal(err)
	}
	v1 := h.Snapshot().Links["v1"].Index
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		all, err := h.Counters()
		if err != nil {
			t.Fatal(err)
		}
		if c := all[v1]; c.RxPackets > 0 && c.RxBytes >= 14*c.RxPackets && c.TxPackets > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("counters stay %+v", all[v1])
		}
	}
}
