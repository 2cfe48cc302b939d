package ovnexpr

import "math/bits"

// Uint128 is an unsigned integer of the width of the widest field.
type Uint128 struct{ Hi, Lo uint64 }

// maxWidth is the width of Uint128 and of the widest field, in bits.
const maxWidth = 128

// Uint makes a Uint128 of a small integer.
func Uint(v uint64) Uint128 { return Uint128{Lo: v} }

// ones is an integer with its width lowest bits set.
func ones(width int) Uint128 {
	all := Uint128{^uint64(0), ^uint64(0)}
	return all.shiftRight(maxWidth - width)
}

// fromBytes reads at most 16 bytes in network byte order.
func fromBytes(b []byte) Uint128 {
	var u Uint128
	for _, x := range b {
		u = u.shiftLeft(8).or(Uint(uint64(x)))
	}
	return u
}

// bytes gives the n lowest bytes in network byte order.
func (u Uint128) bytes(n int) []byte {
	b := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		b[i] = byte(u.Lo)
		u = u.shiftRight(8)
	}
	return b
}

func (u Uint128) isZero() bool              { return u == Uint128{} }
func (u Uint128) and(v Uint128) Uint128     { return Uint128{u.Hi & v.Hi, u.Lo & v.Lo} }
func (u Uint128) or(v Uint128) Uint128      { return Uint128{u.Hi | v.Hi, u.Lo | v.Lo} }
func (u Uint128) xor(v Uint128) Uint128     { return Uint128{u.Hi ^ v.Hi, u.Lo ^ v.Lo} }
func (u Uint128) without(v Uint128) Uint128 { return Uint128{u.Hi &^ v.Hi, u.Lo &^ v.Lo} }

// width is the number of bits needed to write u; 0 for 0.
func (u Uint128) width() int {
	if u.Hi != 0 {
		return 64 + bits.Len64(u.Hi)
	}
	return bits.Len64(u.Lo)
}

func (u Uint128) onesCount() int { return bits.OnesCount64(u.Hi) + bits.OnesCount64(u.Lo) }

func (u Uint128) compare(v Uint128) int {
	switch {
	case u == v:
		return 0
	case u.Hi < v.Hi, u.Hi == v.Hi && u.Lo < v.Lo:
		return -1
	}
	return 1
}

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
