package agent

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// bindingOps writes the outcome of claims to Port_Binding. live are the logical ports that the data plane carries now; a port that
// it can't carry is not brought up, and not taken from where it is.
func bindingOps(rows *sb.Rows, self *sb.Chassis, ours map[string]claim, live map[string]bool) []ovsdb.Op {
	if self == nil {
		return nil
	}
	var ops []ovsdb.Op
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		c := ours[name]
		if unread(c.Binding, rows) {
			continue
		}
		b := binder{rows: rows, self: self, claim: c, live: (c.virtual || live[name]) && (c.Parent == "" || live[c.Parent])}
		ops = append(ops, b.ops()...)
	}
	return append(ops, releaseOps(rows, self, ours)...)
}

// installedOps tells the plugging client by Interface.external_ids that its port works: it is live, and bound to us. live as in bindingOps.
func installedOps(plugs []plug, self *sb.Chassis, c claims, live map[string]bool, now time.Time) []ovsdb.Op {
	up := map[string]bool{} // by Interface UUID
	for name, claim := range c.ours {
		if claim.Parent == "" {
			up[claim.Interface.UUID] = live[name] && self != nil && isBound(&claim, self.UUID)
		}
	}
	lost := map[string]string{}
	for id, chassis := range c.lost {
		lost[id.iface] = id.mark(chassis)
	}
	var ops []ovsdb.Op
	for i := range plugs {
		iface := plugs[i].iface
		ids := iface.ExternalIDs
		if installed := ids[installedKey] == "true" && ids[installedTSKey] != ""; installed && up[iface.UUID] && lost[iface.UUID] == "" && ids[lostKey] == "" {
			continue // most of them
		}
		want := map[string]string{lostKey: lost[iface.UUID], installedKey: "", installedTSKey: ""}
		if up[iface.UUID] {
			want[installedKey], want[installedTSKey] = "true", strconv.FormatInt(now.UnixMilli(), 10)
			if iface.ExternalIDs[installedKey] == "true" {
				want[installedTSKey] = iface.ExternalIDs[installedTSKey]
			}
		}
		ops = append(ops, keysOps(iface, want)...)
	}
	return ops
}

// isBound says whether the Southbound database shows a claim. A port that is everywhere is never bound, nor installed, as with ovn-controller.
func isBound(c *claim, self string) bool {
	switch c.Role {
	case ingest.Main:
		return value(c.Binding.Chassis) == self && value(c.Binding.Up)
	case ingest.Additional:
		return slices.Contains(c.Binding.AdditionalChassis, self)
	}
	return false
}

// forgetOps removes what installedOps wrote.
func forgetOps(plugs []plug) []ovsdb.Op {
	var ops []ovsdb.Op
	for i := range plugs {
		ops = append(ops, keysOps(plugs[i].iface, map[string]string{lostKey: "", installedKey: "", installedTSKey: ""})...)
	}
	return ops
}

// keysOps makes keys of an interface's external_ids as wanted; "": absent.
func keysOps(iface *vsw.Interface, want map[string]string) []ovsdb.Op {
	set, del := map[string]string{}, []string(nil)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		switch have, ok := iface.ExternalIDs[key]; {
		case want[key] == "" && ok:
			del = append(del, key)
		case want[key] != "" && have != want[key]:
			set[key] = want[key]
		}
	}
	if len(set)+len(del) == 0 {
		return nil
	}
	op := ovsdb.Op{Kind: ovsdb.Update, Row: &vsw.Interface{UUID: iface.UUID}}
	if len(set) > 0 {
		op.SetKeys = map[string]map[string]string{"external_ids": set}
	}
	if len(del) > 0 {
		op.DelKeys = map[string][]string{"external_ids": del}
	}
	return []ovsdb.Op{op}
}
