package ingest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

func TestDHCP(t *testing.T) {
	w := newWorld()
	v4, v6, bad := "v4", "v6", "bad"
	w.NB.DHCPOptions["v4"] = &nb.DHCPOptions{UUID: "v4", Cidr: "10.0.0.7/24", Options: map[string]string{"router": "10.0.0.1", "odd": "{x}"}}
	w.NB.DHCPOptions["v6"] = &nb.DHCPOptions{UUID: "v6", Cidr: "fd00::/64", Options: map[string]string{"server_id": "0a:00:00:00:00:01"}}
	w.NB.DHCPOptions["bad"] = &nb.DHCPOptions{UUID: "bad", Cidr: "here"}
	w.SB.DHCPOptions["c"] = &sb.DHCPOptions{UUID: "c", Name: "router", Code: 3, Type: "ipv4"}
	w.SB.DHCPv6Options["c"] = &sb.DHCPv6Options{UUID: "c", Name: "server_id", Code: 2, Type: "mac"}
	set := func(port string, four, six *string) {
		edit(w.NB.LogicalSwitchPort, port, func(p *nb.LogicalSwitchPort) {
			p.Dhcpv4Options, p.Dhcpv6Options, p.Options = four, six, map[string]string{"hostname": "vm"}
		})
	}
	set("blue-1", &v4, &v6)
	set("blue-2", &v4, &v6)
	n := w.read()
	p := n.Switches["blue"].Ports[0]
	want := &logical.DHCPOptions{UUID: "v4", CIDR: netip.MustParsePrefix("10.0.0.0/24"), Options: w.NB.DHCPOptions["v4"].Options}
	if d := cmp.Diff(want, p.DHCPv4, byValue); d != "" || p.DHCPv6 == nil || p.DHCPv6.UUID != "v6" || p.Hostname != "vm" {
		t.Errorf("DHCPv6 %+v, hostname %q, DHCPv4 (-want +got):\n%s", p.DHCPv6, p.Hostname, d)
	}
	if p := n.Switches["blue"].Ports[1]; p.DHCPv4 != nil || p.DHCPv6 != nil {
		t.Errorf("a port that is elsewhere has DHCP: %+v", p)
	}
	if n.DHCPv4Codes["router"] != (logical.DHCPCode{Code: 3, Type: "ipv4"}) || n.DHCPv6Codes["server_id"] != (logical.DHCPCode{Code: 2, Type: "mac"}) {
		t.Errorf("codes %v, %v", n.DHCPv4Codes, n.DHCPv6Codes)
	}
	set("blue-1", &bad, nil)
	n = w.read()
	if p := n.Switches["blue"].Ports[0]; p.DHCPv4 != nil || !strings.Contains(problemsOf(n, "dhcp_options bad"), `cidr: "here" is no network`) {
		t.Errorf("DHCP %+v, problems %v", p.DHCPv4, n.Problems)
	}
}

func TestDNS(t *testing.T) {
	w := newWorld()
	w.SB.DNS["b"] = &sb.DNSEntry{UUID: "b", Datapaths: []string{"blue", "gone"}, Records: map[string]string{"VM.Example": "10.0.0.1 fd00::1"}}
	w.SB.DNS["a"] = &sb.DNSEntry{UUID: "a", Datapaths: []string{"green", "blue"}, Options: map[string]string{"ovn-owned": "true"}}
	w.SB.DNS["c"] = &sb.DNSEntry{UUID: "c", Datapaths: []string{"lone"}}
	n := w.read()
	want := []*logical.DNS{{UUID: "a", Records: map[string]string{}, Owned: true}, {UUID: "b", Records: map[string]string{"vm.example": "10.0.0.1 fd00::1"}}}
	if d := cmp.Diff(want, n.Switches["blue"].DNS); d != "" || len(n.Switches["green"].DNS) != 1 || len(n.Switches["red"].DNS) != 0 {
		t.Errorf("DNS of blue (-want +got):\n%s", d)
	}
}

func TestMetersAndCopp(t *testing.T) {
	w := newWorld()
	yes, copp, gone := true, "copp", "gone"
	w.NB.MeterBand["slow"] = &nb.MeterBand{UUID: "slow", Rate: 10, BurstSize: 2}
	w.NB.MeterBand["fast"] = &nb.MeterBand{UUID: "fast", Rate: 100, BurstSize: 50}
	w.NB.Meter["m"] = &nb.Meter{UUID: "m", Name: "m", Unit: "pktps", Fair: &yes, Bands: []string{"fast", "slow", "gone"}}
	w.NB.Meter["k"] = &nb.Meter{UUID: "k", Name: "k", Unit: "kbps", Bands: []string{"fast"}}
	w.NB.Copp["copp"] = &nb.Copp{UUID: "copp", Meters: map[string]string{"dns": "m"}}
	edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) { s.Copp = &copp })
	edit(w.NB.LogicalSwitch, "green", func(s *nb.LogicalSwitch) { s.Copp = &gone })
	n := w.read()
	want := map[string]*logical.Meter{"m": {Name: "m", Rate: 10, Burst: 2, Fair: true}, "k": {Name: "k", Bits: true, Rate: 100, Burst: 50}}
	if d := cmp.Diff(want, n.Meters); d != "" {
		t.Errorf("meters (-want +got):\n%s", d)
	}
	if n.Switches["blue"].Copp["dns"] != "m" || n.Switches["green"].Copp != nil {
		t.Errorf("copp %v, %v", n.Switches["blue"].Copp, n.Switches["green"].Copp)
	}
}
