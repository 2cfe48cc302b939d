// Package config is the configuration of the acl IOModule: what compile and REST fill in. It is pure and needs no kernel.
package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

// Kind is the module kind's name.
const Kind = "acl"

// Config is the access control lists of one switch.
type Config struct {
	// FromLport are looked up when a port sends, then AfterLB (options:apply-after-lb); ToLport when a port receives. Of each list the first ACL that
	// matches decides; those of lower tiers come first.
	FromLport, AfterLB, ToLport []ACL
	// Stateful: the switch has an ACL with allow-related. IP packets are told apart by connection then, and the reply to what is allowed
	// passes.
	Stateful bool
	// DefaultDrop: what no ACL of a list matches is dropped.
	DefaultDrop bool
	// AllowInvalid: what belongs to no connection and can't begin one is not dropped for that; ACLs that allow don't match it.
	AllowInvalid bool
	// Untracked are the keys of the ports that lead to routers or to physical networks: their packets are not told apart by connection.
	// Ascending.
	Untracked []uint16
	// ConnectionLimits are how many established connections the zones of ports may have, by key; 0: as many as there is room for. Others have the
	// limit of package ct.
	ConnectionLimits map[uint16]uint32
	// Meters limit what reaches user space, by kind of packet; what has none is limited all the same.
	Meters map[string]meter.Meter
}

// Metered are the kinds of packets that Meters limits, by their names in ovn-nb(5), Copp.
var Metered = []string{"reject"}

// ACL is an access control list entry, ovn-nb(5).
type ACL struct {
	// ID is unique over time: the row's UUID for OVN.
	ID string
	// Rules of which one has to match a packet; their Value is not used. None: the ACL never matches.
	Rules []match.Rule
	// Tier is 0..3.
	Tier   int
	Action Action
	// Label goes into the connections that it allows; 0: none.
	Label uint32
	// Log: user space gets word of each decision. LogReplies: and of the replies and related packets of the connections that it allows.
	Log, LogReplies bool
}

// Action is what becomes of a packet that an ACL matches.
type Action uint8

// Actions. Allow stands for allow-related, too: what differs is the switch, see Config.Stateful.
const (
	Allow Action = iota + 1
	AllowStateless
	Drop
	Reject
	Pass // go on with the next tier
)

var actionNames = map[Action]string{Allow: "allow", AllowStateless: "allow-stateless", Drop: "drop", Reject: "reject", Pass: "pass"}

// String is the action's name, as in ovn-nb(5).
func (a Action) String() string {
	if name, ok := actionNames[a]; ok {
		return name
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// maxTier is the last tier.
const maxTier = 3

// Number stands for an ACL in programs: the first half of its ID, if that is a UUID, else of a hash. Its lower 32 bits are from 65536 on and tell it
// apart where few ACLs are in question.
func Number(id string) uint64 {
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 {
		sum := sha256.Sum256([]byte(id))
		b = sum[:]
	}
	low := binary.BigEndian.Uint32(b)
	if low < 1<<16 {
		low += 1 << 16
	}
	return uint64(binary.BigEndian.Uint32(b[4:]))<<32 | uint64(low)
}

// Equal says whether other is an equal *Config.
func (c *Config) Equal(other any) bool {
	o, ok := other.(*Config)
	return ok && c.Stateful == o.Stateful && c.DefaultDrop == o.DefaultDrop && c.AllowInvalid == o.AllowInvalid &&
		slices.Equal(c.Untracked, o.Untracked) && maps.Equal(c.ConnectionLimits, o.ConnectionLimits) && maps.Equal(c.Meters, o.Meters) &&
		slices.EqualFunc(c.FromLport, o.FromLport, ACL.equal) && slices.EqualFunc(c.AfterLB, o.AfterLB, ACL.equal) &&
		slices.EqualFunc(c.ToLport, o.ToLport, ACL.equal)
}

func (a ACL) equal(o ACL) bool {
	return a.ID == o.ID && a.Tier == o.Tier && a.Action == o.Action && a.Label == o.Label && a.Log == o.Log && a.LogReplies == o.LogReplies &&
		sameRules(a.Rules, o.Rules)
}

// sameRules knows a translation that was taken over at once.
func sameRules(a, b []match.Rule) bool {
	if len(a) != len(b) {
		return false
	}
	return len(a) == 0 || &a[0] == &b[0] || reflect.DeepEqual(a, b)
}

// Validate reports the first thing that the module can't hold.
func (c *Config) Validate() error {
	for _, list := range [][]ACL{c.FromLport, c.AfterLB, c.ToLport} {
		for i, a := range list {
			if _, known := actionNames[a.Action]; !known {
				return fmt.Errorf("acl %s has %s, which does not exist", a.ID, a.Action)
			}
			if a.Tier < 0 || a.Tier > maxTier {
				return fmt.Errorf("acl %s is in tier %d, outside 0..%d", a.ID, a.Tier, maxTier)
			}
			if i > 0 && list[i-1].Tier > a.Tier {
				return fmt.Errorf("acl %s of tier %d comes after one of tier %d", a.ID, a.Tier, list[i-1].Tier)
			}
		}
	}
	if !slices.IsSortedFunc(c.Untracked, cmp.Compare[uint16]) {
		return fmt.Errorf("untracked ports %d are not in ascending order", c.Untracked)
	}
	return meter.Validate(c.Meters, Metered)
}

// String is the configuration for people and tests, a line for each ACL and one for each of its rules, in order.
func (c *Config) String() string {
	var b strings.Builder
	for _, flag := range []struct {
		on   bool
		text string
	}{{c.Stateful, "stateful\n"}, {c.DefaultDrop, "default drop\n"}, {c.AllowInvalid, "allow invalid\n"}} {
		if flag.on {
			b.WriteString(flag.text)
		}
	}
	if len(c.Untracked) > 0 {
		fmt.Fprintf(&b, "untracked ports %d\n", c.Untracked)
	}
	for _, key := range slices.Sorted(maps.Keys(c.ConnectionLimits)) {
		fmt.Fprintf(&b, "port %d at most %d connections\n", key, c.ConnectionLimits[key])
	}
	b.WriteString(meter.Text(c.Meters))
	for _, list := range []struct {
		name string
		acls []ACL
	}{{"from-lport", c.FromLport}, {"from-lport after-lb", c.AfterLB}, {"to-lport", c.ToLport}} {
		for _, a := range list.acls {
			fmt.Fprintf(&b, "%s %s\n", list.name, a)
		}
	}
	return b.String()
}

// String is the ACL in one line, and one for each rule.
func (a ACL) String() string {
	s := fmt.Sprintf("tier %d %s acl %s", a.Tier, a.Action, a.ID)
	if a.Label != 0 {
		s += fmt.Sprintf(" label %d", a.Label)
	}
	if a.Log {
		s += " log"
	}
	if a.LogReplies {
		s += " log-related"
	}
	for _, r := range a.Rules {
		s += "\n  " + r.String()
	}
	return s
}
