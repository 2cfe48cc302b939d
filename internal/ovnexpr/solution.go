package ovnexpr

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// solution is what is known of a packet.
type solution struct {
	ints  map[*Symbol]knownBits
	texts map[*Symbol]string
}

// knownBits are the bits of a field that are known, those set in mask.
type knownBits struct{ bits, mask Uint128 }

func newSolution() solution { return solution{map[*Symbol]knownBits{}, map[*Symbol]string{}} }

func (s solution) clone() solution { return solution{maps.Clone(s.ints), maps.Clone(s.texts)} }

func (s solution) equal(t solution) bool {
	return maps.Equal(s.ints, t.ints) && maps.Equal(s.texts, t.texts)
}

// set notes an equality; false if something else is known already.
func (s solution) set(c Compare) bool {
	symbol := c.Field.Symbol
	switch v := c.Values[0].(type) {
	case Text:
		have, ok := s.texts[symbol]
		if !ok {
			s.texts[symbol] = string(v)
		}
		return !ok || have == string(v)
	case Integer:
		have, mask, bits := s.ints[symbol], v.mask(c.Field.Width).shiftLeft(c.Field.Low), v.Bits.shiftLeft(c.Field.Low)
		if !have.bits.xor(bits).and(have.mask).and(mask).isZero() {
			return false
		}
		if !mask.isZero() {
			s.ints[symbol] = knownBits{have.bits.or(bits), have.mask.or(mask)}
		}
	}
	return true
}

type answer int

const (
	unknown answer = iota
	no
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// decide tells whether a comparison other than == to one integer holds whatever the bits are that are not known.
func (s solution) decide(c Compare) answer {
	v, ok := c.Values[0].(Integer)
	if !ok {
		return unknown
	}
	have, mask := s.ints[c.Field.Symbol], v.mask(c.Field.Width)
	bits := have.bits.shiftRight(c.Field.Low).and(mask)
	open := mask.without(have.mask.shiftRight(c.Field.Low))
	if c.Op == NotEqual {
		if !bits.xor(v.Bits).without(open).isZero() {
			return yes
		}
		if open.isZero() {
			return no
		}
		return unknown
	}
	least, most := c.Op.holds(bits.compare(v.Bits)), c.Op.holds(bits.or(open).compare(v.Bits))
	if least != most {
		return unknown
	}
	return answerOf(least)
}

// value writes what is known of a field.
func (s solution) value(symbol *Symbol) string {
	if text, ok := s.texts[symbol]; ok {
		return Text(text).String()
	}
	k, ok := s.ints[symbol]
	if !ok {
		return "anything"
	}
	return Integer{Bits: k.bits, Mask: k.mask, Masked: k.mask != ones(symbol.Width), Format: Hexadecimal}.String()
}

// difference says in which field two solutions differ.
func (s solution) difference(t solution) string {
	symbols := slices.Concat(slices.Collect(maps.Keys(s.ints)), slices.Collect(maps.Keys(t.ints)),
		slices.Collect(maps.Keys(s.texts)), slices.Collect(maps.Keys(t.texts)))
	slices.SortFunc(symbols, func(a, b *Symbol) int { return cmp.Compare(a.Name, b.Name) })
	for _, symbol := range symbols {
		if a, b := s.value(symbol), t.value(symbol); a != b {
			return fmt.Sprintf("%s may be %s or %s", symbol.Name, a, b)
		}
	}
	return "no field differs"
}

// fields gives the packet.
func (s solution) fields() Fields {
	f := Fields{Ints: map[string]Uint128{}, Texts: map[string]string{}}
	for symbol, k := range s.ints {
		f.Ints[symbol.Name] = k.bits
	}
	for symbol, text := range s.texts {
		f.Texts[symbol.Name] = text
	}
	return f
}
