package differential

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// state is what connection tracking says of a packet, as ovn-trace(8) --ct has it. All zones that the packet passes say the same.
type state string

const (
	stateNew         state = "new"
	stateInvalid     state = "inv"
	stateEstablished state = "est"
	stateReply       state = "est,rpl"
)

// sending is a packet that is to be sent.
type sending struct {
	packet microflow
	state  state
	// first is the first packet of its connection, if that has begun.
	first microflow
	// decided: the rules in force have decided on the connection; else it is older than they are.
	decided bool
}

// String describes it for people.
func (s sending) String() string {
	switch {
	case s.first == nil:
		return fmt.Sprintf("%s\nof no known connection: --ct=%s", s.packet, s.state)
	case s.decided:
		return fmt.Sprintf("%s\nof the connection that began with %s: --ct=%s", s.packet, s.first, s.state)
	}
	return fmt.Sprintf("%s\nof the connection that began, before the rules changed, with %s: --ct=%s", s.packet, s.first, s.state)
}

// sendings are packets of no known connection.
func (g *generator) sendings() []sending {
	var list []sending
	for range packets {
		m := g.packet()
		list = append(list, sending{packet: m, state: unknown(m)})
	}
	return list
}

// unknown is the state of a packet of no connection that is known. Of other packets ovn-trace is not asked whether they have one.
func unknown(packet microflow) state {
	is := func(field string, values ...int) bool {
		return slices.ContainsFunc(values, func(v int) bool { return packet.value(field) == strconv.Itoa(v) })
	}
	isTCP := is("ip.proto", 6) || packet.value("tcp.src")+packet.value("tcp.dst")+packet.value("tcp.flags") != ""
	switch {
	case is("ip.frag", laterFragment):
	case isTCP && !is("tcp.flags", tcpSYN, tcpACK):
		return stateInvalid
	case packet.value("icmp4.type") != "" && !is("icmp4.type", echoRequest), packet.value("icmp6.type") != "" && !is("icmp6.type", echoRequest6):
		return stateInvalid
	}
	return stateNew
}

const (
	tcpSYN, tcpACK           = 2, 16
	echoRequest, echoReply   = 8, 0
	echoRequest6, echoReply6 = 128, 129
)

// followUps are later packets of the connection that a packet begins or would begin, of which v became. learns: on its way addresses are learned.
func (g *generator) followUps(s sending, v verdict, learns bool) []sending {
	if !g.stateful || s.state != stateNew || !canConverse(s.packet) {
		return nil
	}
	later := sending{state: stateEstablished, first: s.packet}
	if isReceived := len(v) == 1 && v[0].Answer == ""; !isReceived {
		later.packet = g.later(s.packet)
		return []sending{later}[:g.IntN(2)]
	}
	later.decided = !learns && g.chance(70)
	reply := sending{packet: g.reply(s.packet, v[0]), state: stateReply, first: s.packet, decided: later.decided}
	list := []sending{reply}
	for range 3 {
		later.packet = g.later(s.packet)
		list = append(list, later)
	}
	return list
}

// canConverse says whether a packet may begin a connection between two hosts of any networks.
func canConverse(packet microflow) bool {
	if packet.value("ip.ttl") == "" || packet.value("ip.frag") != "" || packet.value("nd.target") != "" {
		return false
	}
	for _, end := range []string{"src", "dst"} {
		if a := packet.addr(end); !a.IsValid() || a.IsMulticast() || a.IsLinkLocalUnicast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return false
		}
	}
	return packet.addr("src") != packet.addr("dst")
}

// later is a packet of the same sender.
func (g *generator) later(first microflow) microflow {
	m := slices.Clone(first)
	m.set("ip.ttl", pick(g, lives))
	m.set("tcp.flags", pick(g, []int{tcpACK, tcpACK, 17, 24, 4}))
	return m
}

// reply answers a packet where it arrived.
func (g *generator) reply(first microflow, at outcome) microflow {
	m := slices.Clone(first)
	for i, term := range m {
		field, value, _ := strings.Cut(term, " == ")
		if name, ok := strings.CutSuffix(field, ".src"); ok {
			m[i] = name + ".dst == " + value
		} else if name, ok := strings.CutSuffix(field, ".dst"); ok {
			m[i] = name + ".src == " + value
		}
	}
	m.set("inport", strconv.Quote(at.Port))
	m.set("eth.dst", net.HardwareAddr(at.Frame[6:12]))
	m.set("eth.src", net.HardwareAddr(at.Frame[:6]))
	m.set("ip.ttl", pick(g, lives))
	m.set("tcp.flags", tcpSYN|tcpACK)
	m.set("icmp4.type", echoReply)
	m.set("icmp6.type", echoReply6)
	return m
}
