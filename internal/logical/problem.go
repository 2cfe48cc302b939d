package logical

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is something that Woven saw and could not carry out. It is shown to the user
// in `woven status` and as a metric, and never stops anything else.
type Problem struct {
	// Object names the row: "logical_switch_port sw0-p1", "acl 6f1c...".
	Object string
	// Reason says what is wrong and what is done instead.
	Reason string
}

// Problems collects Problem values.
type Problems []Problem

// maxText is how many bytes of a name or value from a database go into a Problem.
const maxText = 64

// Add notes a problem of the object that name names in a table. Texts from a database go into the reason by Quote.
func (p *Problems) Add(table, name, format string, args ...any) {
	if q := Quote(name); q != `"`+name+`"` {
		name = q
	}
	*p = append(*p, Problem{Object: table + " " + name, Reason: fmt.Sprintf(format, args...)})
}

// Sorted gives the problems by Object, then Reason, each once. It reorders p.
func (p Problems) Sorted() []Problem {
	slices.SortFunc(p, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Object, b.Object), strings.Compare(a.Reason, b.Reason))
	})
	return slices.Compact(p)
}

// Quote makes a text from a database printable and cuts it to what a person can read.
func Quote(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return strconv.Quote(s)
}
