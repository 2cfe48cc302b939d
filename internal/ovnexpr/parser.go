package ovnexpr

import (
	"math"
	"strings"
	"unicode/utf8"
)

const (
	// maxText is the longest text that Parse takes, in bytes.
	maxText = 4 << 20
	// maxDepth is how deep parentheses may be nested; OVN has the same limit.
	maxDepth = 100
)

// Parse reads a match expression. Errors are *SyntaxError.
//
// Template variables (^name, table Chassis_Template_Var) have to be replaced before. Unlike OVN it refuses what no one
// means: an address set with <, <=, > or >= or as the value of a predicate, and the fields icmp4.frag_mtu and icmp6.frag_mtu,
// which have a meaning in actions only.
func Parse(text string) (Expr, error) { return builtin().parse(text) }

type parser struct {
	symbols *symbols
	lexer   lexer
	token   token // the next one
	// not: inside an odd number of !.
	not   bool
	depth int
}

func (t *symbols) parse(text string) (Expr, error) {
	p := parser{symbols: t, lexer: lexer{text: text}}
	if len(text) > maxText {
		return nil, p.lexer.fault(0, "text of %d bytes is longer than %d", len(text), maxText)
	}
	if !utf8.ValidString(text) {
		return nil, p.lexer.fault(0, "text is not in UTF-8")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.expecting("an operator or the end")
	}
	return e, nil
}

func (p *parser) advance() error {
	t, err := p.lexer.next()
	p.token = t
	return err
}

// match passes over a mark if it is next.
func (p *parser) match(mark string) (bool, error) {
	if !p.token.is(mark) {
		return false, nil
	}
	return true, p.advance()
}

// force passes over a mark that has to be next.
func (p *parser) force(mark string) error {
	if !p.token.is(mark) {
		return p.expecting(mark)
	}
	return p.advance()
}

// expecting is the error that the next token is something else.
func (p *parser) expecting(what string) error {
	return p.lexer.fault(p.token.offset, "expecting %s", what)
}

// expression reads terms joined by one kind of operator.
func (p *parser) expression() (Expr, error) {
	first, err := p.term()
	if err != nil {
		return nil, err
	}
	op, terms := p.token, []Expr{first}
	for p.token.is("&&") || p.token.is("||") {
		if p.token.text != op.text {
			return nil, p.lexer.fault(p.token.offset, "&& and || need parentheses when used together")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	if op.is("||") {
		return or(terms...), nil
	}
	return and(terms...), nil
}

// term reads a primary and the ! before it.
func (p *parser) term() (Expr, error) {
	start := p.token.offset
	not, err := p.match("!")
	if err != nil {
		return nil, err
	}
	if !not {
		e, _, err := p.primary()
		return e, err
	}
	p.not = !p.not
	e, atomic, err := p.primary()
	p.not = !p.not
	switch {
	case err != nil:
		return nil, err
	case !atomic:
		return nil, p.lexer.fault(start, "! needs parentheses around the comparison that follows")
	}
	return e.not(), nil
}

// primary reads what ! may apply to, if it is atomic, or a comparison.
func (p *parser) primary() (e Expr, atomic bool, err error) {
	switch {
	case p.token.is("("):
		e, err = p.parenthesized()
		return e, true, err
	case p.token.kind == tokenName:
		return p.named()
	}
	return p.constantFirst()
}

func (p *parser) parenthesized() (Expr, error) {
	if p.depth == maxDepth {
		return nil, p.lexer.fault(p.token.offset, "parentheses are nested more than %d deep", maxDepth)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	p.depth++
	e, err := p.expression()
	p.depth--
	if err != nil {
		return nil, err
	}
	return e, p.force(")")
}

// named reads what starts with a name: a function, a comparison, or a field of a single bit.
func (p *parser) named() (e Expr, atomic bool, err error) {
	name := p.token
	if err := p.advance(); err != nil {
		return nil, false, err
	}
	if p.token.is("(") {
		e, err := p.function(name)
		return e, true, err
	}
	f, err := p.field(name)
	if err != nil {
		return nil, false, err
	}
	op, ok := p.relation()
	if !ok {
		e, err := p.mention(f, name.offset)
		return e, true, err
	}
	if err := p.advance(); err != nil {
		return nil, false, err
	}
	c, err := p.constants()
	if err != nil {
		return nil, false, err
	}
	e, err = p.compare(f, op, c)
	return e, false, err
}

// function reads a call; is_chassis_resident is the only function.
func (p *parser) function(name token) (Expr, error) {
	if name.text != "is_chassis_resident" {
		return nil, p.lexer.fault(name.offset, "unknown function %q, there is is_chassis_resident", name.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	port := p.token
	if port.kind != tokenString {
		return nil, p.expecting("a port name in quotes")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return Resident{Port: port.text}, p.force(")")
}

// mention is a field without operator: it means that the field is not 0.
func (p *parser) mention(f Field, offset int) (Expr, error) {
	switch {
	case f.Width == 0 || p.token.is("="):
		return nil, p.expecting("a relational operator (==, !=, <, <=, >, >=)")
	case f.Width > 1 && !p.not:
		return nil, p.lexer.fault(offset, "%s has %d bits: write %s != 0", f, f.Width, f)
	}
	zero := constants{values: []Value{Integer{}}, offsets: []int{offset}}
	return p.compare(f, NotEqual, zero)
}

// constantFirst reads 0, 1, or a comparison that starts with a constant.
func (p *parser) constantFirst() (e Expr, atomic bool, err error) {
	left, err := p.constants()
	if err != nil {
		return nil, false, err
	}
	op, ok := p.relation()
	if !ok {
		if b, ok := left.boolean(); ok {
			return b, true, nil
		}
		return nil, false, p.expecting("a relational operator (==, !=, <, <=, >, >=)")
	}
	if err := p.advance(); err != nil {
		return nil, false, err
	}
	name := p.token
	if name.kind != tokenName {
		return nil, false, p.expecting("a field name")
	}
	if err := p.advance(); err != nil {
		return nil, false, err
	}
	f, err := p.field(name)
	if err != nil {
		return nil, false, err
	}
	e, err = p.compare(f, mirrored[op], left)
	if err != nil {
		return nil, false, err
	}
	if second, ok := p.relation(); ok {
		e, err = p.chain(e, op, second, f)
	}
	return e, false, err
}

// chain reads the right end of a range, constant < field < constant.
func (p *parser) chain(left Expr, first, second Op, f Field) (Expr, error) {
	if first[0] != second[0] || first == Equal || first == NotEqual {
		return nil, p.lexer.fault(p.token.offset, "a range has the form x < field < y or x > field > y, with = after < or > as needed")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.constants()
	if err != nil {
		return nil, err
	}
	e, err := p.compare(f, second, right)
	if err != nil {
		return nil, err
	}
	return and(left, e), nil
}

// relation tells whether a relational operator is next.
func (p *parser) relation() (Op, bool) {
	op := Op(p.token.text)
	_, ok := inverse[op]
	return op, ok && p.token.kind == tokenMark
}

// field finds a symbol and reads the bits that may follow it.
func (p *parser) field(name token) (Field, error) {
	s, ok := p.symbols.byName[name.text]
	if !ok {
		reason := "unknown field " + quote(name.text)
		if near := p.symbols.near(name.text); len(near) > 0 {
			reason += ", there is " + strings.Join(near, ", ")
		}
		return Field{}, p.lexer.fault(name.offset, "%s", reason)
	}
	all := Field{Symbol: s, Width: s.Width}
	bracket := p.token.offset
	if some, err := p.match("["); err != nil || !some {
		return all, err
	}
	if s.Width == 0 {
		return Field{}, p.lexer.fault(bracket, "%s is a string and has no bits", s.Name)
	}
	low, err := p.bit()
	if err != nil {
		return Field{}, err
	}
	high := low
	if several, err := p.match(".."); err != nil {
		return Field{}, err
	} else if several {
		if high, err = p.bit(); err != nil {
			return Field{}, err
		}
	}
	if err := p.force("]"); err != nil {
		return Field{}, err
	}
	f := Field{Symbol: s, Low: low, Width: high - low + 1}
	switch {
	case low > high:
		return Field{}, p.lexer.fault(bracket, "bit range %d..%d is empty", low, high)
	case high >= s.Width:
		return Field{}, p.lexer.fault(bracket, "%s has only bits 0..%d", s.Name, s.Width-1)
	case s.Level == Nominal && f != all:
		return Field{}, p.lexer.fault(bracket, "%s is nominal: its bits have no meaning one by one", s.Name)
	}
	return f, nil
}

// bit reads the number of a bit.
func (p *parser) bit() (int, error) {
	t := p.token
	if t.kind != tokenInteger || t.integer.Format != Decimal || t.integer.Masked || t.integer.Bits.compare(Uint(math.MaxInt32)) > 0 {
		return 0, p.expecting("the number of a bit")
	}
	return int(t.integer.Bits.Lo), p.advance()
}
