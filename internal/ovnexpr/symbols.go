package ovnexpr

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Level is a symbol's level of measurement: what it can be compared by (ovn-sb(5), "Level of Measurement").
type Level int

// Levels of measurement.
const (
	// Nominal: only equality, and nothing that amounts to inequality.
	Nominal Level = iota
	// Boolean: equality and inequality.
	Boolean
	// Ordinal: every operator, and single bits.
	Ordinal
)

// String is the level's name.
func (l Level) String() string { return [...]string{"nominal", "Boolean", "ordinal"}[l] }

// Symbol is a field of packets or of their metadata, a part of such a field, or a predicate.
type Symbol struct {
	Name string
	// Width in bits; 0 for strings, 1 for predicates.
	Width int
	Level Level
	// prereq is the annotated condition under which the symbol means something; nil for always.
	prereq Expr
	// part is the field that the symbol is a part of, if part.Symbol is not nil.
	part Field
	// predicate is the annotated expression that the symbol stands for; nil for fields.
	predicate Expr
}

// describe is the symbol with its width.
func (s *Symbol) describe() string { return fmt.Sprintf("%s, which has %d bits", s.Name, s.Width) }

// Lookup finds a symbol of OVN 23.03 by name.
func Lookup(name string) (*Symbol, bool) {
	s, ok := builtin().byName[name]
	return s, ok
}

// Symbols lists the names of all symbols of OVN 23.03, sorted.
func Symbols() []string {
	names := make([]string, 0, len(builtin().byName))
	for name := range builtin().byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// builtin is the symbol table of OVN 23.03, made once.
var builtin = sync.OnceValue(newSymbols)

type symbols struct{ byName map[string]*Symbol }

// mustParse reads a text of the table itself, which uses only symbols that stand above it; the tests read them all.
func (t *symbols) mustParse(text string) Expr {
	e, err := t.parse(text)
	if err != nil {
		panic(fmt.Sprintf("symbol table: %q: %v", text, err))
	}
	return e
}

func (t *symbols) field(name string, width int, level Level, prereq string) {
	s := &Symbol{Name: name, Width: width, Level: level}
	if prereq != "" {
		s.prereq = Annotate(t.mustParse(prereq))
	}
	t.byName[name] = s
}

// part adds a name for bits of a field.
func (t *symbols) part(name, prereq, of string) {
	p := t.mustParse(of + " == 0").(Compare).Field
	t.field(name, p.Width, p.Symbol.Level, prereq)
	t.byName[name].part = p
}

// named adds a predicate.
func (t *symbols) named(name, expansion string) {
	e := t.mustParse(expansion)
	t.byName[name] = &Symbol{Name: name, Width: 1, Level: level(e), predicate: Annotate(e)}
}

// level is that of a predicate that stands for e.
func level(e Expr) Level {
	l := Boolean
	switch e := e.(type) {
	case And:
		for _, t := range e {
			l = min(l, level(t))
		}
	case Or:
		for _, t := range e {
			l = min(l, level(t))
		}
	case Compare:
		l = min(l, e.Field.Symbol.Level)
	}
	return l
}

// near lists the symbols that someone who wrote name could have meant: fields of the same name in a header that starts
// alike (ip.src: ip4.src, ip6.src), else those of the same header, else those that contain the name.
func (t *symbols) near(name string) []string {
	header, field, dotted := strings.Cut(name, ".")
	var alike, same, containing []string
	for n := range t.byName {
		switch h, f, _ := strings.Cut(n, "."); {
		case dotted && f == field && n[0] == name[0]:
			alike = append(alike, n)
		case h == header && f != "":
			same = append(same, n)
		case strings.Contains(n, name):
			containing = append(containing, n)
		}
	}
	for _, names := range [][]string{alike, same, containing} {
		if len(names) > 0 {
			slices.Sort(names)
			return names
		}
	}
	return nil
}
