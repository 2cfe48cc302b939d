package agent

import (
	"fmt"
	"slices"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// localOfport is the OpenFlow port number of a bridge's own device (OFPP_LOCAL).
const localOfport = 65534

// maxOfport is the largest number of an ordinary port: the schema's bound of ofport_request.
const maxOfport = 65279

// vswitchdOps are ovs-vswitchd's duties in the local database, as one transaction: the bridge exists, its interfaces
// show their devices, and cur_cfg tells ovs-vsctl that its request was carried out. interfaces is what interfacesOps gives for the bridge.
func vswitchdOps(rows *vsw.Rows, bridgeName string, links map[string]hostnet.Link, interfaces []ovsdb.Op) []ovsdb.Op {
	root := findRoot(rows)
	bridge := findBridge(rows, bridgeName)
	if root == nil || bridge == nil {
		return createBridgeOps(root, bridgeName)
	}
	return slices.Concat(bridgeOps(bridge, links[bridgeName]), interfaces, rootOps(root))
}

// createBridgeOps inserts the bridge, and the Open_vSwitch row where that is missing too.
func createBridgeOps(root *vsw.OpenvSwitch, name string) []ovsdb.Op {
	secure := vsw.BridgeFailModeSecure
	ops := []ovsdb.Op{
		{Kind: ovsdb.Insert, Row: &vsw.Interface{UUID: "woven_interface", Name: name, Type: "internal"}},
		{Kind: ovsdb.Insert, Row: &vsw.Port{UUID: "woven_port", Name: name, Interfaces: []string{"woven_interface"}}},
		{Kind: ovsdb.Insert, Row: &vsw.Bridge{
			UUID: "woven_bridge", Name: name, FailMode: &secure, DatapathType: "system", Ports: []string{"woven_port"}}},
	}
	if root == nil {
		return append(ops, ovsdb.Op{Kind: ovsdb.Insert, Row: &vsw.OpenvSwitch{Bridges: []string{"woven_bridge"}}})
	}
	return append(ops, ovsdb.Op{
		Kind: ovsdb.Update, Columns: []string{"bridges"},
		Row: &vsw.OpenvSwitch{UUID: root.UUID, Bridges: append(slices.Clone(root.Bridges), "woven_bridge")},
		If:  &ovsdb.IfRow{Row: root, Columns: []string{"bridges"}},
	})
}

// rootOps advertises what this node can do and answers the request counter.
func rootOps(root *vsw.OpenvSwitch) []ovsdb.Op {
	want := &vsw.OpenvSwitch{UUID: root.UUID, CurCfg: root.NextCfg, IfaceTypes: ifaceTypes, DatapathTypes: []string{"system"}}
	var columns []string
	if root.CurCfg != want.CurCfg {
		columns = append(columns, "cur_cfg")
	}
	if !sameSet(root.IfaceTypes, want.IfaceTypes) {
		columns = append(columns, "iface_types")
	}
	if !sameSet(root.DatapathTypes, want.DatapathTypes) {
		columns = append(columns, "datapath_types")
	}
	return update(want, columns)
}

// bridgeOps fills datapath_id: 16 hex digits made of the bridge's MAC address.
func bridgeOps(bridge *vsw.Bridge, device hostnet.Link) []ovsdb.Op {
	if bridge.DatapathID != nil || device.Index == 0 {
		return nil
	}
	id := fmt.Sprintf("0000%x", device.MAC)
	return update(&vsw.Bridge{UUID: bridge.UUID, DatapathID: &id}, []string{"datapath_id"})
}

// ofports gives every plug its OpenFlow port number: -1 without a device, else the one that the row has, else the requested one,
// else the lowest free. Numbers are unique.
func ofports(plugs []plug, bridge string) []int {
	numbers := make([]int, len(plugs))
	taken := map[int]bool{}
	grant := func(i, n int) {
		if numbers[i] == 0 && n > 0 && n <= maxOfport && !taken[n] {
			numbers[i], taken[n] = n, true
		}
	}
	for i := range plugs {
		switch {
		case plugError(&plugs[i]) != "":
			numbers[i] = -1
		case plugs[i].iface.Name == bridge:
			numbers[i] = localOfport
		default:
			grant(i, value(plugs[i].iface.Ofport))
		}
	}
	for i := range plugs {
		grant(i, value(plugs[i].iface.OfportRequest))
	}
	for i, next := 0, 1; i < len(plugs); i++ {
		for numbers[i] == 0 && next <= maxOfport {
			grant(i, next)
			next++
		}
		if numbers[i] == 0 {
			numbers[i] = -1
		}
	}
	return numbers
}

// plugError says in ovs-vswitchd's words why an interface can't be used; "": it can.
func plugError(p *plug) string {
	switch {
	case p.iface.Type != "" && !slices.Contains(ifaceTypes, p.iface.Type):
		return fmt.Sprintf("could not add network device %s: interface type %s is not supported by Woven", p.iface.Name, p.iface.Type)
	case !p.present():
		return fmt.Sprintf("could not open network device %s (No such device)", p.iface.Name)
	}
	return ""
}

// interfacesOps are those of all interfaces of a bridge.
func interfacesOps(plugs []plug, bridge string) []ovsdb.Op {
	var ops []ovsdb.Op
	for i, number := range ofports(plugs, bridge) {
		ops = append(ops, interfaceOps(&plugs[i], number)...)
	}
	return ops
}

// interfaceOps makes an Interface row show its device.
func interfaceOps(p *plug, ofport int) []ovsdb.Op {
	want := &vsw.Interface{UUID: p.iface.UUID, Ofport: &ofport}
	if text := plugError(p); text != "" {
		want.Error = &text
	} else {
		fillFromLinks(want, p)
	}
	have := p.iface
	var columns []string
	differ := func(column string, same bool) {
		if !same {
			columns = append(columns, column)
		}
	}
	differ("ofport", equal(have.Ofport, want.Ofport))
	differ("error", equal(have.Error, want.Error))
	differ("ifindex", equal(have.Ifindex, want.Ifindex))
	differ("mac_in_use", equal(have.MACInUse, want.MACInUse))
	differ("mtu", equal(have.MTU, want.MTU))
	differ("admin_state", equal(have.AdminState, want.AdminState))
	differ("link_state", equal(have.LinkState, want.LinkState))
	differ("link_speed", equal(have.LinkSpeed, want.LinkSpeed))
	if want.Error != nil && !equal(have.Error, want.Error) {
		columns = append(columns, "statistics") // those of the device that was
	}
	return update(want, columns)
}

// fillFromLinks shows what is known of a device that is there.
func fillFromLinks(row *vsw.Interface, p *plug) {
	link := &p.link
	if link.Index == 0 { // in another namespace: the switch's end knows its ifindex, and nobody its address
		link = &p.device
		row.Ifindex, row.MACInUse = &link.Parent, p.iface.MACInUse
	} else {
		mac := fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", link.MAC[0], link.MAC[1], link.MAC[2], link.MAC[3], link.MAC[4], link.MAC[5])
		row.Ifindex, row.MACInUse = &link.Index, &mac
	}
	admin, carrier := state(link.Up), state(link.Carrier)
	row.MTU, row.AdminState, row.LinkState = &link.MTU, &admin, &carrier
	if speed := int(link.Speed); speed > 0 {
		row.LinkSpeed = &speed
	}
}

// statisticsOps writes the interfaces' statistics, of which we keep no copy; counters are by ifindex.
func statisticsOps(plugs []plug, counters map[int]hostnet.Counters) []ovsdb.Op {
	var ops []ovsdb.Op
	for i := range plugs {
		p := &plugs[i]
		c, ok := counters[p.device.Index]
		if !ok || plugError(p) != "" {
			continue
		}
		s := map[string]int{
			"rx_packets": int(c.RxPackets), "rx_bytes": int(c.RxBytes), "rx_dropped": int(c.RxDropped), "rx_errors": int(c.RxErrors),
			"tx_packets": int(c.TxPackets), "tx_bytes": int(c.TxBytes), "tx_dropped": int(c.TxDropped), "tx_errors": int(c.TxErrors),
		}
		ops = append(ops, update(&vsw.Interface{UUID: p.iface.UUID, Statistics: s}, []string{"statistics"})...)
	}
	return ops
}

func state(up bool) string {
	if up {
		return "up"
	}
	return "down"
}
