package ovnexpr

// Packet is a packet as expressions see it.
type Packet interface {
	// Int is the value of an integer field such as "tcp.dst", "vlan.tci" or "xxreg0"; 0 if the packet does not have it.
	// Eval asks only for the fields that Annotate leaves, not for parts of fields and predicates.
	Int(field string) Uint128
	// Text is the value of "inport" or "outport".
	Text(field string) string
	// Resident tells whether a logical port is on this chassis.
	Resident(port string) bool
}

// Eval tells whether a packet matches an expression, annotated or not. A set that is not resolved has no members.
func Eval(e Expr, p Packet) bool { return eval(Annotate(e), p) }

// eval evaluates an annotated expression.
func eval(e Expr, p Packet) bool {
	switch e := e.(type) {
	case And:
		for _, t := range e {
			if !eval(t, p) {
				return false
			}
		}
		return true
	case Or:
		for _, t := range e {
			if eval(t, p) {
				return true
			}
		}
		return false
	case Compare:
		return e.holds(p)
	case Resident:
		return p.Resident(e.Port) != e.Not
	case Bool:
		return bool(e)
	}
	return false
}

func (e Compare) holds(p Packet) bool {
	for _, v := range e.Values {
		if e.holdsFor(v, p) {
			return e.Op != NotEqual
		}
	}
	return e.Op == NotEqual
}

// holdsFor compares to one value; != is treated as ==.
func (e Compare) holdsFor(v Value, p Packet) bool {
	switch v := v.(type) {
	case Text:
		return p.Text(e.Field.Symbol.Name) == string(v)
	case Integer:
		have := p.Int(e.Field.Symbol.Name).shiftRight(e.Field.Low).and(v.mask(e.Field.Width))
		return e.Op.holds(have.compare(v.Bits))
	}
	return false
}

// holds applies the operator to the outcome of a comparison, -1, 0 or 1; != is treated as ==.
func (o Op) holds(order int) bool {
	switch o {
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Greater:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	}
	return order == 0
}
