package ovnexpr

import (
	"fmt"
	"slices"
	"strings"
)

// Expr is a match expression: And, Or, Bool, Compare or Resident. There is no negation: Parse moves each ! into the
// comparisons. String writes it so that Parse reads it back as the same Expr (except what Annotate makes of negated
// predicates: eth.type != 0x800 can be meant but not written).
type Expr interface {
	String() string
	// not is the expression that is true where this one is false.
	not() Expr
}

type (
	// And is true if all its terms are. There are at least two, none of them an And.
	And []Expr
	// Or is true if one of its terms is. There are at least two, none of them an Or.
	Or []Expr
	// Bool is 0 or 1.
	Bool bool
	// Compare compares a field to one or several values: with == it is true if one of the values is equal, with !=
	// if none is. The other operators have a single value, an Integer.
	Compare struct {
		Field  Field
		Op     Op
		Values []Value
	}
	// Resident is is_chassis_resident("Port"), or its negation.
	Resident struct {
		Port string
		Not  bool
	}
)

// Field is a symbol or a range of its bits. Width is 0 for strings.
type Field struct {
	Symbol     *Symbol
	Low, Width int
}

// Value is what a field is compared to: an Integer or, for string fields, a Text, or a set of them by its name.
type Value interface{ String() string }

type (
	// Text is a string constant.
	Text string
	// AddressSet is $name, the integers that a row of Address_Set holds.
	AddressSet string
	// PortGroup is @name, the names of the ports of a row of Port_Group.
	PortGroup string
)

// Op is a relational operator.
type Op string

// The relational operators.
const (
	Equal          Op = "=="
	NotEqual       Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
)

var inverse = map[Op]Op{Equal: NotEqual, NotEqual: Equal, Less: GreaterOrEqual, GreaterOrEqual: Less, Greater: LessOrEqual, LessOrEqual: Greater}

// mirrored is the operator after both sides have changed places.
var mirrored = map[Op]Op{Equal: Equal, NotEqual: NotEqual, Less: Greater, Greater: Less, LessOrEqual: GreaterOrEqual, GreaterOrEqual: LessOrEqual}

// newCompare has one form for the comparison of a single bit to a constant: == 0 or == 1.
func newCompare(f Field, op Op, values []Value) Compare {
	if f.Width == 1 && len(values) == 1 && (op == Equal || op == NotEqual) {
		if v, ok := values[0].(Integer); ok && v.mask(1) == Uint(1) {
			bit := v.Bits
			if op == NotEqual {
				bit = bit.xor(Uint(1))
			}
			return Compare{f, Equal, []Value{Integer{Bits: bit}}}
		}
	}
	return Compare{f, op, values}
}

// bit is the value that a single bit is compared to in newCompare's form.
func (c Compare) bit() (set, ok bool) {
	if c.Field.Width != 1 || c.Op != Equal || len(c.Values) != 1 {
		return false, false
	}
	v, ok := c.Values[0].(Integer)
	return v.Bits == Uint(1), ok && !v.Masked
}

// and joins terms; those that are And themselves become part of it.
func and(terms ...Expr) Expr {
	var all And
	for _, t := range terms {
		if inner, ok := t.(And); ok {
			all = append(all, inner...)
		} else {
			all = append(all, t)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// or joins terms; those that are Or themselves become part of it.
func or(terms ...Expr) Expr {
	var all Or
	for _, t := range terms {
		if inner, ok := t.(Or); ok {
			all = append(all, inner...)
		} else {
			all = append(all, t)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func negated(terms []Expr) []Expr {
	all := slices.Clone(terms)
	for i, t := range all {
		all[i] = t.not()
	}
	return all
}

func (e And) not() Expr      { return or(negated(e)...) }
func (e Or) not() Expr       { return and(negated(e)...) }
func (e Bool) not() Expr     { return !e }
func (e Compare) not() Expr  { return newCompare(e.Field, inverse[e.Op], e.Values) }
func (e Resident) not() Expr { return Resident{e.Port, !e.Not} }

// join writes terms with an operator between them.
func join(terms []Expr, op string) string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = t.String()
		switch t.(type) {
		case And, Or:
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, " "+op+" ")
}

func (e And) String() string { return join(e, "&&") }
func (e Or) String() string  { return join(e, "||") }

func (e Bool) String() string {
	if e {
		return "1"
	}
	return "0"
}

func (e Compare) String() string {
	if set, ok := e.bit(); ok {
		if set {
			return e.Field.String()
		}
		return "!" + e.Field.String()
	}
	texts := make([]string, len(e.Values))
	for i, v := range e.Values {
		texts[i] = v.String()
	}
	right := strings.Join(texts, ", ")
	if len(texts) != 1 {
		right = "{" + right + "}"
	}
	return fmt.Sprintf("%s %s %s", e.Field, e.Op, right)
}

func (e Resident) String() string {
	s := "is_chassis_resident(" + quote(e.Port) + ")"
	if e.Not {
		s = "!" + s
	}
	return s
}

func (f Field) String() string {
	switch {
	case f.Width == f.Symbol.Width:
		return f.Symbol.Name
	case f.Width == 1:
		return fmt.Sprintf("%s[%d]", f.Symbol.Name, f.Low)
	}
	return fmt.Sprintf("%s[%d..%d]", f.Symbol.Name, f.Low, f.Low+f.Width-1)
}

func (t Text) String() string       { return quote(string(t)) }
func (s AddressSet) String() string { return "$" + string(s) }
func (g PortGroup) String() string  { return "@" + string(g) }
