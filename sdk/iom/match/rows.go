package match

import (
	"encoding/binary"
	"fmt"

	"woven.dev/woven/sdk/iom"
)

// classify finds the classes of the dimensions that rules test. There is at least one, if only to tell which rules there are.
func (l *listing) classify() ([]*dimension, error) {
	var used []*dimension
	for i := range l.dims {
		if l.dims[i].terms != nil {
			used = append(used, &l.dims[i])
		}
	}
	if len(used) == 0 {
		used = append(used, &l.dims[Proto])
	}
	for _, d := range used {
		if err := d.classify(); err != nil {
			return nil, err
		}
	}
	return used, nil
}

// bitmap has a bit for each rule of the list, in chunks.
type bitmap []MatchIomMatchChunk

func (b bitmap) set(rule int, on bool) {
	word, bit := &b[rule/chunkRules].Words[rule/64%bitmapWords], uint64(1)<<(rule%64)
	*word &^= bit
	if on {
		*word |= bit
	}
}

// summary has a bit for each word that is not 0.
func (b bitmap) summary() (s [bitmapWords]uint64) {
	for k := range b {
		for i, word := range b[k].Words {
			if word != 0 {
				n := k*bitmapWords + i
				s[n/64] |= 1 << (n % 64)
			}
		}
	}
	return s
}

// putDimension writes classes, and what belongs to them.
func (l *listing) putDimension(d *dimension) {
	usual := make(bitmap, (len(l.rules)+chunkRules-1)/chunkRules)
	for rule := range l.rules {
		usual.set(rule, d.holds(rule, d.classes[0]))
	}
	own := make(bitmap, len(usual))
	for _, c := range d.classes {
		copy(own, usual)
		for _, atom := range c.atoms {
			for _, rule := range d.users[atom] {
				own.set(rule, d.holds(rule, c))
			}
		}
		l.putClass(d.dim, c.id, own, usual)
	}
	for _, v := range d.values {
		l.putValue(d, v)
	}
}

// putClass writes the rules of a class. Chunks that are as usual are under class 0.
func (l *listing) putClass(d Dim, id uint64, rules, usual bitmap) {
	key := MatchIomMatchClassKey{Dp: l.at.Dp, Version: l.at.Version, List: l.at.List, Dim: MatchIomMatchDim(d), Class: id}
	var row MatchIomMatchClass
	if len(rules) == 1 {
		row.Words = rules[0].Words
		iom.Put(l.tables, "iom_match_classes", key, row)
		return
	}
	for k, chunk := range rules {
		if id != 0 && chunk == usual[k] {
			continue
		}
		row.Own |= 1 << k
		if chunk != (MatchIomMatchChunk{}) {
			iom.Put(l.tables, "iom_match_chunks", MatchIomMatchChunkKey{Dp: l.at.Dp, Version: l.at.Version, List: l.at.List,
				Dim: uint16(d), Chunk: uint16(k), Class: id}, chunk)
		}
	}
	row.Words = rules.summary()
	iom.Put(l.tables, "iom_match_classes", key, row)
}

// putValue writes to which class a prefix belongs.
func (l *listing) putValue(d *dimension, v valueClass) {
	dim, bytes := MatchIomMatchDim(d.dim), v.value.Bits.bytes()
	const before = 128 // bits of the key that all values of a list have in common
	switch {
	case d.isPort():
		key := MatchIomMatchPortKey{Dp: l.at.Dp, Version: l.at.Version, List: l.at.List, Dim: dim, Port: uint32(binary.BigEndian.Uint16(bytes[:]))}
		iom.Put(l.tables, "iom_match_ports", key, v.class.id)
	case d.dim == Src || d.dim == Dst:
		key := MatchIomMatchAddrKey{Prefix: uint32(before + v.value.Len), Dp: l.at.Dp, Version: l.at.Version, List: l.at.List, Dim: dim}
		for i := range key.Addr.A {
			key.Addr.A[i] = binary.NativeEndian.Uint32(bytes[4*i:])
		}
		iom.Put(l.tables, "iom_match_addrs", key, v.class.id)
	default:
		key := MatchIomMatchBitsKey{Prefix: uint32(before + v.value.Len), Dp: l.at.Dp, Version: l.at.Version, List: l.at.List, Dim: dim}
		copy(key.Bits[:], bytes[:])
		iom.Put(l.tables, "iom_match_bits", key, v.class.id)
	}
}

func (l *listing) putRules() {
	for i, r := range l.rules {
		key := MatchIomMatchRuleKey{Dp: l.at.Dp, Version: l.at.Version, List: l.at.List, Rule: uint16(i)}
		iom.Put(l.tables, "iom_match_rules", key, MatchIomMatchRule{Value: r.Value, Checks: uint32(len(r.Checks))})
		for j, c := range r.Checks {
			key.Check = uint16(j)
			iom.Put(l.tables, "iom_match_checks", key, c.row())
		}
	}
}

// validate checks that a field can be compared so.
func (c Check) validate() error {
	if c.Field.len == 0 {
		return fmt.Errorf("a check of no field")
	}
	for _, v := range []Uint128{c.Mask, c.Low, c.High} {
		if v.Compare(Ones(c.Field.Bits())) > 0 {
			return fmt.Errorf("a check of %d bits with an integer of more", c.Field.Bits())
		}
	}
	return nil
}

// row has the integers left-aligned, so that the field's first byte is the highest.
func (c Check) row() MatchIomMatchCheck {
	left := func(v Uint128) [2]uint64 {
		v = v.ShiftLeft(128 - c.Field.Bits())
		return [2]uint64{v.Hi, v.Lo}
	}
	return MatchIomMatchCheck{Mask: left(c.Mask), Low: left(c.Low), High: left(c.High), Base: c.Field.base, Offset: c.Field.offset,
		Len: c.Field.len, Not: boolByte(c.Not)}
}
