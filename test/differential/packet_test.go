package differential

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// microflow is a packet as ovn-trace(8) has it, term by term.
type microflow []string

func (m microflow) String() string { return strings.Join(m, " && ") }

func (m *microflow) add(format string, args ...any) { *m = append(*m, fmt.Sprintf(format, args...)) }

// value is what the packet has in a field; "": it does not say.
func (m microflow) value(field string) string {
	for _, term := range m {
		if value, ok := strings.CutPrefix(term, field+" == "); ok {
			return value
		}
	}
	return ""
}

// set changes a field that the packet has.
func (m microflow) set(field string, value any) {
	for i, term := range m {
		if strings.HasPrefix(term, field+" == ") {
			m[i] = fmt.Sprintf("%s == %v", field, value)
		}
	}
}

// addr is the IP address of an end, "src" or "dst"; the zero Addr for none.
func (m microflow) addr(end string) netip.Addr {
	a, _ := netip.ParseAddr(m.value("ip4."+end) + m.value("ip6."+end))
	return a
}

// whole is an address without "::": OVN takes every 17 characters with five colons for an Ethernet address.
func whole(a netip.Addr) string { return a.StringExpanded() }

// packet makes a packet that a VIF sends.
func (g *generator) packet() microflow {
	v := pick(g, g.vifs)
	m := microflow{fmt.Sprintf("inport == %q", v.name)}
	m.add("eth.src == %s", g.senderMAC(v))
	switch n := g.IntN(100); {
	case n < 10:
		g.arp(&m, v)
	case n < 18:
		g.discovery(&m, v)
	case n < 20 && !v.secured: // ovn-trace 23.03, unlike ovn-controller, lets secured ports send these
		m.add("eth.dst == %s", pick(g, []string{g.anyMAC(), g.groupMAC()}))
		m.add("eth.type == %s", pick(g, []string{"0x88cc", "0x8847", "0x600"}))
	default:
		g.ip(&m, v)
	}
	return m
}

func (g *generator) senderMAC(v vif) string {
	if g.chance(90) {
		return v.mac
	}
	return pick(g, g.macs)
}

// anyMAC is that of some host or of none.
func (g *generator) anyMAC() string { return pick(g, append([]string{"0a:00:00:99:00:01"}, g.macs...)) }

// groupMAC is broadcast or multicast. Such a frame with a unicast packet is not made: routers take it, and which copies of the flood they
// changed ovn-trace does not tell.
func (g *generator) groupMAC() string {
	return pick(g, []string{"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05", "33:33:00:00:00:01"})
}

// senderAddr is an address of a family that v may use as its own.
func (g *generator) senderAddr(v vif, is4 bool) netip.Addr {
	for _, a := range v.addrs {
		if a.Is4() == is4 && g.chance(85) {
			return a
		}
	}
	return g.anyAddr(is4)
}

// anyAddr is an interesting address of a family.
func (g *generator) anyAddr(is4 bool) netip.Addr {
	for range 20 {
		if a := pick(g, g.addrs); a.Is4() == is4 {
			return a
		}
	}
	return map[bool]netip.Addr{true: netip.MustParseAddr("10.0.0.77"), false: netip.MustParseAddr("fd00::77")}[is4]
}

// groups are addresses of several hosts, by whether they are IPv4.
var groups = map[bool][]netip.Addr{
	true:  {netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("224.0.0.9"), netip.MustParseAddr("239.1.2.3")},
	false: {netip.MustParseAddr("ff02::1"), netip.MustParseAddr("ff02::fb")},
}

// target is where a packet may go.
func (g *generator) target(is4 bool) netip.Addr {
	var list []netip.Addr
	switch n := g.IntN(100); {
	case n < 50:
		for _, v := range g.vifs {
			list = append(list, v.addrs...)
		}
	case n < 62:
		for _, p := range g.routerPorts {
			for _, n := range p.networks {
				list = append(list, n.Addr())
			}
		}
	}
	list = slices.DeleteFunc(list, func(a netip.Addr) bool { return a.Is4() != is4 })
	if len(list) == 0 {
		return g.anyAddr(is4)
	}
	return pick(g, list)
}

// towards is the MAC address to which v would send what is for dst: that of a neighbour, or of a router.
func (g *generator) towards(v vif, dst netip.Addr) string {
	if dst.IsMulticast() { // OVN's routers forward what is sent to their own MAC address
		return g.groupMAC()
	}
	if mac, ok := g.linkLocalOwner(dst); ok {
		return mac
	}
	if g.chance(6) {
		return g.anyMAC()
	}
	for _, other := range g.vifs {
		if other.sw == v.sw && slices.Contains(other.addrs, dst) {
			return other.mac
		}
	}
	var macs []string
	for _, p := range g.routerPorts {
		if p.sw == v.sw {
			macs = append(macs, p.mac)
		}
	}
	if len(macs) == 0 {
		return g.anyMAC()
	}
	return pick(g, macs)
}

// linkLocalOwner is the router that has a link-local address. OVN 23.03 has routes by source that are longer take what is sent to another
// router off the link.
func (g *generator) linkLocalOwner(a netip.Addr) (mac string, ok bool) {
	for _, p := range g.routerPorts {
		if own, _ := linkLocal(p.mac); own == a {
			return p.mac, true
		}
	}
	return "", false
}

// isElsewhere says whether an address is link-local, but not that of a router on the link. OVN 23.03 takes such ones of other links' routers for
// their own, and has longer routes by source take the others off their link.
func (g *generator) isElsewhere(sw string, a netip.Addr) bool {
	return a.IsLinkLocalUnicast() && !slices.ContainsFunc(g.routerPorts, func(p routerPort) bool {
		own, _ := linkLocal(p.mac)
		return a == own && p.sw == sw
	})
}

// isRouted says whether a switch has a router. OVN's routers take IPv6 multicast for unicast.
func (g *generator) isRouted(sw string) bool {
	return slices.ContainsFunc(g.routerPorts, func(p routerPort) bool { return p.sw == sw })
}

func (g *generator) ip(m *microflow, v vif) {
	is4 := g.chance(50)
	dst := g.target(is4)
	for g.isElsewhere(v.sw, dst) {
		dst = g.target(is4)
	}
	if g.chance(4) && (is4 || !g.isRouted(v.sw)) {
		dst = pick(g, groups[is4])
	}
	m.add("eth.dst == %s", g.towards(v, dst))
	header := map[bool]string{true: "ip4", false: "ip6"}[is4]
	m.add("%s.src == %s", header, whole(g.senderAddr(v, is4)))
	m.add("%s.dst == %s", header, whole(dst))
	m.add("ip.ttl == %d", pick(g, lives))
	if g.chance(4) {
		m.add("ip.frag == %d", pick(g, []int{1, laterFragment}))
		m.add("ip.proto == %d", pick(g, []int{6, 17, 47}))
		return
	}
	g.transport(m, is4, g.stateful && g.isRouters(dst))
}

// laterFragment is ip.frag of a fragment that is not the first one.
const laterFragment = 3

// lives are times to live: enough for each way, but few enough for a loop between routers to end before Woven's hop guard ends it.
var lives = []int{4, 4, 4, 4, 4, 4, 5, 2, 1, 0}

// ports are interesting ports of transport protocols.
var ports = []int{22, 79, 80, 81, 443, 1023, 1024, 65535}

// transport adds the header of a transport protocol. answered: no request for an echo is made, as ovn-trace has the router's answer to it begin a
// connection of its own.
func (g *generator) transport(m *microflow, is4, answered bool) {
	icmp, types := "icmp4", []int{echoRequest, echoRequest, echoReply, 3, 11}
	if !is4 {
		icmp, types = "icmp6", []int{echoRequest6, echoRequest6, echoReply6, 1, 3}
	}
	if answered {
		types = types[2:]
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		m.add("tcp.src == %d", pick(g, ports))
		m.add("tcp.dst == %d", pick(g, ports))
		m.add("tcp.flags == %d", pick(g, []int{2, 2, 16, 18, 4}))
	case 3, 4, 5:
		m.add("udp.src == %d", pick(g, ports))
		m.add("udp.dst == %d", pick(g, ports))
	case 6, 7:
		m.add("%s.type == %d", icmp, pick(g, types))
		m.add("%s.code == %d", icmp, pick(g, []int{0, 0, 0, 1}))
	case 8:
		m.add("sctp.src == %d", pick(g, ports))
		m.add("sctp.dst == %d", pick(g, ports))
	default:
		m.add("ip.proto == %d", pick(g, []int{47, 50, 89}))
	}
}

func (g *generator) arp(m *microflow, v vif) {
	asked := g.target(true)
	op := pick(g, []int{1, 1, 1, 2})
	to := "ff:ff:ff:ff:ff:ff"
	if op == 2 || g.chance(15) {
		to = g.towards(v, asked)
	}
	sha := v.mac
	if g.chance(10) {
		sha = pick(g, g.macs)
	}
	m.add("eth.dst == %s", to)
	m.add("arp.op == %d", op)
	m.add("arp.sha == %s", sha)
	m.add("arp.spa == %s", g.senderAddr(v, true))
	m.add("arp.tpa == %s", asked)
}

// discovery makes solicitations and advertisements. ovn-trace 23.03 dies of a solicitation for an address of a router, and does not look at the
// link-layer address in one from a secured port.
func (g *generator) discovery(m *microflow, v vif) {
	asked := g.target(false)
	for g.isRouters(asked) || asked.IsMulticast() {
		asked = g.anyAddr(false)
		if asked.IsMulticast() {
			return
		}
	}
	owner := g.senderMAC(v)
	if v.secured {
		owner = v.mac
	}
	if g.chance(25) {
		m.add("eth.dst == %s", g.towards(v, asked))
		m.add("ip6.src == %s", whole(g.senderAddr(v, false)))
		m.add("ip6.dst == %s", whole(asked))
		m.add("ip.ttl == 255")
		m.add("nd_na")
		m.add("nd.target == %s", whole(g.senderAddr(v, false)))
		m.add("nd.tll == %s", owner)
		return
	}
	b := asked.As16()
	m.add("eth.dst == 33:33:ff:%02x:%02x:%02x", b[13], b[14], b[15])
	m.add("ip6.src == %s", whole(g.senderAddr(v, false)))
	m.add("ip6.dst == ff02::1:ff%02x:%02x%02x", b[13], b[14], b[15])
	m.add("ip.ttl == 255")
	m.add("nd_ns")
	m.add("nd.target == %s", whole(asked))
	m.add("nd.sll == %s", owner)
}

// isRouters says whether a router has an address.
func (g *generator) isRouters(a netip.Addr) bool {
	return slices.ContainsFunc(g.routerPorts, func(p routerPort) bool {
		own, _ := linkLocal(p.mac)
		return a == own || slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Addr() == a })
	})
}
