package match

import (
	"crypto/sha256"
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
	identity [16]byte // of the name or, without one, of the prefixes
}

// NewSet makes a set of the prefixes of one dimension's values. It takes the slice over.
func NewSet(name string, prefixes []Prefix) *Set {
	text := make([]byte, 0, 17*len(prefixes))
	for i, p := range prefixes {
		prefixes[i] = p.masked()
	}
	slices.SortFunc(prefixes, Prefix.Compare)
	s := &Set{name: name, prefixes: slices.Compact(prefixes)}
	for _, p := range s.prefixes {
		bits := p.Bits.bytes()
		text = append(text, bits[:]...)
		text = append(text, byte(p.Len))
	}
	s.digest = digest(text)
	s.identity = s.digest
	if name != "" {
		s.identity = digest([]byte("name " + name))
	}
	return s
}

func digest(text []byte) [16]byte {
	sum := sha256.Sum256(text)
	return [16]byte(sum[:])
}

// Name is "" for a set that is what its members are.
func (s *Set) Name() string { return s.name }

// Identity is equal for sets that a rule can't tell apart: those of one name, and those without name that have the same members.
func (s *Set) Identity() [16]byte { return s.identity }

// Prefixes are the members, sorted. They must not be changed.
func (s *Set) Prefixes() []Prefix { return s.prefixes }
