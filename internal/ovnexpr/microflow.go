package ovnexpr

import (
	"errors"
	"fmt"
	"slices"
)

// ErrMicroflow is in the errors about expressions that do not describe one packet.
var ErrMicroflow = errors.New("not one packet")

// Microflow finds the packet that an expression describes, as ovn-trace(8) does with its argument microflow:
// `inport == "p1" && ip4.src == 10.0.0.1 && tcp.dst == 80`. The expression may have alternatives if all but one of them
// contradict the rest (tcp.dst has the prerequisite ip4 || ip6). If none or several remain, or a comparison other than
// == leaves a field open, the error says where. Like ovn-trace it assumes no default: what is not mentioned is 0, the
// TTL too.
func Microflow(e Expr) (Fields, error) {
	s := solver{budget: maxSteps}
	s.solve(newSolution(), []Expr{Annotate(e)})
	switch {
	case s.budget < 0:
		return Fields{}, fmt.Errorf("%w: too many alternatives", ErrMicroflow)
	case s.open != "":
		return Fields{}, fmt.Errorf("%w: %s leaves the value open", ErrMicroflow, s.open)
	case len(s.found) == 0:
		return Fields{}, fmt.Errorf("%w: %s", ErrMicroflow, s.conflict)
	case len(s.found) > 1:
		return Fields{}, fmt.Errorf("%w: %s", ErrMicroflow, s.found[0].difference(s.found[1]))
	}
	return s.found[0].fields(), nil
}

// maxSteps bounds the search for the packet: terms looked at.
const maxSteps = 100_000

// solver searches for packets that match an annotated expression, depth first.
type solver struct {
	found    []solution // distinct, at most two
	conflict string     // the first contradiction
	open     string     // a comparison that does not determine a packet that is possible
	budget   int
}

// solve extends a solution by what the terms demand, first by what they leave no choice about.
func (s *solver) solve(have solution, terms []Expr) {
	var choices, checks []Expr
	for len(terms) > 0 {
		if s.budget--; s.budget < 0 {
			return
		}
		e := terms[0]
		terms = terms[1:]
		switch e := e.(type) {
		case And:
			terms = append(terms, e...)
		case Or:
			choices = append(choices, e)
		case Compare:
			switch {
			case len(e.Values) != 1:
				terms = append(terms, e.split())
			case isSet(e.Values[0]):
				s.contradict(fmt.Sprintf("%s names a set that is not resolved", e))
				return
			case e.Op != Equal:
				checks = append(checks, e)
			case !have.set(e):
				s.contradict(fmt.Sprintf("%s contradicts %s == %s", e, e.Field.Symbol.Name, have.value(e.Field.Symbol)))
				return
			}
		default:
			if !eval(e, Fields{}) {
				s.contradict(e.String() + " is never true")
				return
			}
		}
	}
	undecided, ok := s.check(have, checks)
	switch {
	case !ok:
	case len(choices) > 0:
		s.branch(have, choices, undecided)
	case len(undecided) > 0:
		s.open = undecided[0].String()
	case !slices.ContainsFunc(s.found, have.equal):
		s.found = append(s.found, have)
	}
}

// check tells whether a solution satisfies the comparisons, as far as it is known, and returns those that it can't decide.
func (s *solver) check(have solution, checks []Expr) (undecided []Expr, ok bool) {
	for _, e := range checks {
		c := e.(Compare)
		switch have.decide(c) {
		case unknown:
			undecided = append(undecided, c)
		case no:
			s.contradict(fmt.Sprintf("%s contradicts %s == %s", c, c.Field.Symbol.Name, have.value(c.Field.Symbol)))
			return nil, false
		}
	}
	return undecided, true
}

// branch tries each alternative of the first choice, until the search is over.
func (s *solver) branch(have solution, choices, undecided []Expr) {
	for _, alternative := range choices[0].(Or) {
		if s.budget < 0 || s.open != "" || len(s.found) > 1 {
			return
		}
		s.solve(have.clone(), slices.Concat([]Expr{alternative}, choices[1:], undecided))
	}
}

func (s *solver) contradict(reason string) {
	if s.conflict == "" {
		s.conflict = reason
	}
}

// split makes comparisons to one value each of a comparison to several or to none.
func (e Compare) split() Expr {
	if len(e.Values) == 0 {
		return Bool(e.Op == NotEqual)
	}
	singles := make([]Expr, len(e.Values))
	for i, v := range e.Values {
		singles[i] = newCompare(e.Field, e.Op, []Value{v})
	}
	if e.Op == Equal {
		return or(singles...)
	}
	return and(singles...)
}
