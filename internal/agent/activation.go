package agent

import (
	"maps"
	"slices"
	"strings"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/modules/l2switch"
)

// Keys of Port_Binding.options, ovn-sb(5).
const (
	strategyKey  = "activation-strategy"
	activatedKey = "additional-chassis-activated"
)

// noteActivated looks which of our ports that wait for their workload after a migration have heard from it. The data plane
// lets those pass at once; here it is remembered, so that nothing shuts them again.
func (l *loop) noteActivated(r *round) {
	maps.DeleteFunc(l.activated, func(name string, _ bool) bool { return !waits(r.claims.ours[name]) })
	waiting := map[punt.Port]string{}
	for name, c := range r.claims.ours {
		if waits(c) && !l.activated[name] && !toldActivated(c.Binding, r.settings.Name) {
			waiting[punt.Port{Module: c.Binding.Datapath, Key: uint16(c.Binding.TunnelKey)}] = name
		}
	}
	if len(waiting) == 0 {
		return
	}
	rows, err := l.plane.ReadTable(l2switch.PortTable)
	if err != nil {
		r.problems.Add("data_plane", "activated ports", "%v", err)
		return
	}
	active, err := l2switch.ReadActive(rows)
	if err != nil {
		r.problems.Add("data_plane", "activated ports", "%v", err)
		return
	}
	for slot, passes := range active {
		if port, ok := l.plane.PortAt(slot); ok && passes && waiting[port] != "" {
			l.activated[waiting[port]] = true
		}
	}
}

// waits says whether a port is here with others, and closed at first.
func waits(c claim) bool {
	return c.Binding != nil && c.Role == ingest.Additional && c.Binding.Options[strategyKey] != ""
}

func toldActivated(b *sb.PortBinding, chassis string) bool {
	return slices.Contains(strings.Split(b.Options[activatedKey], ","), chassis)
}

// activationPieces tell the Southbound database that ports of ours have become active.
func activationPieces(ours map[string]claim, activated map[string]bool, chassis string) []piece {
	var pieces []piece
	for _, name := range slices.Sorted(maps.Keys(activated)) {
		b := ours[name].Binding
		if b == nil || toldActivated(b, chassis) {
			continue
		}
		list := chassis
		if before := b.Options[activatedKey]; before != "" {
			list = before + "," + chassis
		}
		pieces = append(pieces, piece{subject{"logical_switch_port", name + " activation"}, []ovsdb.Op{{
			Kind: ovsdb.Update, Row: &sb.PortBinding{UUID: b.UUID}, If: &ovsdb.IfRow{Row: b, Columns: []string{"options"}},
			SetKeys: map[string]map[string]string{"options": {activatedKey: list}},
		}}})
	}
	return pieces
}
