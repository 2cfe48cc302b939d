package agent

import (
	"cmp"
	"slices"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// binder writes one claim to its Port_Binding, on condition that nobody has changed where the port is since it was read.
type binder struct {
	rows  *sb.Rows
	self  *sb.Chassis
	claim claim
	live  bool
}

func (b *binder) ops() []ovsdb.Op {
	switch b.claim.Role {
	case ingest.Main:
		return b.mainOps()
	case ingest.Additional:
		return b.additionalOps()
	}
	return nil // bound nowhere
}

// mainOps binds the port to this chassis.
func (b *binder) mainOps() []ovsdb.Op {
	have := b.claim.Binding
	bound := value(have.Chassis) == b.self.UUID
	if !b.live && !bound {
		return nil
	}
	want := &sb.PortBinding{UUID: have.UUID, Chassis: &b.self.UUID, Encap: b.claim.encap, Up: &b.live}
	var columns []string
	if !bound {
		columns = append(columns, "chassis")
	}
	if !equal(have.Encap, want.Encap) {
		columns = append(columns, "encap")
	}
	if !equal(have.Up, want.Up) {
		columns = append(columns, "up")
	}
	if b.claim.virtual && value(have.VirtualParent) != b.claim.Parent {
		want.VirtualParent = &b.claim.Parent
		columns = append(columns, "virtual_parent")
	}
	columns = append(columns, b.setAdditional(want, false)...)
	return onCondition(update(want, columns), have)
}

// additionalOps makes this chassis one of the port's additional ones.
func (b *binder) additionalOps() []ovsdb.Op {
	have := b.claim.Binding
	if !b.live && !slices.Contains(have.AdditionalChassis, b.self.UUID) {
		return nil
	}
	want := &sb.PortBinding{UUID: have.UUID}
	columns := b.setAdditional(want, true)
	if value(have.Chassis) == b.self.UUID {
		columns = append(columns, "chassis")
	}
	return onCondition(update(want, columns), have)
}

// setAdditional fills in the columns additional_chassis and additional_encap with or without us and returns those that change.
func (b *binder) setAdditional(want *sb.PortBinding, with bool) (columns []string) {
	have := b.claim.Binding
	want.AdditionalChassis, want.AdditionalEncap = withoutUs(b.rows, b.self, have)
	if with {
		want.AdditionalChassis = append(want.AdditionalChassis, b.self.UUID)
		if b.claim.encap != nil {
			want.AdditionalEncap = append(want.AdditionalEncap, *b.claim.encap)
		}
	}
	if !sameSet(have.AdditionalChassis, want.AdditionalChassis) {
		columns = append(columns, "additional_chassis")
	}
	if !sameSet(have.AdditionalEncap, want.AdditionalEncap) {
		columns = append(columns, "additional_encap")
	}
	return columns
}

// withoutUs are a binding's additional chassis and encapsulations that are not ours.
func withoutUs(rows *sb.Rows, self *sb.Chassis, b *sb.PortBinding) (chassis, encaps []string) {
	for _, uuid := range b.AdditionalChassis {
		if uuid != self.UUID {
			chassis = append(chassis, uuid)
		}
	}
	for _, uuid := range b.AdditionalEncap {
		if e := rows.Encap[uuid]; e == nil || e.ChassisName != self.Name {
			encaps = append(encaps, uuid)
		}
	}
	return chassis, encaps
}

// releaseOps gives back every port that is bound to us and that we don't carry out.
func releaseOps(rows *sb.Rows, self *sb.Chassis, keep map[string]claim) []ovsdb.Op {
	var ops []ovsdb.Op
	down := false
	for _, have := range rows.PortBinding {
		main, additional := value(have.Chassis) == self.UUID, slices.Contains(have.AdditionalChassis, self.UUID)
		if !main && !additional {
			continue
		}
		if kept := keep[have.LogicalPort]; kept.Binding == have && kept.Role != ingest.Everywhere {
			continue
		}
		want := &sb.PortBinding{UUID: have.UUID, Up: &down}
		var columns []string
		if main {
			columns = append(columns, "chassis", "encap", "up")
			if have.VirtualParent != nil {
				columns = append(columns, "virtual_parent")
			}
		}
		if additional {
			b := binder{rows: rows, self: self, claim: claim{Plug: ingest.Plug{Binding: have}}}
			columns = append(columns, b.setAdditional(want, false)...)
		}
		ops = append(ops, onCondition(update(want, columns), have)...)
	}
	slices.SortFunc(ops, func(x, y ovsdb.Op) int {
		return cmp.Compare(x.Row.(*sb.PortBinding).UUID, y.Row.(*sb.PortBinding).UUID)
	})
	return ops
}

// onCondition has the operations done only where the port still is where it was when its row was read: what we write of
// additional_chassis stands for the other chassis too.
func onCondition(ops []ovsdb.Op, have *sb.PortBinding) []ovsdb.Op {
	for i := range ops {
		columns := []string{"chassis"}
		for _, column := range []string{"additional_chassis", "additional_encap"} {
			if slices.Contains(ops[i].Columns, column) {
				columns = append(columns, column)
			}
		}
		ops[i].If = &ovsdb.IfRow{Row: have, Columns: columns}
	}
	return ops
}
