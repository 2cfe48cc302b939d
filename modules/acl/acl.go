// Package acl is OVN's access control lists as an IOModule: a service of the logical switch. See README.md.
package acl

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/ct"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package acl -output-stem acl -type acl_config -type acl_flag -type acl_port -type acl_action -type acl_rule_key -type acl_rule -type acl_log -type acl_hit_key -type acl_verdict -type iom_ct -type iom_ct_key Acl acl.bpf.c -- -I../../sdk/include -O2 -fno-strict-aliasing -mcpu=v3 -Wall -Wextra -Wno-unused-function

// Kind is the module kind for a release.
func Kind() iom.Kind {
	return iom.Kind{Name: config.Kind, Load: LoadAcl, Entries: Entries}
}

// Reasons of punts, see tables.h.
const (
	PuntLog    = uint32(AclAclPuntACL_PUNT_LOG)
	PuntReject = uint32(AclAclPuntACL_PUNT_REJECT)
)

// metered are the punts that go with config.Metered.
var metered = map[string][]meter.Punts{"reject": {{Reason: PuntReject}, {Reason: PuntReject, IP6: true}}}

// Numbers of tables.h.
const (
	listFrom          = uint32(AclAclListACL_FROM)
	listFromAfter     = uint32(AclAclListACL_FROM_AFTER)
	listTo            = uint32(AclAclListACL_TO)
	listStatelessFrom = uint32(AclAclListACL_STATELESS_FROM)
	listStatelessTo   = uint32(AclAclListACL_STATELESS_TO)
)

var actions = map[config.Action]AclAclAction{
	config.Allow:          AclAclActionACL_ALLOW,
	config.AllowStateless: AclAclActionACL_ALLOW_STATELESS,
	config.Drop:           AclAclActionACL_DROP,
	config.Reject:         AclAclActionACL_REJECT,
	config.Pass:           AclAclActionACL_PASS,
}

// Entries are the table entries of one switch's lists. Pure. Rows that packets are looked up in come first, then what leads to them, and the
// generation, which has each connection decided on once more, last.
func Entries(inst iom.Instance, t *iom.Tables) error {
	c, ok := inst.Config.(*config.Config)
	if !ok {
		return fmt.Errorf("configure acl: want *config.Config, have %T", inst.Config)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("configure acl: %w", err)
	}
	w := writer{t: t, dp: inst.Slot, row: AclAclConfig{Flags: flags(c)}}
	for _, l := range []list{
		{listFrom, match.InPort, c.FromLport, false}, {listFromAfter, match.InPort, c.AfterLB, false}, {listTo, match.OutPort, c.ToLport, false},
		{listStatelessFrom, match.InPort, slices.Concat(c.FromLport, c.AfterLB), true}, {listStatelessTo, match.OutPort, c.ToLport, true},
	} {
		if err := w.put(l); err != nil {
			return fmt.Errorf("configure acl: %w", err)
		}
	}
	meter.Put(t, inst, c.Meters, metered)
	iom.Put(t, "acl_configs", inst.Slot, w.row)
	for _, key := range slices.Sorted(maps.Keys(inst.Local)) {
		iom.Put(t, "acl_ports", inst.Local[key], w.port(key, c))
	}
	ct.PutLimits(t, inst, c.ConnectionLimits)
	iom.Put(t, "acl_generations", inst.Slot, w.generation())
	return nil
}

func flags(c *config.Config) (f AclAclFlag) {
	for _, flag := range []struct {
		on  bool
		bit AclAclFlag
	}{
		{c.Stateful, AclAclFlagACL_STATEFUL}, {c.DefaultDrop, AclAclFlagACL_DEFAULT}, {c.AllowInvalid, AclAclFlagACL_ALLOW_INVALID},
		{looksAtPackets(c.FromLport) || looksAtPackets(c.AfterLB), AclAclFlagACL_EACH_FROM}, {looksAtPackets(c.ToLport), AclAclFlagACL_EACH_TO},
	} {
		if flag.on {
			f |= flag.bit
		}
	}
	return f
}

// looksAtPackets: some rule has a check of what may differ from packet to packet of a connection.
func looksAtPackets(acls []config.ACL) bool {
	return slices.ContainsFunc(acls, func(a config.ACL) bool {
		return slices.ContainsFunc(a.Rules, func(r match.Rule) bool { return len(r.Checks) > 0 })
	})
}

// list is one of enum acl_list.
type list struct {
	number    uint32
	own       match.Dim // of the port that looks it up
	acls      []config.ACL
	stateless bool // only the rules of allow-stateless
}

// writer writes the lists of a switch.
type writer struct {
	t     *iom.Tables
	dp    uint32
	row   AclAclConfig
	reach []reach // by number
	says  []byte  // all that decides
}

func (w *writer) put(l list) error {
	rules, rows := expand(l)
	version, generation, err := match.Put(w.t, w.dp, l.number, rules)
	if err != nil {
		return err
	}
	w.row.Versions[l.number] = version
	w.reach = append(w.reach, reachOf(rules, l.own))
	w.says = binary.LittleEndian.AppendUint64(w.says, generation)
	key := AclAclRuleKey{}
	key.List.Dp, key.List.Version, key.List.List = w.dp, version, l.number
	for value, row := range rows {
		key.Value = uint32(value)
		iom.Put(w.t, "acl_rules", key, row)
		w.says = append(w.says, iom.Bytes(row)...)
	}
	return nil
}

// expand gives each ACL a number, its rules' Value, and a row. The rules of a tier lead to the first one of the next.
func expand(l list) ([]match.Rule, []AclAclRule) {
	var rules []match.Rule
	var rows []AclAclRule
	if l.stateless {
		for _, a := range l.acls {
			if a.Action == config.AllowStateless {
				rules = append(rules, a.Rules...)
			}
		}
		return rules, nil
	}
	tier := 0 // rows before it know where the next tier begins
	for i, a := range l.acls {
		if i > 0 && l.acls[i-1].Tier != a.Tier {
			endTier(rows[tier:], len(rules))
			tier = i
		}
		for _, r := range a.Rules {
			r.Value = uint32(i)
			rules = append(rules, r)
		}
		row := AclAclRule{Id: config.Number(a.ID), Label: a.Label, Action: actions[a.Action]}
		if a.Log {
			row.Log = AclAclLogACL_LOG
		}
		if a.LogReplies {
			row.Log |= AclAclLogACL_LOG_REPLIES
		}
		rows = append(rows, row)
	}
	endTier(rows[tier:], len(rules))
	return rules, rows
}

func endTier(rows []AclAclRule, next int) {
	for i := range rows {
		rows[i].Next = uint16(next)
	}
}

// generation stands for all that decides; never 0.
func (w *writer) generation() uint64 {
	says := binary.LittleEndian.AppendUint32(w.says, uint32(w.row.Flags))
	sum := sha256.Sum256(says)
	return max(binary.LittleEndian.Uint64(sum[:]), 1)
}

// port is the row of a port of this node.
func (w *writer) port(key uint16, c *config.Config) AclAclPort {
	var row AclAclPort
	for number, r := range w.reach {
		if r.all || r.keys[key] {
			row.Lists |= 1 << number
		}
	}
	if _, found := slices.BinarySearch(c.Untracked, key); found {
		row.Untracked = 1
	}
	return row
}

// reach is the ports that some rule of a list may match.
type reach struct {
	all  bool
	keys map[uint16]bool
}

// reachOf goes by the dimension that is the port.
func reachOf(rules []match.Rule, own match.Dim) reach {
	r := reach{keys: map[uint16]bool{}}
	seen := map[*match.Set]bool{}
	for _, rule := range rules {
		i := slices.IndexFunc(rule.Terms, func(t match.Term) bool { return t.Dim == own && !t.Not })
		if i < 0 {
			return reach{all: true}
		}
		for _, s := range rule.Terms[i].Sets {
			if seen[s] {
				continue
			}
			seen[s] = true
			for _, p := range s.Prefixes() {
				r.keys[uint16(p.Bits.Hi>>48)] = true
			}
		}
	}
	return r
}
