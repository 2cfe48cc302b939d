package agent

import (
	"slices"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/internal/slowpath/neigh"
)

// keepAnnouncements tells the announcer which ports of this node are in switches that a physical network of this node belongs to, as
// ovn-controller does it: those that are bound here, by all their addresses.
func (l *loop) keepAnnouncements(r *round, instances []hover.Instance) {
	ports, frames := map[punt.Port]slowpath.Announced{}, map[*logical.Port][][]byte{}
	for _, in := range instances {
		row := l.live.network.Switches[in.Module.ID]
		if row == nil || !bridged(row, r.settings.BridgeMappings) {
			continue
		}
		for _, p := range row.Ports {
			slot, here := in.Ports[p.Key]
			if !here || p.Type != "" || !p.Enabled || p.Chassis != r.settings.Name || len(p.Addresses) == 0 {
				continue
			}
			if frames[p] = l.announcements[p]; frames[p] == nil {
				frames[p] = announcementsOf(p)
			}
			ports[punt.Port{Module: in.Module.ID, Key: p.Key}] = slowpath.Announced{Slot: in.Slot, Port: slot, Frames: frames[p]}
		}
	}
	l.announcements = frames
	l.announcer.Configure(l.relay(), r.settings.AnnouncePause, ports)
}

// bridged says whether a switch has a localnet port to a network that a bridge of this node leads to.
func bridged(sw *logical.Switch, mappings map[string]string) bool {
	return slices.ContainsFunc(sw.Ports, func(p *logical.Port) bool { return p.Network != "" && mappings[p.Network] != "" })
}

// announcementsOf are the frames by which a port's owner would make itself known.
func announcementsOf(p *logical.Port) [][]byte {
	var frames [][]byte
	for _, a := range p.Addresses {
		frames = append(frames, neigh.Announce(a.MAC, addressesOf(a))...)
	}
	return frames
}
