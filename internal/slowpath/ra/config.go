// Package ra makes the IPv6 router advertisements of a logical router's port (RFC 4861 section 6.2), asked for and by themselves.
package ra

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/option"
)

// Settings are what a port is to advertise, Logical_Router_Port.ipv6_ra_configs (ovn-nb(5)).
type Settings struct {
	MAC frame.MAC // of the port
	// Networks of the port, of which those are advertised that are IPv6 and not link-local. Without one there is no advertisement.
	Networks []netip.Prefix
	// Managed: hosts get addresses by DHCPv6, and not of their own (address mode dhcpv6_stateful). Other: they get the rest by DHCPv6
	// (dhcpv6_stateless).
	Managed, Other bool
	// MTU of the link; 0: not said.
	MTU uint32
	// Preference of the router as it is coded in RFC 4191 section 2.1.
	Preference uint8
	Routes     []Route
	// DNS are servers, Search domains.
	DNS    []netip.Addr
	Search []string
	// Periodic: advertisements come by themselves, from MinInterval to MaxInterval apart.
	Periodic                 bool
	MinInterval, MaxInterval time.Duration
}

// Route is a prefix that the router leads to. Preference is as in Settings.
type Route struct {
	Prefix     netip.Prefix
	Preference uint8
}

// Config is an advertisement that is ready. The zero value advertises nothing.
type Config struct {
	mac                      frame.MAC
	message                  []byte // without its checksum
	periodic                 bool
	minInterval, maxInterval time.Duration
}

// Limits of what an advertisement says, so that it fits into 1,280 bytes.
const (
	MaxPrefixes = 12
	MaxRoutes   = 12
	MaxDNS      = 8
	MaxSearch   = 240 // bytes
)

// NewConfig makes the advertisement. What there is no room for is told and left out.
func NewConfig(s Settings) (Config, []error) {
	var prefixes []netip.Prefix
	for _, n := range s.Networks {
		if n.Addr().Is6() && !n.Addr().IsLinkLocalUnicast() {
			prefixes = append(prefixes, n.Masked())
		}
	}
	if len(prefixes) == 0 {
		return Config{}, nil
	}
	var problems []error
	search, err := option.DomainList(s.Search)
	if err == nil && len(search) > MaxSearch {
		search, err = nil, fmt.Errorf("more than %d bytes", MaxSearch)
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("dnssl: %w", err))
	}
	prefixes, problems = first("networks", prefixes, MaxPrefixes, problems)
	s.Routes, problems = first("route_info", s.Routes, MaxRoutes, problems)
	s.DNS, problems = first("rdnss", s.DNS, MaxDNS, problems)

	b := s.header()
	for _, p := range prefixes {
		b = s.prefix(b, p)
	}
	for _, r := range s.Routes {
		b = r.append(b)
	}
	b = appendSearch(appendDNS(b, s.DNS), search)
	return Config{s.MAC, b, s.Periodic, s.MinInterval, s.MaxInterval}, problems
}

// first is the beginning of a list, with a problem if that is not all.
func first[T any](name string, list []T, most int, problems []error) ([]T, []error) {
	if len(list) <= most {
		return list, problems
	}
	return list[:most], append(problems, fmt.Errorf("%s: more than %d", name, most))
}

// Types of options (RFC 4861 section 4.6; RFC 4191 section 2.3; RFC 8106 section 5).
const (
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
	routerLifetime = 0xffff // seconds
	forever        = 0xffffffff
)

// header is the message's fixed part, with the MAC address and the MTU.
func (s *Settings) header() []byte {
	flags := s.Preference & 3 << 3
	if s.Managed {
		flags |= flagManaged
	}
	if s.Other {
		flags |= flagOther
	}
	b := []byte{typeAdvertisement, 0, 0, 0, hostHopLimit, flags, routerLifetime >> 8, routerLifetime & 0xff, 0, 0, 0, 0, 0, 0, 0, 0}
	b = append(append(b, optSourceMAC, 1), s.MAC[:]...)
	if s.MTU != 0 {
		b = binary.BigEndian.AppendUint32(append(b, optMTU, 1, 0, 0), s.MTU)
	}
	return b
}

func (s *Settings) prefix(b []byte, p netip.Prefix) []byte {
	flags := byte(flagOnLink)
	if !s.Managed {
		flags |= flagAutonomous
	}
	b = append(b, optPrefix, 4, byte(p.Bits()), flags)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, forever), forever)
	return append(append(b, 0, 0, 0, 0), p.Addr().AsSlice()...)
}

func (r *Route) append(b []byte) []byte {
	words := (r.Prefix.Bits() + 63) / 64
	b = append(b, optRoute, byte(1+words), byte(r.Prefix.Bits()), r.Preference&3<<3)
	return append(binary.BigEndian.AppendUint32(b, forever), r.Prefix.Masked().Addr().AsSlice()[:8*words]...)
}

func appendDNS(b []byte, servers []netip.Addr) []byte {
	if len(servers) == 0 {
		return b
	}
	b = binary.BigEndian.AppendUint32(append(b, optDNS, byte(1+2*len(servers)), 0, 0), forever)
	for _, a := range servers {
		b16 := a.As16()
		b = append(b, b16[:]...)
	}
	return b
}

func appendSearch(b, domains []byte) []byte {
	if len(domains) == 0 {
		return b
	}
	words := (len(domains) + 7) / 8
	b = binary.BigEndian.AppendUint32(append(b, optSearch, byte(1+words), 0, 0), forever)
	return append(append(b, domains...), make([]byte, 8*words-len(domains))...)
}
