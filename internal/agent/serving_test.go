package agent

import (
	"net/netip"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/slowpath/frametest"
)

// servedSwitch is a node with switch sw, whose ports are vm (key 1), far (key 2) on another node and bare (key 3) without options.
func servedSwitch() (s *served, sw *logical.Switch, instances []hover.Instance) {
	address := logical.Address{MAC: [6]byte{2, 0, 0, 0, 0, 5}, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.1.5/32"), netip.MustParsePrefix("fd00::5/128")}}
	options4 := &logical.DHCPOptions{UUID: "d4", CIDR: netip.MustParsePrefix("10.0.1.0/24"),
		Options: map[string]string{"server_id": "10.0.1.254", "server_mac": "0a:00:00:00:00:01", "lease_time": "60", "of_the_future": "1"}}
	options6 := &logical.DHCPOptions{UUID: "d6", CIDR: netip.MustParsePrefix("fd00::/64"), Options: map[string]string{"server_id": "0a:00:00:00:00:01"}}
	here := &logical.Device{Name: "tap1", Ifindex: 11}
	sw = &logical.Switch{UUID: "sw", Name: "net", Ports: []*logical.Port{
		{Name: "vm", Key: 1, Device: here, Addresses: []logical.Address{address}, DHCPv4: options4, DHCPv6: options6},
		{Name: "far", Key: 2, Addresses: []logical.Address{address}, DHCPv4: options4},
		{Name: "bare", Key: 3, Device: here, DHCPv4: options4},
	}, DNS: []*logical.DNS{{UUID: "dns", Records: map[string]string{"vm.test": "10.0.1.5", "bad.test": "nowhere"}}}}
	s = newServed(&logical.Network{Switches: map[string]*logical.Switch{"sw": sw},
		DHCPv4Codes: map[string]logical.DHCPCode{"server_id": {Code: 54, Type: "ipv4"}, "lease_time": {Code: 51, Type: "uint32"}}})
	instances = []hover.Instance{{Module: &netstate.Module{ID: "sw"}, Slot: 4, Ports: map[uint16]uint32{1: 41, 3: 43}}, {Module: &netstate.Module{ID: "r1"}, Slot: 5}}
	return s, sw, instances
}

// serve is a round, and the problems that it told.
func (s *served) serve(instances []hover.Instance) string {
	r := &round{now: s.now}
	s.keepServing(r, instances)
	var list []string
	for _, p := range r.problems.Sorted() {
		list = append(list, p.Object+": "+p.Reason)
	}
	return strings.Join(list, "\n")
}

// asks is a request for a name, punted at a port.
func asks(t *testing.T, key uint16, name string) punt.Punt {
	b, err := new(mdns.Msg).SetQuestion(name, mdns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	b = frametest.UDP(t, "02:00:00:00:00:05", "0a:00:00:00:00:01", "10.0.1.5", "192.0.2.53", 4000, 53, b)
	return punt.Punt{Port: punt.Port{Module: "sw", Key: key}, Data: b, Length: len(b)}
}

const servedProblems = `logical_switch net: dns_records: bad.test: read "nowhere": no address
logical_switch_port vm: DHCP options: of_the_future: no such option`

// Requests of the ports of this node are answered; what of the rows can't be read is told in every round.
func TestServing(t *testing.T) {
	s, _, instances := servedSwitch()
	for range 2 {
		if got := s.serve(instances); got != servedProblems {
			t.Errorf("problems:\n%s\nwant:\n%s", got, servedProblems)
		}
	}
	for _, test := range []struct {
		key        uint16
		name, want string
	}{
		{1, "vm.test.", "relay 9 instance 4 port 41 leaves 1"}, {3, "vm.test.", "relay 9 instance 4 port 43 leaves 1"},
		{1, "other.test.", "relay 9 instance 4 port 41 leaves 0"}, {2, "vm.test.", ""},
	} {
		s.server.DNS(asks(t, test.key, test.name))
		if got := s.take(); got != test.want {
			t.Errorf("%s at port %d: %s, want %s", test.name, test.key, got, test.want)
		}
	}
	if got := s.serve(nil); got != "" {
		t.Errorf("without the switch: %s", got)
	}
	if s.server.DNS(asks(t, 1, "vm.test.")); s.take() != "" {
		t.Error("a switch that has gone is served")
	}
}

// What is made of rows stays until they change, and so do the codes with which options are encoded.
func TestServingIsKept(t *testing.T) {
	s, sw, instances := servedSwitch()
	s.serve(instances)
	vm, zone := sw.Ports[0], s.serving.zones["sw"].zone
	first := s.serving.ports[vm]
	s.serve(instances)
	if kept := s.serving.ports[vm]; kept.dhcp != first.dhcp || kept.dhcp6 != first.dhcp6 || s.serving.zones["sw"].zone != zone || first.dhcp == nil || first.dhcp6 == nil {
		t.Error("what did not change is made anew")
	}
	if ready := s.serving.ports[sw.Ports[2]]; ready.dhcp != nil {
		t.Error("a port without addresses is served")
	}
	s.live.network.DHCPv4Codes = map[string]logical.DHCPCode{"server_id": {Code: 54, Type: "ipv4"}, "lease_time": {Code: 51, Type: "uint32"}, "of_the_future": {Code: 200, Type: "uint8"}}
	sw.DNS = []*logical.DNS{{UUID: "dns", Records: map[string]string{"vm.test": "10.0.1.6"}}}
	if got := s.serve(instances); got != "" || s.serving.ports[vm].dhcp == first.dhcp || s.serving.zones["sw"].zone == zone {
		t.Errorf("after a change: %s", got)
	}
	sw.DNS = nil
	if s.serve(instances); len(s.serving.zones) != 0 {
		t.Error("the zone of a switch without records is kept")
	}
}
