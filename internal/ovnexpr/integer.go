package ovnexpr

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Format is how an integer constant is written.
type Format int

// The ways to write an integer constant.
const (
	Decimal Format = iota
	Hexadecimal
	IPv4
	IPv6
	Ethernet
)

// Integer is an integer constant. Where Masked, only the bits that are set in Mask count, and Bits has no others.
type Integer struct {
	Bits   Uint128
	Mask   Uint128
	Masked bool
	Format Format
}

// mask is the bits that count in a field of a width.
func (i Integer) mask(width int) Uint128 {
	if i.Masked {
		return i.Mask
	}
	return ones(width)
}

// width is the least width of a field that the constant can be compared to.
func (i Integer) width() int {
	switch {
	case i.Masked:
		return i.Mask.width()
	case i.Format == IPv4:
		return 32
	case i.Format == IPv6:
		return 128
	case i.Format == Ethernet:
		return 48
	}
	return i.Bits.width()
}

// low is the constant reduced to its lowest bits.
func (i Integer) low(width int) Integer {
	i.Bits, i.Mask = i.Bits.and(ones(width)), i.Mask.and(ones(width))
	return i
}

// String writes the constant so that it can be read back.
func (i Integer) String() string {
	s := number(i.Bits, i.Format)
	if !i.Masked {
		return s
	}
	if w := (Integer{Format: i.Format}).width(); w == 32 || w == 128 {
		if n := i.Mask.onesCount(); i.Mask == ones(w).without(ones(w-n)) {
			return s + "/" + strconv.Itoa(n)
		}
	}
	return s + "/" + number(i.Mask, i.Format)
}

func number(u Uint128, f Format) string {
	switch f {
	case IPv4:
		return netip.AddrFrom4([4]byte(u.bytes(4))).String()
	case IPv6:
		return netip.AddrFrom16([16]byte(u.bytes(16))).String()
	case Ethernet:
		return net.HardwareAddr(u.bytes(6)).String()
	}
	switch {
	case u.Hi != 0:
		return fmt.Sprintf("%#x%016x", u.Hi, u.Lo)
	case f == Decimal:
		return strconv.FormatUint(u.Lo, 10)
	}
	return fmt.Sprintf("%#x", u.Lo)
}

// ParseInteger reads one constant: a number, an IPv4, IPv6 or Ethernet address, or one of them with a mask. It is
// how the elements of an Address_Set row are read.
func ParseInteger(text string) (Integer, error) {
	l := lexer{text: text}
	t, err := l.next()
	if err != nil {
		return Integer{}, err
	}
	if t.kind != tokenInteger {
		return Integer{}, l.fault(t.offset, "expecting an address or a number")
	}
	end, err := l.next()
	if err != nil {
		return Integer{}, err
	}
	if end.kind != tokenEnd {
		return Integer{}, l.fault(end.offset, "expecting the end after %s", t.integer)
	}
	return t.integer, nil
}

// parseNumber reads a constant without mask. The error is the reason only.
func parseNumber(s string) (Integer, error) {
	digits := strings.Trim(s, "0123456789") == ""
	switch {
	case s == "":
		return Integer{}, fmt.Errorf("expecting a number")
	case len(s) == 17 && strings.Count(s, ":") == 5:
		return parseEthernet(s)
	case digits && len(s) > 1 && s[0] == '0':
		return Integer{}, fmt.Errorf("decimal number %s has leading zeros", s)
	case digits:
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return Integer{}, fmt.Errorf("decimal number %s is not below 2**64", s)
		}
		return Integer{Bits: Uint(v), Format: Decimal}, nil
	case s[0] == '0' && len(s) > 1 && (s[1] == 'x' || s[1] == 'X'):
		return parseHexadecimal(s)
	}
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return Integer{}, fmt.Errorf("%s is neither a number nor an address", s)
	case addr.Is4():
		return Integer{Bits: fromBytes(addr.AsSlice()), Format: IPv4}, nil
	}
	return Integer{Bits: fromBytes(addr.AsSlice()), Format: IPv6}, nil
}

func parseEthernet(s string) (Integer, error) {
	mac, err := net.ParseMAC(s)
	if err != nil {
		return Integer{}, fmt.Errorf("%s is no Ethernet address", s)
	}
	return Integer{Bits: fromBytes(mac), Format: Ethernet}, nil
}

func parseHexadecimal(s string) (Integer, error) {
	digits := s[2:]
	if digits == "" {
		return Integer{}, fmt.Errorf("expecting hexadecimal digits after %s", s)
	}
	var u Uint128
	for _, d := range digits {
		v, err := strconv.ParseUint(string(d), 16, 4)
		if err != nil {
			return Integer{}, fmt.Errorf("%q is no hexadecimal digit", d)
		}
		if u.width() > maxWidth-4 {
			return Integer{}, fmt.Errorf("hexadecimal number needs more than %d bits", maxWidth)
		}
		u = u.shiftLeft(4).or(Uint(v))
	}
	return Integer{Bits: u, Format: Hexadecimal}, nil
}

// withMask applies the constant m as mask. Masks have the format of the value, or are the prefix length of an IP address.
func (i Integer) withMask(m Integer) (Integer, error) {
	address := Integer{Format: i.Format}.width() // 0 for a plain number
	ip := i.Format == IPv4 || i.Format == IPv6
	switch {
	case i.Format == m.Format:
		i.Mask = m.Bits
	case ip && m.Format == Decimal && m.Bits.compare(Uint(uint64(address))) <= 0:
		i.Mask = ones(address).without(ones(address - int(m.Bits.Lo)))
	case i.Format == Decimal && m.Format == Hexadecimal && i.Bits.isZero():
		i.Format, i.Mask = Hexadecimal, m.Bits
	default:
		return Integer{}, fmt.Errorf("value %s and mask %s have incompatible formats", i, m)
	}
	i.Masked = true
	i.Bits = i.Bits.and(i.Mask)
	return i, nil
}
