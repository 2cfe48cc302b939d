package ra

import (
	"errors"
	"fmt"
	"net/netip"

	"woven.dev/woven/internal/slowpath/frame"
)

// Types of ICMPv6 messages, RFC 4861 section 4.
const (
	typeSolicitation  = 133
	typeAdvertisement = 134
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
	return c.send(p.SrcMAC, to), fmt.Sprintf("advertise router to %s", to)
}

// accept says whether a packet is a solicitation that counts (RFC 4861 section 6.1.1).
func (c *Config) accept(p *frame.Packet) error {
	b := p.Transport
	switch {
	case c.message == nil:
		return errors.New("router advertisements are not configured")
	case p.Protocol != frame.ICMP6 || p.Fragment || len(b) < 8 || b[0] != typeSolicitation || b[1] != 0:
		return errors.New("packet is no router solicitation")
	case p.HopLimit != hopLimit || p.Dst != allRouters || p.Src.IsMulticast():
		return errors.New("router solicitation from off the link")
	}
	for b = b[8:]; len(b) > 0; b = b[int(b[1])*8:] {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			return frame.ErrShort
		}
		if b[0] == optSourceMAC && p.Src.IsUnspecified() {
			return errors.New("router solicitation with a MAC address of no address")
		}
	}
	return nil
}

// Unsolicited makes the advertisement that comes by itself; nil: there is none.
func Unsolicited(c *Config) []byte {
	if !c.periodic || c.message == nil {
		return nil
	}
	return c.send(frame.MulticastMAC(allNodes), allNodes)
}

func (c *Config) send(mac frame.MAC, to netip.Addr) []byte {
	e := frame.Envelope{SrcMAC: c.mac, DstMAC: mac, Src: frame.LinkLocal(c.mac), Dst: to, HopLimit: hopLimit}
	return e.Seal(frame.ICMP6, c.message)
}
