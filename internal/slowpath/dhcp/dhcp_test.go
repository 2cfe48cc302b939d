package dhcp_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/dhcp"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
)

const (
	macPort = "02:00:00:00:00:05"
	macAll  = "ff:ff:ff:ff:ff:ff"
	zero    = "0.0.0.0"
	all     = "255.255.255.255"
)

// codes are the rows that ovn-northd writes.
var codes = map[string]dhcp.Code{
	"offerip": {0, "ipv4"}, "netmask": {1, "ipv4"}, "router": {3, "ipv4"}, "dns_server": {6, "ipv4"}, "log_server": {7, "ipv4"},
	"lpr_server": {9, "ipv4"}, "hostname": {12, "str"}, "domain_name": {15, "str"}, "swap_server": {16, "ipv4"},
	"ip_forward_enable": {19, "bool"}, "policy_filter": {21, "ipv4"}, "default_ttl": {23, "uint8"}, "mtu": {26, "uint16"},
	"broadcast_address": {28, "ipv4"}, "router_discovery": {31, "bool"}, "router_solicitation": {32, "ipv4"},
	"arp_cache_timeout": {35, "uint32"}, "ethernet_encap": {36, "bool"}, "tcp_ttl": {37, "uint8"}, "tcp_keepalive_interval": {38, "uint32"},
	"nis_server": {41, "ipv4"}, "ntp_server": {42, "ipv4"}, "netbios_name_server": {44, "ipv4"}, "netbios_node_type": {46, "uint8"},
	"lease_time": {51, "uint32"}, "server_id": {54, "ipv4"}, "T1": {58, "uint32"}, "T2": {59, "uint32"}, "tftp_server": {66, "host_id"},
	"bootfile_name": {67, "str"}, "domain_search_list": {119, "domains"}, "classless_static_route": {121, "static_routes"},
	"tftp_server_address": {150, "ipv4"}, "path_prefix": {210, "str"}, "ms_classless_static_route": {249, "static_routes"},
	"wpad": {252, "str"}, "next_server": {253, "ipv4"}, "bootfile_name_alt": {254, "str"},

	"of_the_future": {180, "uint128"}, "of_the_end": {255, "str"},
}

// row is what most tests configure, as Neutron writes it.
func row(more map[string]string) dhcp.Row {
	r := dhcp.Row{
		MAC:       frame.MAC{2, 0, 0, 0, 0, 5},
		Addresses: []netip.Addr{netip.MustParseAddr("192.168.9.5"), netip.MustParseAddr("10.0.0.5")},
		CIDR:      netip.MustParsePrefix("10.0.0.0/24"),
		Codes:     codes,
		Options: map[string]string{
			"server_id": "10.0.0.1", "server_mac": "0a:00:00:00:00:01", "lease_time": "3600", "router": "10.0.0.1",
			"dns_server": "{8.8.8.8, 9.9.9.9}", "domain_name": `"openstacklocal"`, "mtu": "1442",
			"classless_static_route": "{169.254.169.254/32,10.0.0.2, 0.0.0.0/0,10.0.0.1}",
		},
	}
	for name, v := range more {
		r.Options[name] = v
	}
	return r
}

func config(t testing.TB, more map[string]string) dhcp.Config {
	t.Helper()
	c, problems := dhcp.NewConfig(row(more))
	if problems != nil {
		t.Fatal(problems)
	}
	return c
}

// message is a client's one.
func message(kind layers.DHCPMsgType, options ...layers.DHCPOption) *layers.DHCPv4 {
	return &layers.DHCPv4{
		Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: 0x1234, Secs: 7,
		ClientHWAddr: net.HardwareAddr{2, 0, 0, 0, 0, 5},
		Options:      append(layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)})}, options...),
	}
}

func requested(a ...byte) layers.DHCPOption { return layers.NewDHCPOption(layers.DHCPOptRequestIP, a) }
func server(a ...byte) layers.DHCPOption    { return layers.NewDHCPOption(layers.DHCPOptServerID, a) }

// from is a frame with a message.
func from(t testing.TB, src, dst string, m *layers.DHCPv4) []byte {
	t.Helper()
	list := frametest.IP(t, macPort, macAll, src, dst, layers.IPProtocolUDP)
	return frametest.Build(t, append(list, &layers.UDP{SrcPort: 68, DstPort: 67}, m)...)
}

// text is a reply in lines: headers, fixed fields, options.
func text(t testing.TB, reply []byte) string {
	t.Helper()
	m, ok := frametest.Decode(t, reply).Layer(layers.LayerTypeDHCPv4).(*layers.DHCPv4)
	if !ok {
		t.Fatalf("reply is no DHCP message: % x", reply)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nop %d xid %x flags %x ci %s yi %s si %s chaddr %s\n",
		frametest.Text(t, reply), m.Operation, m.Xid, m.Flags, m.ClientIP, m.YourClientIP, m.NextServerIP, m.ClientHWAddr)
	for _, o := range m.Options {
		if o.Type != layers.DHCPOptEnd && o.Type != layers.DHCPOptPad {
			fmt.Fprintf(&b, "%d %x\n", o.Type, o.Data)
		}
	}
	return b.String()
}

const (
	toPort    = "0a:00:00:00:00:01 > 02:00:00:00:00:05 10.0.0.1 > 10.0.0.5 ttl 64 udp 67 > 68\n"
	toAll     = "0a:00:00:00:00:01 > 02:00:00:00:00:05 10.0.0.1 > 255.255.255.255 ttl 64 udp 67 > 68\n"
	noOptions = "54 0a000001\n"
	given     = "1 ffffff00\n3 0a000001\n6 0808080809090909\n15 6f70656e737461636b6c6f63616c\n26 05a2\n51 00000e10\n"
	routes    = "121 20a9fea9fe0a000002000a000001\n"
	informed  = "3 0a000001\n6 0808080809090909\n15 6f70656e737461636b6c6f63616c\n26 05a2\n53 05\n54 0a000001\n" + routes
)

func fixed(flags int, ci, yi string) string {
	return fmt.Sprintf("op 2 xid 1234 flags %x ci %s yi %s si 0.0.0.0 chaddr 02:00:00:00:00:05\n", flags, ci, yi)
}

func TestAnswer(t *testing.T) {
	broadcast := message(layers.DHCPMsgTypeDiscover)
	broadcast.Flags = 0x8000
	renew := message(layers.DHCPMsgTypeRequest)
	renew.ClientIP = net.IP{10, 0, 0, 5}
	stray := message(layers.DHCPMsgTypeRequest)
	stray.ClientIP = net.IP{10, 0, 0, 6}
	inform := message(layers.DHCPMsgTypeInform)
	inform.ClientIP = net.IP{10, 0, 0, 5}
	for _, test := range []struct {
		name string
		m    *layers.DHCPv4
		src  string
		dst  string
		want string // "": none
		why  string
	}{
		{"discover", message(layers.DHCPMsgTypeDiscover), zero, all,
			toPort + fixed(0, zero, "10.0.0.5") + given + "53 02\n" + noOptions + routes, "DHCPOFFER 10.0.0.5"},
		{"discover, broadcast wanted", broadcast, zero, all,
			toAll + fixed(0x8000, zero, "10.0.0.5") + given + "53 02\n" + noOptions + routes, "DHCPOFFER 10.0.0.5"},
		{"request", message(layers.DHCPMsgTypeRequest, requested(10, 0, 0, 5), server(10, 0, 0, 1)), zero, all,
			toPort + fixed(0, zero, "10.0.0.5") + given + "53 05\n" + noOptions + routes, "DHCPACK 10.0.0.5"},
		{"renew", renew, "10.0.0.5", "10.0.0.1",
			toPort + fixed(0, "10.0.0.5", "10.0.0.5") + given + "53 05\n" + noOptions + routes, "DHCPACK 10.0.0.5"},
		{"rebind", renew, "10.0.0.5", all,
			toPort + fixed(0, "10.0.0.5", "10.0.0.5") + given + "53 05\n" + noOptions + routes, "DHCPACK 10.0.0.5"},
		{"request of another address", message(layers.DHCPMsgTypeRequest, requested(10, 0, 0, 9)), zero, all,
			toAll + fixed(0, zero, zero) + "53 06\n" + noOptions, "DHCPNAK: 10.0.0.9 requested, 10.0.0.5 is the port's"},
		{"renew of another address", stray, zero, all,
			toAll + fixed(0, zero, zero) + "53 06\n" + noOptions, "DHCPNAK: 10.0.0.6 requested, 10.0.0.5 is the port's"},
		{"request of no address", message(layers.DHCPMsgTypeRequest), zero, all,
			toAll + fixed(0, zero, zero) + "53 06\n" + noOptions, "DHCPNAK: 0.0.0.0 requested, 10.0.0.5 is the port's"},
		{"inform", inform, "10.0.0.5", all,
			toPort + fixed(0, "10.0.0.5", zero) + informed, "DHCPACK 10.0.0.5"},
		{"release", renewOf(layers.DHCPMsgTypeRelease), "10.0.0.5", "10.0.0.1", "", "DHCPRELEASE of 10.0.0.5"},
		{"decline", message(layers.DHCPMsgTypeDecline, requested(10, 0, 0, 5)), zero, all, "", "DHCPDECLINE: 10.0.0.5 is in use by somebody else"},
		{"other server chosen", message(layers.DHCPMsgTypeRequest, requested(10, 0, 0, 5), server(10, 0, 0, 2)), zero, all, "",
			"REQUEST for server 10.0.0.2"},
		{"a server's message", message(layers.DHCPMsgTypeOffer), zero, all, "", "message type OFFER is not answered"},
		{"to another server", renew, "10.0.0.5", "10.0.0.2", "", "from 10.0.0.5 to 10.0.0.2: not for this server"},
		{"from another address", renew, "10.0.0.7", "10.0.0.1", "", "from 10.0.0.7 to 10.0.0.1: not for this server"},
	} {
		c := config(t, nil)
		reply, why := dhcp.Answer(&c, from(t, test.src, test.dst, test.m))
		got := ""
		if reply != nil {
			got = text(t, reply)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || why != test.why {
			t.Errorf("%s: %s, want %s (-want +got):\n%s", test.name, why, test.why, diff)
		}
	}
}

// renewOf is a message of a client that has the address.
func renewOf(kind layers.DHCPMsgType) *layers.DHCPv4 {
	m := message(kind)
	m.ClientIP = net.IP{10, 0, 0, 5}
	return m
}

// Frames that are no requests of the port go on.
func TestNoRequest(t *testing.T) {
	c := config(t, nil)
	good := from(t, zero, all, message(layers.DHCPMsgTypeDiscover))
	reply := message(layers.DHCPMsgTypeDiscover)
	reply.Operation = layers.DHCPOpReply
	edit := func(at int, b ...byte) []byte {
		e := append([]byte{}, good...)
		copy(e[at:], b)
		return e
	}
	for name, test := range map[string]struct {
		c    *dhcp.Config
		b    []byte
		want string
	}{
		"not configured":        {&dhcp.Config{}, good, "DHCP is not configured"},
		"other MAC address":     {&c, edit(6, 2, 9), "from a MAC address that is not the port's"},
		"other port":            {&c, edit(36, 0, 68), "packet is no DHCP request"},
		"fragment":              {&c, edit(20, 0x20), "packet is no UDP datagram"},
		"a reply":               {&c, from(t, zero, all, reply), "message is no request of an Ethernet station"},
		"Infiniband":            {&c, edit(43, 32), "message is no request of an Ethernet station"},
		"long hardware address": {&c, edit(44, 16), "message is no request of an Ethernet station"},
		"no cookie":             {&c, edit(42+236, 0), "read DHCP message: malformed DHCP packet: got magic cookie [0 130 83 99], want [99 130 83 99]"},
		"option cut":            {&c, edit(42+240, 53, 200), "read DHCP message: error collecting options: buffer too short at position 2: have 2 bytes, want 200 bytes"},
		"cut":                   {&c, good[:200], "packet is cut"},
		"empty message":         {&c, frametest.UDP(t, macPort, macAll, zero, all, 68, 67, nil), "read DHCP message: buffer too short at position 0: have 0 bytes, want 1 bytes"},
		"IPv6":                  {&c, frametest.UDP(t, macPort, macAll, "fe80::1", "ff02::1", 68, 67, nil), "from fe80::1 to ff02::1: not for this server"},
	} {
		reply, why := dhcp.Answer(test.c, test.b)
		if reply != nil || why != test.want {
			t.Errorf("%s: %q, want %q", name, why, test.want)
		}
	}
}

// option is the value of an option in the answer to a message, in hexadecimal; "-": absent.
func option(t testing.TB, c dhcp.Config, code int, m *layers.DHCPv4) string {
	t.Helper()
	reply, why := dhcp.Answer(&c, from(t, zero, all, m))
	if reply == nil {
		t.Fatal(why)
	}
	for line := range strings.Lines(text(t, reply)) {
		if v, ok := strings.CutPrefix(line, fmt.Sprint(code, " ")); ok {
			return strings.TrimSpace(v)
		}
	}
	return "-"
}

// The port's name goes before that of the options.
func TestHostname(t *testing.T) {
	r := row(map[string]string{"hostname": `"shared"`})
	r.Hostname = `"vm5"`
	c, problems := dhcp.NewConfig(r)
	if problems != nil {
		t.Fatal(problems)
	}
	if got := option(t, c, 12, message(layers.DHCPMsgTypeDiscover)); got != "766d35" {
		t.Errorf("hostname is %s", got)
	}
	if r.Options["hostname"] != `"shared"` {
		t.Error("the row was changed")
	}
}

func TestBootfile(t *testing.T) {
	plain := message(layers.DHCPMsgTypeDiscover)
	ipxe := message(layers.DHCPMsgTypeDiscover, layers.NewDHCPOption(175, []byte{1}))
	const first, alt = "61", "62"
	for _, test := range []struct {
		options     map[string]string
		plain, ipxe string
	}{
		{nil, "-", "-"},
		{map[string]string{"bootfile_name": "a"}, first, first},
		{map[string]string{"bootfile_name_alt": "b"}, alt, alt},
		{map[string]string{"bootfile_name": "a", "bootfile_name_alt": "b"}, alt, first},
	} {
		c := config(t, test.options)
		if got := option(t, c, 67, plain); got != test.plain {
			t.Errorf("%v: %s, want %s", test.options, got, test.plain)
		}
		if got := option(t, c, 67, ipxe); got != test.ipxe {
			t.Errorf("%v for iPXE: %s, want %s", test.options, got, test.ipxe)
		}
	}
}

func TestNextServer(t *testing.T) {
	c := config(t, map[string]string{"next_server": "10.0.0.8"})
	reply, _ := dhcp.Answer(&c, from(t, zero, all, message(layers.DHCPMsgTypeDiscover)))
	if got := text(t, reply); !strings.Contains(got, " si 10.0.0.8 ") {
		t.Errorf("got %s", got)
	}
}

// An option of more than 255 bytes is split (RFC 3396), and the reply fits into a packet.
func TestLongest(t *testing.T) {
	c := config(t, map[string]string{"wpad": strings.Repeat("x", 1100)})
	reply, _ := dhcp.Answer(&c, from(t, zero, all, message(layers.DHCPMsgTypeDiscover)))
	if len(reply) > 1514 || strings.Count(text(t, reply), "\n252 ") != 5 {
		t.Errorf("reply of %d bytes:\n%s", len(reply), text(t, reply))
	}
}

func FuzzAnswer(f *testing.F) {
	c := config(f, map[string]string{"bootfile_name": "a", "bootfile_name_alt": "b"})
	f.Add(from(f, zero, all, message(layers.DHCPMsgTypeDiscover, layers.NewDHCPOption(175, []byte{1}))))
	f.Add(from(f, "10.0.0.5", "10.0.0.1", renewOf(layers.DHCPMsgTypeRequest)))
	f.Add(from(f, "10.0.0.5", all, renewOf(layers.DHCPMsgTypeInform)))
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, why := dhcp.Answer(&c, b)
		if why == "" {
			t.Error("no reason")
		}
		if reply != nil && frametest.Decode(t, reply).Layer(layers.LayerTypeDHCPv4) == nil {
			t.Errorf("reply is no DHCP message: % x", reply)
		}
	})
}
