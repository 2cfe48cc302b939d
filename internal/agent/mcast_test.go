package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/slowpath"
)

func TestSnoopedSwitches(t *testing.T) {
	modules := map[string]*netstate.Module{"dp": {ID: "dp", Name: "sw0", Ports: []netstate.Port{
		{Key: 1, Device: &netstate.Device{Ifindex: 11}}, {Key: 2, Nodes: []string{"hv2"}}, {Key: 3, Tag: 7, Device: &netstate.Device{Ifindex: 11}}}}}
	ports := map[uint16]slowpath.Port{1: {Ifindex: 11}, 3: {Ifindex: 11, Tag: 7}}
	for _, tt := range []struct {
		name    string
		row     sb.IPMulticast
		want    map[string]slowpath.Switch
		problem string
	}{
		{"defaults", sb.IPMulticast{Enabled: ptr(true)}, map[string]slowpath.Switch{"dp": {Idle: 300 * time.Second, Size: 2048, Ports: ports}}, ""},
		{"off", sb.IPMulticast{Enabled: ptr(false)}, map[string]slowpath.Switch{}, ""},
		{"not here", sb.IPMulticast{Datapath: "other", Enabled: ptr(true)}, map[string]slowpath.Switch{}, ""},
		{"all settings", sb.IPMulticast{Enabled: ptr(true), IdleTimeout: ptr(60), TableSize: ptr(5), SeqNo: 3, Querier: ptr(true),
			QueryInterval: ptr(20), QueryMaxResp: ptr(2), EthSrc: "02:00:00:00:00:01", Ip4Src: "10.0.0.1", Ip6Src: "fe80::1"},
			map[string]slowpath.Switch{"dp": {Idle: 60 * time.Second, Size: 5, Flush: 3, Ports: ports, Querier: &slowpath.Querier{Interval: 20 * time.Second,
				MaxResponse: 2 * time.Second, MAC: [6]byte{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("10.0.0.1"), IP6: netip.MustParseAddr("fe80::1")}}}, ""},
		{"garbage", sb.IPMulticast{Enabled: ptr(true), Querier: ptr(true), EthSrc: "02:00:00:00:00:01", Ip4Src: "fd00::1"},
			map[string]slowpath.Switch{"dp": {Idle: 300 * time.Second, Size: 2048, Ports: ports}}, "no addresses of a querier"},
		{"no MAC address", sb.IPMulticast{Enabled: ptr(true), Querier: ptr(true)},
			map[string]slowpath.Switch{"dp": {Idle: 300 * time.Second, Size: 2048, Ports: ports}}, "no addresses of a querier"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.row.Datapath == "" {
				tt.row.Datapath = "dp"
			}
			var problems logical.Problems
			got := snoopedSwitches(&sb.Rows{IPMulticast: map[string]*sb.IPMulticast{"r": &tt.row}}, modules, &problems)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if found := fmt.Sprint(problems); !strings.Contains(found, tt.problem) || (tt.problem == "") != (len(problems) == 0) {
				t.Errorf("problems: %v", problems)
			}
		})
	}
}

func TestIGMPRows(t *testing.T) {
	me, other := &sb.Chassis{UUID: "me", Name: "hv1"}, ptr("other")
	row := func(uuid, address string, chassis *string, ports ...string) *sb.IGMPEntry {
		return &sb.IGMPEntry{UUID: uuid, Address: address, Chassis: chassis, Datapath: ptr("dp"), Ports: ports}
	}
	rows := &sb.Rows{IGMPGroup: map[string]*sb.IGMPEntry{
		"same":    row("same", "239.1.1.1", &me.UUID, "p2", "p1"),
		"joined":  row("joined", "239.1.1.2", &me.UUID, "p1"),
		"left":    row("left", "239.1.1.3", &me.UUID, "p1"),
		"foreign": row("foreign", "239.1.1.4", other, "p9"),
		"garbage": row("garbage", "junk", &me.UUID, "p1"),
		"routers": row("routers", "mrouters", &me.UUID, "p1"),
	}, PortBinding: map[string]*sb.PortBinding{"p1": {UUID: "p1", Datapath: "dp", TunnelKey: 1}, "p2": {UUID: "p2", Datapath: "dp", TunnelKey: 2}}}
	ports := map[portKey]string{{"dp", 1}: "p1", {"dp", 2}: "p2"}
	groups := []slowpath.Group{
		{Module: "dp", Addr: slowpath.MulticastRouters, Ports: []uint16{2}},
		{Module: "dp", Addr: netip.MustParseAddr("239.1.1.1"), Protocol: slowpath.IGMPv3, Ports: []uint16{1, 2}},
		{Module: "dp", Addr: netip.MustParseAddr("239.1.1.2"), Protocol: slowpath.IGMPv3, Ports: []uint16{1, 2, 3}},
		{Module: "dp", Addr: netip.MustParseAddr("ff05::4"), Protocol: slowpath.MLDv2, Ports: []uint16{2}},
	}
	var got []string
	for _, p := range igmpPieces(rows, me, ports, groups) {
		r := p.ops[0].Row.(*sb.IGMPEntry)
		got = append(got, fmt.Sprintf("%s %s%s %v", p.ops[0].Kind, r.UUID, r.Address, r.Ports))
	}
	want := []string{"update joined239.1.1.2 [p1 p2]", "delete left239.1.1.3 [p1]", "insert ff05::4 [p2]", "delete garbagejunk [p1]", "update routersmrouters [p2]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	var restored []string
	for _, g := range igmpGroups(rows, "me") {
		slices.Sort(g.Ports)
		restored = append(restored, fmt.Sprint(g.Module, g.Addr, g.Ports))
	}
	slices.Sort(restored)
	if diff := cmp.Diff([]string{"dp239.1.1.1 [1 2]", "dp239.1.1.2 [1]", "dp239.1.1.3 [1]", "dpinvalid IP [1]"}, restored); diff != "" {
		t.Errorf("restored: -want +got:\n%s", diff)
	}
}
