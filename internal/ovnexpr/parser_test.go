package ovnexpr

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// read parses and resolves.
func read(text string) (Expr, error) {
	e, err := Parse(text)
	if err != nil {
		return nil, err
	}
	return Resolve(e, sets)
}

func TestParse(t *testing.T) {
	for _, tt := range good {
		e, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		want := tt.normal
		if want == "" {
			want = tt.text
		}
		if got := e.String(); got != want {
			t.Errorf("%q: got %q, want %q", tt.text, got, want)
		}
		if again, err := Parse(e.String()); err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%q: written as %q, read as %v, %v", tt.text, e, again, err)
		}
		if _, err := Resolve(e, sets); err != nil {
			t.Errorf("%q: resolve: %v", tt.text, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range bad {
		e, err := read(tt.text)
		if err == nil || err.Error() != tt.reason {
			t.Errorf("%q: got %v, %v, want error %s", tt.text, e, err, tt.reason)
		}
		var syntax *SyntaxError
		var missing *MissingSetError
		if !errors.As(err, &syntax) && !errors.As(err, &missing) && !strings.HasPrefix(tt.reason, "resolve ") {
			t.Errorf("%q: error %v has no type", tt.text, err)
		}
	}
}
