package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// portsView is a view with a port in every state.
func portsView() *view {
	v := &view{links: map[string]hostnet.Link{}, settings: Settings{Hostname: "host1"}, chassis: "hv1", self: "c1"}
	sw := &logical.Switch{Name: "sw0"}
	port := func(name string, ifindex int, change func(p *logical.Port, plug *ingest.Plug, link *hostnet.Link)) {
		p := &logical.Port{Name: name, Key: uint16(len(sw.Ports) + 1), Enabled: true, NBUUID: "n"}
		plug := ingest.Plug{Role: ingest.Main, Port: name, Interface: &vsw.Interface{Name: "tap-" + name},
			Binding: &sb.PortBinding{Chassis: ptr("c1"), Up: ptr(true)}}
		link := hostnet.Link{Name: "tap-" + name, Index: ifindex, Up: true, Carrier: true}
		if ifindex > 0 {
			p.Device = &logical.Device{Name: link.Name, Ifindex: ifindex}
			p.Chassis, plug.Device = "hv1", p.Device
		}
		change(p, &plug, &link)
		if plug.Port != "" {
			v.plugged = append(v.plugged, plug)
		}
		if p.Key > 0 {
			sw.Ports = append(sw.Ports, p)
		}
		if ifindex > 0 {
			v.links[link.Name] = link
		}
		if p.Device != nil && name != "new" && name != "pending" {
			if v.live.ports == nil {
				v.live.ports = map[string]bool{}
			}
			v.live.ports[name] = true
		}
	}
	same := func(*logical.Port, *ingest.Plug, *hostnet.Link) {}
	port("ok", 1, same)
	port("disabled", 2, func(p *logical.Port, _ *ingest.Plug, _ *hostnet.Link) { p.Enabled = false })
	port("nolink", 3, func(_ *logical.Port, _ *ingest.Plug, l *hostnet.Link) { l.Carrier = false })
	port("failed", 4, same)
	port("new", 5, func(p *logical.Port, _ *ingest.Plug, _ *hostnet.Link) { p.NBUUID = "" })
	port("pending", 7, same)
	port("unbound", 6, func(_ *logical.Port, plug *ingest.Plug, _ *hostnet.Link) { plug.Binding.Chassis = nil })
	port("remote", 0, func(p *logical.Port, plug *ingest.Plug, _ *hostnet.Link) { p.Chassis, plug.Port = "hv2", "" })
	port("free", 0, func(_ *logical.Port, plug *ingest.Plug, _ *hostnet.Link) { plug.Port = "" })
	port("lost", 0, func(p *logical.Port, plug *ingest.Plug, _ *hostnet.Link) {
		p.Chassis, plug.Refusal = "hv2", "hv2 took it"
	})
	port("nodevice", 0, func(_ *logical.Port, plug *ingest.Plug, _ *hostnet.Link) { plug.Refusal = "no device" })
	port("unknown", 0, func(p *logical.Port, plug *ingest.Plug, _ *hostnet.Link) { p.Key, plug.Refusal = 0, "not in SB" })
	v.live.failures = []netstate.Failure{{Module: "dp", Port: "failed", Err: errors.New("no room")}}
	v.live.network = &logical.Network{Switches: map[string]*logical.Switch{"dp": sw},
		Tunnel: &logical.Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Devices: []logical.Device{{Name: "eth0", Ifindex: 9}}},
		Peers: map[string]*logical.Peer{"hv3": {Chassis: "hv3", Addr: netip.MustParseAddr("192.0.2.3")},
			"hv2": {Chassis: "hv2", Addr: netip.MustParseAddr("192.0.2.2"), Route: logical.Route{Ifindex: 1, MTU: 1500}}},
	}
	return v
}

func TestPortStates(t *testing.T) {
	var got []string
	for _, p := range portsView().ports() {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", p.Name, p.State, p.Error)))
	}
	want := lines(`
		disabled down it is disabled
		failed failed no room
		free unplugged
		lost remote hv2 took it
		new waiting the Northbound database has no such logical port yet
		nodevice waiting no device
		nolink down interface tap-nolink has no link
		ok up
		pending waiting its turn to get programs has not come yet
		remote remote
		unbound waiting the Southbound database does not say yet that it is up
		unknown waiting not in SB`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

// A virtual port is up where its parent is.
func TestVirtualPortView(t *testing.T) {
	sw := &logical.Switch{Name: "sw0", Ports: []*logical.Port{{Name: "away", Chassis: "hv2", VirtualParent: "vm2"}, {Name: "here", Chassis: "hv1", VirtualParent: "vm1"}, {Name: "nobody's"}}}
	v := &view{chassis: "hv1", live: liveState{ports: map[string]bool{"vm1": true}, network: &logical.Network{Switches: map[string]*logical.Switch{"dp": sw}}}}
	for i, want := range []v1.PortState{v1.PortRemote, v1.PortUp, v1.PortUnplugged} {
		if p := v.ports()[i]; p.State != want {
			t.Errorf("%s is %s, want %s", p.Name, p.State, want)
		}
	}
}

// A port to a router tells of the router's port: what a host of the switch needs to send to it.
func TestRouterPortView(t *testing.T) {
	link := &logical.Link{Router: true, MAC: [6]byte{2, 0, 0, 0, 0, 9}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.254/24"), netip.MustParsePrefix("fd00::ff/64")}}
	sw := &logical.Switch{Name: "sw0", Ports: []*logical.Port{{Name: "r", Type: "router", Link: link}, {Name: "other", Link: &logical.Link{MAC: [6]byte{1}}}}}
	ports := (&view{live: liveState{network: &logical.Network{Switches: map[string]*logical.Switch{"dp": sw}}}}).ports()
	if len(ports) != 2 || ports[0].Networks != nil || ports[0].MAC != "" {
		t.Errorf("ports %+v", ports)
	}
	if r := ports[1]; r.MAC != "02:00:00:00:00:09" || !slices.Equal(r.Networks, []string{"10.0.0.254/24", "fd00::ff/64"}) {
		t.Errorf("port to the router: %+v", r)
	}
}

// countingPlane has one port with counters, and one instance.
type countingPlane struct {
	fakePlane
	err error
}

func (p *countingPlane) Port(module string, key uint16) (hover.PortCounters, error) {
	if module != "dp" || key != 1 {
		return hover.PortCounters{}, errors.Join(hover.ErrUnknown, p.err)
	}
	return hover.PortCounters{Stats: hover.Stats{RxPackets: 1, RxBytes: 2, TxPackets: 3, TxBytes: 4},
		Drops: []hover.Drop{{Module: "l2switch", Reason: "r", Text: "t", Packets: 5}}}, p.err
}

func (p *countingPlane) Drops(module string) ([]hover.Drop, error) {
	if module == "gone" {
		return nil, hover.ErrUnknown
	}
	return []hover.Drop{{Module: "l2switch", Reason: "r", Packets: 6}}, p.err
}

func (p *countingPlane) Instances() []hover.Instance {
	return []hover.Instance{
		{Module: &netstate.Module{ID: "gone", Name: "sw1", Key: 1}},
		{Slot: 7, Ports: map[uint16]uint32{1: 11}, Module: &netstate.Module{ID: "dp", Name: "sw0", Key: 2, Kind: "l2switch",
			Ports: []netstate.Port{{Name: "a", Key: 1, Device: &netstate.Device{Name: "tapa"}}, {Name: "b", Key: 2, Nodes: []string{"hv2"}}}}},
	}
}

func testSource(plane *countingPlane) *Source {
	l := &loop{world: world{plane: plane, hostname: "fallback"}, started: testNow}
	l.published.Store(portsView())
	return &Source{loop: l, version: "v1"}
}

func TestSource(t *testing.T) {
	s := testSource(&countingPlane{})
	st := s.Status()
	want := v1.Status{
		Node: "host1", Version: "v1", Chassis: "hv1", StartedAt: testNow, Databases: []v1.Database{}, Problems: []v1.Problem{},
		Ports: v1.PortCounts{Up: 1, Down: 2, Waiting: 5, Failed: 1, Unplugged: 1},
		Tunnel: &v1.Tunnel{Type: "geneve", Address: "192.0.2.1", Devices: []string{"eth0"}, Peers: []v1.Peer{
			{Chassis: "hv2", Address: "192.0.2.2", Device: "tap-ok", MTU: 1500}, {Chassis: "hv3", Address: "192.0.2.3"}}},
	}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	ports, err := s.Ports()
	if err != nil || len(ports) != 12 {
		t.Fatalf("%d ports, %v", len(ports), err)
	}
	ok := v1.Port{Name: "ok", State: v1.PortUp, Switch: "sw0", Key: 1, Chassis: "hv1", Device: "tap-ok", Ifindex: 1, Addresses: []string{},
		Counters: v1.Counters{RxPackets: 1, RxBytes: 2, TxPackets: 3, TxBytes: 4},
		Drops:    []v1.Drop{{Module: "l2switch", Reason: "r", Text: "t", Packets: 5}}}
	if diff := cmp.Diff(ok, ports[7]); diff != "" {
		t.Errorf("port (-want +got):\n%s", diff)
	}
	drops, err := s.Drops()
	wantDrops := []v1.DatapathDrops{{Drops: []v1.Drop{}}, {Datapath: "sw0", Key: 2, Drops: []v1.Drop{{Module: "l2switch", Reason: "r", Packets: 6}}}}
	if diff := cmp.Diff(wantDrops, drops); diff != "" || err != nil {
		t.Errorf("drops (-want +got):\n%s %v", diff, err)
	}
	entries := s.Map()
	if len(entries) != 2 || entries[0].Object.Name != "sw0" {
		t.Fatalf("map %+v", entries)
	}
	wantEntry := v1.MapEntry{Object: v1.Object{Type: "logical_switch", Name: "sw0", UUID: "dp"}, Module: v1.Module{Kind: "l2switch", Slot: 7}, Key: 2,
		Ports: []v1.MapPort{{Name: "a", Key: 1, Slot: 11, Device: "tapa"}, {Name: "b", Key: 2, Nodes: []string{"hv2"}}}}
	if diff := cmp.Diff(wantEntry, entries[0]); diff != "" {
		t.Errorf("map entry (-want +got):\n%s", diff)
	}
}

func TestSourceReportsUnreadableCounters(t *testing.T) {
	s := testSource(&countingPlane{err: errors.New("no such map")})
	if _, err := s.Ports(); err == nil {
		t.Error("ports without counters")
	}
	if _, err := s.Drops(); err == nil {
		t.Error("drops without counters")
	}
}
