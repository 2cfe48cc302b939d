package ovnexpr

import (
	"reflect"
	"testing"
)

// FuzzParse: no text makes anything panic, and what is accepted obeys the laws of the language.
func FuzzParse(f *testing.F) {
	for _, tt := range good {
		f.Add(tt.text)
	}
	for _, tt := range bad {
		f.Add(tt.text)
	}
	for _, text := range flows {
		f.Add(text)
	}
	for _, text := range []string{"\xff", "\"\\", "\"\\u", "/*/", "((((", "ip4.src == ::/", "0x", "$", "@.", "..", "1..2", "!", "eth.src[", "é", "1:", ":", "a:", "ip4.src == 1.", "x(", "\x00"} {
		f.Add(text)
	}
	packets := testPackets(f)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			if syntax := err.(*SyntaxError); syntax.Show() == "" {
				t.Errorf("%q: %v shows nothing", text, err)
			}
			return
		}
		if again, err := Parse(e.String()); err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%q: written as %q, read as %v, %v", text, e, again, err)
		}
		if e, err = Resolve(e, sets); err == nil {
			checkLaws(t, e, packets)
		}
	})
}

func testPackets(t testing.TB) []Fields {
	var packets []Fields
	for _, text := range flows {
		p, err := microflow(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		packets = append(packets, p)
	}
	return packets
}

// checkLaws: annotating twice changes no meaning, an annotated expression and its negation are never both true or both
// false, and the packet that an expression describes matches it.
func checkLaws(t *testing.T, e Expr, packets []Fields) {
	annotated := Annotate(e)
	for _, p := range packets {
		if is := eval(annotated, p); Eval(annotated, p) != is || eval(annotated.not(), p) == is {
			t.Errorf("%s is %v for %s, annotated %v, its negation %v", e, is, p, Eval(annotated, p), eval(annotated.not(), p))
		}
	}
	p, err := Microflow(e)
	if err != nil {
		return
	}
	if !Eval(e, p) {
		t.Errorf("%s describes %s, but is not true for it", e, p)
	}
	if frame, _, err := p.Frame(); err == nil && len(frame) < 14 {
		t.Errorf("%s: frame %x", e, frame)
	}
}

func TestLaws(t *testing.T) {
	packets := testPackets(t)
	for _, match := range randomMatches(2000) {
		e, err := read(match)
		if err != nil {
			t.Fatal(err)
		}
		checkLaws(t, e, packets)
	}
}
