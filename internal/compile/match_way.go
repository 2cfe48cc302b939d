package compile

import (
	"errors"
	"fmt"
	"slices"

	"woven.dev/woven/sdk/iom/match"
)

// maxWays bounds the rules that a match becomes, maxTried those that are looked at on the way.
const (
	maxWays  = 4096
	maxTried = 16 * maxWays
)

var (
	errTooManyWays   = errors.New("too many combinations: take sets, or split it into several matches")
	errTooManyChecks = fmt.Errorf("more than %d comparisons have to be made one by one", match.MaxChecks)
)

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

// union makes one set of all in a term that have no name.
func union(t match.Term) match.Term {
	sets, values := split(t)
	return termOf(t.Dim, t.Not, sets, values)
}

// intersection is what two plain terms have in common.
func intersection(a, b match.Term) match.Term {
	_, left := split(a)
	_, right := split(b)
	return termOf(a.Dim, false, nil, slices.Concat(within(left, right), within(right, left)))
}

// within are those of some prefixes that are within others; both are in order.
func within(some, others []match.Prefix) []match.Prefix {
	var outer, inner []match.Prefix
	for _, p := range others {
		if len(outer) == 0 || !outer[len(outer)-1].Contains(p) {
			outer = append(outer, p)
		}
	}
	for _, p := range some {
		i, same := slices.BinarySearchFunc(outer, p, match.Prefix.Compare)
		if same || i > 0 && outer[i-1].Contains(p) {
			inner = append(inner, p)
		}
	}
	return inner
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
		w.terms[i] = union(match.Term{Dim: t.Dim, Not: true, Sets: slices.Concat(w.terms[i].Sets, t.Sets)})
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
	return len(want) > 0 && len(within(want, not)) == len(want)
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
func (t *translation) all(factors [][]way) ([]way, error) {
	product := []way{{}}
	for _, factor := range factors {
		if t.tried += len(product) * len(factor); t.tried > maxTried {
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
		if len(next) > maxWays {
			return nil, errTooManyWays
		}
		product = merge(next)
	}
	return product, nil
}

// some are the ways in which something is true of which the arguments are the ways.
func (t *translation) some(summands [][]way) ([]way, error) {
	sum := slices.Concat(summands...)
	if t.tried += len(sum); t.tried > maxTried || len(sum) > maxWays {
		return nil, errTooManyWays
	}
	return merge(sum), nil
}
