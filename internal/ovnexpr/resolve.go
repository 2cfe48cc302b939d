package ovnexpr

import "fmt"

// Sets gives the members of address sets and port groups.
type Sets interface {
	// AddressSet gives the integers of $name; false if there is no such set. ParseInteger reads what a row holds; OVN
	// passes over the elements that it can't read.
	AddressSet(name string) ([]Integer, bool)
	// PortGroup gives the names of the ports of @name; false if there is no such group.
	PortGroup(name string) ([]string, bool)
}

// MissingSetError says that a set does not exist: an AddressSet or a PortGroup.
type MissingSetError struct{ Set Value }

// Error names the set.
func (e *MissingSetError) Error() string {
	if _, ok := e.Set.(PortGroup); ok {
		return fmt.Sprintf("port group %s does not exist", e.Set)
	}
	return fmt.Sprintf("address set %s does not exist", e.Set)
}

// Resolve replaces the names of sets by their members. As in OVN a set that does not exist (*MissingSetError) or has
// a member too wide for its field makes the whole expression invalid, and comparing to nothing at all is 0 with ==
// and 1 with !=: ip4.src != $empty matches each packet, ARP too.
func Resolve(e Expr, sets Sets) (Expr, error) {
	switch e := e.(type) {
	case And:
		terms, err := resolveAll(e, sets)
		if err != nil {
			return nil, err
		}
		return and(terms...), nil
	case Or:
		terms, err := resolveAll(e, sets)
		if err != nil {
			return nil, err
		}
		return or(terms...), nil
	case Compare:
		return resolveCompare(e, sets)
	}
	return e, nil
}

func resolveAll(terms []Expr, sets Sets) ([]Expr, error) {
	all := make([]Expr, len(terms))
	for i, t := range terms {
		var err error
		if all[i], err = Resolve(t, sets); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func resolveCompare(c Compare, sets Sets) (Expr, error) {
	values := make([]Value, 0, len(c.Values))
	for _, v := range c.Values {
		members, err := resolveValue(v, sets)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if reason := tooWide(m, c.Field); reason != "" {
				return nil, fmt.Errorf("resolve %s: %s", v, reason)
			}
		}
		values = append(values, members...)
	}
	if len(values) == 0 {
		return Bool(c.Op == NotEqual), nil
	}
	return newCompare(c.Field, c.Op, cut(values, c.Field)), nil
}

func resolveValue(v Value, sets Sets) ([]Value, error) {
	var members []Value
	switch v := v.(type) {
	case AddressSet:
		integers, ok := sets.AddressSet(string(v))
		if !ok {
			return nil, &MissingSetError{v}
		}
		for _, i := range integers {
			members = append(members, i)
		}
	case PortGroup:
		names, ok := sets.PortGroup(string(v))
		if !ok {
			return nil, &MissingSetError{v}
		}
		for _, name := range names {
			members = append(members, Text(name))
		}
	default:
		members = []Value{v}
	}
	return members, nil
}
