// Package icmperr makes what tells a sender that its packet did not get through: ICMP errors, TCP resets and SCTP aborts. They are built
// fresh: of the packet only what is quoted is taken over, since its checksums may be unfinished.
package icmperr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/slowpath/frame"
)

// Kind is what went wrong.
type Kind int

// Kinds of errors.
const (
	TimeExceeded Kind = iota
	NetUnreachable
	HostUnreachable
	ProtocolUnreachable
	PortUnreachable
	AdminProhibited
	TooBig // fragmentation needed, packet too big
)

// messages are how kinds are said: type and code in either family (RFC 792, RFC 1812 section 5.2.7; RFC 4443 section 3), in the words of OVN,
// which calls an unknown protocol an unreachable address in IPv6.
var messages = map[Kind]struct {
	name         string
	type4, code4 byte
	type6, code6 byte
}{
	TimeExceeded:        {"time exceeded", 11, 0, 3, 0},
	NetUnreachable:      {"network unreachable", 3, 0, 1, 0},
	HostUnreachable:     {"host unreachable", 3, 1, 1, 3},
	ProtocolUnreachable: {"protocol unreachable", 3, 2, 1, 3},
	PortUnreachable:     {"port unreachable", 3, 3, 1, 4},
	AdminProhibited:     {"administratively prohibited", 3, 13, 1, 1},
	TooBig:              {"packet too big", 3, 4, 2, 0},
}

// String is what people call it.
func (k Kind) String() string { return messages[k].name }

// Limits of the length of an error with its IP header: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c).
const (
	maxLength4 = 576
	maxLength6 = 1280
)

const (
	headerLength = 8 // of an ICMP error
	hopLimit     = 255
)

// Error makes the error for a frame, of which the beginning is enough, back to its sender: addressed from the router's or switch's address
// from, with the frame's MAC addresses exchanged. mtu is what does get through, for TooBig. nil: nothing may be said, and why.
func Error(original []byte, k Kind, from netip.Addr, mtu int) (reply []byte, why string) {
	p, err := frame.Head(original)
	if err == nil {
		err = mayAnswer(&p, k)
	}
	if err != nil {
		return nil, err.Error()
	}
	if from.Is4() != p.Is4() || !from.IsValid() {
		return nil, fmt.Sprintf("no address to send it from: %s", from)
	}
	return build(&p, k, from, mtu), k.String()
}

func build(p *frame.Packet, k Kind, from netip.Addr, mtu int) []byte {
	say := messages[k]
	protocol, limit := uint8(frame.ICMP6), maxLength6-frame.IP6Length-headerLength
	b := []byte{say.type6, say.code6, 0, 0, 0, 0, 0, 0}
	if p.Is4() {
		protocol, limit = frame.ICMP, maxLength4-frame.IP4Length-headerLength
		b[0], b[1] = say.type4, say.code4
	}
	if k == TooBig && p.Is4() {
		binary.BigEndian.PutUint16(b[6:], uint16(min(max(mtu, 0), 0xffff))) // RFC 1191 section 4
	} else if k == TooBig {
		binary.BigEndian.PutUint32(b[4:], uint32(min(max(mtu, 0), 0xffffffff)))
	}
	b = append(b, p.IP[:min(limit, len(p.IP))]...)
	e := envelope(p)
	e.Src = from
	return e.Seal(protocol, b)
}

// envelope leads back to the sender of a packet, from whom it was for.
func envelope(p *frame.Packet) *frame.Envelope {
	return &frame.Envelope{SrcMAC: p.DstMAC, DstMAC: p.SrcMAC, Src: p.Dst, Dst: p.Src, HopLimit: hopLimit}
}

var (
	errGroup    = errors.New("packet is for several")
	errNobody   = errors.New("packet comes from no single host")
	errFragment = errors.New("packet is a later fragment")
	errError    = errors.New("packet is itself an error")
)

// mayAnswer says whether a packet may be answered by an error (RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e)).
func mayAnswer(p *frame.Packet, k Kind) error {
	toAll := p.DstMAC[0]&1 != 0 || p.Dst.IsMulticast() || p.Dst == limitedBroadcast
	switch {
	case toAll && (p.Is4() || k != TooBig): // the path of IPv6 multicast has an MTU too
		return errGroup
	case p.SrcMAC[0]&1 != 0 || !singleHost(p.Src):
		return errNobody
	case p.Later:
		return errFragment
	case len(p.Transport) < 8 && len(p.Transport) < transportLength(p):
		return frame.ErrShort
	}
	return isError(p)
}

// transportLength is how long the part behind the IP headers says it is.
func transportLength(p *frame.Packet) int { return p.Length - len(p.IP) + len(p.Transport) }

var (
	limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	thisNet          = netip.MustParsePrefix("0.0.0.0/8")
	reserved         = netip.MustParsePrefix("240.0.0.0/4") // with the limited broadcast
)

// singleHost says whether an address can be that of one host.
func singleHost(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !thisNet.Contains(a) && !reserved.Contains(a)
}

// ICMP messages that are no errors, by type: all that a host or router asks, answers or announces. The others are errors, or nobody knows.
var questions4 = []uint8{0, 8, 9, 10, 13, 14, 15, 16, 17, 18}

// ICMPv6 says in the type whether a message is an error, but for redirects.
const (
	firstQuestion6 = 128
	redirect6      = 137
)

// isError is not nil for what must not be answered because it is an error, or may be.
func isError(p *frame.Packet) error {
	if p.Protocol != frame.ICMP && p.Protocol != frame.ICMP6 {
		return nil
	}
	if len(p.Transport) == 0 {
		return frame.ErrShort
	}
	t := p.Transport[0]
	question := slices.Contains(questions4, t)
	if p.Protocol == frame.ICMP6 {
		question = t >= firstQuestion6 && t != redirect6
	}
	if !question {
		return errError
	}
	return nil
}
