// Package slowpath does for packets what programs can't: it keeps who listens to which IP multicast, and asks.
package slowpath

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Protocol names a version of a protocol, as the column IGMP_Group.protocol does (ovn-sb(5)).
type Protocol string

// Protocols.
const (
	IGMPv1 Protocol = "IGMPv1"
	IGMPv2 Protocol = "IGMPv2"
	IGMPv3 Protocol = "IGMPv3"
	MLDv1  Protocol = "MLDv1"
	MLDv2  Protocol = "MLDv2"
)

// Message is what a host says about one multicast address: that it listens, or no longer does. A multicast router, which wants to hear what the
// others listen to, says so by asking, or by a hello of its own protocol: it is one that listens to MulticastRouters, by no Protocol.
type Message struct {
	Group    netip.Addr
	Join     bool
	Protocol Protocol
}

// MulticastRouters is in the place of a group for the ports behind which there are multicast routers.
var MulticastRouters netip.Addr

// Types of messages: RFC 1112, 2236, 3376; RFC 2710, 3810.
const (
	igmpQuery   = 0x11
	igmpReport1 = 0x12
	igmpReport2 = 0x16
	igmpLeave   = 0x17
	igmpReport3 = 0x22

	pimHello = 0x20 // version 2, RFC 7761 section 4.9

	mldQuery   = 130
	mldReport1 = 131
	mldDone    = 132
	mldReport2 = 143
)

// Types of records in a report of IGMPv3 and MLDv2, RFC 3376 section 4.2.12.
const (
	isInclude = 1
	isExclude = 2
	toInclude = 3
	toExclude = 4
	allow     = 5
	block     = 6
)

const (
	etherLength  = 14
	typeIP4      = 0x0800
	typeIP6      = 0x86dd
	protoIGMP    = 2
	protoPIM     = 103
	protoICMP6   = 58
	protoHopOpts = 0
	protoDstOpts = 60
)

var (
	errShort    = errors.New("packet is cut")
	errChecksum = errors.New("checksum is wrong")
)

// Parse reads an Ethernet frame, of which there may be only the beginning: then its checksum is not known, and what is cut is left out. Reports
// of addresses that every switch floods say nothing. It fails on what RFC 3376 and 3810 have a router ignore, and on other packets.
func Parse(frame []byte, length int) ([]Message, error) {
	if len(frame) < etherLength {
		return nil, errShort
	}
	p := parser{b: frame[etherLength:], cut: length > len(frame)}
	switch t := binary.BigEndian.Uint16(frame[12:]); t {
	case typeIP4:
		return p.ip4()
	case typeIP6:
		return p.ip6()
	default:
		return nil, fmt.Errorf("ethertype is %#04x", t)
	}
}

// parser is what is left of a packet.
type parser struct {
	b   []byte
	cut bool // there was more
	// unspecified: the IPv6 sender has no address.
	unspecified bool
	out         []Message
}

// take returns the next n bytes; nil when there are less.
func (p *parser) take(n int) []byte {
	if n > len(p.b) {
		return nil
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}

// end cuts what lies behind a packet of n bytes.
func (p *parser) end(n int) error {
	switch {
	case n < len(p.b):
		p.b = p.b[:n]
	case n > len(p.b) && !p.cut:
		return errShort
	}
	return nil
}

func (p *parser) ip4() ([]Message, error) {
	if len(p.b) < 20 || p.b[0]>>4 != 4 {
		return nil, errShort
	}
	header, total := int(p.b[0]&15)*4, int(binary.BigEndian.Uint16(p.b[2:]))
	if header < 20 || total < header || len(p.b) < header {
		return nil, errShort
	}
	proto := p.b[9]
	if binary.BigEndian.Uint16(p.b[6:])&0x3fff != 0 || proto != protoIGMP && proto != protoPIM {
		return nil, errors.New("packet is neither IGMP nor PIM")
	}
	if err := p.end(total); err != nil {
		return nil, err
	}
	p.take(header)
	if !p.cut && checksum(0, p.b) != 0 {
		return nil, errChecksum
	}
	if proto == protoPIM {
		return p.pim()
	}
	return p.igmp()
}

func (p *parser) igmp() ([]Message, error) {
	head := p.take(8)
	if head == nil {
		return nil, errShort
	}
	group := netip.AddrFrom4([4]byte(head[4:8]))
	switch head[0] {
	case igmpQuery:
		p.router()
	case igmpReport1:
		p.say(group, true, IGMPv1)
	case igmpReport2:
		p.say(group, true, IGMPv2)
	case igmpLeave:
		p.say(group, false, IGMPv2)
	case igmpReport3:
		return p.records(int(binary.BigEndian.Uint16(head[6:])), 4, IGMPv3)
	default:
		return nil, fmt.Errorf("IGMP type is %#x", head[0])
	}
	return p.out, nil
}

func (p *parser) ip6() ([]Message, error) {
	header := p.take(40)
	if header == nil || header[0]>>4 != 6 {
		return nil, errShort
	}
	if err := p.end(int(binary.BigEndian.Uint16(header[4:]))); err != nil {
		return nil, err
	}
	src := netip.AddrFrom16([16]byte(header[8:24]))
	p.unspecified = src.IsUnspecified()
	if header[7] != 1 || !src.IsLinkLocalUnicast() && !src.IsUnspecified() {
		return nil, errors.New("MLD from off the link")
	}
	next := header[6]
	for next == protoHopOpts || next == protoDstOpts {
		if len(p.b) < 2 {
			return nil, errShort
		}
		option := p.take(8 * (1 + int(p.b[1])))
		if option == nil {
			return nil, errShort
		}
		next = option[0]
	}
	if next != protoICMP6 && next != protoPIM {
		return nil, errors.New("packet is neither MLD nor PIM")
	}
	if !p.cut && checksum(pseudoSum(header[8:40], len(p.b), next), p.b) != 0 {
		return nil, errChecksum
	}
	if next == protoPIM {
		return p.pim()
	}
	return p.mld()
}

func (p *parser) mld() ([]Message, error) {
	head := p.take(8)
	if head == nil {
		return nil, errShort
	}
	switch head[0] {
	case mldQuery:
		if !p.unspecified {
			p.router()
		}
	case mldReport1, mldDone:
		group := p.take(16)
		if group == nil {
			return nil, errShort
		}
		p.say(netip.AddrFrom16([16]byte(group)), head[0] == mldReport1, MLDv1)
	case mldReport2:
		return p.records(int(binary.BigEndian.Uint16(head[6:])), 16, MLDv2)
	default:
		return nil, fmt.Errorf("ICMPv6 type is %d", head[0])
	}
	return p.out, nil
}

func (p *parser) pim() ([]Message, error) {
	head := p.take(4)
	if head == nil {
		return nil, errShort
	}
	if head[0] == pimHello {
		p.router()
	}
	return p.out, nil
}

// router adds that the sender is a multicast router, RFC 4541 section 2.1.1.
func (p *parser) router() { p.out = append(p.out, Message{Group: MulticastRouters, Join: true}) }

// records reads the n records of a report, whose addresses have size bytes.
func (p *parser) records(n, size int, protocol Protocol) ([]Message, error) {
	for range n {
		head := p.take(4 + size)
		if head == nil {
			return p.rest()
		}
		sources := int(binary.BigEndian.Uint16(head[2:]))
		group, _ := netip.AddrFromSlice(head[4:])
		if p.take(sources*size+4*int(head[1])) == nil {
			return p.rest()
		}
		switch head[0] {
		case isInclude, toInclude:
			p.say(group, sources > 0, protocol)
		case isExclude, toExclude, allow:
			p.say(group, true, protocol)
		case block: // who still listens to others says so when asked
		}
	}
	return p.out, nil
}

// rest is what could be read of a report that ends too early.
func (p *parser) rest() ([]Message, error) {
	if p.cut {
		return p.out, nil
	}
	return nil, errShort
}

// say adds a message unless every port gets the group anyway (ovn-northd(8), "Destination Lookup").
func (p *parser) say(group netip.Addr, join bool, protocol Protocol) {
	if group.IsMulticast() && !alwaysFlooded(group) {
		p.out = append(p.out, Message{group, join, protocol})
	}
}

var (
	localBlock = netip.MustParsePrefix("224.0.0.0/24") // RFC 4541 section 2.1.2
	allNodes   = netip.MustParseAddr("ff02::1")
)

func alwaysFlooded(group netip.Addr) bool {
	if group.Is4() {
		return localBlock.Contains(group)
	}
	return group == allNodes || group.IsInterfaceLocalMulticast()
}

// checksum is the Internet checksum (RFC 1071) of b, added to what was summed up before: 0 for data that contain their own.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// pseudoSum sums up the pseudo-header of RFC 8200 section 8.1: both addresses, the length and the protocol.
func pseudoSum(addresses []byte, length int, proto byte) (sum uint32) {
	for ; len(addresses) >= 2; addresses = addresses[2:] {
		sum += uint32(binary.BigEndian.Uint16(addresses))
	}
	return sum + uint32(length) + uint32(proto)
}
