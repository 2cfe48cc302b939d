package slowpath

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Querier says how to ask hosts what they listen to.
type Querier struct {
	// Interval between two questions; MaxResponse is the time that hosts have for the answer.
	Interval, MaxResponse time.Duration
	// MAC, IP4 and IP6 are the sender's addresses; the zero Addr: that family isn't asked. IP6 is link-local.
	MAC      [6]byte
	IP4, IP6 netip.Addr
}

// robustness is the querier's robustness variable: as many reports in a row may be lost, less one.
const robustness = 2

var allHosts4 = netip.AddrFrom4([4]byte{224, 0, 0, 1})

// queries are the frames that ask: general queries of IGMPv3 and MLDv2, which hosts that speak older versions understand. tag as
// in Port.
func (q *Querier) queries(tag uint16) [][]byte {
	var frames [][]byte
	if q.IP4.Is4() {
		frames = append(frames, append(q.ethernet(mac4(allHosts4), tag, typeIP4), q.igmp()...))
	}
	if q.IP6.IsLinkLocalUnicast() {
		frames = append(frames, append(q.ethernet(mac6(allNodes), tag, typeIP6), q.mld()...))
	}
	return frames
}

// mac4 is the MAC address of an IPv4 multicast address (RFC 1112 section 6.4), mac6 that of an IPv6 one (RFC 2464 section 7).
func mac4(group netip.Addr) [6]byte {
	b := group.As4()
	return [6]byte{0x01, 0, 0x5e, b[1] & 0x7f, b[2], b[3]}
}

func mac6(group netip.Addr) [6]byte {
	b := group.As16()
	return [6]byte{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

func (q *Querier) ethernet(to [6]byte, tag, ethertype uint16) []byte {
	b := append(to[:], q.MAC[:]...)
	if tag != 0 {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, 0x8100), tag)
	}
	return binary.BigEndian.AppendUint16(b, ethertype)
}

// igmp is the IPv4 packet: IGMPv3 membership query, RFC 3376 section 4.1, with the router alert option.
func (q *Querier) igmp() []byte {
	src, dst := q.IP4.As4(), allHosts4.As4()
	b := []byte{0x46, 0xc0, 0, 36, 0, 0, 0x40, 0, 1, protoIGMP, 0, 0}
	b = append(append(append(b, src[:]...), dst[:]...), 0x94, 4, 0, 0)
	binary.BigEndian.PutUint16(b[10:], checksum(0, b))
	query := []byte{igmpQuery, floating8(q.MaxResponse / (time.Second / 10)), 0, 0, 0, 0, 0, 0, robustness, floating8(q.Interval / time.Second), 0, 0}
	binary.BigEndian.PutUint16(query[2:], checksum(0, query))
	return append(b, query...)
}

// mld is the IPv6 packet: MLDv2 query, RFC 3810 section 5.1, with the router alert option.
func (q *Querier) mld() []byte {
	src, dst := q.IP6.As16(), allNodes.As16()
	const length = 28
	b := []byte{0x60, 0, 0, 0, 0, 8 + length, protoHopOpts, 1}
	b = append(append(append(b, src[:]...), dst[:]...), protoICMP6, 0, 5, 2, 0, 0, 1, 0)
	query := make([]byte, length)
	query[0] = mldQuery
	binary.BigEndian.PutUint16(query[4:], floating16(q.MaxResponse/time.Millisecond))
	query[24], query[25] = robustness, floating8(q.Interval/time.Second)
	binary.BigEndian.PutUint16(query[2:], checksum(pseudoSum(b[8:40], length, protoICMP6), query))
	return append(b, query...)
}

// floating8 writes a number as RFC 3376 section 4.1.1 does: exactly up to 127, else rounded down, at most 31,744.
func floating8(n time.Duration) byte {
	exponent := 0
	for n >= 128 && n>>(exponent+3) > 0x1f {
		exponent++
	}
	switch {
	case n < 128:
		return byte(max(n, 0))
	case exponent > 7:
		return 0xff
	}
	return 0x80 | byte(exponent)<<4 | byte(n>>(exponent+3))&0xf
}

// floating16 writes a number as RFC 3810 section 5.1.3 does: exactly up to 32,767.
func floating16(n time.Duration) uint16 {
	exponent := 0
	for n >= 0x8000 && n>>(exponent+3) > 0x1fff {
		exponent++
	}
	switch {
	case n < 0x8000:
		return uint16(max(n, 0))
	case exponent > 7:
		return 0xffff
	}
	return 0x8000 | uint16(exponent)<<12 | uint16(n>>(exponent+3))&0xfff
}
