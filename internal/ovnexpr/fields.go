package ovnexpr

import (
	"fmt"
	"slices"
	"strings"
)

// Fields are the fields of one packet, and its metadata. It is a Packet on a chassis where every port resides, as
// ovn-trace has it.
type Fields struct {
	// Ints are the integer fields that are known, by the names that Annotate leaves: "eth.type", "vlan.tci", "xxreg0".
	Ints map[string]Uint128
	// Texts are "inport" and "outport", if known.
	Texts map[string]string
}

var _ Packet = Fields{}

// Int is a field's value, 0 if it is not known.
func (f Fields) Int(field string) Uint128 { return f.Ints[field] }

// Text is a field's value, "" if it is not known.
func (f Fields) Text(field string) string { return f.Texts[field] }

// Resident is true.
func (f Fields) Resident(string) bool { return true }

// String writes the fields as a microflow, sorted by name.
func (f Fields) String() string {
	var terms []string
	for name, v := range f.Ints {
		terms = append(terms, fmt.Sprintf("%s == %s", name, Integer{Bits: v, Format: Hexadecimal}))
	}
	for name, v := range f.Texts {
		terms = append(terms, fmt.Sprintf("%s == %s", name, Text(v)))
	}
	slices.Sort(terms)
	return strings.Join(terms, " && ")
}
