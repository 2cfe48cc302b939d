package router_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/router"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

// The gateways of these stories: vm0 and vm1, by which connections of 192.0.2.0/24 and 2001:db8::/32 come in, to hosts behind port 3.
func symmetricNetwork(t *testing.T, change func(*config.Config)) *iomtest.Kit {
	k := storyNetwork(t, func(c *config.Config) {
		c.Routes = numbered([]config.Route{to("192.0.2.0/24", back(hop(1, "10.0.0.10")), back(hop(2, "10.0.1.10"))),
			to("2001:db8::/32", back(hop(1, "fd00:0::10")), back(hop(2, "fd00:1::10"))), to("198.51.100.0/24", hop(1, "10.0.0.10"))})
		if change != nil {
			change(c)
		}
	})
	tables := &iom.Tables{}
	iom.Put(tables, "iom_bindings", uint32(1), k.Slot("vm0"))
	iom.Put(tables, "iom_bindings", uint32(2), k.Slot("vm1"))
	k.Write(tables)
	return k
}

func back(h config.Hop) config.Hop {
	h.Symmetric = true
	return h
}

// arrives has a gateway, 0 or 1, pass on a packet.
func arrives(t *testing.T, k *iomtest.Kit, gateway byte, frame []byte) {
	t.Helper()
	copy(frame, lrpMAC(gateway))
	copy(frame[6:], vmMAC(gateway))
	if v, _ := k.Run("vif_in", uint32(gateway)+1, 0, frame); int32(v) == -1 {
		t.Fatal("the packet was not taken")
	}
}

// answer is what becomes of a packet that a host behind port 3 sends; the way it leaves by.
func answer(t *testing.T, k *iomtest.Kit, frame []byte) (text string, to net.HardwareAddr) {
	t.Helper()
	copy(frame, lrpMAC(2))
	copy(frame[6:], vmMAC(2))
	r := k.Send("lrp2", frame)
	return r.Text, net.HardwareAddr(r.Packet.Data()[:6])
}

// answeredBack: a packet leaves by vm0 or vm1, because of a route.
func answeredBack(route int, gateway byte, rewrite string) string {
	return "enter router\n" + strings.Replace(routed(route), "routed", "answered_back", 1) + rewrite + "enter l2switch\noutput vm" + string('0'+rune(gateway))
}

func ports(t *testing.T, proto layers.IPProtocol, src, dst string, sport, dport uint16) []byte {
	l3 := iomtest.IP(ip(src), ip(dst), proto)
	var l4 gopacket.SerializableLayer
	switch proto {
	case layers.IPProtocolTCP:
		l4 = &layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), ACK: true}
	case layers.IPProtocolSCTP:
		l4 = &layers.SCTP{SrcPort: layers.SCTPPort(sport), DstPort: layers.SCTPPort(dport)}
	case layers.IPProtocolICMPv4:
		l4 = &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(uint8(sport), 0), Id: dport}
	default:
		l4 = &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
	}
	return iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), iomtest.EtherType(ip(src))), l3, l4)
}

// Answers take the gateway that their connection came by, in both families and whatever the protocol; others are spread over both.
func TestSymmetric(t *testing.T) {
	k := symmetricNetwork(t, nil)
	for _, c := range []struct {
		proto       layers.IPProtocol
		there, here string
		route       int
		rewrite     string
	}{
		{layers.IPProtocolUDP, "192.0.2.5", "10.0.2.10", 0, rewrite4}, {layers.IPProtocolTCP, "192.0.2.5", "10.0.2.10", 0, rewrite4},
		{layers.IPProtocolSCTP, "192.0.2.5", "10.0.2.10", 0, rewrite4}, {layers.IPProtocolUDP, "2001:db8::5", "fd00:2::10", 1, rewrite6},
		{layers.IPProtocolTCP, "2001:db8::5", "fd00:2::10", 1, rewrite6},
	} {
		for port := range uint16(20) {
			gateway := byte(port % 2)
			arrives(t, k, gateway, ports(t, c.proto, c.there, c.here, 1000+port, 80))
			got, mac := answer(t, k, ports(t, c.proto, c.here, c.there, 80, 1000+port))
			if diff := cmp.Diff(answeredBack(c.route, gateway, c.rewrite), got); diff != "" || mac.String() != vmMAC(gateway).String() {
				t.Fatalf("%s to %s port %d goes to %s: -want +got:\n%s", c.proto, c.there, 1000+port, mac, diff)
			}
			if got, _ := answer(t, k, ports(t, c.proto, c.here, c.there, 81, 1000+port)); strings.Contains(got, "answered_back") {
				t.Fatalf("%s from another port: %s", c.proto, got)
			}
		}
	}
	arrives(t, k, 1, ports(t, layers.IPProtocolICMPv4, "192.0.2.5", "10.0.2.10", layers.ICMPv4TypeEchoRequest, 7))
	if got, _ := answer(t, k, ports(t, layers.IPProtocolICMPv4, "10.0.2.10", "192.0.2.5", layers.ICMPv4TypeEchoReply, 7)); got != answeredBack(0, 1, rewrite4) {
		t.Errorf("echo reply: %s", got)
	}
	arrives(t, k, 0, ports(t, layers.IPProtocolUDP, "198.51.100.5", "10.0.2.10", 1, 2))
	if got, _ := answer(t, k, ports(t, layers.IPProtocolUDP, "10.0.2.10", "198.51.100.5", 2, 1)); !strings.Contains(got, routed(2)) {
		t.Errorf("by a route without the option: %s", got)
	}
}

// The last packet that comes in says where answers go: the gateway may change, and its MAC address.
func TestSymmetricMoves(t *testing.T) {
	k := symmetricNetwork(t, nil)
	there := func() []byte { return ports(t, layers.IPProtocolTCP, "192.0.2.5", "10.0.2.10", 1000, 80) }
	for _, gateway := range []byte{0, 1, 0} {
		arrives(t, k, gateway, there())
		if got, _ := answer(t, k, ports(t, layers.IPProtocolTCP, "10.0.2.10", "192.0.2.5", 80, 1000)); got != answeredBack(0, gateway, rewrite4) {
			t.Errorf("after gateway %d: %s", gateway, got)
		}
	}
	other := net.HardwareAddr{0x0a, 0, 0, 0, 0, 0x77}
	frame := there()
	copy(frame[6:], other)
	k.Run("vif_in", 1, 0, frame)
	if got, mac := answer(t, k, ports(t, layers.IPProtocolTCP, "10.0.2.10", "192.0.2.5", 80, 1000)); mac.String() != other.String() {
		t.Errorf("after another MAC address it goes to %s: %s", mac, got)
	}
	copy(frame[6:], vmMAC(1)) // with one MAC address by both ports
	k.Run("vif_in", 1, 0, frame)
	arrives(t, k, 1, there())
	if got, _ := answer(t, k, ports(t, layers.IPProtocolTCP, "10.0.2.10", "192.0.2.5", 80, 1000)); got != answeredBack(0, 1, rewrite4) {
		t.Errorf("after another port: %s", got)
	}
}

// inTable gives a port a table of routes.
func inTable(key uint16, table string) func(*config.Config) {
	return func(c *config.Config) {
		p := c.Ports[key]
		p.Table = table
		c.Ports[key] = p
	}
}

// Answers pass by policies and by routes with longer prefixes, but not by ports without the route, other tables, the size of the port, or when it is disabled.
func TestSymmetricOverrides(t *testing.T) {
	there, here := ports(t, layers.IPProtocolUDP, "192.0.2.5", "10.0.2.10", 1000, 80), ports(t, layers.IPProtocolUDP, "10.0.2.10", "192.0.2.5", 80, 1000)
	for _, c := range []struct {
		name   string
		change func(*config.Config)
		want   string
	}{
		{"policy", withPolicies(policy(config.Drop, rule(in(match.Dst, prefix("192.0.2.0/24"))))), answeredBack(0, 0, rewrite4)},
		{"longer prefix", func(c *config.Config) {
			c.Routes = numbered(append(c.Routes, to("192.0.2.0/28", hop(2, "10.0.1.10"))))
		}, answeredBack(0, 0, rewrite4)},
		{"by source", func(c *config.Config) {
			c.Routes = numbered([]config.Route{from("10.0.2.0/24", back(hop(1, "10.0.0.10")))})
		}, answeredBack(0, 0, rewrite4)},
		{"by source, another table", func(c *config.Config) {
			c.Routes = numbered([]config.Route{from("10.0.2.0/24", back(hop(1, "10.0.0.10")))})
			inTable(3, "blue")(c)
		}, answeredBack(0, 0, rewrite4)},
		{"another table", inTable(3, "blue"), "enter router\npunt router.no_route\ndrop router.no_route"},
		{"its own table", func(c *config.Config) {
			c.Routes[0].Table = "blue"
			inTable(3, "blue")(c)
		}, answeredBack(0, 0, rewrite4)},
		{"another port's route", func(c *config.Config) {
			c.Routes = numbered([]config.Route{to("192.0.2.0/24", hop(1, "10.0.0.10"), back(hop(2, "10.0.1.10")))})
		}, ""},
		{"no option", func(c *config.Config) { c.Routes = numbered([]config.Route{to("192.0.2.0/24", hop(2, "10.0.1.10"))}) },
			"enter router\n" + routed(0) + rewrite4 + "enter l2switch\noutput vm1"},
		{"too big", limited(1, 68), "enter router\n" + strings.Replace(routed(0), "routed", "answered_back", 1) + "punt router.too_big\ndrop router.too_big"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := symmetricNetwork(t, c.change)
			arrives(t, k, 0, there)
			frame := here
			if c.name == "too big" {
				frame = iomtest.Frame(t, iomtest.Eth(vmMAC(0), lrpMAC(0), layers.EthernetTypeIPv4), iomtest.IP(ip("10.0.2.10"), ip("192.0.2.5"), layers.IPProtocolUDP),
					&layers.UDP{SrcPort: 80, DstPort: 1000}, gopacket.Payload(make([]byte, 100)))
			}
			got, _ := answer(t, k, frame)
			if c.want == "" && strings.Contains(got, "answered_back") || c.want != "" && got != c.want {
				t.Errorf("-want +got:\n%s", cmp.Diff(c.want, got))
			}
		})
	}
}

// What is old, is another's by the time that it is read, or belongs to a route that is gone, counts for nothing.
func TestSymmetricStale(t *testing.T) {
	k := symmetricNetwork(t, nil)
	arrives(t, k, 1, ports(t, layers.IPProtocolUDP, "192.0.2.5", "10.0.2.10", 1000, 80))
	replies := k.Set().Maps["router_replies"]
	var key router.RouterRouterReplyKey
	var noted router.RouterRouterReply
	if rows := replies.Iterate(); !rows.Next(&key, &noted) || noted.Key != key || noted.Ref != k.Slot("lrp1") {
		t.Fatalf("nothing is noted: %+v %+v", key, noted)
	}
	for _, c := range []struct {
		name   string
		change func(*router.RouterRouterReply) error
		stays  bool
	}{
		{"nothing", func(*router.RouterRouterReply) error { return nil }, true},
		{"old", func(r *router.RouterRouterReply) error { r.Seen -= 700; return nil }, false},
		{"another's", func(r *router.RouterRouterReply) error { r.Key.L4[0]++; return nil }, false},
		{"no route", func(*router.RouterRouterReply) error { return clearTable(k, "router_symmetrics") }, false},
	} {
		row := noted
		if err := errors.Join(c.change(&row), replies.Put(key, row)); err != nil {
			t.Fatal(err)
		}
		got, _ := answer(t, k, ports(t, layers.IPProtocolUDP, "10.0.2.10", "192.0.2.5", 80, 1000))
		if stays := strings.Contains(got, "answered_back"); stays != c.stays {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func clearTable(k *iomtest.Kit, name string) error {
	m := k.Set().Maps[name]
	var keys [][]byte
	var key, value []byte
	for rows := m.Iterate(); rows.Next(&key, &value); {
		keys = append(keys, append([]byte(nil), key...))
	}
	for _, key := range keys {
		if err := m.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// Nothing is noted of a trace, of what the router itself says, nor where no route asks for it.
func TestSymmetricNotes(t *testing.T) {
	noted := func(k *iomtest.Kit) int {
		n := 0
		var key, value []byte
		for rows := k.Set().Maps["router_replies"].Iterate(); rows.Next(&key, &value); {
			n++
		}
		return n
	}
	frame := ports(t, layers.IPProtocolUDP, "192.0.2.5", "10.0.2.10", 1000, 80)
	k := symmetricNetwork(t, nil)
	before := k.Footprint()
	k.Send("vm0", frame)
	if diff := cmp.Diff(before, k.Footprint()); diff != "" {
		t.Errorf("tracing left something behind:\n%s", diff)
	}
	resume := wire.Resume{Dp: 5, Port: k.Slot("lrp0")}
	k.Run("relay_out", 1, uint32(wire.MarkResume), append(append([]byte{}, frame...), iom.Bytes(resume)...))
	if n := noted(k); n != 0 {
		t.Errorf("%d connections are noted of what the router says", n)
	}
	arrives(t, k, 0, frame)
	arrives(t, k, 0, frame)
	if n := noted(k); n != 1 {
		t.Errorf("%d connections are noted, want 1", n)
	}
	without := symmetricNetwork(t, func(c *config.Config) { c.Routes[0].Hops = []config.Hop{hop(1, "10.0.0.10")}; c.Routes[1].Hops = nil })
	arrives(t, without, 0, frame)
	if n := noted(without); n != 0 {
		t.Errorf("%d connections are noted without a route that asks for it", n)
	}
}

// The rows of a route say by which ports it is symmetric, to and from where.
func TestSymmetricEntries(t *testing.T) {
	c := &config.Config{Ports: map[uint16]config.Port{1: {Enabled: true}, 2: {Enabled: true, Table: "blue"}}}
	c.Routes = numbered([]config.Route{to("192.0.2.0/24", back(hop(1, "10.0.0.1")), hop(2, "10.0.0.2")), from("2001:db8::/32", back(hop(2, "fd00::1")))})
	tables := &iom.Tables{}
	if err := router.Entries(iom.Instance{Slot: 5, Config: c, Local: map[uint16]uint32{1: 11, 2: 12}}, tables); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for key := range tables.Rows["router_symmetrics"] {
		b := []byte(key)
		n := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
		table := "main"
		if n(4) != 0 {
			table = "blue"
		}
		a, _ := netip.AddrFromSlice(b[24:40])
		got[strings.Join([]string{map[uint32]string{1: "to4", 2: "to6", 3: "from4", 4: "from6"}[n(5)], a.Unmap().String(), map[uint32]string{11: "port1", 12: "port2"}[n(2)],
			map[uint32]string{0: "comes", 1: "answers"}[n(3)], table}, " ")] = n(1) == 5 && n(0) == map[bool]uint32{true: 160 + 96 + 24, false: 160 + 32}[a.Is4In6()]
	}
	want := map[string]bool{"from4 192.0.2.0 port1 comes main": true, "to4 192.0.2.0 port1 answers main": true, "to6 2001:db8:: port2 comes main": true,
		"from6 2001:db8:: port2 answers main": true, "from6 2001:db8:: port2 answers blue": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	withPolicies(config.Policy{Action: config.Reroute, Rules: []match.Rule{{}}, Hops: []config.Hop{back(hop(1, "10.0.0.1"))}})(c)
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "symmetric") {
		t.Errorf("a policy with a symmetric next hop: %v", err)
	}
}
