package hover

import (
	"maps"
	"slices"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
)

// divisible is a configuration of many entries: where few of them change, few rows are made.
type divisible interface {
	// Part reduces two configurations to what differs between them and to what names one of some ports, and adds to these the ports that
	// differ. Rows that the kind's Entries makes of the whole, but not of either part, are the same for both.
	Part(have any, ports map[uint16]bool) (before, after any, ok bool)
}

// part reduces a module before and after a change to what differs. It is not ok when all is to be compared, as a row besides may differ.
func part(was, now place) (before, after place, ok bool) {
	config, divides := now.module.Config.(divisible)
	change, few := netstate.ChangeOf(was.module, now.module)
	if !divides || !few || was.inst.Slot != now.inst.Slot || !distinct(was.module) || !distinct(now.module) {
		return before, after, false
	}
	moved := movedPorts(was, now)
	if len(now.module.Services) > 0 && len(moved) > 0 { // their rows may depend on ports
		return before, after, false
	}
	maps.Copy(change.Ports, moved)
	if len(moved) > 0 { // members are ways to ports
		for _, g := range slices.Concat(was.module.Groups, now.module.Groups) {
			change.Groups[g.Key] = true
		}
	}
	old, next, ok := config.Part(was.module.Config, change.Ports)
	return was.reduce(change, old), now.reduce(change, next), ok
}

// distinct says that no two ports of a module are on one device with one tag, and no two groups have one key: of both only one has a row.
func distinct(m *netstate.Module) bool {
	type binding struct {
		ifindex int
		tag     uint16
	}
	bound, groups := map[binding]bool{}, map[uint16]bool{}
	for _, p := range m.Ports {
		if p.Device == nil {
			continue
		}
		b := binding{p.Device.Ifindex, p.Tag}
		if bound[b] {
			return false
		}
		bound[b] = true
	}
	for _, g := range m.Groups {
		if groups[g.Key] {
			return false
		}
		groups[g.Key] = true
	}
	return true
}

// movedPorts are the keys of ports that are reached in another way than before.
func movedPorts(was, now place) map[uint16]bool {
	moved := map[uint16]bool{}
	for key, refs := range now.places {
		if before, ok := was.places[key]; !ok || !slices.Equal(before, refs) || was.peers[key] != now.peers[key] {
			moved[key] = true
		}
	}
	for key := range was.places {
		if _, ok := now.places[key]; !ok {
			moved[key] = true
		}
	}
	return moved
}

// reduce leaves the ports and groups of a change; of services, which have not changed, nothing.
func (p place) reduce(change netstate.Change, config any) place {
	m := *p.module
	m.Config = config
	m.Ports, m.Groups = nil, nil
	for _, port := range p.module.Ports {
		if change.Ports[port.Key] {
			m.Ports = append(m.Ports, port)
		}
	}
	for _, g := range p.module.Groups {
		if change.Groups[g.Key] {
			m.Groups = append(m.Groups, g)
		}
	}
	p.module, p.inst.Config, p.withoutServices = &m, config, true
	local := map[uint16]uint32{}
	for key := range change.Ports {
		if slot, ok := p.inst.Local[key]; ok {
			local[key] = slot
		}
	}
	p.inst.Local = local
	return p
}

// changeModule writes what differs between a module as it was carried out last and as it is to be.
func (h *Hover) changeModule(was, now place) error {
	owner := moduleOwner(now.module.ID)
	before, after, ok := part(was, now)
	if !ok {
		return h.writeModule(now)
	}
	old, err := h.numbers.rows(before, h.cfg.Kinds, h.kinds, nil)
	if err != nil {
		return err
	}
	want, err := h.numbers.rows(after, h.cfg.Kinds, h.kinds, nil)
	if err != nil {
		return err
	}
	if !h.tables.had[owner].has(want.Order) {
		return h.writeModule(now)
	}
	return h.tables.change(owner, old, want)
}

// writeModule makes all rows of a module, and writes those that differ.
func (h *Hover) writeModule(p place) error {
	owner := moduleOwner(p.module.ID)
	rows, err := h.numbers.rows(p, h.cfg.Kinds, h.kinds, h.tables.had[owner].rows)
	if err != nil {
		return err
	}
	return h.tables.set(owner, rows)
}

// has says whether the owner's rows are known, and it has some in each of these tables or might have.
func (h holding) has(tables []string) bool {
	return !h.torn && !slices.ContainsFunc(tables, func(name string) bool { return !slices.Contains(h.order, name) })
}

// change is set for a part of what an owner is given: old is that part of the rows that it was given last, want what it is to be. The rest
// stays as it is.
func (t *tables) change(owner string, old, want *iom.Tables) error {
	diff, err := t.differences(owner, want)
	if err != nil {
		return err
	}
	next := holding{order: t.had[owner].order, rows: maps.Clone(t.had[owner].rows)}
	t.had[owner] = holding{order: next.order, torn: true}
	for _, name := range want.Order {
		if err := t.put(owner, name, want.Rows[name], diff[name]); err != nil {
			return err
		}
		next.rows[name] += len(want.Rows[name])
	}
	for _, name := range slices.Backward(old.Order) {
		var gone []string
		for key := range old.Rows[name] {
			if _, keep := want.Rows[name][key]; !keep && t.rows[name][key].owner == owner {
				gone = append(gone, key)
			}
		}
		if err := t.del(name, gone); err != nil {
			return err
		}
		next.rows[name] -= len(old.Rows[name])
	}
	t.had[owner] = next
	return nil
}
