package dhcp_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/dhcp"
)

// Every type of option is encoded as its RFC says.
func TestOptions(t *testing.T) {
	for _, test := range []struct {
		name, value string
		code        int
		want        string
	}{
		{"ip_forward_enable", "1", 19, "01"},
		{"default_ttl", "64", 23, "40"},
		{"mtu", "9000", 26, "2328"},
		{"T1", "4294967295", 58, "ffffffff"},
		{"arp_cache_timeout", "60", 35, "0000003c"},
		{"ntp_server", "10.0.0.3", 42, "0a000003"},
		{"wpad", `"http://p/w.dat"`, 252, "687474703a2f2f702f772e646174"},
		{"hostname", "vm1", 12, "766d31"},
		{"tftp_server", "10.0.0.4", 66, "0a000004"},
		{"tftp_server", `"tftp.ovn.org"`, 66, "746674702e6f766e2e6f7267"},
		{"tftp_server_address", "{10.0.0.4 10.0.0.5}", 150, "0a0000040a000005"},
		{"domain_search_list", `"ovn.org,a.b"`, 119, "036f766e036f72670001610162" + "00"},
		{"classless_static_route", "{30.0.1.9/255.255.240.0,10.0.0.4,1.2.3.4,10.0.0.5}", 121, "141e00000a0000042001020304" + "0a000005"},
		{"ms_classless_static_route", "{0.0.0.0/0,10.0.0.1}", 249, "000a000001"},
		{"netmask", "255.0.0.0", 1, "ffffff00"}, // the network's goes before
	} {
		got := option(t, config(t, map[string]string{test.name: test.value}), test.code, message(layers.DHCPMsgTypeDiscover))
		if got != test.want {
			t.Errorf("%s=%s: option %d is %s, want %s", test.name, test.value, test.code, got, test.want)
		}
	}
}

// What can't be read is told; what must be there is.
func TestProblems(t *testing.T) {
	const leaves, stops = true, false
	for _, test := range []struct {
		name, value string
		leaves      bool // the rest
		want        string
	}{
		{"mtu", "70000", leaves, `mtu: read number "70000": not one of 16 bits`},
		{"mtu", "", leaves, `mtu: read number "": not one of 16 bits`},
		{"ip_forward_enable", "2", leaves, `ip_forward_enable: read number "2": not one of 1 bits`},
		{"default_ttl", "-1", leaves, `default_ttl: read number "-1": not one of 8 bits`},
		{"router", "fd00::1", leaves, `router: read address "fd00::1": wrong family or zone`},
		{"next_server", "boot", leaves, `next_server: read address: ParseAddr("boot"): unable to parse IP`},
		{"classless_static_route", "{1.0.0.0/8}", leaves, "classless_static_route: read routes: one has no gateway"},
		{"classless_static_route", "{1.0.0.0/33,1.1.1.1}", leaves, `classless_static_route: read prefix "1.0.0.0/33": mask "33" is none`},
		{"classless_static_route", "{1.0.0.0/255.0.255.0,1.1.1.1}", leaves, `classless_static_route: read prefix "1.0.0.0/255.0.255.0": mask 255.0.255.0 has holes`},
		{"classless_static_route", "{x,1.1.1.1}", leaves, `classless_static_route: read prefix "x": no IPv4 address`},
		{"classless_static_route", "{1.0.0.0/8,x}", leaves, `classless_static_route: read gateway "x": no IPv4 address`},
		{"domain_search_list", "a..b", leaves, `domain_search_list: read domain name "a..b": label of 0 bytes`},
		{"colour", "red", leaves, "colour: no such option"},
		{"offerip", "10.0.0.9", leaves, "offerip: code 0 is none of an option"},
		{"of_the_future", "1", leaves, `of_the_future: no such type: "uint128"`},
		{"of_the_end", "x", leaves, "of_the_end: code 255 is none of an option"},
		{"next_server", "{10.0.0.1 10.0.0.2}", leaves, "next_server: is not one IPv4 address"},
		{"wpad", strings.Repeat("x", 1300), leaves, "wpad: all options together have more than 1200 bytes"},
		{"server_mac", "", stops, "server_mac: missing"},
		{"server_mac", "x", stops, `server_mac: read "x": not the address of a station`},
		{"server_id", "x", stops, `server_id: read address: ParseAddr("x"): unable to parse IP`},
		{"lease_time", "long", stops, `lease_time: read number "long": not one of 32 bits`},
	} {
		c, problems := dhcp.NewConfig(row(map[string]string{test.name: test.value}))
		if got := errors.Join(problems...); got == nil || got.Error() != test.want {
			t.Errorf("%s=%s: %v, want %s", test.name, test.value, got, test.want)
		}
		if c.Offer.IsValid() != test.leaves {
			t.Errorf("%s=%s: configuration is %+v", test.name, test.value, c)
		}
	}
	for cidr, want := range map[string]string{
		"10.1.0.0/24": "cidr: no IPv4 address of the port is in 10.1.0.0/24",
		"fd00::/64":   "cidr: no IPv4 address of the port is in fd00::/64",
	} {
		other := row(nil)
		other.CIDR = netip.MustParsePrefix(cidr)
		if c, problems := dhcp.NewConfig(other); c.Offer.IsValid() || errors.Join(problems...).Error() != want {
			t.Errorf("%s: got %+v %v", cidr, c, problems)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, seed := range [][2]string{{"router", "{10.0.0.1}"}, {"classless_static_route", "{0.0.0.0/0,10.0.0.1}"}, {"domain_search_list", `"a.b"`}, {"mtu", "1500"}} {
		f.Add(seed[0], seed[1])
	}
	request := from(f, zero, all, message(layers.DHCPMsgTypeDiscover))
	f.Fuzz(func(t *testing.T, name, v string) {
		c, problems := dhcp.NewConfig(row(map[string]string{name: v}))
		if !c.Offer.IsValid() {
			if problems == nil {
				t.Error("nothing configured, and no problem")
			}
			return
		}
		reply, why := dhcp.Answer(&c, request)
		if reply == nil || len(reply) > 1514 {
			t.Fatalf("reply of %d bytes: %s", len(reply), why)
		}
		p := gopacket.NewPacket(reply, layers.LayerTypeEthernet, gopacket.NoCopy)
		if p.Layer(layers.LayerTypeDHCPv4) == nil {
			t.Errorf("reply is no DHCP message: %v", p.ErrorLayer())
		}
	})
}
