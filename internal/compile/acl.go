package compile

import (
	"cmp"
	"fmt"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

// compiledACLs is what the ACLs of a switch followed from, and what became of them.
type compiledACLs struct {
	acls      []*logical.ACL
	drop      bool // by default
	invalid   bool // is allowed
	untracked []uint16
	names     []named // what the matches mention
	matcher   *matcher

	config   *config.Config
	objects  objects
	problems logical.Problems
}

// actions of ovn-nb(5) as the module has them: that allow-related makes the switch stateful is all that tells it from allow.
var aclActions = map[logical.ACLAction]config.Action{
	logical.ActionAllow:          config.Allow,
	logical.ActionAllowRelated:   config.Allow,
	logical.ActionAllowStateless: config.AllowStateless,
	logical.ActionDrop:           config.Drop,
	logical.ActionReject:         config.Reject,
	logical.ActionPass:           config.Pass,
}

// compileACLs makes the ACLs of a switch; nil: it has none. It gives what it gave the last time when that has not changed.
func (c *Compiler) compileACLs(sw *logical.Switch, all *networkNames, last *compiledACLs) *compiledACLs {
	if len(sw.ACLs) == 0 {
		return nil
	}
	names := &switchNames{networkNames: all, sw: sw}
	now := &compiledACLs{acls: sw.ACLs, drop: sw.DefaultACLDrop, invalid: sw.AllowInvalid, untracked: untracked(sw)}
	if last != nil {
		if last.follows(now, names) {
			return last
		}
		now.matcher = last.matcher
	} else {
		now.matcher = newMatcher(&c.sets)
	}
	now.translate(names)
	return now
}

// follows says whether a is what would become of what now is to follow from.
func (a *compiledACLs) follows(now *compiledACLs, names matchNames) bool {
	return a.drop == now.drop && a.invalid == now.invalid && slices.Equal(a.untracked, now.untracked) && slices.Equal(a.acls, now.acls) &&
		!slices.ContainsFunc(a.names, func(n named) bool { return !n.same(names) })
}

// untracked are the keys of the ports whose packets ovn-northd(8) does not send to connection tracking, ascending.
func untracked(sw *logical.Switch) (keys []uint16) {
	for _, p := range sw.Ports {
		if p.Type == "router" || p.Type == "localnet" {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// translate makes the configuration. One ACL that can't be carried out is left out, as in OVN.
func (a *compiledACLs) translate(names matchNames) {
	a.config = &config.Config{DefaultDrop: a.drop, AllowInvalid: a.invalid, Untracked: a.untracked}
	a.objects = make(objects, len(a.acls))
	room := map[*[]config.ACL]int{}
	for _, acl := range a.acls {
		if acl.Action == logical.ActionAllowRelated {
			a.config.Stateful = true
		}
		list := a.list(acl)
		rules, err := a.matcher.rules(acl.Match, names)
		if err == nil {
			room[list] += len(rules)
			err = fits(rules, room[list])
		}
		if err != nil {
			a.leaveOut(acl, err)
			room[list] -= len(rules)
			continue
		}
		*list = append(*list, config.ACL{ID: acl.UUID, Rules: rules, Tier: acl.Tier, Action: aclActions[acl.Action], Label: acl.Label,
			Log: acl.Log != nil, LogReplies: acl.Log != nil && acl.Log.Related})
		a.objects.addACL(uint32(config.Number(acl.UUID)), acl)
	}
	a.names = a.matcher.mentioned()
	a.matcher.forget()
}

// list is the one that an ACL belongs to.
func (a *compiledACLs) list(acl *logical.ACL) *[]config.ACL {
	switch {
	case acl.Direction == logical.ToLport:
		return &a.config.ToLport
	case acl.AfterLB:
		return &a.config.AfterLB
	}
	return &a.config.FromLport
}

// fits says what keeps rules from being carried out, with which their list would have so many.
func fits(rules []match.Rule, total int) error {
	if total > match.MaxRules {
		return fmt.Errorf("the ACLs of the direction make more than %d rules", match.MaxRules)
	}
	if slices.ContainsFunc(rules, func(r match.Rule) bool { return len(r.Checks) > match.MaxChecks }) {
		return fmt.Errorf("it has more than %d conditions", match.MaxChecks)
	}
	return nil
}

func (a *compiledACLs) leaveOut(acl *logical.ACL, err error) {
	if acl.Action == logical.ActionDrop || acl.Action == logical.ActionReject {
		a.problems.Add("acl", acl.UUID, "SECURITY: match: %s: the ACL is NOT enforced: what it forbids passes unless another one forbids it", err)
		return
	}
	a.problems.Add("acl", acl.UUID, "match: %s: the ACL has no effect: what it allows may be dropped", err)
}

// service is the part of the switch's module that carries the ACLs out.
func (a *compiledACLs) service(meters map[string]meter.Meter, limits map[uint16]uint32) []netstate.Service {
	if a == nil {
		return nil
	}
	cfg := a.config
	if mine := metersFor(config.Metered, meters); len(mine)+len(limits) > 0 {
		with := *cfg
		with.Meters, with.ConnectionLimits = mine, limits
		cfg = &with
	}
	return []netstate.Service{{Kind: config.Kind, Config: cfg, Objects: a.objects}}
}

// connectionLimits are those of the ports that are here, by key: their own, or the switch's.
func connectionLimits(sw *logical.Switch) map[uint16]uint32 {
	limits := map[uint16]uint32{}
	for _, p := range sw.Ports {
		if limit := cmp.Or(p.ConnectionLimit, sw.ConnectionLimit); limit != nil && p.Device != nil {
			limits[p.Key] = *limit
		}
	}
	return limits
}
