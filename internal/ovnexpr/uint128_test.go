package ovnexpr

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func (u Uint128) big() *big.Int { return new(big.Int).SetBytes(u.bytes(16)) }

// TestUint128 compares with math/big.
func TestUint128(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	for range 2000 {
		u, v := Uint128{r.Uint64(), r.Uint64()}.shiftRight(r.IntN(129)), Uint128{r.Uint64(), r.Uint64()}.shiftRight(r.IntN(129))
		n := r.IntN(129)
		left := new(big.Int).Lsh(u.big(), uint(n))
		for name, pair := range map[string][2]*big.Int{
			"shiftLeft":  {u.shiftLeft(n).big(), left.Mod(left, limit)},
			"shiftRight": {u.shiftRight(n).big(), new(big.Int).Rsh(u.big(), uint(n))},
			"and":        {u.and(v).big(), new(big.Int).And(u.big(), v.big())},
			"or":         {u.or(v).big(), new(big.Int).Or(u.big(), v.big())},
			"xor":        {u.xor(v).big(), new(big.Int).Xor(u.big(), v.big())},
			"without":    {u.without(v).big(), new(big.Int).AndNot(u.big(), v.big())},
			"ones":       {ones(n).big(), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(n)), big.NewInt(1))},
			"fromBytes":  {fromBytes(u.bytes(16)).big(), u.big()},
		} {
			if pair[0].Cmp(pair[1]) != 0 {
				t.Fatalf("%s of %v, %v, %d: got %x, want %x", name, u, v, n, pair[0], pair[1])
			}
		}
		if u.compare(v) != u.big().Cmp(v.big()) || u.width() != u.big().BitLen() || u.isZero() != (u.big().Sign() == 0) {
			t.Fatalf("%v, %v: compare %d, width %d", u, v, u.compare(v), u.width())
		}
		count := 0
		for i := range 128 {
			count += int(u.big().Bit(i))
		}
		if u.onesCount() != count {
			t.Fatalf("%v: count %d", u, u.onesCount())
		}
	}
}
