package match

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

var dimNames = [dims]string{"in", "out", "src", "dst", "eth.src", "eth.dst", "proto", "sport", "dport"}

// String is the dimension's name.
func (d Dim) String() string {
	if d >= dims {
		return fmt.Sprintf("dimension %d", uint8(d))
	}
	return dimNames[d]
}

// String writes the rule without its value: "src {$clients 10.0.0.0/8}, proto {0x0800:6}, dport not {80}, ttl == 0xff".
func (r Rule) String() string {
	var parts []string
	for _, t := range r.Terms {
		parts = append(parts, t.String())
	}
	for _, c := range r.Checks {
		parts = append(parts, c.String())
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, ", ")
}

// String gives sets with names by name, others by their members.
func (t Term) String() string {
	var members []string
	for _, s := range t.Sets {
		if s.name != "" {
			members = append(members, s.name)
			continue
		}
		for _, p := range s.prefixes {
			members = append(members, p.text(t.Dim))
		}
	}
	not := ""
	if t.Not {
		not = "not "
	}
	return fmt.Sprintf("%s %s{%s}", t.Dim, not, strings.Join(members, " "))
}

// text writes a prefix of a dimension's values.
func (p Prefix) text(d Dim) string {
	b := p.Bits.bytes()
	first := uint16(b[0])<<8 | uint16(b[1])
	switch {
	case d == Src || d == Dst:
		return ipText(netip.AddrFrom16(b), p.Len)
	case d == EthSrc || d == EthDst:
		return withLen(net.HardwareAddr(b[:6]).String(), p.Len, 48)
	case d == Proto && p.Len == 24:
		return fmt.Sprintf("%#04x:%d", first, b[2])
	case d == Proto:
		return withLen(fmt.Sprintf("%#04x", first), p.Len, 16)
	case p.Len < 16:
		return fmt.Sprintf("%d-%d", first, first|0xffff>>p.Len)
	}
	return fmt.Sprint(first)
}

func ipText(a netip.Addr, length int) string {
	if a.Is4In6() && length >= 96 {
		return withLen(a.Unmap().String(), length-96, 32)
	}
	return withLen(a.String(), length, 128)
}

func withLen(text string, length, width int) string {
	if length == width {
		return text
	}
	return fmt.Sprintf("%s/%d", text, length)
}

// String is "field/mask == value", or a range.
func (c Check) String() string {
	field := c.Field.String()
	if c.Mask != Ones(c.Field.Bits()) {
		field += "/" + c.Mask.String()
	}
	switch {
	case c.Low != c.High && c.Not:
		return fmt.Sprintf("%s not %s-%s", field, c.Low, c.High)
	case c.Low != c.High:
		return fmt.Sprintf("%s %s-%s", field, c.Low, c.High)
	case c.Not:
		return fmt.Sprintf("%s != %s", field, c.Low)
	}
	return fmt.Sprintf("%s == %s", field, c.Low)
}

// String is hexadecimal.
func (u Uint128) String() string {
	if u.Hi != 0 {
		return fmt.Sprintf("%#x%016x", u.Hi, u.Lo)
	}
	return fmt.Sprintf("%#x", u.Lo)
}
