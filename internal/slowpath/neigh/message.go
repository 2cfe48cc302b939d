// Package neigh asks for the MAC addresses of neighbours, hears the answers, keeps packets until they come, and announces ports: ARP
// (RFC 826), RARP (RFC 903) and IPv6 neighbour discovery (RFC 4861).
package neigh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"woven.dev/woven/internal/slowpath/frame"
)

// Kind is what a message does.
type Kind int

// Kinds of messages.
const (
	Request Kind = iota // ARP request, neighbour solicitation
	Reply               // ARP reply, neighbour advertisement
)

// Message is what a station says about itself.
type Message struct {
	Kind Kind
	// IP and MAC belong together.
	IP  netip.Addr
	MAC frame.MAC
	// Target is whom a request asks for; IP itself when the station announces itself.
	Target netip.Addr
}

// Numbers of ARP and RARP.
const (
	arpLength   = 28
	arpHeader   = 0x00010800_06_04 // Ethernet, IPv4, and the lengths of their addresses
	arpRequest  = 1
	arpReply    = 2
	rarpRequest = 3
)

// Numbers of neighbour discovery.
const (
	typeSolicitation  = 135
	typeAdvertisement = 136
	ndLength          = 24 // of both, without options
	optSourceMAC      = 1
	optTargetMAC      = 2
	flagOverride      = 0x20
	hopLimit          = 255
)

var errNothing = errors.New("message names no station")

// Parse reads an ARP message, neighbour solicitation or neighbour advertisement. It fails on other frames, and on messages of which nothing can
// be learned: a probe for an address that the sender doesn't have yet, or a MAC address that is a group's.
func Parse(b []byte) (Message, error) {
	m, err := read(b)
	switch {
	case err != nil:
		return Message{}, err
	case m.MAC[0]&1 != 0 || m.MAC == frame.MAC{} || m.IP.IsUnspecified() || m.IP.IsMulticast() || m.IP.IsLoopback() || m.IP == everybody:
		return Message{}, errNothing
	}
	return m, nil
}

// read is Parse for messages of which nothing can be learned, too.
func read(b []byte) (Message, error) {
	if len(b) < frame.EtherLength {
		return Message{}, frame.ErrShort
	}
	if binary.BigEndian.Uint16(b[12:]) == frame.TypeARP {
		return parseARP(b[frame.EtherLength:])
	}
	return parseND(b)
}

// Announced is the address that the sender of a message has, or is about to have: that for which it probes (RFC 4862 section 5.4). It fails as Parse
// does otherwise.
func Announced(b []byte) (netip.Addr, error) {
	m, err := read(b)
	if err == nil && m.IP.IsUnspecified() && m.Target.Is6() {
		return m.Target, nil
	}
	m, err = Parse(b)
	return m.IP, err
}

var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func parseARP(b []byte) (m Message, err error) {
	if len(b) < arpLength {
		return m, frame.ErrShort
	}
	if binary.BigEndian.Uint64(b)>>16 != arpHeader {
		return m, errors.New("ARP is not of Ethernet and IPv4")
	}
	switch op := binary.BigEndian.Uint16(b[6:]); op {
	case arpRequest:
		m.Kind = Request
	case arpReply:
		m.Kind = Reply
	default:
		return m, fmt.Errorf("ARP operation %d", op)
	}
	m.MAC, m.IP, m.Target = frame.MAC(b[8:14]), netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
	return m, nil
}

// parseND reads what RFC 4861 sections 7.1.1 and 7.1.2 have a node accept.
func parseND(frameBytes []byte) (m Message, err error) {
	p, err := frame.Whole(frameBytes)
	if err != nil {
		return m, err
	}
	b := p.Transport
	if p.Protocol != frame.ICMP6 || p.Fragment || len(b) < ndLength || b[1] != 0 {
		return m, errors.New("packet is no neighbour discovery")
	}
	if p.HopLimit != hopLimit {
		return m, errors.New("neighbour discovery from off the link")
	}
	m.Target = netip.AddrFrom16([16]byte(b[8:24]))
	if m.Target.IsMulticast() {
		return m, errors.New("neighbour discovery of a group")
	}
	want := byte(optSourceMAC)
	switch b[0] {
	case typeSolicitation:
		m.Kind, m.IP = Request, p.Src
	case typeAdvertisement:
		m.Kind, m.IP, m.MAC = Reply, m.Target, p.SrcMAC // unless it says another
		want = optTargetMAC
	default:
		return m, fmt.Errorf("ICMPv6 type %d", b[0])
	}
	for b = b[ndLength:]; len(b) > 0; b = b[int(b[1])*8:] {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			return m, frame.ErrShort
		}
		if b[0] == want && b[1] == 1 {
			m.MAC = frame.MAC(b[2:8])
		}
	}
	return m, nil
}

// Ask makes the frame that asks everybody for the MAC address of an address, from a router's port: ARP from its address from; a neighbour
// solicitation from its link-local address.
func Ask(mac frame.MAC, from, target netip.Addr) []byte {
	if target.Is4() {
		return arp(frame.TypeARP, arpRequest, mac, from, frame.MAC{}, target)
	}
	group := solicitedNode(target)
	e := frame.Envelope{SrcMAC: mac, DstMAC: frame.MulticastMAC(group), Src: frame.LinkLocal(mac), Dst: group, HopLimit: hopLimit}
	return e.Seal(frame.ICMP6, neighbour(typeSolicitation, 0, target, optSourceMAC, mac))
}

// arp makes a broadcast frame.
func arp(ethertype, op uint16, sha frame.MAC, spa netip.Addr, tha frame.MAC, tpa netip.Addr) []byte {
	b := frame.Ether(nil, frame.Broadcast, sha, ethertype)
	b = binary.BigEndian.AppendUint64(b, arpHeader<<16|uint64(op))
	b = append(append(b, sha[:]...), spa.AsSlice()...)
	return append(append(b, tha[:]...), tpa.AsSlice()...)
}

// neighbour makes a message with one option, without its checksum.
func neighbour(kind, flags byte, target netip.Addr, opt byte, mac frame.MAC) []byte {
	b := append([]byte{kind, 0, 0, 0, flags, 0, 0, 0}, target.AsSlice()...)
	return append(append(b, opt, 1), mac[:]...)
}

// solicitedNode is the group in which whoever has an address is (RFC 4291 section 2.7.1).
func solicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}
