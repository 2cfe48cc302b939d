package slowpath

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/neigh"
)

// TestAnnouncer: a port is announced five times, by its own port, and again only when its addresses are others.
func TestAnnouncer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resumed{t: t}
		a := NewAnnouncer(r, time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()

		at := punt.Port{Module: "sw", Key: 1}
		vm := func(slot uint32, addr string) map[punt.Port]Announced {
			return map[punt.Port]Announced{at: {Slot: 7, Port: slot, Frames: neigh.Announce(frame.MAC{2, 0, 0, 0, 0, 5}, []netip.Addr{netip.MustParseAddr(addr)})}}
		}
		arp := func(slot int, addr string) string {
			return fmt.Sprintf("enter 7/%d by %d: %s > ff:ff:ff:ff:ff:ff arp 1 %[3]s %[4]s > 00:00:00:00:00:00 %[4]s", slot, relay, macHost, addr)
		}
		want := func(what, text string) {
			t.Helper()
			if got := r.take(); got != text {
				t.Errorf("%s:\n got %s\nwant %s", what, got, text)
			}
		}
		a.Configure(relay, 0, vm(11, "10.0.1.5"))
		want("at once", arp(11, "10.0.1.5"))
		for _, pause := range []time.Duration{1, 2, 4, 8} {
			time.Sleep(pause*time.Second - time.Millisecond)
			want("too early", "")
			a.Configure(relay, 0, vm(12, "10.0.1.5")) // another slot is the same port
			want("too early, told again", "")
			time.Sleep(time.Millisecond)
			want(fmt.Sprint(pause, " s later"), arp(12, "10.0.1.5"))
		}
		time.Sleep(time.Hour)
		want("after five", "")

		a.Configure(relay, 0, vm(12, "10.0.1.6"))
		want("another address", arp(12, "10.0.1.6"))
		a.Configure(relay, 0, nil)
		time.Sleep(time.Hour)
		want("gone", "")
		fail := func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.err = err
		}
		fail(errors.New("no room"))
		a.Configure(relay, 3*time.Second, vm(12, "10.0.1.6"))
		want("back, and lost", arp(12, "10.0.1.6"))
		fail(nil)
		time.Sleep(time.Second)
		want("again", arp(12, "10.0.1.6"))
		time.Sleep(time.Minute)
		if got := r.take(); len(got) < 10*len(arp(12, "10.0.1.6")) {
			t.Errorf("with a longest pause it ends: %s", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
