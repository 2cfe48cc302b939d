package match

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Set is values of a dimension. It is immutable: make it once and share it between rules, lists and calls.
//
// A set with a name, such as an address set, may have other members later: Put gives the same version then, and only the rows of
// what came or went are new. Two sets of one name in a list must have the same members. A set without name is what its members are.
type Set struct {
	name     string
	prefixes []Prefix // sorted, each once
	digest   [16]byte // of the prefixes
	id       uint64   // of the name or, without one, of the prefixes
}

// NewSet makes a set of the prefixes of one dimension's values. It takes the slice over.
func NewSet(name string, prefixes []Prefix) *Set {
	slices.SortFunc(prefixes, Prefix.compare)
	s := &Set{name: name, prefixes: slices.Compact(prefixes)}
	h := sha256.New()
	var b [17]byte
	for _, p := range s.prefixes {
		bits := p.Bits.bytes()
		copy(b[:], bits[:])
		b[16] = byte(p.Len)
		h.Write(b[:])
	}
	s.digest = [16]byte(h.Sum(nil))
	id := s.digest[:]
	if name != "" {
		sum := sha256.Sum256([]byte("name " + name))
		id = sum[:]
	}
	s.id = binary.BigEndian.Uint64(id)
	return s
}

// Name is "" for a set that is what its members are.
func (s *Set) Name() string { return s.name }

// Prefixes are the members, sorted. They must not be changed.
func (s *Set) Prefixes() []Prefix { return s.prefixes }
