package agent

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

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
		if !unread(ours[name].Binding, rows) {
			ops = append(ops, claimOps(ours[name], self.UUID, live[name])...)
		}
	}
	return append(ops, releaseOps(rows, self, ours)...)
}

// claimOps binds one port, on condition that nobody has taken it since it was read.
func claimOps(c claim, chassis string, live bool) []ovsdb.Op {
	b := c.Binding
	bound := value(b.Chassis) == chassis
	if !live && !bound {
		return nil
	}
	var columns []string
	if !bound {
		columns = append(columns, "chassis")
	}
	if !equal(b.Encap, c.encap) {
		columns = append(columns, "encap")
	}
	if !equal(b.Up, &live) {
		columns = append(columns, "up")
	}
	ops := update(&sb.PortBinding{UUID: b.UUID, Chassis: &chassis, Encap: c.encap, Up: &live}, columns)
	for i := range ops {
		ops[i].If = ifBoundAs(b)
	}
	return ops
}

// releaseOps gives back every port that is bound to us and that we don't carry out.
func releaseOps(rows *sb.Rows, self *sb.Chassis, keep map[string]claim) []ovsdb.Op {
	var ops []ovsdb.Op
	down := false
	for _, b := range rows.PortBinding {
		if value(b.Chassis) != self.UUID || keep[b.LogicalPort].Binding == b {
			continue
		}
		ops = append(ops, ovsdb.Op{
			Kind: ovsdb.Update, Columns: []string{"chassis", "encap", "up"}, If: ifBoundAs(b),
			Row: &sb.PortBinding{UUID: b.UUID, Up: &down},
		})
	}
	slices.SortFunc(ops, func(x, y ovsdb.Op) int {
		return cmp.Compare(x.Row.(*sb.PortBinding).UUID, y.Row.(*sb.PortBinding).UUID)
	})
	return ops
}

// ifBoundAs is the condition that a binding's chassis is still as it was read.
func ifBoundAs(b *sb.PortBinding) *ovsdb.IfRow {
	return &ovsdb.IfRow{Row: b, Columns: []string{"chassis"}}
}

// installedOps tells the plugging client by Interface.external_ids that its port works: it is live, ours and up. live as in bindingOps.
func installedOps(plugs []plug, self *sb.Chassis, c claims, live map[string]bool, now time.Time) []ovsdb.Op {
	up := map[string]bool{} // by Interface UUID
	for name, claim := range c.ours {
		up[claim.Interface.UUID] = live[name] && self != nil &&
			value(claim.Binding.Chassis) == self.UUID && value(claim.Binding.Up)
	}
	lost := map[string]string{}
	for id, chassis := range c.lost {
		lost[id.iface] = id.mark(chassis)
	}
	var ops []ovsdb.Op
	for i := range plugs {
		iface := plugs[i].iface
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
