package match

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"woven.dev/woven/sdk/iom"
)

// The tables, in the order in which rows have to appear: what is looked up last comes first. They go in the reverse order, so
// that the list is the first to go.
var tables = []string{"iom_match_chunks", "iom_match_classes", "iom_match_checks", "iom_match_rules", "iom_match_addrs", "iom_match_bits",
	"iom_match_ports", "iom_match_lists"}

const (
	bitmapWords = len(MatchIomMatchChunk{}.Words)
	chunkRules  = 64 * bitmapWords
)

// Put adds the rows of a list of rules, the first of which takes precedence. The instance dp agrees with itself on list numbers.
//
// The version stands for the rules, but not for the members of sets with names; rows of different versions have nothing in common, so that
// a program goes over from one to the other at once, with the configuration row that tells it the version: put that row after the list. The
// generation stands for the rules and all members: it changes whenever the answer for some packet may. Neither is ever 0, and both depend on the rules
// alone.
//
// Within a version an address that joins a set changes its own row, and that of each prefix within it that some set has; and adds at most one class, a
// row by itself and for each 512 rules that use its sets.
//
// An error says which rule can't be written; t is unchanged then.
func Put(t *iom.Tables, dp, list uint32, rules []Rule) (version uint32, generation uint64, err error) {
	size := MatchIomMatchSize{Rules: uint32(len(rules))}
	l := listing{tables: t, rules: rules, at: MatchIomMatchList{Dp: dp, List: list}}
	if err := l.read(); err != nil {
		return 0, 0, err
	}
	l.at.Version, generation = l.identity()
	used, err := l.classify()
	if err != nil {
		return 0, 0, err
	}
	for _, table := range tables {
		declare(t, table)
	}
	for _, d := range used {
		l.putDimension(d)
		size.Dims |= 1 << d.dim
	}
	l.putRules()
	iom.Put(t, "iom_match_lists", l.at, size)
	return l.at.Version, generation, nil
}

// declare fixes the place of a table in the order, even if it gets no row yet.
func declare(t *iom.Tables, table string) {
	if t.Rows == nil {
		t.Rows = map[string]map[string]string{}
	}
	if t.Rows[table] == nil {
		t.Rows[table] = map[string]string{}
		t.Order = append(t.Order, table)
	}
}

// listing is a list on its way to rows.
type listing struct {
	tables *iom.Tables
	rules  []Rule
	at     MatchIomMatchList
	dims   [dims]dimension
}

// read checks the rules and notes their terms.
func (l *listing) read() error {
	if len(l.rules) > MaxRules {
		return fmt.Errorf("put rules: have %d, at most %d are possible", len(l.rules), MaxRules)
	}
	for d := range l.dims {
		l.dims[d] = dimension{dim: Dim(d), rules: len(l.rules), atoms: map[atomKey]int{}}
	}
	for i, r := range l.rules {
		if len(r.Checks) > MaxChecks {
			return fmt.Errorf("put rule %d: it has %d checks, at most %d are possible", i, len(r.Checks), MaxChecks)
		}
		for _, c := range r.Checks {
			if err := c.validate(); err != nil {
				return fmt.Errorf("put rule %d: %w", i, err)
			}
		}
		for _, term := range r.Terms {
			if term.Dim >= dims {
				return fmt.Errorf("put rule %d: there is no dimension %d", i, term.Dim)
			}
			if err := l.dims[term.Dim].add(i, term); err != nil {
				return fmt.Errorf("put rule %d: %w", i, err)
			}
		}
	}
	return nil
}

// identity computes version and generation.
func (l *listing) identity() (version uint32, generation uint64) {
	var text []byte
	for _, r := range l.rules {
		text = binary.LittleEndian.AppendUint32(text, r.Value)
		text = binary.LittleEndian.AppendUint32(text, uint32(len(r.Terms)))
		for _, term := range r.Terms {
			text = append(text, byte(term.Dim), boolByte(term.Not))
			text = binary.LittleEndian.AppendUint32(text, uint32(len(term.Sets)))
			for _, s := range term.Sets {
				text = append(text, s.identity[:]...)
			}
		}
		text = binary.LittleEndian.AppendUint32(text, uint32(len(r.Checks)))
		for _, c := range r.Checks {
			text = append(text, iom.Bytes(c.row())...)
		}
	}
	sum := sha256.Sum256(text)
	version = max(binary.LittleEndian.Uint32(sum[:]), 1)
	members := sum[:]
	for d := range l.dims {
		for _, s := range l.dims[d].sets {
			members = append(members, s.digest[:]...)
		}
	}
	sum = sha256.Sum256(members)
	return version, max(binary.LittleEndian.Uint64(sum[:]), 1)
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
