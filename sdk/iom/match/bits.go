package match

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Uint128 is an unsigned integer, right-aligned: Lo bit 0 is the last bit of a field.
type Uint128 struct{ Hi, Lo uint64 }

// Ones is an integer whose width lowest bits are set, 0 to 128.
func Ones(width int) Uint128 { return Uint128{^uint64(0), ^uint64(0)}.ShiftRight(128 - width) }

// Compare is -1, 0 or 1.
func (u Uint128) Compare(v Uint128) int {
	switch {
	case u == v:
		return 0
	case u.Hi < v.Hi, u.Hi == v.Hi && u.Lo < v.Lo:
		return -1
	}
	return 1
}

// And keeps the bits that v has, too.
func (u Uint128) And(v Uint128) Uint128 { return Uint128{u.Hi & v.Hi, u.Lo & v.Lo} }

// Or has the bits of both.
func (u Uint128) Or(v Uint128) Uint128 { return Uint128{u.Hi | v.Hi, u.Lo | v.Lo} }

// ShiftLeft shifts by 0 to 128 bits.
func (u Uint128) ShiftLeft(n int) Uint128 {
	if n >= 64 {
		return Uint128{Hi: u.Lo << (n - 64)}
	}
	return Uint128{Hi: u.Hi<<n | u.Lo>>(64-n), Lo: u.Lo << n}
}

// ShiftRight shifts by 0 to 128 bits.
func (u Uint128) ShiftRight(n int) Uint128 {
	if n >= 64 {
		return Uint128{Lo: u.Hi >> (n - 64)}
	}
	return Uint128{Hi: u.Hi >> n, Lo: u.Lo>>n | u.Hi<<(64-n)}
}

// TrailingZeros counts the lowest bits that are 0: 128 for 0.
func (u Uint128) TrailingZeros() int {
	if u.Lo == 0 {
		return 64 + bits.TrailingZeros64(u.Hi)
	}
	return bits.TrailingZeros64(u.Lo)
}

// Next is u + 1; 0 after the greatest.
func (u Uint128) Next() Uint128 {
	lo, carry := bits.Add64(u.Lo, 1, 0)
	return Uint128{u.Hi + carry, lo}
}

// Previous is u - 1; the greatest before 0.
func (u Uint128) Previous() Uint128 {
	lo, borrow := bits.Sub64(u.Lo, 1, 0)
	return Uint128{u.Hi - borrow, lo}
}

// bytes are in network byte order.
func (u Uint128) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:], u.Hi)
	binary.BigEndian.PutUint64(b[8:], u.Lo)
	return b
}

func fromBytes(b [16]byte) Uint128 {
	return Uint128{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// Prefix is all values of a dimension that start with the Len highest bits of Bits; the others are 0.
type Prefix struct {
	Bits Uint128
	Len  int
}

// prefix makes one of a width-bit value; what is beyond its length is cut off.
func prefix(v Uint128, length, width int) Prefix {
	return Prefix{v.ShiftLeft(128 - width), length}.masked()
}

// masked has no bits beyond its length; a length that no dimension has stays as it is.
func (p Prefix) masked() Prefix {
	if p.Len >= 0 && p.Len <= 128 {
		p.Bits = p.Bits.And(Ones(p.Len).ShiftLeft(128 - p.Len))
	}
	return p
}

// Contains: q is p or a part of it.
func (p Prefix) Contains(q Prefix) bool {
	return p.Len <= q.Len && q.Bits.And(Ones(p.Len).ShiftLeft(128-p.Len)) == p.Bits
}

// Compare orders a prefix before its parts.
func (p Prefix) Compare(q Prefix) int {
	if c := p.Bits.Compare(q.Bits); c != 0 {
		return c
	}
	return p.Len - q.Len
}

// IP is a prefix of Src and Dst: IPv4 as v4-mapped. Host bits are cut off; an invalid prefix is that of no address.
func IP(p netip.Prefix) Prefix {
	length := p.Bits()
	if p.Addr().Is4() {
		length += 96
	}
	return prefix(fromBytes(p.Addr().As16()), length, 128)
}

// MAC is a prefix of EthSrc and EthDst.
func MAC(mac [6]byte) Prefix {
	var b [16]byte
	copy(b[10:], mac[:])
	return prefix(fromBytes(b), 48, 48)
}

// Ethertype is a prefix of Proto.
func Ethertype(t uint16) Prefix { return prefix(Uint128{Lo: uint64(t) << 8}, 16, 24) }

// IPProto is a value of Proto: a protocol under an ethertype.
func IPProto(ethertype uint16, proto uint8) Prefix {
	return prefix(Uint128{Lo: uint64(ethertype)<<8 | uint64(proto)}, 24, 24)
}

// Key is a value of InPort and OutPort, SrcPort and DstPort.
func Key(v uint16) Prefix { return prefix(Uint128{Lo: uint64(v)}, 16, 16) }

// Between lists the prefixes that the values low..high of a dimension make up; none if low is above high.
func Between(d Dim, low, high Uint128) []Prefix {
	width := d.Width()
	var all []Prefix
	for low.Compare(high) <= 0 {
		free := min(low.TrailingZeros(), width)
		for free > 0 && low.Or(Ones(free)).Compare(high) > 0 {
			free--
		}
		all = append(all, prefix(low, width-free, width))
		last := low.Or(Ones(free))
		if last == high {
			break
		}
		low = last.Next()
	}
	return all
}
