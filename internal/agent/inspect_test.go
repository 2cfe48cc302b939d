package agent

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
)

// inspectedPlane is a countingPlane with types, tables and hooks. The port "a" of its switch is on tap-ok and being migrated, "b" is on hv2.
type inspectedPlane struct{ countingPlane }

func (p *inspectedPlane) Instances() []hover.Instance {
	list := p.countingPlane.Instances()
	list[1].Module.Ports = []netstate.Port{
		{Name: "a", Key: 1, Tag: 5, Device: &netstate.Device{Name: "tap-ok", Ifindex: 1}, Nodes: []string{"hv2"}},
		{Name: "b", Key: 2, Nodes: []string{"hv2", "hv9"}},
		{Name: "c", Key: 3},
		{Name: "d", Key: 4, Device: &netstate.Device{Name: "tap-gone", Ifindex: 99}},
		{Name: "e", Key: 5, Peer: &netstate.Link{Module: "r", Key: 2}},
		{Name: "f", Key: 6, Peer: &netstate.Link{Module: "none", Key: 2}},
	}
	list[0].Module.Ports = []netstate.Port{{Name: "g", Key: 1, Peer: &netstate.Link{Module: "r", Key: 1}}}
	return append(list, hover.Instance{Slot: 8, Ports: map[uint16]uint32{2: 12}, Module: &netstate.Module{ID: "r", Name: "r0", Key: 3, Kind: "router",
		Ports: []netstate.Port{{Name: "lrp", Key: 2, Peer: &netstate.Link{Module: "dp", Key: 5}}}}})
}

func (p *inspectedPlane) Types() []hover.Type {
	return []hover.Type{{Name: "l2switch", Programs: []string{"l2switch_in"}, Tables: []hover.TableType{{Name: "l2switch_fdbs", Kind: "Hash", MaxEntries: 3, Key: "k", Value: "v"}},
		Drops: []iom.Member{{Name: "no_port", Text: "no such port"}}}}
}

func (p *inspectedPlane) Tables(module string) ([]hover.Table, error) {
	if module != "dp" {
		return nil, hover.ErrUnknown
	}
	return []hover.Table{{TableType: p.Types()[0].Tables[0], Rows: 2}}, nil
}

func (p *inspectedPlane) Rows(module, _ string, limit int) ([]hover.TableRow, bool, error) {
	if module != "dp" {
		return nil, false, hover.ErrUnknown
	}
	row := hover.TableRow{Key: iom.Fields{{Name: "z", Value: uint64(1 << 63)}, {Name: "a", Value: "x\"y"}}, Value: uint64(7)}
	return []hover.TableRow{row, row}[:limit], limit < 2, nil
}

func (p *inspectedPlane) Hooks() []hover.Hook {
	return []hover.Hook{{Ifindex: 1, Program: "vif_in"}, {Ifindex: 1, Egress: true, Program: "vif_out"}, {Ifindex: 9, Program: "underlay_in"}, {Ifindex: 77}}
}

func inspectedSource(err error) *Source {
	plane := &inspectedPlane{countingPlane{err: err}}
	s := testSource(&plane.countingPlane)
	s.loop.plane = plane
	v := *s.loop.published.Load()
	v.links["eth0"] = hostnet.Link{Name: "eth0", Index: 9, Kind: "device", MTU: 1500, Up: true, MAC: [6]byte{2, 0, 0, 0, 0, 9}}
	s.loop.published.Store(&v)
	return s
}

var (
	onePort  = v1.Counters{RxPackets: 1, RxBytes: 2, TxPackets: 3, TxBytes: 4}
	oneDrop  = []v1.Drop{{Module: "l2switch", Reason: "r", Text: "t", Packets: 5}}
	oneTable = v1.TableType{Name: "l2switch_fdbs", Kind: "Hash", MaxEntries: 3, Key: "k", Value: "v"}
)

func wantSame[T any](t *testing.T, what string, want, got T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestInspectModules(t *testing.T) {
	s := inspectedSource(nil)
	wantSame(t, "types", []v1.Type{{Name: "l2switch", Modules: 1, Programs: []string{"l2switch_in"}, Tables: []v1.TableType{oneTable},
		Drops: []v1.DropReason{{Name: "no_port", Text: "no such port"}}}}, s.Types(), nil)
	instance := v1.ModuleInstance{ID: "dp", Name: "sw0", Kind: "l2switch", Slot: 7, Key: 2, PortCount: 6, LocalPortCount: 2,
		Counters: onePort, Drops: []v1.Drop{{Module: "l2switch", Reason: "r", Packets: 6}}}
	modules, err := s.Modules() // "gone" has left meanwhile
	router := v1.ModuleInstance{ID: "r", Name: "r0", Kind: "router", Slot: 8, Key: 3, PortCount: 1, Drops: instance.Drops}
	wantSame(t, "modules", []v1.ModuleInstance{router, instance}, modules, err)
	details, err := s.Module("dp")
	wantSame(t, "module", v1.ModuleDetails{ModuleInstance: instance, Ports: []v1.ModulePort{
		{MapPort: v1.MapPort{Name: "a", Key: 1, Slot: 11, Device: "tap-ok", Nodes: []string{"hv2"}}, Tag: 5, Counters: onePort, Drops: oneDrop},
		{MapPort: v1.MapPort{Name: "b", Key: 2, Nodes: []string{"hv2", "hv9"}}},
		{MapPort: v1.MapPort{Name: "c", Key: 3}},
		{MapPort: v1.MapPort{Name: "d", Key: 4, Device: "tap-gone"}, Drops: []v1.Drop{}},
		{MapPort: v1.MapPort{Name: "e", Key: 5, Peer: &v1.MapPeer{Module: "r0", ModuleID: "r", Port: "lrp"}}},
		{MapPort: v1.MapPort{Name: "f", Key: 6}},
	}}, details, err)
	for name, want := range map[string][]string{"dp": {"dp"}, "sw0": {"dp"}, "sw1": {"gone"}, "sw": nil, "": nil} {
		wantSame(t, "modules called "+name, want, s.FindModules(name), nil)
	}
}

func TestMapOfLinks(t *testing.T) {
	entries := inspectedSource(nil).Map()
	want := v1.MapEntry{Object: v1.Object{Type: "logical_router", Name: "r0", UUID: "r"}, Module: v1.Module{Kind: "router", Slot: 8}, Key: 3,
		Ports: []v1.MapPort{{Name: "lrp", Key: 2, Slot: 12, Peer: &v1.MapPeer{Module: "sw0", ModuleID: "dp", Port: "e"}}}}
	wantSame(t, "entry of the router", want, entries[0], nil)
}

func TestInspectTables(t *testing.T) {
	s := inspectedSource(nil)
	tables, err := s.Tables("dp")
	wantSame(t, "tables", []v1.Table{{TableType: oneTable, Rows: 2}}, tables, err)
	rows, err := s.Rows("dp", "l2switch_fdbs", 1)
	row := v1.Row{Key: json.RawMessage(`{"z":9223372036854775808,"a":"x\"y"}`), Value: json.RawMessage("7")}
	wantSame(t, "rows", v1.Rows{Rows: []v1.Row{row}, More: true}, rows, err)
}

func TestInspectLinks(t *testing.T) {
	hv2 := v1.LinkEnd{Type: v1.EndPeer, Name: "hv2", Address: "192.0.2.2", Device: "tap-ok"}
	link := func(port string, key uint16, ends ...v1.LinkEnd) v1.Link {
		return v1.Link{Port: port, Key: key, Module: "sw0", ModuleID: "dp", Ends: ends}
	}
	wantSame(t, "links", []v1.Link{
		{Port: "lrp", Key: 2, Module: "r0", ModuleID: "r", Ends: []v1.LinkEnd{{Type: v1.EndPort, Name: "e", Module: "sw0", ModuleID: "dp"}}},
		link("a", 1, v1.LinkEnd{Type: v1.EndDevice, Name: "tap-ok", Ifindex: 1, Tag: 5}, hv2),
		link("b", 2, hv2, v1.LinkEnd{Type: v1.EndPeer, Name: "hv9"}),
		link("d", 4, v1.LinkEnd{Type: v1.EndDevice, Name: "tap-gone", Ifindex: 99}),
		link("e", 5, v1.LinkEnd{Type: v1.EndPort, Name: "lrp", Module: "r0", ModuleID: "r"}),
	}, inspectedSource(nil).Links(), nil)
}

// An interface that is not on this host any more is left out.
func TestInspectInterfaces(t *testing.T) {
	interfaces, err := inspectedSource(nil).Interfaces()
	wantSame(t, "interfaces", []v1.Interface{
		{Name: "eth0", Ifindex: 9, Kind: "device", MAC: "02:00:00:00:00:09", MTU: 1500, Up: true, Hooks: []v1.Hook{{Direction: "ingress", Program: "underlay_in"}}},
		{Name: "tap-ok", Ifindex: 1, Up: true, Carrier: true, Hooks: []v1.Hook{{Direction: "ingress", Program: "vif_in"}, {Direction: "egress", Program: "vif_out"}},
			Ports: []v1.InterfacePort{{Port: "a", Module: "sw0", ModuleID: "dp", Key: 1, Slot: 11, Tag: 5, Counters: onePort, Drops: oneDrop}}},
	}, interfaces, err)
}

func TestInspectionFails(t *testing.T) {
	unreadable, unknown := errors.New("no such map"), hover.ErrUnknown
	broken, working := inspectedSource(unreadable), inspectedSource(nil)
	for name, test := range map[string]struct {
		ask  func() error
		want error
	}{
		"modules":                {func() error { _, err := broken.Modules(); return err }, unreadable},
		"module":                 {func() error { _, err := broken.Module("dp"); return err }, unreadable},
		"interfaces":             {func() error { _, err := broken.Interfaces(); return err }, unreadable},
		"unknown module":         {func() error { _, err := working.Module("none"); return err }, unknown},
		"unknown tables":         {func() error { _, err := working.Tables("none"); return err }, unknown},
		"unknown module of rows": {func() error { _, err := working.Rows("none", "l2switch_fdbs", 1); return err }, unknown},
	} {
		if err := test.ask(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
