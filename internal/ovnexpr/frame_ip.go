package ovnexpr

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Values of ip.proto that Frame knows.
const (
	protoICMP4    = 1
	protoTCP      = 6
	protoUDP      = 17
	protoFragment = 44
	protoICMP6    = 58
	protoSCTP     = 132
)

const (
	// laterOffset is the offset of the payload of later fragments, in units of 8 bytes.
	laterOffset = 1480 / 8
	// laterLen is the length of their payload, in bytes.
	laterLen = 8
)

// ipv4 writes an IPv4 packet (RFC 791).
func (b *frameBuilder) ipv4() ([]byte, error) {
	src, dst := b.bytes("ip4.src", 4), b.bytes("ip4.dst", 4)
	offset, more, err := b.fragment()
	if err != nil {
		return nil, err
	}
	payload := b.payload(src, dst, offset, more)
	h := []byte{0x45, b.trafficClass()}
	h = binary.BigEndian.AppendUint16(h, uint16(20+len(payload)))
	h = append(h, 0, 0) // identification
	if more {
		offset |= 1 << 13
	}
	h = binary.BigEndian.AppendUint16(h, offset)
	h = append(h, byte(b.int("ip.ttl")), byte(b.int("ip.proto")), 0, 0)
	h = slices.Concat(h, src, dst)
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return append(h, payload...), nil
}

// ipv6 writes an IPv6 packet (RFC 8200); fragments have a fragment header.
func (b *frameBuilder) ipv6() ([]byte, error) {
	src, dst := b.bytes("ip6.src", 16), b.bytes("ip6.dst", 16)
	offset, more, err := b.fragment()
	if err != nil {
		return nil, err
	}
	payload := b.payload(src, dst, offset, more)
	next := byte(b.int("ip.proto"))
	if offset > 0 || more {
		header := []byte{next, 0}
		header = binary.BigEndian.AppendUint16(header, offset<<3|bit16(more))
		payload = slices.Concat(header, []byte{0, 0, 0, 0}, payload)
		next = protoFragment
	}
	first := 6<<28 | uint32(b.trafficClass())<<20 | uint32(b.int("ip6.label"))
	h := binary.BigEndian.AppendUint32(nil, first)
	h = binary.BigEndian.AppendUint16(h, uint16(len(payload)))
	h = append(h, next, byte(b.int("ip.ttl")))
	return slices.Concat(h, src, dst, payload), nil
}

// trafficClass is the octet of DSCP and ECN.
func (b *frameBuilder) trafficClass() byte { return byte(b.int("ip.dscp")<<2 | b.int("ip.ecn")) }

// fragment is what ip.frag says, the offset in units of 8 bytes: bit 0 marks each fragment, bit 1 those after the first.
func (b *frameBuilder) fragment() (offset uint16, more bool, err error) {
	switch b.int("ip.frag") {
	case 0:
		return 0, false, nil
	case 1:
		return 0, true, nil
	case 3:
		return laterOffset, false, nil
	}
	return 0, false, fmt.Errorf("ip.later_frag without ip.is_frag")
}

// payload writes what follows the IP header of the packet, which starts at offset. If more follows, its length is a
// multiple of 8.
func (b *frameBuilder) payload(src, dst []byte, offset uint16, more bool) []byte {
	if offset > 0 {
		return make([]byte, laterLen)
	}
	p := b.transport(src, dst)
	if more {
		p = append(p, make([]byte, -len(p)&7)...)
	}
	return p
}

func (b *frameBuilder) transport(src, dst []byte) []byte {
	switch b.int("ip.proto") {
	case protoICMP4:
		if len(src) == 4 {
			return b.icmp4()
		}
	case protoICMP6:
		if len(src) == 16 {
			return b.icmp6(src, dst)
		}
	case protoTCP:
		return b.tcp(src, dst)
	case protoUDP:
		return b.udp(src, dst)
	case protoSCTP:
		return b.sctp()
	}
	return nil
}

func bit16(set bool) uint16 {
	if set {
		return 1
	}
	return 0
}

// checksum is the Internet checksum (RFC 1071) of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// transportChecksum is the checksum of a transport header of an even number of bytes with its pseudo header (RFC 9293
// section 3.1, RFC 8200 section 8.1).
func transportChecksum(src, dst []byte, proto uint32, header []byte) uint16 {
	pseudo := slices.Concat(src, dst)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(header)))
	pseudo = binary.BigEndian.AppendUint32(pseudo, proto)
	return checksum(append(pseudo, header...))
}
