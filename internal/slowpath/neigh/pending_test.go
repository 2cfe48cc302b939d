package neigh_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"woven.dev/woven/internal/slowpath/neigh"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// to is the n-th neighbour of a router.
func to(router string, n int) neigh.Destination {
	return neigh.Destination{router, 1, netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})}
}

// The newest packets for a neighbour wait until it is learned, and come out in order.
func TestLearned(t *testing.T) {
	w := neigh.NewPending[int]()
	for i := range 6 {
		ask, lost := w.Add(to("r", 1), i, at(0))
		if wantLost := i / neigh.MaxPackets; ask != (i == 0) || lost != wantLost {
			t.Errorf("packet %d: ask %v, lost %d", i, ask, lost)
		}
	}
	w.Add(to("r", 2), 9, at(0))
	if got := fmt.Sprint(w.Waiting()); got != "[{r 1 10.0.0.1} {r 1 10.0.0.2}]" {
		t.Errorf("waiting %s", got)
	}
	if got := w.Learned(to("r", 1)); fmt.Sprint(got) != "[2 3 4 5]" {
		t.Errorf("got %v", got)
	}
	if got := w.Learned(to("r", 1)); got != nil {
		t.Errorf("again %v", got)
	}
	if got := w.Learned(to("q", 2)); got != nil {
		t.Errorf("of another router %v", got)
	}
	if ask, _ := w.Add(to("r", 1), 7, at(0)); !ask {
		t.Error("not asked for a neighbour that was forgotten")
	}
}

// A neighbour is asked for three times; then its packets expire.
func TestAdvance(t *testing.T) {
	w := neigh.NewPending[int]()
	w.Add(to("r", 1), 1, at(0))
	w.Add(to("r", 1), 2, at(0))
	for _, test := range []struct{ at, want string }{
		{"500ms", "[] [] 1s"},
		{"1s", "[{r 1 10.0.0.1}] [] 2s"},
		{"2500ms", "[{r 1 10.0.0.1}] [] 10s"},
		{"9s", "[] [] 10s"},
		{"10s", "[] [{{r 1 10.0.0.1} [1 2]}] never"},
		{"11s", "[] [] never"},
	} {
		d, err := time.ParseDuration(test.at)
		if err != nil {
			t.Fatal(err)
		}
		ask, expired, next := w.Advance(at(d))
		when := "never"
		if !next.IsZero() {
			when = next.Sub(start).String()
		}
		if got := fmt.Sprintf("%v %v %s", ask, expired, when); got != test.want {
			t.Errorf("at %s: %s, want %s", test.at, got, test.want)
		}
	}
}

// Whoever goes on sending has the neighbour asked for again, but not for each packet.
func TestAskAgain(t *testing.T) {
	w := neigh.NewPending[int]()
	w.Add(to("r", 1), 0, at(0))
	for _, s := range []time.Duration{1, 2} {
		w.Advance(at(s * time.Second))
	}
	for _, test := range []struct {
		at  time.Duration
		ask bool
	}{{2500 * time.Millisecond, false}, {3 * time.Second, true}, {3 * time.Second, false}, {3900 * time.Millisecond, false}} {
		if ask, _ := w.Add(to("r", 1), 1, at(test.at)); ask != test.ask {
			t.Errorf("after %s: ask %v", test.at, ask)
		}
	}
	if _, expired, _ := w.Advance(at(13 * time.Second)); expired != nil {
		t.Errorf("the last packet has waited for 9 s: %v", expired)
	}
}

// One router can't take the room of the others.
func TestLimits(t *testing.T) {
	w := neigh.NewPending[int]()
	lost := 0
	fill := func(router string, n int) {
		for i := range n {
			_, l := w.Add(to(router, i), i, at(0))
			lost += l
		}
	}
	fill("a", neigh.MaxDestinations+10)
	if lost != 10 {
		t.Errorf("%d lost, want 10", lost)
	}
	fill("b", 1)
	if lost != 10 {
		t.Error("no room for another router")
	}
	for _, router := range []string{"c", "d", "e", "f"} {
		fill(router, neigh.MaxDestinations)
	}
	if got := len(w.Waiting()); got != neigh.MaxTotal {
		t.Errorf("%d destinations, want %d", got, neigh.MaxTotal)
	}
	if got := w.Forget(func(router string, port uint16) bool { return router == "a" && port == 1 }); got != neigh.MaxDestinations {
		t.Errorf("%d packets forgotten", got)
	}
	lost = 0
	fill("a", neigh.MaxDestinations)
	if lost != 0 {
		t.Errorf("%d lost after the room became free", lost)
	}
}
