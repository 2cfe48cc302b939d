package agent

import (
	"slices"
	"strings"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// plug is one interface of the integration bridge and the device behind it.
type plug struct {
	iface *vsw.Interface
	link  hostnet.Link // zero while there is no such device
}

// present says whether the device exists.
func (p *plug) present() bool { return p.link.Index > 0 }

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
				plugs = append(plugs, plug{iface: iface, link: links[iface.Name]})
			}
		}
	}
	slices.SortFunc(plugs, func(a, b plug) int { return strings.Compare(a.iface.Name, b.iface.Name) })
	return plugs
}
