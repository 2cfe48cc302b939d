package agent

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// oneplug is interface tap1 (row i1, ifindex 10), plugged in port p1, whose binding is b1.
func onePlug(chassis *string, ids map[string]string) ingest.Plug {
	return ingest.Plug{
		Interface: &vsw.Interface{UUID: "i1", Name: "tap1", ExternalIDs: ids}, Port: "p1",
		Binding: &sb.PortBinding{UUID: "b1", LogicalPort: "p1", Chassis: chassis},
		Device:  &logical.Device{Name: "tap1", Ifindex: 10}, Role: ingest.Main,
	}
}

// p1From is the memory of a port that is being taken from a chassis; p1Held of one that has been ours.
func p1From(chassis string) map[plugID]string {
	return map[plugID]string{{iface: "i1", ifindex: 10, port: "p1"}: chassis}
}

var p1Held, fresh = p1From(mine), map[plugID]string{}

func TestDecideClaims(t *testing.T) {
	installed := map[string]string{"ovn-installed": "true"}
	for _, c := range []struct {
		name    string
		chassis *string
		ids     map[string]string
		change  func(p *ingest.Plug)
		held    map[plugID]string // nil: the first decision
		ours    string
		held2   string
		lost    string
	}{
		{name: "bound nowhere", held: p1Held, ours: "p1", held2: mine},
		{name: "bound nowhere, new", held: fresh, ours: "p1"},
		{name: "ours", chassis: ptr("c1"), held: fresh, ours: "p1", held2: mine},
		{name: "elsewhere, plugged here now", chassis: ptr("c2"), held: fresh, ours: "p1", held2: "c2"},
		{name: "elsewhere, our claim is under way", chassis: ptr("c2"), held: p1From("c2"), ours: "p1", held2: "c2"},
		{name: "released, our claim is under way", held: p1From("c2"), ours: "p1", held2: "c2"},
		{name: "another was quicker", chassis: ptr("c2"), held: p1From(""), held2: mine, lost: "hv2"},
		{name: "our claim succeeded", chassis: ptr("c1"), held: p1From("c2"), ours: "p1", held2: mine},
		{name: "elsewhere, taken from us", chassis: ptr("c2"), held: p1Held, held2: mine, lost: "hv2"},
		{name: "the chassis row is not read yet, or is gone", chassis: ptr("c9"), held: p1Held, ours: "p1", held2: mine},
		{name: "elsewhere, but another device now", chassis: ptr("c2"), held: p1Held,
			change: func(p *ingest.Plug) { p.Device.Ifindex = 11 }, ours: "p1", held2: "c2"},
		{name: "elsewhere, but another row now", chassis: ptr("c2"), held: p1Held,
			change: func(p *ingest.Plug) { p.Interface.UUID = "i9" }, ours: "p1", held2: "c2"},
		{name: "taken from us, but we are asked for", chassis: ptr("c2"), held: p1Held,
			change: func(p *ingest.Plug) { p.Binding.RequestedChassis = ptr("c1") }, ours: "p1", held2: mine},
		{name: "refused", held: p1Held, change: func(p *ingest.Plug) { p.Refusal = "no" }},
		{name: "start: was installed, taken meanwhile", chassis: ptr("c2"), ids: installed, held2: mine, lost: "hv2"},
		{name: "start: was installed, bound nowhere", ids: installed, ours: "p1", held2: mine},
		{name: "start: was lost", chassis: ptr("c2"), ids: map[string]string{"woven-lost": "10 p1 hv2"}, held2: mine, lost: "hv2"},
		{name: "start: another device was lost", chassis: ptr("c2"), ids: map[string]string{"woven-lost": "9 p1 hv2"}, ours: "p1", held2: "c2"},
		{name: "start: another port was lost", chassis: ptr("c2"), ids: map[string]string{"woven-lost": "10 p12 hv2"}, ours: "p1", held2: "c2"},
		{name: "later: marks count no longer", chassis: ptr("c2"), ids: installed, held: fresh, ours: "p1", held2: "c2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, p := southRows(), onePlug(c.chassis, c.ids)
			if c.change != nil {
				c.change(&p)
			}
			got := decideClaims([]ingest.Plug{p}, rows, rows.Chassis["c1"], c.held)
			if ours := strings.Join(slices.Sorted(maps.Keys(got.ours)), " "); ours != c.ours {
				t.Errorf("ours %q, want %q", ours, c.ours)
			}
			if got.held[idOf(&p)] != c.held2 || got.held == nil {
				t.Errorf("held %v, want %v", got.held, c.held2)
			}
			if lost := got.lost[idOf(&p)]; lost != c.lost || p.Refusal == "" && (got.plugs[0].Refusal != "") != (c.lost != "") || len(got.problems) != len(got.lost) {
				t.Errorf("lost to %q, want %q; refused %q; problems %v", lost, c.lost, got.plugs[0].Refusal, got.problems)
			}
		})
	}
}

// Before our own row is there, no chassis is us.
func TestDecideClaimsWithoutChassis(t *testing.T) {
	got := decideClaims([]ingest.Plug{onePlug(nil, nil)}, &sb.Rows{}, nil, fresh)
	if len(got.ours) != 1 || got.held[idOf(&got.plugs[0])] != "" {
		t.Errorf("ours %v, held %v", got.ours, got.held)
	}
}

func TestEncapIP(t *testing.T) {
	rows := southRows()
	for ip, want := range map[string]*string{"": nil, "192.0.2.1": ptr("e1"), "192.0.2.2": nil, "nonsense": nil} {
		p := onePlug(nil, map[string]string{"encap-ip": ip})
		got := decideClaims([]ingest.Plug{p}, rows, rows.Chassis["c1"], nil)
		if !equal(got.ours["p1"].encap, want) {
			t.Errorf("encap-ip %q: %v", ip, got.ours["p1"].encap)
		}
		if wantProblem := ip != "" && want == nil; (len(got.problems) > 0) != wantProblem {
			t.Errorf("encap-ip %q: problems %v", ip, got.problems)
		}
	}
}

func TestBindingOps(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b *sb.PortBinding)
		encap  *string
		live   bool
		want   string
	}{
		{"claimed when live", func(*sb.PortBinding) {}, nil, true, `update PortBinding b1 chassis=c1 up=true if chassis=none`},
		{"not before", func(*sb.PortBinding) {}, nil, false, ``},
		{"taken from where it was", func(b *sb.PortBinding) { b.Chassis, b.Up, b.Encap = ptr("c2"), ptr(true), ptr("e2") }, nil, true,
			`update PortBinding b1 chassis=c1 encap=none if chassis=c2`},
		{"not taken while we can't carry it", func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c2"), ptr(true) }, nil, false, ``},
		{"left alone while the chassis that has it is not read", func(b *sb.PortBinding) { b.Chassis = ptr("c9") }, nil, true, ``},
		{"bound and up", func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(true) }, nil, true, ``},
		{"bound, now live", func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(false) }, nil, true,
			`update PortBinding b1 up=true if chassis=c1`},
		{"bound, fails now", func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(true) }, nil, false,
			`update PortBinding b1 up=false if chassis=c1`},
		{"an encapsulation is asked for", func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(true) }, ptr("e1"), true,
			`update PortBinding b1 encap=e1 if chassis=c1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, p := southRows(), onePlug(nil, nil)
			c.change(p.Binding)
			rows.PortBinding["b1"] = p.Binding
			ours := map[string]claim{"p1": {Plug: p, encap: c.encap}}
			expectOps(t, bindingOps(rows, rows.Chassis["c1"], ours, map[string]bool{"p1": c.live}), c.want)
		})
	}
}

// What is bound to us and not ours is released, whatever its type; ports of others are not touched.
func TestReleaseOps(t *testing.T) {
	rows := southRows()
	rows.PortBinding = map[string]*sb.PortBinding{
		"b3": {UUID: "b3", LogicalPort: "gone", Chassis: ptr("c1"), Up: ptr(true)},
		"b2": {UUID: "b2", LogicalPort: "cr-lrp", Type: "chassisredirect", Chassis: ptr("c1")},
		"b4": {UUID: "b4", LogicalPort: "other", Chassis: ptr("c2"), Up: ptr(true)},
		"b5": {UUID: "b5", LogicalPort: "nobody"},
	}
	const want = `
		update PortBinding b2 chassis=none encap=none up=false if chassis=c1
		update PortBinding b3 chassis=none encap=none up=false if chassis=c1`
	expectOps(t, bindingOps(rows, rows.Chassis["c1"], nil, nil), want)
	expectOps(t, bindingOps(rows, nil, nil, nil), ``)
}

func TestInstalledOps(t *testing.T) {
	up := func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(true) }
	for _, c := range []struct {
		name   string
		ids    map[string]string
		change func(b *sb.PortBinding)
		live   bool
		lost   string
		want   string
	}{
		{"now up", nil, up, true, "", `update Interface i1 external_ids:ovn-installed=true external_ids:ovn-installed-ts=1700000000123`},
		{"still up", map[string]string{"ovn-installed": "true", "ovn-installed-ts": "5"}, up, true, "", ``},
		{"not yet in SB", nil, func(*sb.PortBinding) {}, true, "", ``},
		{"bound, not up", nil, func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c1"), ptr(false) }, true, "", ``},
		{"up elsewhere", map[string]string{"ovn-installed": "true"}, func(b *sb.PortBinding) { b.Chassis, b.Up = ptr("c2"), ptr(true) }, true, "",
			`update Interface i1 -external_ids:ovn-installed`},
		{"fails", map[string]string{"ovn-installed": "true", "ovn-installed-ts": "5"}, up, false, "",
			`update Interface i1 -external_ids:ovn-installed -external_ids:ovn-installed-ts`},
		{"lost", map[string]string{"ovn-installed": "true"}, nil, false, "hv2",
			`update Interface i1 external_ids:woven-lost=10 p1 hv2 -external_ids:ovn-installed`},
		{"lost before", map[string]string{"woven-lost": "10 p1 hv2"}, nil, false, "hv2", ``},
		{"back again", map[string]string{"woven-lost": "10 p1 hv2"}, up, true, "",
			`update Interface i1 external_ids:ovn-installed=true external_ids:ovn-installed-ts=1700000000123 -external_ids:woven-lost`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := onePlug(nil, c.ids)
			got := claims{ours: map[string]claim{}, lost: map[plugID]string{}}
			if c.lost != "" {
				got.lost[idOf(&p)] = c.lost
			} else {
				c.change(p.Binding)
				got.ours["p1"] = claim{Plug: p}
			}
			ops := installedOps([]plug{{iface: p.Interface}}, southRows().Chassis["c1"], got, map[string]bool{"p1": c.live}, testNow)
			expectOps(t, ops, c.want)
		})
	}
}

func TestForgetOps(t *testing.T) {
	ids := map[string]string{"iface-id": "p1", "ovn-installed": "true", "ovn-installed-ts": "5", "woven-lost": "x"}
	plugs := []plug{{iface: &vsw.Interface{UUID: "i1", ExternalIDs: ids}}, {iface: &vsw.Interface{UUID: "i2"}}}
	expectOps(t, forgetOps(plugs), `
		update Interface i1 -external_ids:ovn-installed -external_ids:ovn-installed-ts -external_ids:woven-lost`)
	if diff := cmp.Diff(4, len(ids)); diff != "" {
		t.Errorf("the row was changed: %s", diff)
	}
}
