package compile

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom/match"
)

// matchSets are address sets as rules have them, remembered as long as their members are the same. The zero value is ready.
type matchSets struct {
	built map[setKey]builtSet
}

// setKey: fields of different widths see different values in a set.
type setKey struct {
	name  string
	width int
}

type builtSet struct {
	from *logical.AddressSet
	set  *match.Set // nil: it has members that no prefixes of such fields express
}

// get is an address set as values of a field's dimension; nil if it is none.
func (s *matchSets) get(from *logical.AddressSet, f ovnexpr.Field) *match.Set {
	p := places[f.Symbol.Name]
	if !p.isAddress() || f.Width != f.Symbol.Width {
		return nil
	}
	key := setKey{from.Name, f.Width}
	have, ok := s.built[key]
	if !ok || have.from != from && !(slices.Equal(have.from.Prefixes, from.Prefixes) && slices.Equal(have.from.MACs, from.MACs)) {
		have.set = newSet(from, f)
	}
	have.from = from
	if s.built == nil {
		s.built = map[setKey]builtSet{}
	}
	s.built[key] = have
	return have.set
}

// keep forgets the sets that are not among these.
func (s *matchSets) keep(sets map[string]*logical.AddressSet) {
	for key := range s.built {
		if sets[key.name] == nil {
			delete(s.built, key)
		}
	}
}

func newSet(from *logical.AddressSet, f ovnexpr.Field) *match.Set {
	members := setMembers(from)
	all := make([]match.Prefix, 0, len(members))
	for _, m := range members {
		s, _ := spanOf(f, ovnexpr.Equal, m)
		prefixes, ok := s.prefixes(f)
		if !ok {
			return nil
		}
		all = append(all, prefixes...)
	}
	return match.NewSet(fmt.Sprintf("$%s/%d", from.Name, f.Width), all)
}

// setMembers are the elements of an address set.
func setMembers(set *logical.AddressSet) []ovnexpr.Integer {
	members := make([]ovnexpr.Integer, 0, len(set.Prefixes)+len(set.MACs))
	for _, p := range set.Prefixes {
		members = append(members, prefixInteger(p))
	}
	for _, mac := range set.MACs {
		members = append(members, macInteger(mac))
	}
	return members
}

// macBits is the width of MAC addresses.
const macBits = 48

func macInteger(mac [6]byte) ovnexpr.Integer {
	var b [8]byte
	copy(b[2:], mac[:])
	return ovnexpr.Integer{Bits: ovnexpr.Uint(binary.BigEndian.Uint64(b[:])), Format: ovnexpr.Ethernet}
}

// prefixInteger is a prefix as a constant; a single address has no mask.
func prefixInteger(p netip.Prefix) ovnexpr.Integer {
	b := p.Addr().As16()
	bits := match.Uint128{Hi: binary.BigEndian.Uint64(b[:]), Lo: binary.BigEndian.Uint64(b[8:])}
	v := ovnexpr.Integer{Format: ovnexpr.IPv6}
	width := p.Addr().BitLen()
	if p.Addr().Is4() {
		v.Format = ovnexpr.IPv4
		bits = bits.And(match.Ones(width))
	}
	if !p.IsSingleIP() {
		v.Masked = true
		v.Mask = ovnexpr.Uint128(match.Ones(p.Bits()).ShiftLeft(width - p.Bits()))
	}
	v.Bits = ovnexpr.Uint128(bits)
	return v
}

// tooWide gives a member that a field has not enough bits for; false: there is none.
func tooWide(set *logical.AddressSet, f ovnexpr.Field) (ovnexpr.Integer, bool) {
	i := slices.IndexFunc(set.Prefixes, func(p netip.Prefix) bool { return p.Addr().BitLen() > f.Symbol.Width })
	switch {
	case i >= 0:
		return prefixInteger(set.Prefixes[i]), true
	case len(set.MACs) > 0 && f.Symbol.Width < macBits:
		return macInteger(set.MACs[0]), true
	}
	return ovnexpr.Integer{}, false
}

// cut is a constant reduced to a field's width.
func cut(v ovnexpr.Integer, width int) ovnexpr.Integer {
	low := func(u ovnexpr.Uint128) ovnexpr.Uint128 {
		return ovnexpr.Uint128(match.Uint128(u).And(match.Ones(width)))
	}
	v.Bits, v.Mask = low(v.Bits), low(v.Mask)
	return v
}
