package acl_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/sdk/iomtest"
)

func TestConnections(t *testing.T) {
	tell(t, []story{
		{name: "UDP", run: storyUDPConnection},
		{name: "TCP", run: storyTCPHandshakeAndClose},
		{name: "TCP reset", run: storyTCPReset, once: true},
		{name: "invalid", run: storyInvalidSegments, once: true},
		{name: "midstream", run: storyMidstream, once: true},
		{name: "echo", run: storyEcho},
		{name: "other protocols", run: storyOtherProtocols},
		{name: "related", run: storyRelated},
		{name: "fragments", run: storyFragments},
		{name: "trace", run: storyTraceOfConnections, once: true},
	})
}

// want compares the connections in a zone.
func (p *place) want(what string, h host, want string) {
	p.t.Helper()
	if got := p.connections(h); got != want {
		p.t.Errorf("%s: %s has %q, want %q", what, h.name, got, want)
	}
}

func storyUDPConnection(w *world, family int) {
	p := w.add(oneWay())
	p.sends("b asks", b, p.udp(b, a, family, 53, 1000), "denied")
	p.sends("a asks", a, p.udp(a, b, family, 1000, 53), "passes")
	p.want("asked", a, fmt.Sprintf("cts_new 17 %d", asked))
	p.sends("b asks from another port", b, p.udp(b, a, family, 54, 1000), "denied")
	p.sends("b answers", b, p.udp(b, a, family, 53, 1000), "passes")
	p.want("answered", a, fmt.Sprintf("cts 17 %d", established))
	p.want("answered", b, fmt.Sprintf("cts 17 %d\ncts_new 17 %d", established, asked))
	p.wait(121)
	p.sends("b answers two minutes later", b, p.udp(b, a, family, 53, 1000), "denied")
}

func storyTCPHandshakeAndClose(w *world, family int) {
	p := w.add(oneWay())
	up := func(flags string) []byte { return p.tcp(a, b, family, 1000, 80, flags) }
	down := func(flags string) []byte { return p.tcp(b, a, family, 80, 1000, flags) }
	for _, s := range []struct {
		what  string
		from  host
		frame []byte
		then  string
	}{
		{"SYN with ECN", a, up("SE"), fmt.Sprintf("cts_new 6 %d", asked)},
		{"SYN+ACK", b, down("SA"), fmt.Sprintf("cts_new 6 %d", answered)},
		{"ACK", a, up("A"), fmt.Sprintf("cts 6 %d", established)},
		{"data", a, up("AP"), fmt.Sprintf("cts 6 %d", established)},
		{"data back", b, down("AP"), fmt.Sprintf("cts 6 %d", established)},
		{"FIN", a, up("AF"), fmt.Sprintf("cts 6 %d", closing)},
		{"FIN back", b, down("AF"), fmt.Sprintf("cts_brief 6 %d", closed)},
		{"last ACK", a, up("A"), fmt.Sprintf("cts_brief 6 %d", closed)},
		{"the same ports again", a, up("S"), fmt.Sprintf("cts_new 6 %d", asked)},
		{"refused", b, down("RA"), fmt.Sprintf("cts_new 6 %d", closed)},
	} {
		p.sends(s.what, s.from, s.frame, "passes")
		p.want(s.what, a, s.then)
	}
	p.wait(11)
	p.sends("after a reset nothing is left", b, down("A"), "denied")
}

// A connection that was closed while it was established begins anew with the same ports.
func storyTCPReset(w *world, _ int) {
	p := w.add(oneWay())
	for i, flags := range []string{"S", "A", "A", "R"} {
		p.sends(flags, a, p.tcp(a, b, 4, 1000, 80, flags), "passes")
		if i == 0 {
			p.sends("SYN+ACK", b, p.tcp(b, a, 4, 80, 1000, "SA"), "passes")
		}
	}
	p.want("reset", a, fmt.Sprintf("cts_brief 6 %d", closed))
	if got := p.zone(a); got != 0 {
		p.t.Errorf("%d connections are counted as established after the only one was reset", got)
	}
	p.sends("data after the reset still has its connection", b, p.tcp(b, a, 4, 80, 1000, "A"), "passes")
}

// zone is how many established connections are counted for a port.
func (p *place) zone(h host) uint32 {
	p.t.Helper()
	var count acl.AclIomCtZoneCount
	if err := p.k.Set().Maps["iom_ct_zones"].Lookup(p.dp<<16|uint32(h.key), &count); err != nil {
		p.t.Fatal(err)
	}
	return count.Established
}

func storyInvalidSegments(w *world, _ int) {
	p := w.add(oneWay())
	for _, flags := range []string{"", "SF", "SR", "F", "P", "SA", "R", "FA", "SFRAP"} {
		p.sends(fmt.Sprintf("flags %q without a connection", flags), a, p.tcp(a, b, 4, 1000, 80, flags), "invalid")
	}
	p.sends("an echo reply without a request", a, p.echo(a, b, 4, 7, true), "invalid")
	p.sends("an error about nothing", a, p.unreachable(a, b, 4, p.udp(b, a, 4, 9, 9)), "invalid")
	p.sends("a datagram without ports", a, p.frame(a, b, 4, layers.IPProtocolUDP, gopacket.Payload("abc"))[:14+20+3], "invalid")
	p.sends("an ICMP timestamp", a, p.frame(a, b, 4, layers.IPProtocolICMPv4,
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeTimestampRequest, 0)}), "invalid")
	p.want("nothing is remembered", a, "")
}

// A segment that is no SYN begins a connection: it began before it was tracked.
func storyMidstream(w *world, _ int) {
	p := w.add(oneWay())
	p.sends("data", a, p.tcp(a, b, 4, 1000, 80, "AP"), "passes")
	p.want("one side only", a, fmt.Sprintf("cts_new 6 %d", asked))
	p.sends("more data", a, p.tcp(a, b, 4, 1000, 80, "AP"), "passes")
	p.want("one side only", a, fmt.Sprintf("cts_new 6 %d", asked))
	p.sends("the answer", b, p.tcp(b, a, 4, 80, 1000, "A"), "passes")
	p.sends("data", a, p.tcp(a, b, 4, 1000, 80, "AP"), "passes")
	p.want("established", a, fmt.Sprintf("cts 6 %d", established))
	p.sends("data of which b is not the asked one", b, p.tcp(b, a, 4, 81, 1000, "AP"), "denied")
}

func storyEcho(w *world, family int) {
	p := w.add(oneWay())
	p.sends("b asks", b, p.echo(b, a, family, 7, false), "denied")
	p.sends("a asks", a, p.echo(a, b, family, 7, false), "passes")
	p.sends("b answers", b, p.echo(b, a, family, 7, true), "passes")
	p.sends("b asks with the same identifier", b, p.echo(b, a, family, 7, false), "denied")
	p.sends("a answers what b has not asked", a, p.echo(a, b, family, 7, true), "invalid")
	p.sends("b answers something else", b, p.echo(b, a, family, 8, true), "invalid")
	p.wait(31)
	p.sends("b answers half a minute later", b, p.echo(b, a, family, 7, true), "invalid")
}

// Protocols without ports have one connection between two hosts.
func storyOtherProtocols(w *world, family int) {
	p := w.add(oneWay())
	gre := func(src, dst host) []byte {
		return p.frame(src, dst, family, layers.IPProtocolGRE, gopacket.Payload("0123456789"))
	}
	p.sends("b asks", b, gre(b, a), "denied")
	p.sends("a asks", a, gre(a, b), "passes")
	p.sends("b answers", b, gre(b, a), "passes")
}

func storyRelated(w *world, family int) {
	p := w.add(oneWay())
	p.sends("a asks", a, p.udp(a, b, family, 1000, 53), "passes")
	p.sends("an error about it", b, p.unreachable(b, a, family, p.udp(a, b, family, 1000, 53)), "passes")
	p.sends("an error about something else", b, p.unreachable(b, a, family, p.udp(a, b, family, 1001, 53)), "invalid")
	p.sends("an error about a ping that was not", b, p.unreachable(b, a, family, p.echo(a, b, family, 7, false)), "invalid")
	p.sends("a ping", a, p.echo(a, b, family, 7, false), "passes")
	p.sends("an error about it", b, p.unreachable(b, a, family, p.echo(a, b, family, 7, false)), "passes")
	want := []string{fmt.Sprintf("cts_new 17 %d", asked), fmt.Sprintf("cts_new %d %d", map[int]int{4: 1, 6: 58}[family], asked)}
	slices.Sort(want)
	p.want("errors change nothing", a, strings.Join(want, "\n"))
}

// fragments cuts a datagram, or an echo request, of which only the first piece has the transport header.
func (w *world) fragments(src, dst host, family int, id uint32, transport layers.IPProtocol, head []byte) (first, later []byte) {
	if family == 4 {
		piece := func(offset uint16, more layers.IPv4Flag, data []byte) []byte {
			return iomtest.Frame(w.t, iomtest.Eth(src.mac(), dst.mac(), layers.EthernetTypeIPv4), &layers.IPv4{Version: 4, TTL: 64, Protocol: transport,
				SrcIP: src.ip(4).AsSlice(), DstIP: dst.ip(4).AsSlice(), Id: uint16(id), FragOffset: offset, Flags: more}, gopacket.Payload(data))
		}
		return piece(0, layers.IPv4MoreFragments, head), piece(2, 0, []byte("the rest"))
	}
	piece := func(offsetAndMore byte, data []byte) []byte {
		extension := []byte{byte(transport), 0, 0, offsetAndMore, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
		return w.frame(src, dst, 6, layers.IPProtocolIPv6Fragment, gopacket.Payload(append(extension, data...)))
	}
	return piece(1, head), piece(2<<3, []byte("the rest"))
}

func storyFragments(w *world, family int) {
	datagram := []byte{3, 232, 0, 53, 0, 24, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8} // ports 1000 and 53
	answer := []byte{0, 53, 3, 232, 0, 24, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}
	p := w.add(oneWay())
	first, later := p.fragments(a, b, family, 1, layers.IPProtocolUDP, datagram)
	p.sends("a later fragment overtakes the first", a, later, "fragment_early")
	p.sends("the first", a, first, "passes")
	p.sends("a later one", a, later, "passes")
	first, later = p.fragments(b, a, family, 2, layers.IPProtocolUDP, answer)
	p.sends("the answer's first", b, first, "passes")
	p.sends("the answer's later one", b, later, "passes")
	first, later = p.fragments(b, a, family, 3, layers.IPProtocolUDP, datagram)
	p.sends("a question of b's", b, first, "denied")
	p.sends("its later fragment shares its fate", b, later, "denied")

	request := map[int]byte{4: 8, 6: 128}[family]
	icmp := map[int]layers.IPProtocol{4: layers.IPProtocolICMPv4, 6: layers.IPProtocolICMPv6}[family]
	first, later = p.fragments(a, b, family, 4, icmp, []byte{request, 0, 0, 0, 0, 7, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8})
	p.sends("a ping's first", a, first, "passes")
	p.sends("a ping's later one", a, later, "passes")
}

// A trace leaves nothing behind, and tells what a connection would meet.
func storyTraceOfConnections(w *world, _ int) {
	p := w.add(oneWay())
	before := p.k.Footprint()
	question := p.udp(a, b, 4, 1000, 53)
	first, _ := p.fragments(a, b, 4, 1, layers.IPProtocolUDP, question[34:])
	for _, frame := range [][]byte{question, p.tcp(a, b, 4, 1, 2, "S"), first, p.tcp(a, b, 4, 1, 2, "SF"), p.udp(b, a, 4, 1, 2)} {
		p.k.Send(p.port(a), frame)
	}
	after := p.k.Footprint()
	for table := range before {
		if before[table] != after[table] {
			p.t.Errorf("a trace changed %s", table)
		}
	}
	want := "enter l2switch\nenter acl\ndecide acl.allowed 65537\nenter acl\ndecide acl.allowed 65538\noutput " + p.port(b)
	if got := p.k.Send(p.port(a), question).Text; got != want {
		p.t.Errorf("first packet:\n%s\nwant:\n%s", got, want)
	}
	p.sends("a asks", a, question, "passes")
	want = "enter l2switch\nenter acl\ndecide acl.established 65537\nenter acl\ndecide acl.established 65538\noutput " + p.port(b)
	if got := p.k.Send(p.port(a), question).Text; got != want {
		p.t.Errorf("second packet:\n%s\nwant:\n%s", got, want)
	}
}
