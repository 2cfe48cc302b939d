package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"woven.dev/woven/internal/slowpath/frame"
)

// Types of ICMPv6 messages and of options of neighbour discovery (RFC 4861 section 4; RFC 4191 section 2.3; RFC 8106 section 5).
const (
	typeSolicitation  = 133
	typeAdvertisement = 134

	optSourceMAC = 1
	optPrefix    = 3
	optMTU       = 5
	optRoute     = 24
	optDNS       = 25
	optSearch    = 31
)

// Flags of an advertisement and of a prefix.
const (
	flagManaged    = 0x80
	flagOther      = 0x40
	flagOnLink     = 0x80
	flagAutonomous = 0x40
)

// What OVN's routers say of themselves.
const (
	hostHopLimit   = 255
	routerLifetime = 0xffff
	forever        = 0xffffffff
)

const hopLimit = 255 // of all packets of neighbour discovery

var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allRouters = netip.MustParseAddr("ff02::2")
)

// Answer makes the advertisement that a router solicitation asks for. why says what was done, or why there is no answer.
func Answer(c *Config, request []byte) (reply []byte, why string) {
	p, err := frame.Whole(request)
	if err != nil {
		return nil, err.Error()
	}
	if err := c.accept(&p); err != nil {
		return nil, err.Error()
	}
	to := p.Src
	if to.IsUnspecified() { // the host has no address yet: its MAC address leads to it
		to = allNodes
	}
	return c.advertise(p.SrcMAC, to), fmt.Sprintf("advertise router to %s", to)
}

// accept says whether a packet is a solicitation that counts (RFC 4861 section 6.1.1).
func (c *Config) accept(p *frame.Packet) error {
	b := p.Transport
	switch {
	case len(c.Prefixes) == 0:
		return errors.New("router advertisements are not configured")
	case p.Protocol != frame.ICMP6 || p.Fragment || len(b) < 8 || b[0] != typeSolicitation || b[1] != 0:
		return errors.New("packet is no router solicitation")
	case p.HopLimit != hopLimit || p.Dst != allRouters || p.Src.IsMulticast():
		return errors.New("router solicitation from off the link")
	}
	for b = b[8:]; len(b) > 0; {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			return frame.ErrShort
		}
		if b[0] == optSourceMAC && p.Src.IsUnspecified() {
			return errors.New("router solicitation with a MAC address of no address")
		}
		b = b[int(b[1])*8:]
	}
	return nil
}

// Unsolicited makes the advertisement that comes by itself; nil: there is none.
func Unsolicited(c *Config) []byte {
	if !c.Periodic || len(c.Prefixes) == 0 {
		return nil
	}
	return c.advertise(frame.MulticastMAC(allNodes), allNodes)
}

func (c *Config) advertise(mac frame.MAC, to netip.Addr) []byte {
	flags := byte(c.Preference) << 3
	if c.Managed {
		flags |= flagManaged
	}
	if c.Other {
		flags |= flagOther
	}
	b := []byte{typeAdvertisement, 0, 0, 0, hostHopLimit, flags, routerLifetime >> 8, routerLifetime & 0xff, 0, 0, 0, 0, 0, 0, 0, 0}
	b = append(append(b, optSourceMAC, 1), c.MAC[:]...)
	if c.MTU != 0 {
		b = binary.BigEndian.AppendUint32(append(b, optMTU, 1, 0, 0), c.MTU)
	}
	for _, p := range c.Prefixes {
		b = c.prefix(b, p)
	}
	for _, r := range c.Routes {
		n := (r.Prefix.Bits() + 63) / 64
		b = append(b, optRoute, byte(1+n), byte(r.Prefix.Bits()), byte(r.Preference)<<3)
		b = append(binary.BigEndian.AppendUint32(b, forever), r.Prefix.Addr().AsSlice()[:8*n]...)
	}
	if len(c.DNS) > 0 {
		b = binary.BigEndian.AppendUint32(append(b, optDNS, byte(1+2*len(c.DNS)), 0, 0), forever)
		for _, a := range c.DNS {
			b = append(b, a.AsSlice()...)
		}
	}
	if len(c.Search) > 0 {
		n := (len(c.Search) + 7) / 8
		b = binary.BigEndian.AppendUint32(append(b, optSearch, byte(1+n), 0, 0), forever)
		b = append(append(b, c.Search...), make([]byte, 8*n-len(c.Search))...)
	}
	e := frame.Envelope{SrcMAC: c.MAC, DstMAC: mac, Src: frame.LinkLocal(c.MAC), Dst: to, HopLimit: hopLimit}
	return e.Seal(frame.ICMP6, b)
}

// prefix appends the option of a prefix (RFC 4861 section 4.6.2).
func (c *Config) prefix(b []byte, p netip.Prefix) []byte {
	flags := byte(flagOnLink)
	if !c.Managed {
		flags |= flagAutonomous
	}
	b = append(b, optPrefix, 4, byte(p.Bits()), flags)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, forever), forever)
	return append(append(b, 0, 0, 0, 0), p.Addr().AsSlice()...)
}
