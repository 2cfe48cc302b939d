package slowpath

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"

	mdns "github.com/miekg/dns"

	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/dhcp"
	"woven.dev/woven/internal/slowpath/dhcp6"
	"woven.dev/woven/internal/slowpath/dns"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
)

// served is switch "sw": port 1 has all that can be served, port 2 nothing.
func served(t *testing.T) map[string]ServedSwitch {
	mac, codes := frame.MAC{2, 0, 0, 0, 0, 5}, map[string]dhcp.Code{"lease_time": {Code: 51, Type: "uint32"}, "server_id": {Code: 54, Type: "ipv4"}}
	config, problems := dhcp.NewConfig(dhcp.Row{MAC: mac, Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.5")}, CIDR: netip.MustParsePrefix("10.0.1.0/24"), Codes: codes,
		Options: map[string]string{"server_id": "10.0.1.254", "server_mac": macIn, "lease_time": "60"}})
	config6, problems6 := dhcp6.NewConfig(dhcp6.Row{MAC: mac, Addresses: []netip.Addr{netip.MustParseAddr("fd00:1::5")}, CIDR: netip.MustParsePrefix("fd00:1::/64"),
		Options: map[string]string{"server_id": macIn}})
	zone, problemsDNS := dns.NewZone([]dns.Row{{Records: map[string]string{"vm.test": "10.0.1.7"}}})
	for _, list := range [][]error{problems, problems6, problemsDNS} {
		if list != nil {
			t.Fatal(errors.Join(list...))
		}
	}
	return map[string]ServedSwitch{
		"sw":    {Slot: 3, Zone: zone, Ports: map[uint16]ServedPort{1: {Slot: 21, DHCP: &config, DHCP6: &config6}, 2: {Slot: 22}}},
		"blank": {Slot: 4, Ports: map[uint16]ServedPort{1: {Slot: 31}}},
	}
}

// request is a datagram that a port sent.
func request(t *testing.T, module string, key uint16, src, dst string, sport, dport uint16, payload []byte) punt.Punt {
	b := frametest.UDP(t, macHost, macIn, src, dst, sport, dport, payload)
	return punt.Punt{Port: punt.Port{Module: module, Key: key}, Data: b, Length: len(b)}
}

func question(t *testing.T, name string) []byte {
	b, err := new(mdns.Msg).SetQuestion(name, mdns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func discover(t *testing.T, key uint16) punt.Punt {
	b := frametest.Build(t, append(frametest.IP(t, macHost, "ff:ff:ff:ff:ff:ff", "0.0.0.0", "255.255.255.255", layers.IPProtocolUDP), &layers.UDP{SrcPort: 68, DstPort: 67},
		&layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, ClientHWAddr: []byte{2, 0, 0, 0, 0, 5},
			Options: layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(layers.DHCPMsgTypeDiscover)})}})...)
	return punt.Punt{Port: punt.Port{Module: "sw", Key: key}, Data: b, Length: len(b)}
}

// A request is answered by the port that it came from, or goes on from there as it was, with its checksum finished.
func TestServe(t *testing.T) {
	information := []byte{11, 0, 0, 1} // RFC 8415, Information-request
	cut := request(t, "sw", 1, "10.0.1.5", "192.0.2.53", 4000, 53, question(t, "vm.test."))
	cut.Length++
	unfinished := request(t, "sw", 1, "10.0.1.5", "192.0.2.53", 4000, 53, question(t, "real.test."))
	unfinished.Data[40] ^= 0xff
	for _, test := range []struct {
		name  string
		serve func(*Server, punt.Punt)
		p     punt.Punt
		want  string
	}{
		{"DHCP", (*Server).DHCP, discover(t, 1), "leave 3/21 by 99: " + macIn + " > " + macHost + " 10.0.1.254 > 10.0.1.5 ttl 64 udp 67 > 68"},
		{"DHCP without options", (*Server).DHCP, discover(t, 2), "enter 3/22 by 99: " + macHost + " > ff:ff:ff:ff:ff:ff 0.0.0.0 > 255.255.255.255 ttl 64 udp 68 > 67"},
		{"DHCPv6", (*Server).DHCP, request(t, "sw", 1, "fe80::5", "ff02::1:2", 546, 547, information),
			"leave 3/21 by 99: " + macIn + " > " + macHost + " fe80::800:ff:fe00:1 > fe80::5 ttl 64 udp 547 > 546"},
		{"DHCPv6 without options", (*Server).DHCP, request(t, "sw", 2, "fe80::5", "ff02::1:2", 546, 547, information),
			"enter 3/22 by 99: " + macHost + " > " + macIn + " fe80::5 > ff02::1:2 ttl 255 udp 546 > 547"},
		{"name", (*Server).DNS, request(t, "sw", 2, "10.0.1.5", "192.0.2.53", 4000, 53, question(t, "vm.test.")),
			"leave 3/22 by 99: " + macIn + " > " + macHost + " 192.0.2.53 > 10.0.1.5 ttl 64 udp 53 > 4000"},
		{"name of another", (*Server).DNS, unfinished, "enter 3/21 by 99: " + macHost + " > " + macIn + " 10.0.1.5 > 192.0.2.53 ttl 64 udp 4000 > 53"},
		{"no names", (*Server).DNS, request(t, "blank", 1, "10.0.1.5", "192.0.2.53", 4000, 53, question(t, "vm.test.")),
			"enter 4/31 by 99: " + macHost + " > " + macIn + " 10.0.1.5 > 192.0.2.53 ttl 64 udp 4000 > 53"},
		{"cut", (*Server).DNS, cut, ""},
		{"unknown port", (*Server).DHCP, discover(t, 9), ""},
		{"unknown switch", (*Server).DNS, request(t, "gone", 1, "10.0.1.5", "192.0.2.53", 4000, 53, question(t, "vm.test.")), ""},
		{"garbage", (*Server).DHCP, punt.Punt{Port: punt.Port{Module: "sw", Key: 1}, Data: []byte{1, 2, 3}, Length: 3}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &resumed{t: t, err: errors.New("device is gone")}
				s := NewServer(out, slog.New(slog.DiscardHandler))
				s.Configure(relay, served(t))
				test.serve(s, test.p)
				want(t, out.take(), test.want)
			})
		})
	}
}
