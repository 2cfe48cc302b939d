// Package frame takes Ethernet frames with IP packets apart and makes new ones. No length that a frame states is trusted: what it
// says must be there.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC = [6]byte

// Broadcast is everybody on the link.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Ethertypes.
const (
	TypeIP4  = 0x0800
	TypeARP  = 0x0806
	TypeRARP = 0x8035
	TypeIP6  = 0x86dd
)

// IP protocols.
const (
	ICMP  = 1
	TCP   = 6
	UDP   = 17
	ICMP6 = 58
	SCTP  = 132
)

// Extension headers of IPv6 that may stand before the transport header (RFC 8200 section 4, RFC 4302).
const (
	hopByHop = 0
	routing  = 43
	fragment = 44
	authent  = 51
	dstOpts  = 60
)

// Lengths of headers.
const (
	EtherLength = 14
	IP4Length   = 20 // without options
	IP6Length   = 40
	UDPLength   = 8
)

// maxExtensions is how many IPv6 extension headers are walked: more is no packet that anybody sends.
const maxExtensions = 8

// Reasons why a frame can't be taken apart.
var (
	ErrShort   = errors.New("packet is cut")
	ErrExpired = errors.New("time to live is over")
	ErrVersion = errors.New("packet is no IP")
)

// Packet is an IP packet in an Ethernet frame. Its slices are parts of the frame.
type Packet struct {
	SrcMAC, DstMAC MAC
	Src, Dst       netip.Addr
	HopLimit       uint8
	// Protocol is what Transport is, behind all extension headers.
	Protocol uint8
	// Fragment: the packet is part of a greater one; Later: not its first part, so that Transport has no header.
	Fragment, Later bool
	// Length is that of the whole IP packet as it says itself, in bytes. Only Head gives packets of which less is there.
	Length int
	// IP is the packet from the IP header on, without what follows it in the frame; Transport is its part behind the IP headers.
	IP, Transport []byte
}

// Is4 says whether the packet is IPv4.
func (p *Packet) Is4() bool { return p.Dst.Is4() }

// Whole takes a frame apart that holds the whole of an IP packet. A frame with a VLAN tag is no IP packet.
func Whole(b []byte) (Packet, error) {
	p, err := Head(b)
	if err == nil && len(p.IP) < p.Length {
		return Packet{}, ErrShort
	}
	return p, err
}

// Head is Whole for frames of which only the beginning, with all IP headers, needs to be there.
func Head(b []byte) (Packet, error) {
	if len(b) < EtherLength {
		return Packet{}, ErrShort
	}
	p := Packet{DstMAC: MAC(b[:6]), SrcMAC: MAC(b[6:12]), IP: b[EtherLength:]}
	var err error
	switch t := binary.BigEndian.Uint16(b[12:]); t {
	case TypeIP4:
		err = p.ip4()
	case TypeIP6:
		err = p.ip6()
	default:
		err = fmt.Errorf("read ethertype %#04x: %w", t, ErrVersion)
	}
	if err != nil {
		return Packet{}, err
	}
	return p, nil
}

func (p *Packet) ip4() error {
	b := p.IP
	if len(b) < IP4Length {
		return ErrShort
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>4 != 4:
		return ErrVersion
	case header < IP4Length || header > len(b) || total < header:
		return ErrShort
	}
	p.cut(total)
	frag := binary.BigEndian.Uint16(b[6:])
	p.Fragment, p.Later = frag&0x3fff != 0, frag&0x1fff != 0
	p.HopLimit, p.Protocol = b[8], b[9]
	p.Src, p.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	p.Transport = p.IP[header:]
	return nil
}

func (p *Packet) ip6() error {
	b := p.IP
	if len(b) < IP6Length {
		return ErrShort
	}
	if b[0]>>4 != 6 {
		return ErrVersion
	}
	p.cut(IP6Length + int(binary.BigEndian.Uint16(b[4:])))
	p.Protocol, p.HopLimit = b[6], b[7]
	p.Src, p.Dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	p.Transport = p.IP[IP6Length:]
	return p.extensions()
}

// cut notes the packet's length and cuts off what follows it.
func (p *Packet) cut(length int) {
	p.Length = length
	p.IP = p.IP[:min(length, len(p.IP))]
}

// extensions walks to the transport header, or to the part of a later fragment.
func (p *Packet) extensions() error {
	for range maxExtensions {
		length := 0
		switch p.Protocol {
		case hopByHop, routing, dstOpts:
			length = 8
		case authent:
			length = 4
		case fragment:
		default:
			return nil
		}
		b := p.Transport
		if len(b) < 8 {
			return ErrShort
		}
		switch p.Protocol {
		case fragment:
			p.Fragment, p.Later = true, binary.BigEndian.Uint16(b[2:])&0xfff8 != 0
			length = 8
		case authent:
			length *= int(b[1]) + 2
		default:
			length *= int(b[1]) + 1
		}
		if length > len(b) {
			return ErrShort
		}
		p.Protocol, p.Transport = b[0], b[length:]
		if p.Later {
			return nil
		}
	}
	return fmt.Errorf("read extension headers: more than %d", maxExtensions)
}

// Datagram is a UDP datagram.
type Datagram struct {
	Src, Dst uint16
	Payload  []byte
}

// Datagram reads the packet's UDP datagram. Checksums are not looked at: those of punted packets may be unfinished.
func (p *Packet) Datagram() (Datagram, error) {
	if p.Protocol != UDP || p.Fragment {
		return Datagram{}, errors.New("packet is no UDP datagram")
	}
	b := p.Transport
	if len(b) < UDPLength {
		return Datagram{}, ErrShort
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < UDPLength || length > len(b) {
		return Datagram{}, ErrShort
	}
	return Datagram{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[UDPLength:length]}, nil
}
