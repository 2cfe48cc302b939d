package ingest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

func TestReadACL(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, tt := range []struct {
		name    string
		row     nb.ACLEntry
		want    *logical.ACL
		problem string // as in TestReadRoute
	}{
		{"plain", nb.ACLEntry{Direction: "to-lport", Priority: 1001, Match: "ip", Action: "drop"},
			&logical.ACL{Direction: logical.ToLport, Priority: 1001, Match: "ip", Action: logical.ActionDrop}, ""},
		{"everything", nb.ACLEntry{Direction: "from-lport", Priority: 1, Tier: 3, Match: "ip", Action: "allow-related", Label: 1<<32 - 1, Log: true, Name: text("n"),
			Severity: text("alert"), Meter: text("m"), Options: map[string]string{"apply-after-lb": "true", "log-related": "true"}},
			&logical.ACL{Direction: logical.FromLport, Priority: 1, Tier: 3, Match: "ip", Action: logical.ActionAllowRelated, Label: 1<<32 - 1, Name: "n", AfterLB: true,
				Log: &logical.ACLLog{Severity: "alert", Meter: "m", Related: true}}, ""},
		{"log by default", nb.ACLEntry{Direction: "to-lport", Action: "allow", Log: true},
			&logical.ACL{Direction: logical.ToLport, Action: logical.ActionAllow, Log: &logical.ACLLog{Severity: "info"}}, ""},
		{"replies without a label", nb.ACLEntry{Direction: "to-lport", Action: "allow", Log: true, Options: map[string]string{"log-related": "true"}},
			&logical.ACL{Direction: logical.ToLport, Action: logical.ActionAllow, Log: &logical.ACLLog{Severity: "info"}}, "log-related needs a label"},
		{"no log", nb.ACLEntry{Direction: "to-lport", Action: "reject", Severity: text("alert"), Meter: text("m")},
			&logical.ACL{Direction: logical.ToLport, Action: logical.ActionReject}, ""},
		{"after load balancing is for one direction", nb.ACLEntry{Direction: "to-lport", Action: "pass", Options: map[string]string{"apply-after-lb": "true"}},
			&logical.ACL{Direction: logical.ToLport, Action: logical.ActionPass}, ""},
		{"a newer action", nb.ACLEntry{Direction: "to-lport", Action: "redirect"}, &logical.ACL{Direction: logical.ToLport, Action: logical.ActionDrop}, "what matches is dropped"},
		{"a newer direction", nb.ACLEntry{Direction: "sideways", Action: "drop"}, nil, "SECURITY"},
		{"samples", nb.ACLEntry{Direction: "to-lport", Action: "allow-stateless", SampleNew: text("s")},
			&logical.ACL{Direction: logical.ToLport, Action: logical.ActionAllowStateless}, "samples are not supported"},
		{"a newer option", nb.ACLEntry{Direction: "to-lport", Action: "allow", Options: map[string]string{"persist-established": "true"}},
			&logical.ACL{Direction: logical.ToLport, Action: logical.ActionAllow}, `options:"persist-established" is not known`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var problems logical.Problems
			if d := cmp.Diff(tt.want, readACL(&tt.row, &problems)); d != "" {
				t.Errorf("ACL (-want +got):\n%s", d)
			}
			checkProblem(t, problems, tt.problem)
		})
	}
}

// TestACLs: which switch has which ACLs, in which order.
func TestACLs(t *testing.T) {
	w := newWorld()
	w.addGroup("pg", "blue-2", "green-1", "green-2", "dangling")
	w.addGroup("elsewhere", "lone-1")
	w.addGroup("empty")
	acl := func(uuid, direction string, tier, priority int, afterLB string) nb.ACLEntry {
		return nb.ACLEntry{UUID: uuid, Direction: direction, Tier: tier, Priority: priority, Action: "drop", Options: map[string]string{"apply-after-lb": afterLB}}
	}
	w.addACL("pg", true, acl("g1", "to-lport", 0, 5, ""))
	w.addACL("pg", true, acl("g2", "from-lport", 0, 5, "true"))
	w.addACL("elsewhere", true, acl("e", "to-lport", 0, 5, ""))
	w.addACL("empty", true, acl("n", "to-lport", 0, 5, ""))
	w.addACL("blue", false, acl("b1", "to-lport", 0, 6, ""))
	w.addACL("blue", false, acl("b2", "to-lport", 1, 9, ""))
	w.addACL("blue", false, acl("b3", "from-lport", 0, 1, ""))
	w.addACL("blue", false, acl("b4", "to-lport", 0, 5, ""))
	edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) { s.ACLs = append(s.ACLs, "dangling", "g1") })
	w.NB.NBGlobal["g"] = &nb.NBGlobal{UUID: "g", Options: map[string]string{"default_acl_drop": "true", "use_ct_inv_match": "false"}}
	n := w.read()
	for name, want := range map[string]string{"blue": "b3 g2 b1 b4 g1 b2", "green": "g2 g1", "red": ""} {
		var got []string
		for _, a := range n.Switches[name].ACLs {
			got = append(got, a.UUID)
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("ACLs of %s (-want +got):\n%s", name, d)
		}
	}
	if sw := n.Switches["blue"]; !sw.DefaultACLDrop || !sw.AllowInvalid {
		t.Errorf("default drop %v, invalid allowed %v", sw.DefaultACLDrop, sw.AllowInvalid)
	}
	groups := map[string]string{}
	for _, a := range n.Switches["blue"].ACLs {
		groups[a.UUID] = a.Group
	}
	if d := cmp.Diff(map[string]string{"b1": "", "b2": "", "b3": "", "b4": "", "g1": "", "g2": "pg"}, groups); d != "" { // g1 is the switch's own, too
		t.Errorf("groups of the ACLs of blue (-want +got):\n%s", d)
	}
	want := map[string][]uint16{"blue": {2}, "green": {1, 2}}
	if d := cmp.Diff(want, n.PortGroups["pg"].Ports); d != "" {
		t.Errorf("ports of the group (-want +got):\n%s", d)
	}
	if len(n.PortGroups) != 3 || len(n.PortGroups["elsewhere"].Ports) != 0 {
		t.Errorf("groups %v", n.PortGroups)
	}
}

// TestGroupRenamed: its ACLs say so.
func TestGroupRenamed(t *testing.T) {
	w := newWorld()
	w.addGroup("pg", "blue-2")
	w.addACL("pg", true, nb.ACLEntry{UUID: "g1", Direction: "to-lport", Action: "drop"})
	var r Reader
	for _, name := range []string{"pg", "renamed", "pg"} {
		edit(w.NB.PortGroup, "pg", func(g *nb.PortGroup) { g.Name = name })
		if got := w.network(&r).Switches["blue"].ACLs[0].Group; got != name {
			t.Errorf("the ACL is of group %q, want %q", got, name)
		}
	}
}

func TestAddressSets(t *testing.T) {
	w := newWorld()
	w.NB.AddressSet["as"] = &nb.AddressSet{UUID: "as", Name: "as", Addresses: []string{
		"10.0.0.9", "10.1.2.3/16", "10.0.0.0/255.0.0.0", "fd00::1", "fd00::/64", "0a:00:00:00:00:02", "0a:00:00:00:00:01", "10.0.0.9", "host", "10.0.0.0/255.0.255.0", "",
	}}
	w.NB.AddressSet["unused"] = &nb.AddressSet{UUID: "unused", Name: "unused", Addresses: []string{"garbage"}}
	w.NB.AddressSet["own"] = &nb.AddressSet{UUID: "own", Name: "own_ip4", Addresses: []string{"192.0.2.1"}}
	dynamic := "0a:00:00:00:00:09 10.0.9.9 fd00:9::9"
	w.addSwitchPort("lone", nb.LogicalSwitchPort{Name: "dyn", Addresses: []string{"dynamic", "unknown"}, DynamicAddresses: &dynamic})
	w.addGroup("pg", "blue-1", "lone-2", "dyn", "blue-r1", "dangling")
	w.addGroup("own", "blue-1")
	w.addACL("blue", false, nb.ACLEntry{UUID: "1", Direction: "to-lport", Action: "drop", Match: "ip4.src == {$as, $pg_ip4} && ip4.dst != $own_ip4 && ip4.src == $missing"})
	w.NB.LogicalRouterPolicy["p"] = &nb.RouterPolicy{UUID: "p", Action: "drop", Match: "ip6.src==$pg_ip6||ip6.dst==$own_ip6"}
	edit(w.NB.LogicalRouter, "r1", func(r *nb.LogicalRouter) { r.Policies = []string{"p"} })
	n := w.read()
	var got strings.Builder
	for _, name := range sortedKeys(n.AddressSets) {
		s := n.AddressSets[name]
		fmt.Fprintln(&got, name, s.Name == name, s.Prefixes, s.MACs)
	}
	want := `as true [10.0.0.0/8 10.0.0.9/32 10.1.0.0/16 fd00::/64 fd00::1/128] [[10 0 0 0 0 1] [10 0 0 0 0 2]]
own_ip4 true [192.0.2.1/32] []
own_ip6 true [fd00::b/128] []
pg_ip4 true [10.0.0.11/32 10.0.3.12/32 10.0.9.9/32] []
pg_ip6 true [fd00::b/128 fd00:3::c/128 fd00:9::9/128] []
`
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("sets (-want +got):\n%s", d)
	}
	if got := strings.Count(problemsOf(n, "address_set as"), "SECURITY"); got != 3 || problemsOf(n, "address_set unused") != "" {
		t.Errorf("%d problems, want 3: %v", got, n.Problems)
	}
}

// TestSetMemberChanges: what says nothing of a port's addresses leaves a set alone; an address more is one.
func TestSetMemberChanges(t *testing.T) {
	w := fullWorld()
	var r Reader
	set := func() *logical.AddressSet { return w.network(&r).AddressSets["pg_ip4"] }
	first, up := set(), true
	edit(w.NB.LogicalSwitchPort, "lone-1", func(p *nb.LogicalSwitchPort) { p.Up = &up })
	if set() != first {
		t.Error("set is another pointer after a port came up")
	}
	edit(w.NB.LogicalSwitchPort, "lone-1", func(p *nb.LogicalSwitchPort) {
		p.Addresses = append([]string{"0a:00:00:00:00:08 10.8.8.8"}, p.Addresses...)
	})
	if next := set(); len(next.Prefixes) != len(first.Prefixes)+1 || next.Prefixes[len(next.Prefixes)-1] != netip.MustParsePrefix("10.8.8.8/32") {
		t.Errorf("set is %v", next.Prefixes)
	}
}

func TestAppendSets(t *testing.T) {
	for match, want := range map[string]string{
		"":                                 "",
		"ip4":                              "",
		"ip4.src == $a":                    "a",
		"ip4.src=={$a,$b_1.c}&&$pg_x_ip4.": "a b_1.c pg_x_ip4.",
		"$":                                "",
		"$ a $$b":                          "b",
		`inport == "$quoted"`:              "quoted",
		"ip4.src == $é":                    "",
	} {
		if got := strings.Join(appendSets(nil, match), " "); got != want {
			t.Errorf("%q mentions %q, want %q", match, got, want)
		}
	}
}
