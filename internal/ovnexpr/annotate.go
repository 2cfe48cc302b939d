package ovnexpr

// Annotate says in fields of packets alone what e means: parts of fields become ranges of bits, predicates what they
// stand for, and each comparison is joined with the prerequisites of its field. Like OVN it negates a predicate with
// its prerequisites: !ip4.mcast matches all that isn't IPv4 multicast, whereas ip4.dst != 224.0.0.0/4 matches IPv4 only.
func Annotate(e Expr) Expr {
	switch e := e.(type) {
	case And:
		return and(annotateAll(e)...)
	case Or:
		return or(annotateAll(e)...)
	case Compare:
		return annotateCompare(e)
	}
	return e
}

func annotateAll(terms []Expr) []Expr {
	all := make([]Expr, len(terms))
	for i, t := range terms {
		all[i] = Annotate(t)
	}
	return all
}

func annotateCompare(c Compare) Expr {
	s := c.Field.Symbol
	var e Expr = c
	switch {
	case s.predicate != nil:
		e = expand(s.predicate, c)
	case s.part.Symbol != nil:
		f := Field{Symbol: s.part.Symbol, Low: s.part.Low + c.Field.Low, Width: c.Field.Width}
		e = Compare{f, c.Op, c.Values}
	}
	if s.prereq == nil {
		return e
	}
	return and(e, s.prereq)
}

// expand compares what a predicate stands for to 0 or 1; a masked constant counts by its value, as in OVN.
func expand(predicate Expr, c Compare) Expr {
	terms := make([]Expr, len(c.Values))
	for i, v := range c.Values {
		n, _ := v.(Integer)
		terms[i] = predicate
		if (n.Bits == Uint(1)) != (c.Op == Equal) {
			terms[i] = predicate.not()
		}
	}
	if c.Op == Equal {
		return or(terms...)
	}
	return and(terms...)
}
