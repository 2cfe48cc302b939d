package agent

import (
	"net/netip"
	"testing"
	"time"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/slowpath/neigh"
)

// TestVirtualClaims: a virtual port follows what its parents announce, and leaves with its parent.
func TestVirtualClaims(t *testing.T) {
	vip := netip.MustParseAddr("10.0.0.100")
	sw := &logical.Switch{UUID: "sw", Ports: []*logical.Port{{Name: "vm1", Key: 1}, {Name: "vm2", Key: 2},
		{Name: "vip", Key: 3, UUID: "bv", Type: "virtual", VirtualIP: vip, VirtualParents: []string{"vm1", "vm2", "gone"}}}}
	s := newServed(&logical.Network{Switches: map[string]*logical.Switch{"sw": sw}})
	self := &sb.Chassis{UUID: "c1", Name: "hv1"}
	row := &sb.PortBinding{UUID: "bv", LogicalPort: "vip", Datapath: "sw", TunnelKey: 3, Type: "virtual"}
	rows := &sb.Rows{PortBinding: map[string]*sb.PortBinding{"bv": row}, Chassis: map[string]*sb.Chassis{"c1": self, "c2": {UUID: "c2", Name: "hv2"}}}
	ours := func(names ...string) *claims {
		c := &claims{ours: map[string]claim{}}
		for _, name := range names {
			key := map[string]int{"vm1": 1, "vm2": 2}[name]
			c.ours[name] = claim{Plug: ingest.Plug{Port: name, Role: ingest.Main,
				Binding: &sb.PortBinding{UUID: "b-" + name, LogicalPort: name, Datapath: "sw", TunnelKey: key, Chassis: ptr("c1"), Up: ptr(true)}}}
		}
		return c
	}
	// then is a round with these claims, and what it writes to the row, which it does.
	then := func(c *claims) string {
		r := &round{now: s.now, sb: rows, self: self, claims: c}
		all := s.virtualClaims(r)
		text := ""
		for _, op := range bindingOps(rows, self, all.ours, map[string]bool{"vm1": true, "vm2": true}) {
			got := op.Row.(*sb.PortBinding)
			if got.UUID != "bv" {
				t.Errorf("%s is written", got.UUID)
			}
			row.Chassis, row.VirtualParent, row.Up = got.Chassis, got.VirtualParent, got.Up
			if row.Chassis == nil {
				text += "released"
				continue
			}
			text += "at " + value(got.VirtualParent)
		}
		return text
	}
	announce := func(key uint16) {
		s.virtuals.Handle(punt.Punt{Port: punt.Port{Module: "sw", Key: key}, Data: neigh.Announce([6]byte{2}, []netip.Addr{vip})[0]})
	}
	for _, step := range []struct {
		what string
		do   func()
		ours []string
		want string
	}{
		{"nobody has it", func() {}, []string{"vm1"}, ""},
		{"vm1 announces it", func() { announce(1) }, []string{"vm1"}, "at vm1"},
		{"it stays", func() {}, []string{"vm1"}, ""},
		{"vm2 announces it, which is elsewhere", func() { announce(2) }, []string{"vm1"}, ""},
		{"another chassis has it now", func() { row.Chassis, row.VirtualParent = ptr("c2"), ptr("vm2") }, []string{"vm1"}, ""},
		{"vm1 has it again", func() { announce(1) }, []string{"vm1", "vm2"}, "at vm1"},
		{"written", func() {}, []string{"vm1", "vm2"}, ""},
		{"vm1 goes", func() {}, []string{"vm2"}, "released"},
		{"vm1 is back, and says nothing", func() { s.now = s.now.Add(time.Hour) }, []string{"vm1", "vm2"}, ""},
	} {
		step.do()
		if got := then(ours(step.ours...)); got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
}
