package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Envelope is what stands before the transport header of a frame that is made. Both addresses are of one family.
type Envelope struct {
	SrcMAC, DstMAC MAC
	Src, Dst       netip.Addr
	HopLimit       uint8
}

// Seal makes a frame of a transport header with its payload, and fills in the checksum of ICMP, ICMPv6, TCP and UDP.
func (e *Envelope) Seal(protocol uint8, transport []byte) []byte {
	header := IP6Length
	if e.Dst.Is4() {
		header = IP4Length
	}
	b := make([]byte, 0, EtherLength+header+len(transport))
	if e.Dst.Is4() {
		b = e.ip4(b, protocol, len(transport))
	} else {
		b = e.ip6(b, protocol, len(transport))
	}
	b = append(b, transport...)
	e.finish(protocol, b[EtherLength+header:])
	return b
}

// finish fills in the checksum of a transport message that has room for it.
func (e *Envelope) finish(protocol uint8, message []byte) {
	at, sum := e.checksumAt(protocol, len(message))
	if at < 0 || at+2 > len(message) {
		return
	}
	binary.BigEndian.PutUint16(message[at:], 0)
	c := Checksum(sum, message)
	if c == 0 && protocol == UDP {
		c = 0xffff // 0 would say that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(message[at:], c)
}

// Datagram makes a frame of a UDP payload.
func (e *Envelope) Datagram(src, dst uint16, payload []byte) []byte {
	b := make([]byte, UDPLength, UDPLength+len(payload))
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(UDPLength+len(payload)))
	return e.Seal(UDP, append(b, payload...))
}

func (e *Envelope) ip4(b []byte, protocol uint8, length int) []byte {
	b = Ether(b, e.DstMAC, e.SrcMAC, TypeIP4)
	at := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(IP4Length+length))
	b = append(b, 0, 0, 0, 0, e.HopLimit, protocol, 0, 0)
	b = append(append(b, e.Src.AsSlice()...), e.Dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[at+10:], Checksum(0, b[at:]))
	return b
}

func (e *Envelope) ip6(b []byte, protocol uint8, length int) []byte {
	b = append(Ether(b, e.DstMAC, e.SrcMAC, TypeIP6), 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, protocol, e.HopLimit)
	return append(append(b, e.Src.AsSlice()...), e.Dst.AsSlice()...)
}

// Ether appends an Ethernet header to b.
func Ether(b []byte, dst, src MAC, ethertype uint16) []byte {
	return binary.BigEndian.AppendUint16(append(append(b, dst[:]...), src[:]...), ethertype)
}

// checksumAt says where in a transport header the checksum is, and what its sum begins with: the pseudo-header, which ICMP has not.
// A negative place: Seal fills none in.
func (e *Envelope) checksumAt(protocol uint8, length int) (at int, sum uint32) {
	switch protocol {
	case ICMP:
		return 2, 0
	case ICMP6:
		at = 2
	case TCP:
		at = 16
	case UDP:
		at = 6
	default:
		return -1, 0
	}
	for _, a := range []netip.Addr{e.Src, e.Dst} {
		b := a.AsSlice()
		for ; len(b) > 0; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
	}
	return at, sum + uint32(length) + uint32(protocol)
}

// Checksum is the Internet checksum (RFC 1071) of b, added to what was summed up before: 0 for data that contain their own.
func Checksum(sum uint32, b []byte) uint16 {
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

// LinkLocal is the IPv6 link-local address that belongs to a MAC address (RFC 4291 appendix A).
func LinkLocal(m MAC) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

// MulticastMAC is the MAC address of an IPv6 multicast address (RFC 2464 section 7).
func MulticastMAC(group netip.Addr) MAC {
	b := group.As16()
	return MAC{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// Finish makes the frame that a punted one is when its checksums are finished, without what follows the packet.
func Finish(b []byte) ([]byte, error) {
	p, err := Whole(b)
	if err != nil {
		return nil, fmt.Errorf("finish packet: %w", err)
	}
	return p.frame(p.SrcMAC, p.DstMAC, 0), nil
}

// Forward makes the frame that a router sends on for one that it got whole: with other MAC addresses, one hop less to live, and finished
// checksums. It fails for a packet that has no hop left.
func Forward(b []byte, src, dst MAC) ([]byte, error) {
	p, err := Whole(b)
	if err != nil {
		return nil, fmt.Errorf("forward packet: %w", err)
	}
	if p.HopLimit < 2 {
		return nil, fmt.Errorf("forward packet: %w", ErrExpired)
	}
	return p.frame(src, dst, 1), nil
}

// frame is the packet in a frame of its own, so many hops further, with finished checksums.
func (p *Packet) frame(src, dst MAC, hops uint8) []byte {
	ethertype := uint16(TypeIP6)
	if p.Is4() {
		ethertype = TypeIP4
	}
	out := append(Ether(make([]byte, 0, EtherLength+len(p.IP)), dst, src, ethertype), p.IP...)
	ip := out[EtherLength:]
	if p.Is4() {
		header := int(ip[0]&15) * 4
		ip[8] -= hops
		ip[10], ip[11] = 0, 0
		binary.BigEndian.PutUint16(ip[10:], Checksum(0, ip[:header]))
	} else {
		ip[7] -= hops
	}
	if !p.Fragment {
		e := Envelope{Src: p.Src, Dst: p.Dst}
		e.finish(p.Protocol, ip[len(ip)-len(p.Transport):])
	}
	return out
}
