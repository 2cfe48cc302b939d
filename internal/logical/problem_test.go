package logical

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProblems(t *testing.T) {
	var p Problems
	p.Add("port", "z", "late")
	p.Add("port", "a\nb", "odd name")
	p.Add("port", strings.Repeat("é", 1<<15), "long name, as is %s", Quote(strings.Repeat("x", 65)))
	p.Add("port", "a", "second")
	p.Add("port", "a", "first")
	p.Add("port", "a", "first")
	want := []Problem{
		{`port "a\nb"`, "odd name"},
		{`port "` + strings.Repeat("é", 32) + `..."`, `long name, as is "` + strings.Repeat("x", 64) + `..."`},
		{"port a", "first"},
		{"port a", "second"},
		{"port z", "late"},
	}
	if d := cmp.Diff(want, p.Sorted()); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestQuoteCutsNoRune(t *testing.T) {
	if got, want := Quote("a"+strings.Repeat("é", 40)), `"a`+strings.Repeat("é", 31)+`..."`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
