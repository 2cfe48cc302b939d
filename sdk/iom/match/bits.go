package match

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Uint128 is an unsigned integer, right-aligned: Lo bit 0 is the last bit of a field.
type Uint128 struct{ Hi, Lo uint64 }

// Ones is an integer whose width lowest bits are set, 0 to 128.
func Ones(width int) Uint128 { return Uint128{^uint64(0), ^uint64(0)}.shiftRight(128 - width) }

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

func (u Uint128) or(v Uint128) Uint128 { return Uint128{u.Hi | v.Hi, u.Lo | v.Lo} }

// shiftLeft shifts by 0 to 128 bits.
func (u Uint128) shiftLeft(n int) Uint128 {
	if n >= 64 {
		return Uint128{Hi: u.Lo << (n - 64)}
	}
	return Uint128{Hi: u.Hi<<n | u.Lo>>(64-n), Lo: u.Lo << n}
}

// shiftRight shifts by 0 to 128 bits.
func (u Uint128) shiftRight(n int) Uint128 {
	if n >= 64 {
		return Uint128{Lo: u.Hi >> (n - 64)}
	}
	return Uint128{Hi: u.Hi >> n, Lo: u.Lo>>n | u.Hi<<(64-n)}
}

// trailingZeros is 128 for 0.
func (u Uint128) trailingZeros() int {
	if u.Lo == 0 {
		return 64 + bits.TrailingZeros64(u.Hi)
	}
	return bits.TrailingZeros64(u.Lo)
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
	return Prefix{v.shiftLeft(128 - width), length}.masked()
}

// masked has no bits beyond its length; a length that no dimension has stays as it is.
func (p Prefix) masked() Prefix {
	if p.Len >= 0 && p.Len <= 128 {
		p.Bits = p.Bits.And(Ones(p.Len).shiftLeft(128 - p.Len))
	}
	return p
}

// contains: q is p or a part of it.
func (p Prefix) contains(q Prefix) bool {
	return p.Len <= q.Len && q.Bits.And(Ones(p.Len).shiftLeft(128-p.Len)) == p.Bits
}

// compare orders a prefix before its parts.
func (p Prefix) compare(q Prefix) int {
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
		free := min(low.trailingZeros(), width)
		for free > 0 && low.or(Ones(free)).Compare(high) > 0 {
			free--
		}
		all = append(all, prefix(low, width-free, width))
		last := low.or(Ones(free))
		if last == high {
			break
		}
		lo, carry := bits.Add64(last.Lo, 1, 0)
		low = Uint128{last.Hi + carry, lo}
	}
	return all
}
