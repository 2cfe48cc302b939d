package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

func full() *Config {
	rule := match.Rule{Terms: []match.Term{{Dim: match.InPort, Sets: []*match.Set{match.NewSet("@pg", []match.Prefix{match.Key(1)})}}}}
	return &Config{
		FromLport: []ACL{{ID: "u1", Rules: []match.Rule{rule}, Action: Allow, Label: 7}, {ID: "u2", Tier: 1, Action: Pass}},
		AfterLB:   []ACL{{ID: "u3", Action: Reject, Rules: []match.Rule{{}}}},
		ToLport:   []ACL{{ID: "u4", Action: Drop, Log: true, LogReplies: true}},
		Stateful:  true, DefaultDrop: true, AllowInvalid: true, Untracked: []uint16{3, 9}, ConnectionLimits: map[uint16]uint32{9: 70, 3: 5},
		Meters: map[string]meter.Meter{"reject": {Rate: 5}},
	}
}

func TestString(t *testing.T) {
	want := `stateful
default drop
allow invalid
untracked ports [3 9]
port 3 at most 5 connections
port 9 at most 70 connections
meter reject 5 pktps burst 5
from-lport tier 0 allow acl u1 label 7
  in {@pg}
from-lport tier 1 pass acl u2
from-lport after-lb tier 0 reject acl u3
  all
to-lport tier 0 drop acl u4 log log-related
`
	if got := full().String(); got != want {
		t.Errorf("have:\n%s\nwant:\n%s", got, want)
	}
}

func TestEqual(t *testing.T) {
	if !full().Equal(full()) || full().Equal(nil) {
		t.Error("a configuration is equal to one with the same content, and to nothing else")
	}
	set := match.NewSet("@pg", []match.Prefix{match.Key(2)})
	for name, change := range map[string]func(*Config){
		"id": func(c *Config) { c.ToLport[0].ID = "x" }, "tier": func(c *Config) { c.FromLport[1].Tier = 2 }, "action": func(c *Config) { c.AfterLB[0].Action = Drop },
		"label": func(c *Config) { c.FromLport[0].Label = 8 }, "log": func(c *Config) { c.ToLport[0].Log = false }, "log-related": func(c *Config) { c.ToLport[0].LogReplies = false },
		"count":  func(c *Config) { c.AfterLB = nil },
		"member": func(c *Config) { c.FromLport[0].Rules[0].Terms[0].Sets[0] = set }, "rules": func(c *Config) { c.AfterLB[0].Rules = nil },
		"stateful": func(c *Config) { c.Stateful = false }, "default": func(c *Config) { c.DefaultDrop = false }, "invalid": func(c *Config) { c.AllowInvalid = false },
		"untracked": func(c *Config) { c.Untracked = nil }, "limit": func(c *Config) { c.ConnectionLimits[3] = 6 }, "meter": func(c *Config) { c.Meters["reject"] = meter.Meter{Rate: 6} },
	} {
		c := full()
		change(c)
		if c.Equal(full()) {
			t.Errorf("%s: a change goes unnoticed", name)
		}
	}
}

// TestEqualSeesAllFields: a new field has to be compared, too.
func TestEqualSeesAllFields(t *testing.T) {
	if n := reflect.TypeFor[Config]().NumField(); n != 9 {
		t.Errorf("Config has %d fields, Equal compares 9", n)
	}
	if n := reflect.TypeFor[ACL]().NumField(); n != 7 {
		t.Errorf("ACL has %d fields, Equal compares 7", n)
	}
}

func TestValidate(t *testing.T) {
	if err := full().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		"has action 0": func(c *Config) { c.ToLport[0].Action = 0 }, "tier 4": func(c *Config) { c.ToLport[0].Tier = 4 }, "tier -1": func(c *Config) { c.ToLport[0].Tier = -1 },
		"comes after": func(c *Config) { c.FromLport[0].Tier = 2 }, "ascending": func(c *Config) { c.Untracked = []uint16{9, 3} },
		"meter": func(c *Config) { c.Meters["dns"] = meter.Meter{Rate: 1} },
	} {
		c := full()
		change(c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
		}
	}
}

// TestNumber: the first 32 bits of a UUID are the lower half, which is never that of a port.
func TestNumber(t *testing.T) {
	for id, want := range map[string]uint64{
		"12345678-9abc-4def-8000-000000000000": 0x9abc4def_12345678,
		"00000005-9abc-4def-8000-000000000000": 0x9abc4def_00010005,
	} {
		if got := Number(id); got != want {
			t.Errorf("%s: %#x, want %#x", id, got, want)
		}
	}
	seen := map[uint64]string{}
	for i := range 1000 {
		id := fmt.Sprint("no uuid ", i)
		n := Number(id)
		if other, taken := seen[n]; taken || uint32(n) < 65536 || n != Number(id) {
			t.Errorf("%q has number %#x, as has %q", id, n, other)
		}
		seen[n] = id
	}
}
