package compile

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

// guarded has switch sw0 with ports p1 (key 1) and p2 (2), lr (9), which leads to a router, and ln (10), which leads outside; group @pg has p1, and
// $as4 is 10.0.0.1.
func guarded(acls ...*logical.ACL) *logical.Network {
	sw := &logical.Switch{UUID: "dp", Name: "sw0", Key: 1, ACLs: acls}
	for _, p := range []logical.Port{{Name: "p1", Key: 1, Chassis: "hv1"}, {Name: "p2", Key: 2, Chassis: "hv2"}, {Name: "lr", Key: 9, Type: "router"},
		{Name: "ln", Key: 10, Type: "localnet"}} {
		sw.Ports = append(sw.Ports, &p)
	}
	return &logical.Network{Chassis: "hv1", Switches: map[string]*logical.Switch{"dp": sw},
		PortGroups:  map[string]*logical.PortGroup{"pg": {Name: "pg", Ports: map[string][]uint16{"dp": {1}}}, "elsewhere": {Name: "elsewhere", Ports: map[string][]uint16{"x": {1}}}},
		AddressSets: map[string]*logical.AddressSet{"as4": {Name: "as4", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}}}}
}

// aclModule is what ACLs become: their configuration; nil: there is none.
func aclModule(state *netstate.State) *config.Config {
	for _, s := range state.Modules["dp"].Services {
		if s.Kind == config.Kind {
			return s.Config.(*config.Config)
		}
	}
	return nil
}

func TestACLs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		acls   []*logical.ACL
		change func(*logical.Switch)
		want   string
	}{
		{name: "none", change: func(sw *logical.Switch) { sw.DefaultACLDrop = true }},
		{name: "lists and tiers", acls: []*logical.ACL{
			{UUID: "u1", Direction: logical.FromLport, Match: "inport == @pg && ip4", Action: logical.ActionAllow, Label: 7, Log: &logical.ACLLog{Related: true}},
			{UUID: "u2", Direction: logical.FromLport, Tier: 2, Match: "ip4.src == $as4", Action: logical.ActionPass, Log: &logical.ACLLog{}},
			{UUID: "u3", Direction: logical.FromLport, AfterLB: true, Match: "1", Action: logical.ActionReject},
			{UUID: "u4", Direction: logical.ToLport, Match: `outport == "p2" || udp.dst == 53`, Action: logical.ActionDrop},
		}, want: `untracked ports [9 10]
from-lport tier 0 allow acl u1 label 7 log log-related
  in {@pg}, proto {0x0800}
from-lport tier 2 pass acl u2 log
  src {$as4/32}, proto {0x0800}
from-lport after-lb tier 0 reject acl u3
  all
to-lport tier 0 drop acl u4
  out {2}
  dport {53}, proto {0x0800:17 0x86dd:17}
`},
		{name: "stateful, even by an ACL that is left out", acls: []*logical.ACL{
			{UUID: "u1", Direction: logical.FromLport, Match: "ip4 &&", Action: logical.ActionAllowRelated},
			{UUID: "u2", Direction: logical.FromLport, Match: "inport == @elsewhere", Action: logical.ActionAllowStateless},
		}, change: func(sw *logical.Switch) { sw.DefaultACLDrop, sw.AllowInvalid = true, true }, want: `stateful
default drop
allow invalid
untracked ports [9 10]
from-lport tier 0 allow-stateless acl u2
acl u1: match: column 7: expecting a constant: the ACL has no effect: what it allows may be dropped
`},
		{name: "one that forbids and can't", acls: []*logical.ACL{
			{UUID: "u1", Direction: logical.ToLport, Match: "outport == @nosuch", Action: logical.ActionReject},
			{UUID: "u2", Direction: logical.ToLport, Match: "ip6", Action: logical.ActionDrop},
		}, want: `untracked ports [9 10]
to-lport tier 0 drop acl u2
  proto {0x86dd}
acl u1: SECURITY: match: column 12: port group @nosuch does not exist: the ACL is NOT enforced: what it forbids passes unless another one forbids it
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := guarded(tt.acls...)
			if tt.change != nil {
				tt.change(n.Switches["dp"])
			}
			var c Compiler
			state, problems := c.Compile(n)
			got := ""
			if cfg := aclModule(state); cfg != nil {
				got = cfg.String()
			}
			for _, p := range problems {
				got += p.Object + ": " + p.Reason + "\n"
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestACLObjects(t *testing.T) {
	var c Compiler
	state, _ := c.Compile(guarded(&logical.ACL{UUID: "u1", Name: "no web", Direction: logical.FromLport, AfterLB: true, Tier: 2,
		Priority: 5, Group: "pg", Label: 7, Match: "ip4 && tcp", Action: logical.ActionDrop}, &logical.ACL{UUID: "u2", Direction: logical.ToLport, Match: "1", Action: logical.ActionPass}))
	want := map[uint32]string{
		uint32(config.Number("u1")): `acl uuid=u1 name="no web" direction="from-lport after-lb" tier=2 priority=5 action=drop label=7 port_group=pg match="ip4 && tcp"`,
		uint32(config.Number("u2")): `acl uuid=u2 direction=to-lport tier=0 priority=0 action=pass match=1`}
	if d := cmp.Diff(want, map[uint32]string(state.Modules["dp"].Services[0].Objects)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Two ACLs of a switch may have one number in traces, which then tell of both.
func TestACLsWithOneNumber(t *testing.T) {
	o := objects{}
	for _, uuid := range []string{"u1", "u2"} {
		o.addACL(7, &logical.ACL{UUID: uuid})
	}
	if rows := netstate.ParseRows(o[7]); len(rows) != 2 || rows[0].Columns[0].Value != "u1" || rows[1].Columns[0].Value != "u2" {
		t.Errorf("rows %v", rows)
	}
}

func TestACLMeter(t *testing.T) {
	n := guarded(&logical.ACL{UUID: "u1", Direction: logical.ToLport, Match: "tcp", Action: logical.ActionReject})
	n.Meters = map[string]*logical.Meter{"m": {Name: "m", Rate: 5}}
	n.Switches["dp"].Copp = map[string]string{"reject": "m", "dns": "m"}
	var c Compiler
	state, _ := c.Compile(n)
	if d := cmp.Diff(map[string]meter.Meter{"reject": {Rate: 5}}, aclModule(state).Meters); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A port that is here has its own limit of connections, or the switch's; the limits of others are other nodes' business.
func TestConnectionLimits(t *testing.T) {
	limit := func(n uint32) *uint32 { return &n }
	var c Compiler
	for _, step := range []struct {
		name                 string
		here, elsewhere, all *uint32
		want                 map[uint16]uint32
	}{
		{"none", nil, nil, nil, nil},
		{"of the switch", nil, nil, limit(7), map[uint16]uint32{1: 7}},
		{"of the port", limit(5), limit(6), limit(7), map[uint16]uint32{1: 5}},
		{"no limit", limit(0), nil, limit(7), map[uint16]uint32{1: 0}},
		{"only elsewhere", nil, limit(6), nil, nil},
	} {
		n := guarded(&logical.ACL{UUID: "u1", Direction: logical.ToLport, Match: "tcp", Action: logical.ActionAllowRelated})
		sw := n.Switches["dp"]
		sw.ConnectionLimit, sw.Ports[1].ConnectionLimit = step.all, step.elsewhere
		here := *sw.Ports[0]
		here.Device, here.ConnectionLimit = &logical.Device{Name: "tap1", Ifindex: 7}, step.here
		sw.Ports[0] = &here
		state, _ := c.Compile(n)
		if d := cmp.Diff(step.want, aclModule(state).ConnectionLimits); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, d)
		}
	}
}

// TestACLsRemembered: the module is the same as long as nothing that the ACLs mention has changed, and another one when something has.
func TestACLsRemembered(t *testing.T) {
	acls := []*logical.ACL{{UUID: "u1", Direction: logical.FromLport, Match: `inport == {@pg, "p2"} && ip4.dst == $as4 && is_chassis_resident("p1")`, Action: logical.ActionDrop}}
	set := func(addr string) *logical.AddressSet {
		return &logical.AddressSet{Name: "as4", Prefixes: []netip.Prefix{netip.MustParsePrefix(addr)}}
	}
	n := guarded(acls...)
	var c Compiler
	last, _ := c.Compile(n)
	for _, step := range []struct {
		name   string
		change func()
		same   bool
	}{
		{"nothing", func() {}, true},
		{"a group that nobody mentions", func() { n.PortGroups["other"] = &logical.PortGroup{Name: "other"} }, true},
		{"a set that nobody mentions", func() { n.AddressSets["other"] = set("10.0.0.9/32") }, true},
		{"the group", func() { n.PortGroups["pg"] = &logical.PortGroup{Name: "pg", Ports: map[string][]uint16{"dp": {1, 2}}} }, false},
		{"the group in another switch", func() {
			n.PortGroups["pg"] = &logical.PortGroup{Name: "pg", Ports: map[string][]uint16{"dp": {1, 2}, "x": {3}}}
		}, true},
		{"the set", func() { n.AddressSets["as4"] = set("10.0.0.2/32") }, false},
		{"the port's place", func() {
			sw := *n.Switches["dp"]
			port := *sw.Ports[0]
			port.Chassis = "hv2"
			sw.Ports = append([]*logical.Port{&port}, sw.Ports[1:]...)
			n.Switches["dp"] = &sw
		}, false},
		{"the ACL", func() {
			sw := *n.Switches["dp"]
			acl := *acls[0]
			acl.Action = logical.ActionAllow
			sw.ACLs = []*logical.ACL{&acl}
			n.Switches["dp"] = &sw
		}, false},
	} {
		step.change()
		state, _ := c.Compile(n)
		if same := state.Modules["dp"] == last.Modules["dp"]; same != step.same {
			t.Errorf("%s changed: same module is %v, want %v", step.name, same, step.same)
		}
		var fresh Compiler
		full, _ := fresh.Compile(n)
		if d := cmp.Diff(full.Text(), state.Text()); d != "" {
			t.Errorf("%s changed: differs from a full compile:\n%s", step.name, d)
		}
		last = state
	}
}

// TestTooManyRules: what is beyond the limit of a list is left out, the rest stays.
func TestTooManyRules(t *testing.T) {
	const total = 140 // ACLs of 250 rules each
	var ways []string
	for i := range 2000 {
		ways = append(ways, fmt.Sprintf("(ip.ttl == %d && tcp.dst == %d)", i%250+1, i+1))
	}
	var acls []*logical.ACL
	for i := range total {
		acls = append(acls, &logical.ACL{UUID: fmt.Sprint("u", i), Direction: logical.ToLport, Match: strings.Join(ways, " || "), Action: logical.ActionDrop})
	}
	acls = append(acls, &logical.ACL{UUID: "last", Direction: logical.ToLport, Match: "ip4", Action: logical.ActionDrop})
	var c Compiler
	state, problems := c.Compile(guarded(acls...))
	list := aclModule(state).ToLport
	fit := match.MaxRules / len(list[0].Rules)
	if fit >= total || len(list) != fit+1 || list[fit].ID != "last" {
		t.Errorf("%d ACLs are left, of which %d fit, want those and the last one", len(list), fit)
	}
	if len(problems) != total-fit || !strings.Contains(problems[0].Reason, "more than 32768 rules") {
		t.Errorf("problems: %v", problems)
	}
}
