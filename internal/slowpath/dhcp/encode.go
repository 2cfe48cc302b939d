package dhcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"woven.dev/woven/internal/slowpath/option"
)

// Code says how an option is encoded: a row of the Southbound table DHCP_Options (ovn-sb(5)), which ovn-northd fills.
type Code struct {
	Code uint8
	Type string
}

// Codes that this package treats specially.
const (
	codePad         = 0
	codeNetmask     = 1
	codeLeaseTime   = 51
	codeMessageType = 53
	codeServerID    = 54
	codeT1          = 58
	codeT2          = 59
	codeBootfile    = 67
	codeEtherboot   = 175 // in the requests of iPXE
	codeEnd         = 255
)

// encode gives the bytes of an option's value (RFC 2132).
func (c Code) encode(v string) ([]byte, error) {
	switch c.Type {
	case "bool":
		return number(v, 1, 1)
	case "uint8":
		return number(v, 8, 1)
	case "uint16":
		return number(v, 16, 2)
	case "uint32":
		return number(v, 32, 4)
	case "ipv4":
		return addresses(v)
	case "static_routes":
		return routes(v)
	case "domains":
		return option.Domains(v)
	case "host_id":
		if a, err := netip.ParseAddr(option.Text(v)); err == nil && a.Is4() {
			return a.AsSlice(), nil
		}
		return []byte(option.Text(v)), nil
	case "str":
		return []byte(option.Text(v)), nil
	}
	return nil, fmt.Errorf("no such type: %q", c.Type)
}

// number reads a number of so many bits and writes it in so many bytes.
func number(v string, bits, size int) ([]byte, error) {
	n, err := strconv.ParseUint(option.Text(v), 10, bits)
	if err != nil {
		return nil, fmt.Errorf("read number %q: not one of %d bits", v, bits)
	}
	return binary.BigEndian.AppendUint32(nil, uint32(n))[4-size:], nil
}

func addresses(v string) ([]byte, error) {
	list, err := option.Addresses(v, true)
	var b []byte
	for _, a := range list {
		b = append(b, a.AsSlice()...)
	}
	return b, err
}

// routes encodes pairs of prefix and gateway as RFC 3442 does.
func routes(v string) ([]byte, error) {
	list := option.List(v)
	if len(list)%2 != 0 {
		return nil, errors.New("read routes: one has no gateway")
	}
	var b []byte
	for ; len(list) > 0; list = list[2:] {
		p, err := prefix(list[0])
		if err != nil {
			return nil, err
		}
		gateway, err := netip.ParseAddr(list[1])
		if err != nil || !gateway.Is4() {
			return nil, fmt.Errorf("read gateway %q: no IPv4 address", list[1])
		}
		b = append(b, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
		b = append(b, gateway.AsSlice()...)
	}
	return b, nil
}

// prefix reads an IPv4 address alone, with the length of a prefix, or with a netmask.
func prefix(s string) (netip.Prefix, error) {
	text, mask, masked := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() {
		return netip.Prefix{}, fmt.Errorf("read prefix %q: no IPv4 address", s)
	}
	bits := 32
	if masked {
		if bits, err = maskBits(mask); err != nil {
			return netip.Prefix{}, fmt.Errorf("read prefix %q: %w", s, err)
		}
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

func maskBits(mask string) (int, error) {
	if a, err := netip.ParseAddr(mask); err == nil && a.Is4() {
		m := binary.BigEndian.Uint32(a.AsSlice())
		for bits := range 33 {
			if m == netmask(bits) {
				return bits, nil
			}
		}
		return 0, fmt.Errorf("mask %s has holes", mask)
	}
	bits, err := strconv.Atoi(mask)
	if err != nil || bits < 0 || bits > 32 {
		return 0, fmt.Errorf("mask %q is none", mask)
	}
	return bits, nil
}

// netmask is the mask of a prefix of 0 to 32 bits.
func netmask(bits int) uint32 { return uint32(uint64(0xffffffff) << (32 - bits)) }
