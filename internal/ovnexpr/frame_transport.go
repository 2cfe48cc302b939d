package ovnexpr

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Values of icmp6.type that Frame knows (RFC 4861 section 4).
const (
	routerAdvertisement   = 134
	neighborSolicitation  = 135
	neighborAdvertisement = 136
)

// Options of neighbour discovery, with their length in units of 8 bytes.
var (
	sourceLinkLayer = []byte{1, 1}
	targetLinkLayer = []byte{2, 1}
)

// solicitedOverride are the flags S and O of a neighbour advertisement.
const solicitedOverride = 0x60

// tcp writes a TCP header without options.
func (b *frameBuilder) tcp(src, dst []byte) []byte {
	const dataOffset = 5 << 12
	h := slices.Concat(b.bytes("tcp.src", 2), b.bytes("tcp.dst", 2), make([]byte, 8))
	h = binary.BigEndian.AppendUint16(h, dataOffset|uint16(b.int("tcp.flags")))
	h = binary.BigEndian.AppendUint16(h, 0xffff) // window
	h = append(h, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(h[16:], transportChecksum(src, dst, protoTCP, h))
	return h
}

// udp writes an empty datagram. A checksum of 0 would mean that there is none (RFC 768).
func (b *frameBuilder) udp(src, dst []byte) []byte {
	h := slices.Concat(b.bytes("udp.src", 2), b.bytes("udp.dst", 2), []byte{0, 8, 0, 0})
	sum := transportChecksum(src, dst, protoUDP, h)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(h[6:], sum)
	return h
}

// sctp writes a common header without chunks (RFC 9260 section 3.1; its checksum is stored with the lowest byte first).
func (b *frameBuilder) sctp() []byte {
	h := slices.Concat(b.bytes("sctp.src", 2), b.bytes("sctp.dst", 2), make([]byte, 8))
	binary.LittleEndian.PutUint32(h[8:], crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
	return h
}

// icmp4 writes an ICMP header with identifier and sequence number 0 (RFC 792).
func (b *frameBuilder) icmp4() []byte {
	h := []byte{byte(b.int("icmp4.type")), byte(b.int("icmp4.code")), 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(h[2:], checksum(h))
	return h
}

// icmp6 writes an ICMPv6 message (RFC 4443), for neighbour discovery with its target and option (RFC 4861).
func (b *frameBuilder) icmp6(src, dst []byte) []byte {
	h := []byte{byte(b.int("icmp6.type")), byte(b.int("icmp6.code")), 0, 0, 0, 0, 0, 0}
	switch h[0] {
	case routerAdvertisement:
		h = append(h, make([]byte, 8)...) // reachable time, retransmission timer
	case neighborSolicitation:
		h = append(h, b.bytes("nd.target", 16)...)
		h = append(h, b.option(sourceLinkLayer, "nd.sll")...)
	case neighborAdvertisement:
		h[4] = solicitedOverride
		h = append(h, b.bytes("nd.target", 16)...)
		h = append(h, b.option(targetLinkLayer, "nd.tll")...)
	}
	binary.BigEndian.PutUint16(h[2:], transportChecksum(src, dst, protoICMP6, h))
	return h
}

// option writes an option that holds a link-layer address, if that is known.
func (b *frameBuilder) option(header []byte, field string) []byte {
	if _, ok := b.fields.Ints[field]; !ok {
		return nil
	}
	return slices.Concat(header, b.bytes(field, 6))
}
