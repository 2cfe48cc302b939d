package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ovsdb/vsw"
)

var testLinks = map[string]hostnet.Link{
	"br-int": {Name: "br-int", Index: 5, MTU: 1500, Up: true, Carrier: true, MAC: [6]byte{2, 0, 0, 0, 0, 5}},
	"tap1":   {Name: "tap1", Index: 10, MTU: 1400, Up: true, MAC: [6]byte{0xfe, 0, 0, 0, 0, 1}, Speed: 1e7},
}

// localRows is a database with br-int and interfaces of it, each behind a port of its name.
func localRows(ifaces ...*vsw.Interface) *vsw.Rows {
	bridge := &vsw.Bridge{UUID: "b", Name: "br-int", DatapathID: ptr("0000020000000005")}
	rows := &vsw.Rows{
		OpenvSwitch: map[string]*vsw.OpenvSwitch{"o": {UUID: "o", Bridges: []string{"b"}, IfaceTypes: []string{"system", "internal"},
			DatapathTypes: []string{"system"}, NextCfg: 3, CurCfg: 3}},
		Bridge: map[string]*vsw.Bridge{"b": bridge}, Port: map[string]*vsw.Port{}, Interface: map[string]*vsw.Interface{},
	}
	for _, i := range ifaces {
		rows.Interface[i.UUID] = i
		rows.Port["port-"+i.UUID] = &vsw.Port{UUID: "port-" + i.UUID, Name: i.Name, Interfaces: []string{i.UUID}}
		bridge.Ports = append(bridge.Ports, "port-"+i.UUID)
	}
	return rows
}

// shown is the row of tap1 when it shows testLinks.
func shown() *vsw.Interface {
	return &vsw.Interface{UUID: "i1", Name: "tap1", Ofport: ptr(1), Ifindex: ptr(10), MTU: ptr(1400), MACInUse: ptr("fe:00:00:00:00:01"),
		AdminState: ptr("up"), LinkState: ptr("down"), LinkSpeed: ptr(10000000)}
}

func TestVswitchdOps(t *testing.T) {
	for _, c := range []struct {
		name string
		rows *vsw.Rows
		want string
	}{
		{"empty database", &vsw.Rows{}, `
			insert Interface woven_interface name=br-int type=internal
			insert Port woven_port interfaces=[woven_interface] name=br-int
			insert Bridge woven_bridge datapath_type=system fail_mode=secure name=br-int ports=[woven_port]
			insert OpenvSwitch bridges=[woven_bridge]`},
		{"another bridge is there", &vsw.Rows{OpenvSwitch: map[string]*vsw.OpenvSwitch{"o": {UUID: "o", Bridges: []string{"x"}}}}, `
			insert Interface woven_interface name=br-int type=internal
			insert Port woven_port interfaces=[woven_interface] name=br-int
			insert Bridge woven_bridge datapath_type=system fail_mode=secure name=br-int ports=[woven_port]
			update OpenvSwitch o bridges=[x woven_bridge] if bridges=[x]`},
		{"nothing to do", localRows(shown()), ``},
		{"a request to answer", func() *vsw.Rows {
			r := localRows(shown())
			r.OpenvSwitch["o"] = &vsw.OpenvSwitch{UUID: "o", NextCfg: 4, CurCfg: 3}
			r.Bridge["b"].DatapathID = nil
			return r
		}(), `
			update Bridge b datapath_id=0000020000000005
			update OpenvSwitch o cur_cfg=4 iface_types=[internal system] datapath_types=[system]`},
		{"new interfaces", localRows(&vsw.Interface{UUID: "i0", Name: "br-int", Type: "internal"}, &vsw.Interface{UUID: "i1", Name: "tap1"}), `
			update Interface i0 ofport=65534 ifindex=5 mac_in_use=02:00:00:00:00:05 mtu=1500 admin_state=up link_state=up
			update Interface i1 ofport=1 ifindex=10 mac_in_use=fe:00:00:00:00:01 mtu=1400 admin_state=up link_state=down link_speed=10000000`},
		{"no device", localRows(&vsw.Interface{UUID: "i2", Name: "tap2"}), `
			update Interface i2 ofport=-1 error=could not open network device tap2 (No such device) statistics=map[]`},
		{"the device has gone", localRows(func() *vsw.Interface { i := shown(); i.Name = "tap2"; return i }()), `
			update Interface i1 ofport=-1 error=could not open network device tap2 (No such device) ifindex=none mac_in_use=none mtu=none
				+ admin_state=none link_state=none link_speed=none statistics=map[]`},
		{"the device has come", localRows(&vsw.Interface{UUID: "i1", Name: "tap1", Ofport: ptr(-1), Error: ptr("could not open")}), `
			update Interface i1 ofport=1 error=none ifindex=10 mac_in_use=fe:00:00:00:00:01 mtu=1400 admin_state=up link_state=down link_speed=10000000`},
		{"a tunnel port of ovn-controller", localRows(&vsw.Interface{UUID: "i3", Name: "ovn-hv2-0", Type: "geneve"}), `
			update Interface i3 ofport=-1 error=could not add network device ovn-hv2-0: interface type geneve is not supported by Woven statistics=map[]`},
		{"dangling references", func() *vsw.Rows {
			r := localRows(shown())
			r.Bridge["b"].Ports = append(r.Bridge["b"].Ports, "gone")
			r.Port["port-i1"].Interfaces = append(r.Port["port-i1"].Interfaces, "gone")
			return r
		}(), ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			plugs := plugsOf(c.rows, findBridge(c.rows, "br-int"), testLinks)
			expectOps(t, vswitchdOps(c.rows, "br-int", testLinks, interfacesOps(plugs, "br-int")), c.want)
		})
	}
}

func TestOfports(t *testing.T) {
	iface := func(name string, have, requested int) plug {
		p := plug{iface: &vsw.Interface{Name: name}, device: hostnet.Link{Index: 1}}
		if have != 0 {
			p.iface.Ofport = &have
		}
		if requested != 0 {
			p.iface.OfportRequest = &requested
		}
		return p
	}
	missing := iface("m", 4, 0)
	missing.device.Index = 0
	got := ofports([]plug{
		iface("a", 0, 0), iface("b", 2, 0), iface("br-int", 7, 0), iface("c", 2, 0), missing, iface("d", -1, 9),
		iface("e", 0, 9), iface("f", 70000, 0), iface("g", 0, 2),
	}, "br-int")
	if diff := cmp.Diff([]int{1, 2, localOfport, 3, -1, 9, 4, 5, 6}, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestStatisticsOps(t *testing.T) {
	rows := localRows(shown(), &vsw.Interface{UUID: "i2", Name: "tap2"})
	plugs := plugsOf(rows, findBridge(rows, "br-int"), testLinks)
	expectOps(t, statisticsOps(plugs, map[int]hostnet.Counters{10: {RxPackets: 1, RxBytes: 2, TxDropped: 3}, 0: {RxBytes: 9}}), `
		update Interface i1 statistics=map[rx_bytes:2 rx_dropped:0 rx_errors:0 rx_packets:1 tx_bytes:0 tx_dropped:3 tx_errors:0 tx_packets:0]`)
}
