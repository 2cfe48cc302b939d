package agent

import (
	"slices"
	"strings"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// plug is one interface of the integration bridge and the device behind it.
type plug struct {
	iface  *vsw.Interface
	bridge string
	// link is the device that the interface names, device the one that the switch has of it; both are zero while there is none. They
	// differ for an internal interface, whose link is not known where the host has moved it to another namespace.
	link, device hostnet.Link
}

// isInternal says whether the interface's device is one that the switch makes for the host; the bridge's own is not used.
func (p *plug) isInternal() bool { return p.iface.Type == internalType && p.iface.Name != p.bridge }

// findDevices looks up the devices behind the interface.
func (p *plug) findDevices(links map[string]hostnet.Link) {
	p.link = links[p.iface.Name]
	if p.device = p.link; !p.isInternal() {
		return
	}
	p.device = links[internalPeer(p.iface)]
	if p.link.Parent != p.device.Index {
		p.link = hostnet.Link{}
	}
}

// present says whether the device exists.
func (p *plug) present() bool { return p.device.Index > 0 }

// findBridge returns the bridge of that name, or nil.
func findBridge(rows *vsw.Rows, name string) *vsw.Bridge {
	for _, b := range rows.Bridge {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// findRoot returns the one row of table Open_vSwitch, or nil.
func findRoot(rows *vsw.Rows) *vsw.OpenvSwitch {
	for _, r := range rows.OpenvSwitch {
		return r
	}
	return nil
}

// plugsOf lists the interfaces of a bridge in ascending order of name.
func plugsOf(rows *vsw.Rows, bridge *vsw.Bridge, links map[string]hostnet.Link) []plug {
	if bridge == nil {
		return nil
	}
	var plugs []plug
	for _, portUUID := range bridge.Ports {
		port := rows.Port[portUUID]
		if port == nil {
			continue
		}
		for _, ifaceUUID := range port.Interfaces {
			if iface := rows.Interface[ifaceUUID]; iface != nil {
				p := plug{iface: iface, bridge: bridge.Name}
				p.findDevices(links)
				plugs = append(plugs, p)
			}
		}
	}
	slices.SortFunc(plugs, func(a, b plug) int { return strings.Compare(a.iface.Name, b.iface.Name) })
	return plugs
}
