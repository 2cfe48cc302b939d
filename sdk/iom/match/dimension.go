package match

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// dimension is what the rules say about one dimension.
type dimension struct {
	dim   Dim
	rules int
	sets  []*Set          // the distinct ones; an atom is an index
	atoms map[atomKey]int // by identity
	users [][]int         // the rules that mention an atom, ascending
	terms [][]literal     // by rule; nil if it is not used
	// What classify finds.
	classes []*class // the first is that of values in no set
	values  []valueClass
}

type atomKey [16]byte

// literal is a term in atoms.
type literal struct {
	not   bool
	atoms []int
}

// class is the values that are in the same sets.
type class struct {
	id    uint64
	atoms []int // sorted by identity
	next  map[int]*class
}

type valueClass struct {
	value Prefix
	class *class
}

// add notes a rule's term.
func (d *dimension) add(rule int, term Term) error {
	t := literal{not: term.Not, atoms: make([]int, len(term.Sets))}
	for i, s := range term.Sets {
		atom, ok := d.atoms[s.identity]
		if !ok {
			if err := d.validate(s); err != nil {
				return err
			}
			atom = len(d.sets)
			d.atoms[s.identity] = atom
			d.sets = append(d.sets, s)
			d.users = append(d.users, nil)
		}
		if have := d.sets[atom]; have.digest != s.digest {
			return fmt.Errorf("two sets %q have different members", s.name)
		}
		if n := len(d.users[atom]); n == 0 || d.users[atom][n-1] != rule {
			d.users[atom] = append(d.users[atom], rule)
		}
		t.atoms[i] = atom
	}
	if d.terms == nil {
		d.terms = make([][]literal, d.rules)
	}
	d.terms[rule] = append(d.terms[rule], t)
	return nil
}

// validate checks that a set's members are values of the dimension.
func (d *dimension) validate(s *Set) error {
	width := d.dim.Width()
	for _, p := range s.prefixes {
		switch {
		case p.Len < 0 || p.Len > width:
			return fmt.Errorf("set %q: a prefix of %d bits in a dimension of %d", s.name, p.Len, width)
		case d.isPort() && (p.Len != width || p.Bits == Uint128{}):
			return fmt.Errorf("set %q: ports have keys from 1 to 65535 and no prefixes", s.name)
		}
	}
	return nil
}

// isPort: the values are keys of ports, looked up as they are.
func (d *dimension) isPort() bool { return d.dim == InPort || d.dim == OutPort }

// holds tells whether the terms of a rule hold for values of a class.
func (d *dimension) holds(rule int, c *class) bool {
	if d.terms == nil {
		return true
	}
	for _, t := range d.terms[rule] {
		in := slices.ContainsFunc(t.atoms, func(atom int) bool { return slices.Contains(c.atoms, atom) })
		if in == t.not {
			return false
		}
	}
	return true
}

// classify finds the class of each prefix that a set has: a prefix is in the sets that have it, and in those of the prefixes that contain it.
func (d *dimension) classify() error {
	type member struct {
		Prefix
		atom int
	}
	var members []member
	for atom, s := range d.sets {
		for _, p := range s.prefixes {
			members = append(members, member{p, atom})
		}
	}
	slices.SortFunc(members, func(a, b member) int { return a.Compare(b.Prefix) })
	seen := newClasses(d)
	around := []valueClass{{Prefix{}, seen.none}}
	for i := 0; i < len(members); {
		p := members[i].Prefix
		for !around[len(around)-1].value.Contains(p) {
			around = around[:len(around)-1]
		}
		c := around[len(around)-1].class
		for ; i < len(members) && members[i].Prefix == p; i++ {
			c = seen.with(c, members[i].atom)
		}
		around = append(around, valueClass{p, c})
		d.values = append(d.values, valueClass{p, c})
		seen.use(c)
	}
	d.classes = seen.used
	return seen.clash
}

// classes are the classes of a dimension by their content.
type classes struct {
	d      *dimension
	none   *class
	byID   map[uint64]*class
	used   []*class
	isUsed map[*class]bool
	clash  error
}

func newClasses(d *dimension) *classes {
	none := &class{}
	return &classes{d: d, none: none, byID: map[uint64]*class{0: none}, used: []*class{none}, isUsed: map[*class]bool{none: true}}
}

func (s *classes) use(c *class) {
	if !s.isUsed[c] {
		s.isUsed[c] = true
		s.used = append(s.used, c)
	}
}

// with is the class of values of c that are in one more set.
func (s *classes) with(c *class, atom int) *class {
	if slices.Contains(c.atoms, atom) {
		return c
	}
	if next := c.next[atom]; next != nil {
		return next
	}
	atoms := append(slices.Clone(c.atoms), atom)
	slices.SortFunc(atoms, func(a, b int) int {
		return slices.Compare(s.d.sets[a].identity[:], s.d.sets[b].identity[:])
	})
	if c.next == nil {
		c.next = map[int]*class{}
	}
	c.next[atom] = s.of(atoms)
	return c.next[atom]
}

// of is the class with these atoms. Its number is a hash of them.
func (s *classes) of(atoms []int) *class {
	var text []byte
	for _, atom := range atoms {
		text = append(text, s.d.sets[atom].identity[:]...)
	}
	sum := sha256.Sum256(text)
	id := max(binary.LittleEndian.Uint64(sum[:]), 1)
	have := s.byID[id]
	if have == nil {
		have = &class{id: id, atoms: atoms}
		s.byID[id] = have
	}
	if !slices.Equal(have.atoms, atoms) {
		s.clash = cmp.Or(s.clash, fmt.Errorf("put rules: two collections of sets have the hash %#x", id))
	}
	return have
}
