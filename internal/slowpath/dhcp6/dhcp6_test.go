package dhcp6_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/dhcp6"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
)

const (
	macPort    = "02:00:00:00:00:05"
	macServers = "33:33:00:01:00:02"
	client     = "fe80::ff:fe00:5"
	servers    = "ff02::1:2"
	addr       = "fd00::5"
)

func row(more map[string]string) dhcp6.Row {
	r := dhcp6.Row{
		MAC:       frame.MAC{2, 0, 0, 0, 0, 5},
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd01::5"), netip.MustParseAddr(addr)},
		CIDR:      netip.MustParsePrefix("fd00::/64"),
		Options:   map[string]string{"server_id": "0a:00:00:00:00:01", "dns_server": "{fd00::53, fd00::54}", "domain_search": `"ovn.org"`},
	}
	for name, v := range more {
		r.Options[name] = v
	}
	return r
}

func config(t testing.TB, more map[string]string) dhcp6.Config {
	t.Helper()
	c, problems := dhcp6.NewConfig(row(more))
	if problems != nil {
		t.Fatal(problems)
	}
	return c
}

func opt(code int, data ...byte) []byte {
	return append([]byte{byte(code >> 8), byte(code), byte(len(data) >> 8), byte(len(data))}, data...)
}

// iana is an identity association with addresses.
func iana(id byte, addrs ...string) []byte {
	b := make([]byte, 12)
	b[3] = id
	for _, a := range addrs {
		b = append(b, opt(5, append(netip.MustParseAddr(a).AsSlice(), make([]byte, 8)...)...)...)
	}
	return opt(3, b...)
}

var (
	clientID = opt(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 5)
	serverID = opt(2, 0, 3, 0, 1, 10, 0, 0, 0, 0, 1)
	otherID  = opt(2, 0, 3, 0, 1, 10, 0, 0, 0, 0, 2)
	ipxe     = opt(15, 0, 4, 'i', 'P', 'X', 'E')
)

// from is a frame with a message.
func from(t testing.TB, src, dst string, kind byte, options ...[]byte) []byte {
	t.Helper()
	return frametest.UDP(t, macPort, macServers, src, dst, 546, 547, append([]byte{kind, 0xab, 0xcd, 0xef}, bytes.Join(options, nil)...))
}

// text is a reply in lines: headers, then options.
func text(t testing.TB, reply []byte) string {
	t.Helper()
	m, ok := frametest.Decode(t, reply).Layer(layers.LayerTypeDHCPv6).(*layers.DHCPv6)
	if !ok {
		t.Fatalf("reply is no DHCPv6 message: % x", reply)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s %x\n", frametest.Text(t, reply), m.MsgType, m.TransactionID)
	for _, o := range m.Options {
		fmt.Fprintf(&b, "%d %x\n", o.Code, o.Data)
	}
	return b.String()
}

const (
	head      = "0a:00:00:00:00:01 > 02:00:00:00:00:05 fe80::800:ff:fe00:1 > fe80::ff:fe00:5 ttl 64 udp 547 > 546\n"
	advertise = head + "Advertise abcdef\n"
	replies   = head + "Reply abcdef\n"
	ids       = "1 00030001020000000005\n2 000300010a0000000001\n"
	others    = "23 fd000000000000000000000000000053fd000000000000000000000000000054\n24 036f766e036f726700\n"
	given     = "3 00000007ffffffffffffffff00050018fd000000000000000000000000000005ffffffffffffffff"
	noAddress = "0000000000000000000d00020002\n"
	success   = "13 0000\n"
	notOnLink = "13 0004\n"
)

func TestAnswer(t *testing.T) {
	stateless := map[string]string{"dhcpv6_stateless": "true"}
	for _, test := range []struct {
		name    string
		more    map[string]string
		kind    byte
		options [][]byte
		want    string // "": none
		why     string
	}{
		{"solicit", nil, 1, [][]byte{clientID, iana(7)}, advertise + ids + given + "\n" + others, "ADVERTISE to SOLICIT"},
		{"request", nil, 3, [][]byte{clientID, serverID, iana(7, addr)}, replies + ids + given + "\n" + others, "REPLY to REQUEST"},
		{"renew", nil, 5, [][]byte{clientID, serverID, iana(7, addr)}, replies + ids + given + "\n" + others, "REPLY to RENEW"},
		{"rebind with an old address", nil, 6, [][]byte{clientID, iana(7, "fd00::9")},
			replies + ids + given + "00050018fd0000000000000000000000000000090000000000000000\n" + others, "REPLY to REBIND"},
		{"two associations", nil, 3, [][]byte{clientID, serverID, iana(7), iana(8)},
			replies + ids + given + "\n3 00000008" + noAddress + others, "REPLY to REQUEST"},
		{"confirm", nil, 4, [][]byte{clientID, iana(7, "fd00::9")}, replies + ids + success, "REPLY to CONFIRM"},
		{"confirm from another link", nil, 4, [][]byte{clientID, iana(7, "fd02::9", addr)}, replies + ids + notOnLink, "REPLY to CONFIRM"},
		{"confirm of nothing", nil, 4, [][]byte{clientID, iana(7)}, "", "CONFIRM: has no address"},
		{"release", nil, 8, [][]byte{clientID, serverID, iana(7, addr)}, replies + ids + success, "REPLY to RELEASE"},
		{"decline", nil, 9, [][]byte{clientID, serverID, iana(7, addr)}, replies + ids + success, "REPLY to DECLINE"},
		{"information", nil, 11, [][]byte{clientID}, replies + ids + others, "REPLY to INFORMATION-REQUEST"},
		{"information for nobody", nil, 11, nil, replies + "2 000300010a0000000001\n" + others, "REPLY to INFORMATION-REQUEST"},
		{"solicit, stateless", stateless, 1, [][]byte{clientID, iana(7)}, advertise + ids + "3 00000007" + noAddress + others, "ADVERTISE to SOLICIT"},
		{"information, stateless", stateless, 11, [][]byte{clientID}, replies + ids + others, "REPLY to INFORMATION-REQUEST"},

		{"information with an address", nil, 11, [][]byte{clientID, iana(7)}, "", "information is asked for with an address"},
		{"information of another server", nil, 11, [][]byte{clientID, otherID}, "", "for another server"},
		{"solicit without client", nil, 1, [][]byte{iana(7)}, "", "client has no identifier"},
		{"solicit with server", nil, 1, [][]byte{clientID, serverID, iana(7)}, "", "message must not name a server"},
		{"solicit of no address", nil, 1, [][]byte{clientID}, "", "SOLICIT: no address is asked for"},
		{"request to another server", nil, 3, [][]byte{clientID, otherID, iana(7)}, "", "for another server"},
		{"request to no server", nil, 3, [][]byte{clientID, iana(7)}, "", "for another server"},
		{"a server's message", nil, 7, [][]byte{clientID}, "", "REPLY: is not answered"},
		{"relayed", nil, 12, [][]byte{clientID}, "", "RELAY-FORW: is not answered"},
	} {
		c := config(t, test.more)
		reply, why := dhcp6.Answer(&c, from(t, client, servers, test.kind, test.options...))
		got := ""
		if reply != nil {
			got = text(t, reply)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || why != test.why {
			t.Errorf("%s: %s, want %s (-want +got):\n%s", test.name, why, test.why, diff)
		}
	}
}

// Frames that are no requests of the port go on.
func TestNoRequest(t *testing.T) {
	c := config(t, nil)
	solicit := [][]byte{clientID, iana(7)}
	good := from(t, client, servers, 1, solicit...)
	moved := bytes.Clone(good)
	moved[11] = 6
	for _, test := range []struct {
		name string
		c    *dhcp6.Config
		b    []byte
		want string
	}{
		{"not configured", &dhcp6.Config{}, good, "DHCPv6 is not configured"},
		{"other MAC address", &c, moved, "from a MAC address that is not the port's"},
		{"to a host", &c, from(t, client, "fe80::1", 1, solicit...), "packet is no DHCPv6 request"},
		{"from no address", &c, from(t, "::", servers, 1, solicit...), "from ::, where no answer can go"},
		{"other ports", &c, frametest.UDP(t, macPort, macServers, client, servers, 5000, 547, good[62:]), "packet is no DHCPv6 request"},
		{"empty", &c, frametest.UDP(t, macPort, macServers, client, servers, 546, 547, nil), "packet is cut"},
		{"option cut", &c, from(t, client, servers, 1, clientID, []byte{0, 3, 0, 12, 0}), "read options: buffer too short at position 18: have 1 bytes, want 12 bytes"},
		{"association too short", &c, from(t, client, servers, 1, clientID, opt(3, 0, 0, 0, 1)), "read option IANA: packet is cut"},
		{"address too short", &c, from(t, client, servers, 1, clientID, opt(3, append(make([]byte, 12), opt(5, 1, 2)...)...)),
			"read option IANA: packet is cut"},
		{"no client identifier", &c, from(t, client, servers, 1, opt(1), iana(7)), "read option Client ID: identifier of 0 bytes"},
		{"long client identifier", &c, from(t, client, servers, 1, opt(1, make([]byte, 131)...), iana(7)), "read option Client ID: identifier of 131 bytes"},
		{"empty name", &c, from(t, client, servers, 1, clientID, iana(7), opt(39)), "read option FQDN: packet is cut"},
		{"cut", &c, good[:70], "packet is cut"},
		{"IPv4", &c, frametest.UDP(t, macPort, macServers, "10.0.0.5", "10.0.0.1", 546, 547, good[62:]), "packet is no DHCPv6 request"},
	} {
		if reply, why := dhcp6.Answer(test.c, test.b); reply != nil || why != test.want {
			t.Errorf("%s: %q, want %q", test.name, why, test.want)
		}
	}
}

func TestBootfile(t *testing.T) {
	both := map[string]string{"bootfile_name": `"http://i"`, "bootfile_name_alt": `"http://a"`}
	only := map[string]string{"bootfile_name": `"http://i"`}
	const first, alt = "\n59 687474703a2f2f69\n", "\n59 687474703a2f2f61\n"
	for _, test := range []struct {
		options map[string]string
		class   []byte
		want    string
	}{{both, ipxe, first}, {both, nil, alt}, {only, ipxe, first}, {only, nil, ""}, {nil, ipxe, ""}, {both, opt(15, 0, 4, 'i', 'P'), alt}} {
		c := config(t, test.options)
		reply, why := dhcp6.Answer(&c, from(t, client, servers, 1, clientID, iana(7), test.class))
		if reply == nil {
			t.Fatal(why)
		}
		if got := text(t, reply); test.want == "" && strings.Contains(got, "\n59 ") || !strings.Contains(got, test.want) {
			t.Errorf("%v, class %q:\n%s", test.options, test.class, got)
		}
	}
}

// A client that asks about its name is told that nobody updates it.
func TestFQDN(t *testing.T) {
	c := config(t, map[string]string{"fqdn": `"vm.ovn.org"`})
	for flags, want := range map[byte]string{0: "\n39 0402766d036f766e036f726700\n", 1: "\n39 0602766d036f766e036f726700\n"} {
		reply, _ := dhcp6.Answer(&c, from(t, client, servers, 1, clientID, iana(7), opt(39, flags)))
		if got := text(t, reply); !strings.Contains(got, want) {
			t.Errorf("flags %d:\n%s", flags, got)
		}
	}
	reply, _ := dhcp6.Answer(&c, from(t, client, servers, 1, clientID, iana(7)))
	if got := text(t, reply); strings.Contains(got, "\n39 ") {
		t.Errorf("not asked about the name:\n%s", got)
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct {
		name, value string
		leaves      bool // the rest
		want        string
	}{
		{"dns_server", "10.0.0.1", true, `dns_server: read address "10.0.0.1": wrong family or zone`},
		{"domain_search", "a..b", true, `domain_search: read domain name "a..b": label of 0 bytes`},
		{"colour", "red", true, "colour: no such option"},
		{"bootfile_name", strings.Repeat("x", 801), true, "bootfile_name: all options together have more than 800 bytes"},
		{"dns_server", strings.Repeat("::1 ", 51), true, "dns_server: all options together have more than 800 bytes"},
		{"server_id", "x", false, `server_id: read "x": not the address of a station`},
		{"server_id", "", false, `server_id: read "": not the address of a station`},
	} {
		c, problems := dhcp6.NewConfig(row(map[string]string{test.name: test.value}))
		if got := errors.Join(problems...); got == nil || got.Error() != test.want || c.Addr.IsValid() != test.leaves {
			t.Errorf("%s=%s: %v, want %s; %+v", test.name, test.value, got, test.want, c)
		}
	}
	other := row(nil)
	other.CIDR = netip.MustParsePrefix("10.0.0.0/24")
	if c, problems := dhcp6.NewConfig(other); c.Addr.IsValid() || len(problems) != 1 {
		t.Errorf("got %+v %v", c, problems)
	}
}

// The largest reply fits into the least MTU.
func TestLongest(t *testing.T) {
	c := config(t, map[string]string{"bootfile_name": strings.Repeat("x", 740)})
	many := iana(1, "fd00::1", "fd00::2", "fd00::3", "fd00::4", "fd00::6", "fd00::7")
	reply, why := dhcp6.Answer(&c, from(t, client, servers, 3, opt(1, make([]byte, 130)...), serverID, many, iana(2), iana(3), iana(4), iana(5), iana(6), ipxe))
	if reply == nil || len(reply) > 14+1280 {
		t.Fatalf("reply of %d bytes: %s", len(reply), why)
	}
	if got := text(t, reply); strings.Count(got, "\n3 ") != 4 {
		t.Errorf("got %s", got)
	}
}

func FuzzAnswer(f *testing.F) {
	c := config(f, map[string]string{"bootfile_name": "a", "fqdn": "vm.a"})
	f.Add(from(f, client, servers, 1, clientID, iana(7), ipxe, opt(39, 1)))
	f.Add(from(f, client, servers, 6, clientID, iana(7, addr, "fd00::9"), iana(8)))
	f.Add(from(f, client, servers, 11))
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, why := dhcp6.Answer(&c, b)
		if why == "" {
			t.Error("no reason")
		}
		if reply != nil && (len(reply) > 14+1280 || frametest.Decode(t, reply).Layer(layers.LayerTypeDHCPv6) == nil) {
			t.Errorf("reply of %d bytes: % x", len(reply), reply)
		}
	})
}
