package ct

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Protocol is an IP protocol number.
type Protocol uint8

var protocols = map[Protocol]string{1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmp6", 132: "sctp"}

// String is the protocol's name, or its number.
func (p Protocol) String() string {
	if name, ok := protocols[p]; ok {
		return name
	}
	return strconv.Itoa(int(p))
}

// HasPorts says whether connections of the protocol have ports, or the identifier of echoes in their place.
func (p Protocol) HasPorts() bool { return p == 6 || p == 17 || p == 132 || p.isICMP() }

func (p Protocol) isICMP() bool { return p == 1 || p == 58 }

// parseProtocol is the inverse of String.
func parseProtocol(text string) (Protocol, error) {
	for p, name := range protocols {
		if name == text {
			return p, nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q is none of tcp, udp, sctp, icmp, icmp6, gre, esp, and no number from 0 to 255", text)
	}
	return Protocol(n), nil
}

// Tuple says which connections are meant: of a protocol, from who began them to the other end.
type Tuple struct {
	Proto    Protocol
	From, To End
}

// End is one end of a Tuple. An address that is not valid stands for any, and so does the absence of a port.
type End struct {
	Addr    netip.Addr
	Port    uint16
	HasPort bool
}

var errTuple = errors.New(`want "PROTOCOL [FROM [TO]]", such as "tcp 10.0.0.1:1000 [fd00::2]:80", where FROM began it and * stands for any`)

// ParseTuple reads "PROTOCOL [FROM [TO]]". An end is an address, an address with a port (or the identifier of an echo), or * for any.
func ParseTuple(text string) (Tuple, error) {
	words := strings.Fields(text)
	if len(words) < 1 || len(words) > 3 {
		return Tuple{}, fmt.Errorf("tuple %q: %w", text, errTuple)
	}
	var t Tuple
	var err error
	if t.Proto, err = parseProtocol(words[0]); err != nil {
		return Tuple{}, fmt.Errorf("tuple %q: %w", text, err)
	}
	for i, end := range []*End{&t.From, &t.To} {
		if len(words) < i+2 {
			break
		}
		if *end, err = parseEnd(words[i+1]); err != nil {
			return Tuple{}, fmt.Errorf("tuple %q: %w", text, err)
		}
	}
	return t, nil
}

func parseEnd(text string) (End, error) {
	if text == "*" {
		return End{}, nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return End{Addr: addr}, nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return End{}, fmt.Errorf("%q is no address, no address with a port, and not *: %w", text, errTuple)
	}
	return End{Addr: at.Addr(), Port: at.Port(), HasPort: true}, nil
}

// Match says whether a connection is one that is meant.
func (t Tuple) Match(c Connection) bool {
	return c.Proto == t.Proto && t.From.match(c.From) && t.To.match(c.To)
}

func (e End) match(at netip.AddrPort) bool {
	return (!e.Addr.IsValid() || e.Addr == at.Addr()) && (!e.HasPort || e.Port == at.Port())
}
