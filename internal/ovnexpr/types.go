package ovnexpr

// constants is what a field is compared to, as read: offsets are where the values stand in the text.
type constants struct {
	values  []Value
	offsets []int
	braces  bool
}

// constants reads a constant, or several in braces; commas between them are optional.
func (p *parser) constants() (constants, error) {
	var c constants
	var err error
	if c.braces, err = p.match("{"); err != nil {
		return c, err
	}
	for {
		if err := p.constant(&c); err != nil || !c.braces {
			return c, err
		}
		if _, err := p.match(","); err != nil {
			return c, err
		}
		if end, err := p.match("}"); err != nil || end {
			return c, err
		}
	}
}

// constant reads one constant into c, all of whose constants are integers or all strings.
func (p *parser) constant(c *constants) error {
	var v Value
	switch p.token.kind {
	case tokenString:
		v = Text(p.token.text)
	case tokenPortGroup:
		v = PortGroup(p.token.text)
	case tokenInteger:
		v = p.token.integer
	case tokenAddressSet:
		v = AddressSet(p.token.text)
	default:
		return p.expecting("a constant")
	}
	if len(c.values) > 0 && isString(v) != isString(c.values[0]) {
		return p.expecting("a constant of the same type as the others")
	}
	c.values = append(c.values, v)
	c.offsets = append(c.offsets, p.token.offset)
	return p.advance()
}

func isString(v Value) bool {
	switch v.(type) {
	case Text, PortGroup:
		return true
	}
	return false
}

// isSet tells whether a value is the name of several.
func isSet(v Value) bool {
	switch v.(type) {
	case AddressSet, PortGroup:
		return true
	}
	return false
}

// boolean is the meaning of a constant that stands alone: only 0 and 1 have one.
func (c constants) boolean() (Bool, bool) {
	i, ok := c.values[0].(Integer)
	if !ok || c.braces || i.Masked || i.Format != Decimal || i.Bits.compare(Uint(1)) > 0 {
		return false, false
	}
	return i.Bits == Uint(1), true
}

// compare checks that the field can be compared so, and makes the comparison. As in OVN a constant that fits the
// symbol is cut to the bits that are compared.
func (p *parser) compare(f Field, op Op, c constants) (Expr, error) {
	if err := p.checkTypes(f, c); err != nil {
		return nil, err
	}
	if op != Equal && op != NotEqual {
		if err := p.checkOrder(f, c); err != nil {
			return nil, err
		}
	}
	if f.Symbol.Level == Nominal {
		if err := p.checkNominal(f, op, c); err != nil {
			return nil, err
		}
	}
	return newCompare(f, op, cut(c.values, f)), nil
}

// cut reduces integers to the bits of a field.
func cut(values []Value, f Field) []Value {
	all := make([]Value, len(values))
	for i, v := range values {
		if n, ok := v.(Integer); ok {
			v = n.low(f.Width)
		}
		all[i] = v
	}
	return all
}

func (p *parser) checkTypes(f Field, c constants) error {
	for i, v := range c.values {
		switch {
		case isString(v) && f.Width > 0:
			return p.lexer.fault(c.offsets[i], "%s is an integer and can't be compared to the string %s", f, v)
		case !isString(v) && f.Width == 0:
			return p.lexer.fault(c.offsets[i], "%s is a string and can't be compared to the integer %s", f, v)
		}
		if reason := tooWide(v, f); reason != "" {
			return p.lexer.fault(c.offsets[i], "%s", reason)
		}
	}
	return nil
}

// tooWide tells why a value does not fit a field; "" if it does.
func tooWide(v Value, f Field) string {
	i, ok := v.(Integer)
	if !ok || i.width() <= f.Symbol.Width {
		return ""
	}
	return i.String() + " is too wide for " + f.Symbol.describe()
}

func (p *parser) checkOrder(f Field, c constants) error {
	i, integer := c.values[0].(Integer)
	switch {
	case f.Symbol.Level != Ordinal:
		return p.lexer.fault(c.offsets[0], "%s is %s: only == and != are possible", f, f.Symbol.Level)
	case c.braces || !integer:
		return p.lexer.fault(c.offsets[0], "only == and != are possible with a set")
	case i.Masked:
		return p.lexer.fault(c.offsets[0], "only == and != are possible with a mask; take some bits of the field instead, e.g. eth.src[0..15]")
	}
	return nil
}

// checkNominal refuses what amounts to inequality, taking into account the ! around.
func (p *parser) checkNominal(f Field, op Op, c constants) error {
	if f.Symbol.predicate == nil {
		if (op == NotEqual) != p.not {
			return p.lexer.fault(c.offsets[0], "%s is nominal: it can be tested for equality only", f)
		}
		return nil
	}
	for i, v := range c.values {
		n, ok := v.(Integer)
		one := ok && n.Bits.Lo&1 == 1
		if (one != (op == NotEqual)) == p.not {
			return p.lexer.fault(c.offsets[i], "%s is nominal: it can be tested for being true only", f)
		}
	}
	return nil
}
