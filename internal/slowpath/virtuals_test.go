package slowpath

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/neigh"
)

// TestVirtuals: an announcement counts for the virtual port with its address of which its sender is a parent; the last one does.
func TestVirtuals(t *testing.T) {
	changes := 0
	v := NewVirtuals(func() { changes++ })
	four, six := netip.MustParseAddr("10.0.1.100"), netip.MustParseAddr("fd00:1::100")
	v.Configure(map[punt.Port]map[netip.Addr]string{port(1): {four: "vip4", six: "vip6"}, port(2): {four: "vip4"}})
	announce := func(key uint16, addr netip.Addr) {
		v.Handle(punt.Punt{Port: port(key), Data: neigh.Announce(frame.MAC{2, 0, 0, 0, 0, byte(key)}, []netip.Addr{addr})[0]})
	}
	heard := func() string {
		var list []string
		for name, at := range v.Heard() {
			list = append(list, fmt.Sprint(name, " at ", at.Key))
		}
		slices.Sort(list)
		return fmt.Sprint(list, " after ", changes)
	}
	announce(3, four)                            // no parent
	announce(2, six)                             // not of that one
	announce(1, netip.MustParseAddr("10.0.1.1")) // nobody's
	v.Handle(punt.Punt{Port: port(1), Data: []byte("no frame")})
	if got := heard(); got != "[] after 0" {
		t.Errorf("nothing announced: %s", got)
	}
	announce(1, four)
	announce(1, four) // says nothing new
	announce(1, six)
	announce(2, four)
	if got := heard(); got != "[vip4 at 2 vip6 at 1] after 3" {
		t.Errorf("announced: %s", got)
	}
	if got := heard(); got != "[] after 3" {
		t.Errorf("taken: %s", got)
	}
}
