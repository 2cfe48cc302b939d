package agent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb/sb"
)

// What goes to Port_Binding of a port that is here as one of several places, or everywhere.
func TestBindingOpsByRole(t *testing.T) {
	additional := func(p *ingest.Plug) { p.Role = ingest.Additional }
	for _, c := range []struct {
		name   string
		plug   func(*ingest.Plug)
		change func(b *sb.PortBinding)
		encap  *string
		live   bool
		want   string
	}{
		{"additional, not live yet", additional, func(b *sb.PortBinding) { b.Chassis = ptr("c2") }, nil, false, ``},
		{"additional", additional, func(b *sb.PortBinding) { b.Chassis, b.AdditionalChassis = ptr("c2"), []string{"c3"} }, nil, true,
			`update PortBinding b1 additional_chassis=[c3 c1] if chassis=c2 if additional_chassis=[c3]`},
		{"additional, by an end of ours", additional, func(b *sb.PortBinding) { b.Chassis, b.AdditionalEncap = ptr("c2"), []string{"e3"} }, ptr("e1"), true,
			`update PortBinding b1 additional_chassis=[c1] additional_encap=[e3 e1] if chassis=c2 if additional_chassis=[] if additional_encap=[e3]`},
		{"additional, told", additional, func(b *sb.PortBinding) { b.Chassis, b.AdditionalChassis = ptr("c2"), []string{"c3", "c1"} }, nil, true, ``},
		{"additional, by no end of ours any longer", additional, func(b *sb.PortBinding) { b.AdditionalChassis, b.AdditionalEncap = []string{"c1"}, []string{"e1"} }, nil, true,
			`update PortBinding b1 additional_encap=[] if chassis=none if additional_encap=[e1]`},
		{"was main, is additional", additional, func(b *sb.PortBinding) { b.Chassis = ptr("c1") }, nil, true,
			`update PortBinding b1 additional_chassis=[c1] chassis=none if chassis=c1 if additional_chassis=[]`},
		{"was additional, is main", func(*ingest.Plug) {}, func(b *sb.PortBinding) {
			b.Chassis, b.Up, b.AdditionalChassis, b.AdditionalEncap = ptr("c2"), ptr(true), []string{"c1", "c3"}, []string{"e1", "e3"}
		}, ptr("e1"), true, `update PortBinding b1 chassis=c1 encap=e1 additional_chassis=[c3] additional_encap=[e3] if chassis=c2 ` +
			`if additional_chassis=[c1 c3] if additional_encap=[e1 e3]`},
		{"everywhere", func(p *ingest.Plug) { p.Role = ingest.Everywhere }, func(*sb.PortBinding) {}, nil, true, ``},
		{"everywhere, bound by mistake", func(p *ingest.Plug) { p.Role = ingest.Everywhere }, func(b *sb.PortBinding) { b.Chassis = ptr("c1") }, nil, true,
			`update PortBinding b1 chassis=none encap=none up=false if chassis=c1`},
		{"sub-port of a parent that is not live", func(p *ingest.Plug) { p.Parent = "p0" }, func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(true) }, nil, true,
			`update PortBinding b1 up=false if chassis=c1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, p := southRows(), onePlug(nil, nil)
			c.plug(&p)
			c.change(p.Binding)
			rows.PortBinding["b1"] = p.Binding
			ours := map[string]claim{"p1": {Plug: p, encap: c.encap}}
			expectOps(t, bindingOps(rows, rows.Chassis["c1"], ours, map[string]bool{"p1": c.live}), c.want)
		})
	}
}

// An additional place is given back like any other, and without what belongs to other chassis.
func TestReleaseOfAnAdditionalPlace(t *testing.T) {
	rows := southRows()
	rows.PortBinding["b1"] = &sb.PortBinding{UUID: "b1", LogicalPort: "p1", Chassis: ptr("c2"), Encap: ptr("e2"), Up: ptr(true),
		AdditionalChassis: []string{"c3", "c1"}, AdditionalEncap: []string{"e1", "e3"}}
	expectOps(t, bindingOps(rows, rows.Chassis["c1"], nil, nil),
		`update PortBinding b1 additional_chassis=[c3] additional_encap=[e3] if chassis=c2 if additional_chassis=[c3 c1] if additional_encap=[e1 e3]`)
}

// Which of an interface's ports count for ovn-installed.
func TestInstalledByRole(t *testing.T) {
	const yes = `update Interface i1 external_ids:ovn-installed=true external_ids:ovn-installed-ts=1700000000123`
	for _, c := range []struct {
		name   string
		change func(p *ingest.Plug)
		want   string
	}{
		{"additional", func(p *ingest.Plug) { p.Role, p.Binding.AdditionalChassis = ingest.Additional, []string{"c1"} }, yes},
		{"additional, not told yet", func(p *ingest.Plug) { p.Role = ingest.Additional }, ``},
		{"everywhere", func(p *ingest.Plug) { p.Role = ingest.Everywhere }, ``},
		{"sub-port", func(p *ingest.Plug) { p.Parent, p.Binding.Chassis, p.Binding.Up = "p0", ptr("c1"), ptr(true) }, ``},
	} {
		p := onePlug(nil, nil)
		c.change(&p)
		got := claims{ours: map[string]claim{"p1": {Plug: p}}}
		ops := installedOps([]plug{{iface: p.Interface}}, southRows().Chassis["c1"], got, map[string]bool{"p1": true}, testNow)
		t.Run(c.name, func(t *testing.T) { expectOps(t, ops, c.want) })
	}
}

// Sub-ports are ours as long as their parent is, and leave no mark on the interface that they share.
func TestClaimsOfSubPorts(t *testing.T) {
	parent := onePlug(ptr("c1"), nil)
	sub := onePlug(nil, nil)
	sub.Port, sub.Parent, sub.Tag, sub.Binding = "s1", "p1", 5, &sb.PortBinding{UUID: "b2", LogicalPort: "s1"}
	rows := southRows()
	decide := func(held map[plugID]string) claims {
		return decideClaims([]ingest.Plug{parent, sub}, rows, rows.Chassis["c1"], held)
	}
	expect := func(step, want string, got claims) {
		t.Helper()
		if ours := strings.Join(slices.Sorted(maps.Keys(got.ours)), " "); ours != want {
			t.Errorf("%s: ours %q, want %q", step, ours, want)
		}
	}
	c := decide(nil)
	expect("both", "p1 s1", c)
	sub.Binding = &sb.PortBinding{UUID: "b2", LogicalPort: "s1", Chassis: ptr("c2")}
	c = decide(c.held)
	expect("another chassis took the sub-port", "p1", c)
	if len(c.lost) != 0 || len(c.problems) != 1 {
		t.Errorf("lost %v, problems %v", c.lost, c.problems)
	}
	parent.Binding = &sb.PortBinding{UUID: "b1", LogicalPort: "p1", Chassis: ptr("c2")}
	sub.Binding = &sb.PortBinding{UUID: "b2", LogicalPort: "s1"}
	expect("another chassis took the parent", "", decide(c.held))
}

// Agents that have one port plugged each read the binding now and then, and write on condition. Whatever the order, the port
// settles after a few moves at most, on a chassis that claims it.
func TestClaimsSettle(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		binding := &sb.PortBinding{UUID: "b1", LogicalPort: "p1"}
		agents := make([]contender, 2+r.IntN(3))
		moves, last := 0, 0
		for step := range 400 {
			i := r.IntN(len(agents))
			if r.IntN(2) == 0 {
				agents[i].read(binding, fmt.Sprint("c", i+1))
			} else if next := agents[i].write(binding); next != nil {
				binding, last = next, step
				moves++
			}
		}
		if moves == 0 || moves > 2*len(agents) || last > 300 {
			t.Errorf("seed %d: %d agents moved the port %d times, the last time in step %d", seed, len(agents), moves, last)
		}
	}
}

// contender is an agent that has port p1 plugged.
type contender struct {
	held map[plugID]string
	self string
	seen *sb.PortBinding // what its pending write is based on; nil: it has nothing to write
}

// read decides on what the binding is now.
func (c *contender) read(binding *sb.PortBinding, self string) {
	if c.held == nil {
		c.held = map[plugID]string{}
	}
	p := onePlug(nil, nil)
	p.Binding = binding
	rows := &sb.Rows{Chassis: map[string]*sb.Chassis{}}
	for _, uuid := range []string{"c1", "c2", "c3", "c4"} {
		rows.Chassis[uuid] = &sb.Chassis{UUID: uuid, Name: "hv-" + uuid}
	}
	got := decideClaims([]ingest.Plug{p}, rows, rows.Chassis[self], c.held)
	c.held, c.self, c.seen = got.held, self, nil
	if _, ours := got.ours["p1"]; ours && value(binding.Chassis) != self {
		c.seen = binding
	}
}

// write does what read decided, unless the binding has changed since; nil: nothing.
func (c *contender) write(binding *sb.PortBinding) *sb.PortBinding {
	if c.seen != binding {
		return nil
	}
	next := *binding
	next.Chassis = ptr(c.self)
	return &next
}
