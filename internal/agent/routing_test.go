package agent

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/wire"
)

// served is a loop whose data plane holds a network, and what it sent into that.
type served struct {
	*loop
	sent []string
	now  time.Time
}

// Resume notes the way of a frame.
func (s *served) Resume(relay int, to wire.Resume, _ []byte) error {
	s.sent = append(s.sent, fmt.Sprintf("relay %d instance %d port %d leaves %d", relay, to.Dp, to.Port, to.Leaves))
	return nil
}

// take is what was sent since the last call.
func (s *served) take() string {
	list := s.sent
	s.sent = nil
	return strings.Join(list, ", ")
}

func newServed(n *logical.Network) *served {
	s := &served{now: time.UnixMilli(5000)}
	s.loop = newLoop(world{resumer: s, now: func() time.Time { return s.now }}, Overrides{}, slog.New(slog.DiscardHandler))
	s.live.network = n
	s.live.state = &netstate.State{Tunnel: &netstate.Tunnel{RelayOut: netstate.Device{Name: relayOut, Ifindex: 9}}}
	return s
}

// routed is a node with router r1, whose ports are red (key 1), blue (key 2), and one that leads nowhere.
func routed() (*served, []hover.Instance) {
	mac := [6]byte{10, 0, 0, 0, 0, 1}
	ports := []*logical.RouterPort{
		{Name: "red", Key: 1, MAC: mac, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24")}},
		{Name: "blue", Key: 2, MAC: mac, Networks: []netip.Prefix{netip.MustParsePrefix("fd00::1/64")},
			RA: &logical.RAConfig{Mode: logical.RASLAAC, DNSSL: []string{"lab..test"}}},
		{Name: "nowhere", Key: 3},
	}
	s := newServed(&logical.Network{Routers: map[string]*logical.Router{"r1": {UUID: "r1", Ports: ports}}})
	known := map[config.Neighbour][6]byte{{Port: 1, Addr: netip.MustParseAddr("10.0.1.7")}: {2, 0, 0, 0, 0, 7}}
	return s, []hover.Instance{
		{Module: &netstate.Module{ID: "r1", Config: &config.Config{Neighbours: known}}, Slot: 4, Ports: map[uint16]uint32{1: 41, 2: 42}},
		{Module: &netstate.Module{ID: "sw"}, Slot: 5},
	}
}

// arpReply says that ip is at 02:00:00:00:00:last.
func arpReply(t *testing.T, port uint16, ip string, last byte) punt.Punt {
	mac := []byte{2, 0, 0, 0, 0, last}
	b := frametest.Build(t, &layers.Ethernet{SrcMAC: mac, DstMAC: []byte{10, 0, 0, 0, 0, 1}, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 2,
			SourceHwAddress: mac, SourceProtAddress: netip.MustParseAddr(ip).AsSlice(), DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 1, 1}})
	return punt.Punt{Port: punt.Port{Module: "r1", Key: port}, Data: b, Length: len(b)}
}

// keep is a round with these rows of MAC_Binding, and what is to be written, sorted.
func (s *served) keep(instances []hover.Instance, rows ...*sb.MACBinding) (string, logical.Problems) {
	r := &round{now: s.now, sb: &sb.Rows{MACBinding: map[string]*sb.MACBinding{}}}
	for _, row := range rows {
		r.sb.MACBinding[row.UUID] = row
	}
	var list []string
	for _, p := range s.keepRouting(r, instances) {
		op := p.ops[0]
		row := op.Row.(*sb.MACBinding)
		if op.Kind == ovsdb.Insert {
			list = append(list, fmt.Sprintf("insert %s %s is %s in %s at %d", row.LogicalPort, row.IP, row.MAC, row.Datapath, row.Timestamp))
		} else {
			list = append(list, fmt.Sprintf("update %s %v is %s at %d", row.UUID, op.Columns, row.MAC, row.Timestamp))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n"), r.problems
}

// What a router hears of is written until the database has it, for a minute at most.
func TestHeardNeighbours(t *testing.T) {
	s, instances := routed()
	s.keep(instances)
	s.routers.Learn(arpReply(t, 1, "10.0.1.5", 5))
	s.routers.Learn(arpReply(t, 1, "10.0.1.6", 6))
	s.routers.Learn(arpReply(t, 3, "10.0.3.5", 5)) // a port that leads nowhere hears nothing
	const fifth, sixth = "insert red 10.0.1.5 is 02:00:00:00:00:05 in r1 at 5000", "insert red 10.0.1.6 is 02:00:00:00:00:06 in r1 at 5000"
	for _, step := range []struct {
		what string
		rows []*sb.MACBinding
		want string
	}{
		{"new ones", nil, fifth + "\n" + sixth},
		{"the write failed", nil, fifth + "\n" + sixth},
		{"one is there, one with another address", []*sb.MACBinding{
			{UUID: "a", LogicalPort: "red", IP: "10.0.1.5", MAC: "02:00:00:00:00:05"}, {UUID: "b", LogicalPort: "red", IP: "10.0.1.6", MAC: "02:00:00:00:00:99"}},
			"update b [mac timestamp] is 02:00:00:00:00:06 at 5000"},
		{"a row that is deleted later stays so", []*sb.MACBinding{{UUID: "b", LogicalPort: "red", IP: "10.0.1.6", MAC: "02:00:00:00:00:06"}}, ""},
		{"all is written", nil, ""},
	} {
		if got, _ := s.keep(instances, step.rows...); got != step.want {
			t.Errorf("%s: %s\nwant %s", step.what, got, step.want)
		}
	}
	s.routers.Learn(arpReply(t, 1, "10.0.1.5", 5))
	if got, _ := s.keep(instances); got != fifth {
		t.Errorf("heard again: %s", got)
	}
	s.now = s.now.Add(heardFor + time.Second)
	if got, _ := s.keep(instances); got != "" {
		t.Errorf("after a minute: %s", got)
	}
}

// A round writes no more than so many; the others come later.
func TestHeardMany(t *testing.T) {
	s, instances := routed()
	s.keep(instances)
	for i := range maxHeardOps + 10 {
		s.routers.Learn(arpReply(t, 1, netip.AddrFrom4([4]byte{10, 0, 2 + byte(i>>8), byte(i)}).String(), 5))
	}
	first, _ := s.keep(instances)
	if n := strings.Count(first, "insert"); n != maxHeardOps || len(s.routing.heard) != maxHeardOps+10 {
		t.Errorf("%d of %d are written", n, len(s.routing.heard))
	}
}

// Packets wait for neighbours that the programs don't know, and leave as soon as they do.
func TestRoutersAreConfigured(t *testing.T) {
	s, instances := routed()
	s.keep(instances)
	b := frametest.UDP(t, "02:00:00:00:00:05", "0a:00:00:00:00:01", "10.9.9.9", "10.0.1.7", 1, 2, nil)
	waiting := punt.Punt{Port: punt.Port{Module: "r1", Key: 2}, Out: punt.Port{Module: "r1", Key: 1}, Data: b, Length: len(b),
		About: [4]uint32{0, 0, 0xffff0000, 0x0701000a}} // 10.0.1.7
	s.routers.Resolve(waiting)
	if diff := cmp.Diff("relay 9 instance 4 port 41 leaves 1", s.take()); diff != "" {
		t.Errorf("the question (-want +got):\n%s", diff)
	}
	s.keep(instances)
	if diff := cmp.Diff("relay 9 instance 4 port 41 leaves 1", s.take()); diff != "" {
		t.Errorf("the packet (-want +got):\n%s", diff)
	}
	instances[0].Module = &netstate.Module{ID: "r1"} // it could not be configured
	s.keep(instances)
	s.routers.Resolve(waiting)
	if diff := cmp.Diff("relay 9 instance 4 port 41 leaves 1", s.take()); diff != "" {
		t.Errorf("the question of a router that knows nobody (-want +got):\n%s", diff)
	}
	s.live.state.Tunnel = nil
	s.keep(instances[1:])
	s.routers.Resolve(waiting)
	if got := s.take(); got != "" {
		t.Errorf("without the router: %s", got)
	}
}

// An advertisement is made once of the same settings, and what is wrong with it is told in every round.
func TestAdvertIsKept(t *testing.T) {
	s, instances := routed()
	blue := s.live.network.Routers["r1"].Ports[1]
	const want = `logical_router_port blue: ipv6_ra_configs: dnssl: `
	_, problems := s.keep(instances)
	first := s.routing.adverts[blue].config
	_, again := s.keep(instances)
	if first == nil || s.routing.adverts[blue].config != first {
		t.Error("the advertisement is made anew")
	}
	for _, list := range []logical.Problems{problems, again} {
		if len(list) != 1 || !strings.HasPrefix(list[0].Object+": "+list[0].Reason, want) {
			t.Errorf("problems %v, want %s", list, want)
		}
	}
	if s.keep(nil); len(s.routing.adverts) != 0 {
		t.Error("the advertisement of a router that has gone is kept")
	}
}
