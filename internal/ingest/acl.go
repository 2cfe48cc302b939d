package ingest

import (
	"cmp"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

// acls are the ACLs of a switch or of a port group.
type acls struct {
	uuid  string // of the row that has them
	group string // its name, if it is a port group
	rowList[nb.ACLEntry, logical.ACL]
	sets []string // the address sets that they mention
}

// read brings the list up to date. group is the name of the port group that has it; "": it is a switch's.
func (a *acls) read(n *network, refs []string, group string) {
	if a.group != group {
		a.group, a.rowList = group, rowList[nb.ACLEntry, logical.ACL]{changes: a.changes}
	}
	if !a.update(refs, n.NB.ACL, a.readOne) {
		return
	}
	a.sets = nil
	for _, acl := range a.values {
		a.sets = appendSets(a.sets, acl.Match)
	}
	slices.Sort(a.sets)
	a.sets = slices.Compact(a.sets)
}

func (a *acls) readOne(row *nb.ACLEntry, problems *logical.Problems) *logical.ACL {
	acl := readACL(row, problems)
	if acl != nil {
		acl.Group = a.group
	}
	return acl
}

// aclSource is a state of a list of ACLs.
type aclSource struct {
	list    *acls
	changes int
}

// switchACLs gives the ACLs of all sources in the order of logical.Switch.ACLs: those of the last time when no source changed.
func (k *knownSwitch) switchACLs(sources []*acls) []*logical.ACL {
	slices.SortFunc(sources, func(a, b *acls) int { return strings.Compare(a.uuid, b.uuid) })
	now := make([]aclSource, len(sources))
	for i, s := range sources {
		now[i] = aclSource{s, s.changes}
	}
	if slices.Equal(k.aclSources, now) {
		return k.acls
	}
	var all []*logical.ACL
	for _, s := range sources {
		all = append(all, s.values...)
	}
	slices.SortFunc(all, compareACLs)
	k.aclSources, k.acls = now, slices.CompactFunc(all, func(a, b *logical.ACL) bool { return a.UUID == b.UUID })
	return k.acls
}

func compareACLs(a, b *logical.ACL) int {
	return cmp.Or(
		cmp.Compare(a.Direction, b.Direction), compareBool(a.AfterLB, b.AfterLB), cmp.Compare(a.Tier, b.Tier),
		cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.UUID, b.UUID))
}

// compareBool has false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// readACL reads an ACL. What is not known of it closes more, never less.
func readACL(row *nb.ACLEntry, problems *logical.Problems) *logical.ACL {
	problem := func(format string, args ...any) { problems.Add("acl", row.UUID, format, args...) }
	a := &logical.ACL{
		UUID: row.UUID, Direction: logical.Direction(row.Direction), Tier: row.Tier, Priority: row.Priority, Match: row.Match,
		Action: logical.ACLAction(row.Action), Label: uint32(row.Label),
	}
	if row.Name != nil {
		a.Name = *row.Name
	}
	a.AfterLB = a.Direction == logical.FromLport && row.Options["apply-after-lb"] == "true"
	if a.Direction != logical.FromLport && a.Direction != logical.ToLport {
		problem("SECURITY: direction %s is not known to Woven: the ACL is NOT enforced", logical.Quote(row.Direction))
		return nil
	}
	switch a.Action {
	case logical.ActionAllow, logical.ActionAllowRelated, logical.ActionAllowStateless, logical.ActionDrop, logical.ActionReject, logical.ActionPass:
	default:
		problem("action %s is not known to Woven: what matches is dropped", logical.Quote(row.Action))
		a.Action = logical.ActionDrop
	}
	if row.Log {
		a.Log = &logical.ACLLog{Severity: nb.ACLSeverityInfo, Related: row.Options["log-related"] == "true" && row.Label != 0}
		if row.Options["log-related"] == "true" && row.Label == 0 {
			problem("options:log-related needs a label: replies and related packets are not logged")
		}
		if row.Severity != nil {
			a.Log.Severity = *row.Severity
		}
		if row.Meter != nil {
			a.Log.Meter = *row.Meter
		}
	}
	if row.SampleNew != nil || row.SampleEst != nil {
		problem("samples are not supported: no packet is sampled")
	}
	for _, key := range sortedKeys(row.Options) {
		if key != "apply-after-lb" && key != "log-related" {
			problem("options:%s is not known to Woven: it is ignored", logical.Quote(key))
		}
	}
	return a
}

// appendSets adds the names that follow a "$" in a match: all address sets that it mentions, and perhaps words in quotes.
func appendSets(sets []string, match string) []string {
	for {
		_, rest, found := strings.Cut(match, "$")
		if !found {
			return sets
		}
		end := strings.IndexFunc(rest, func(c rune) bool { return !isNamePart(c) })
		if end < 0 {
			end = len(rest)
		}
		if end > 0 {
			sets = append(sets, rest[:end])
		}
		match = rest[end:]
	}
}

// isNamePart: the characters of names in matches, ovn-sb(5) Logical_Flow match.
func isNamePart(c rune) bool {
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
