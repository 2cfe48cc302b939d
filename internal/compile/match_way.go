package compile

import (
	"errors"
	"slices"

	"woven.dev/woven/sdk/iom/match"
)

// maxWays bounds the rules that a match becomes, maxProducts those that are looked at on the way.
const (
	maxWays     = 4096
	maxProducts = 64 * maxWays
)

var errTooManyWays = errors.New("too many combinations: take sets, or split it into several matches")

// way is a way for a match to be true: all terms and all checks hold. Without any it always is. A dimension has at most one term with Not, and at
// most one without Not that names no set.
type way struct {
	terms  []match.Term
	checks []match.Check
}

// plain: the term is what its members are.
func plain(t match.Term) bool {
	return !slices.ContainsFunc(t.Sets, func(s *match.Set) bool { return s.Name() != "" })
}

// termOf makes a term of sets with names and of other values.
func termOf(d match.Dim, not bool, sets []*match.Set, values []match.Prefix) match.Term {
	if len(values) > 0 || len(sets) == 0 {
		sets = append(slices.Clip(sets), match.NewSet("", values))
	}
	return match.Term{Dim: d, Not: not, Sets: sets}
}

// split is the inverse of termOf.
func split(t match.Term) (sets []*match.Set, values []match.Prefix) {
	for _, s := range t.Sets {
		if s.Name() == "" {
			values = append(values, s.Prefixes()...)
		} else if !slices.Contains(sets, s) {
			sets = append(sets, s)
		}
	}
	return sets, values
}

// union is a term about the sets of both.
func union(a, b match.Term) match.Term {
	sets, values := split(match.Term{Sets: slices.Concat(a.Sets, b.Sets)})
	return termOf(a.Dim, a.Not, sets, values)
}

// intersection is what two plain terms have in common.
func intersection(a, b match.Term) match.Term {
	_, left := split(a)
	_, right := split(b)
	var both []match.Prefix
	for _, p := range left {
		for _, q := range right {
			switch {
			case p.Contains(q):
				both = append(both, q)
			case q.Contains(p):
				both = append(both, p)
			}
		}
	}
	return termOf(a.Dim, false, nil, both)
}

// empty: no value is in any of the sets.
func empty(t match.Term) bool {
	return !slices.ContainsFunc(t.Sets, func(s *match.Set) bool { return s.Name() != "" || len(s.Prefixes()) > 0 })
}

// and adds a term; false: both can't be true.
func (w *way) and(t match.Term) bool {
	if empty(t) {
		return t.Not
	}
	i := slices.IndexFunc(w.terms, func(have match.Term) bool {
		return have.Dim == t.Dim && have.Not == t.Not && (t.Not || plain(have) && plain(t) || slices.Equal(have.Sets, t.Sets))
	})
	switch {
	case i < 0:
		w.terms = append(w.terms, t)
		i = len(w.terms) - 1
	case t.Not:
		w.terms[i] = union(w.terms[i], t)
	case plain(t):
		w.terms[i] = intersection(w.terms[i], t)
	}
	return !empty(w.terms[i]) && !w.excluded(t.Dim)
}

// excluded: the plain term of a dimension is within the values that the one with Not excludes.
func (w *way) excluded(d match.Dim) bool {
	var want, not []match.Prefix
	for _, t := range w.terms {
		switch {
		case t.Dim == d && t.Not:
			_, not = split(t)
		case t.Dim == d && plain(t):
			_, want = split(t)
		}
	}
	return len(want) > 0 && !slices.ContainsFunc(want, func(p match.Prefix) bool {
		return !slices.ContainsFunc(not, func(n match.Prefix) bool { return n.Contains(p) })
	})
}

// check adds a check; false: it contradicts another one.
func (w *way) check(c match.Check) bool {
	for i, have := range w.checks {
		switch {
		case have == c:
			return true
		case have.Field != c.Field || !isEqual(have) || !isEqual(c):
		case have.Low.And(c.Mask) != c.Low.And(have.Mask):
			return false
		default:
			value := have.Low.Or(c.Low)
			w.checks[i] = match.Check{Field: c.Field, Mask: have.Mask.Or(c.Mask), Low: value, High: value}
			return true
		}
	}
	w.checks = append(w.checks, c)
	return true
}

func isEqual(c match.Check) bool { return !c.Not && c.Low == c.High }

// both is a way in which a and b are true; false: there is none.
func both(a, b way) (way, bool) {
	w := way{slices.Clone(a.terms), slices.Clone(a.checks)}
	for _, t := range b.terms {
		if !w.and(t) {
			return way{}, false
		}
	}
	for _, c := range b.checks {
		if !w.check(c) {
			return way{}, false
		}
	}
	return w, true
}

// all are the ways in which everything is true of which the arguments are the ways.
func all(factors [][]way) ([]way, error) {
	product := []way{{}}
	for _, factor := range factors {
		if len(product)*len(factor) > maxProducts {
			return nil, errTooManyWays
		}
		var next []way
		for _, a := range product {
			for _, b := range factor {
				if w, ok := both(a, b); ok {
					next = append(next, w)
				}
			}
		}
		if product = merge(next); len(product) > maxWays {
			return nil, errTooManyWays
		}
	}
	return product, nil
}

// some are the ways in which something is true of which the arguments are the ways.
func some(summands [][]way) ([]way, error) {
	sum := merge(slices.Concat(summands...))
	if len(sum) > maxWays {
		return nil, errTooManyWays
	}
	return sum, nil
}
