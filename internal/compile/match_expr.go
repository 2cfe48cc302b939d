package compile

import (
	"fmt"

	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom/match"
)

// expr finds the ways in which an expression that is not annotated is true. Comparisons are annotated one by one, so that an
// error can be told where they stand.
func (t *translation) expr(e ovnexpr.Expr) ([]way, error) {
	switch e := e.(type) {
	case ovnexpr.And:
		return combine(e, t.expr, t.all)
	case ovnexpr.Or:
		return combine(e, t.expr, t.some)
	case ovnexpr.Compare:
		return t.named(e)
	}
	return t.annotated(e)
}

// annotated is the same for an annotated expression.
func (t *translation) annotated(e ovnexpr.Expr) ([]way, error) {
	switch e := e.(type) {
	case ovnexpr.And:
		return combine(e, t.annotated, t.all)
	case ovnexpr.Or:
		return combine(e, t.annotated, t.some)
	case ovnexpr.Compare:
		return t.compare(e)
	case ovnexpr.Resident:
		return truth(t.resident(e.Port) != e.Not), nil
	case ovnexpr.Bool:
		return truth(bool(e)), nil
	}
	return nil, fmt.Errorf("%s is no expression", e)
}

func combine(terms []ovnexpr.Expr, each func(ovnexpr.Expr) ([]way, error), join func([][]way) ([]way, error)) ([]way, error) {
	parts := make([][]way, len(terms))
	for i, e := range terms {
		var err error
		if parts[i], err = each(e); err != nil {
			return nil, err
		}
	}
	return join(parts)
}

// truth is the ways in which a constant is true.
func truth(b bool) []way {
	if b {
		return []way{{}}
	}
	return nil
}

// named translates a comparison as it stands in the match: sets are looked up, and the field's prerequisites come in. Comparing to nothing at all is
// a constant, without prerequisites, as in OVN.
func (t *translation) named(c ovnexpr.Compare) ([]way, error) {
	if err := supported(c); err != nil {
		return nil, ovnexpr.Fault(t.text, c.Field.Symbol.Name, err.Error())
	}
	var values []ovnexpr.Value
	for _, v := range c.Values {
		switch v := v.(type) {
		case ovnexpr.AddressSet:
			some, err := t.members(v, c.Field)
			if err != nil {
				return nil, err
			}
			values = append(values, some...)
		case ovnexpr.PortGroup:
			group, err := t.group(v)
			if err != nil {
				return nil, err
			}
			if len(group.Prefixes()) > 0 {
				values = append(values, v)
			}
		default:
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return truth(c.Op == ovnexpr.NotEqual), nil
	}
	return t.annotated(ovnexpr.Annotate(ovnexpr.Compare{Field: c.Field, Op: c.Op, Values: values}))
}

// members is an address set as values of a field: the name, where packets are told apart by the set, else its members; nothing if it has none.
func (t *translation) members(name ovnexpr.AddressSet, f ovnexpr.Field) ([]ovnexpr.Value, error) {
	set, err := t.addressSet(name)
	if err != nil {
		return nil, err
	}
	if m, ok := tooWide(set, f); ok {
		reason := fmt.Sprintf("address set %s has the member %s, which is too wide for %s", name, m, f.Symbol.Name)
		return nil, ovnexpr.Fault(t.text, name.String(), reason)
	}
	if len(set.Prefixes)+len(set.MACs) > 0 && t.matcher.sets.get(set, f) != nil {
		return []ovnexpr.Value{name}, nil
	}
	var values []ovnexpr.Value
	for _, v := range setMembers(set) {
		values = append(values, cut(v, f.Width))
	}
	return values, nil
}

// compare translates a comparison of a field of packets.
func (t *translation) compare(c ovnexpr.Compare) ([]way, error) {
	if c.Field.Width == 0 {
		return t.ports(c)
	}
	var sets []*match.Set
	var values []match.Prefix
	var checks []match.Check
	for _, v := range c.Values {
		switch v := v.(type) {
		case ovnexpr.AddressSet:
			sets = append(sets, t.matcher.sets.get(t.names.AddressSet(string(v)), c.Field))
		case ovnexpr.Integer:
			s, ok := spanOf(c.Field, c.Op, v)
			if !ok {
				continue
			}
			if some, ok := s.prefixes(c.Field); ok {
				values = append(values, some...)
			} else {
				checks = append(checks, s.check(c.Field))
			}
		}
	}
	return t.literal(c, sets, values, checks)
}

// literal is true if the field has one of the values or passes one of the checks; with != if neither.
func (t *translation) literal(c ovnexpr.Compare, sets []*match.Set, values []match.Prefix, checks []match.Check) ([]way, error) {
	not := c.Op == ovnexpr.NotEqual
	var ways []way
	if d, ok := dimensionOf(c.Field); ok && len(sets)+len(values) > 0 {
		ways = append(ways, way{terms: []match.Term{termOf(d, not, sets, values)}})
	}
	if !not {
		for _, check := range checks {
			ways = append(ways, way{checks: []match.Check{check}})
		}
		return t.some([][]way{ways})
	}
	w := way{}
	if len(ways) > 0 {
		w = ways[0]
	}
	for _, check := range checks {
		check.Not = true
		if !w.check(check) {
			return nil, nil
		}
	}
	return []way{w}, nil
}

// ports translates a comparison of inport or outport. A port that isn't here is never the one.
func (t *translation) ports(c ovnexpr.Compare) ([]way, error) {
	var sets []*match.Set
	var values []match.Prefix
	for _, v := range c.Values {
		switch v := v.(type) {
		case ovnexpr.PortGroup:
			sets = append(sets, t.matcher.groups[string(v)])
		case ovnexpr.Text:
			if key := t.port(v); key != 0 {
				values = append(values, match.Key(key))
			}
		}
	}
	d := match.InPort
	if c.Field.Symbol.Name == "outport" {
		d = match.OutPort
	}
	not := c.Op == ovnexpr.NotEqual
	if len(sets)+len(values) == 0 {
		return truth(not), nil
	}
	return []way{{terms: []match.Term{termOf(d, not, sets, values)}}}, nil
}
