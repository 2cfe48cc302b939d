package netstate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	rows := []Row{
		{"acl", []Column{{"uuid", "u1"}, {"name", `say "no"; = \`}, {"tick", "`"}, {"both", "`\""}, {"match", "ip4 && tcp"}}},
		{"route", []Column{{"uuid", "u2"}, {"prefix", "fd00::/64"}, {"name", "line\nbreak é"}}},
		{"policy", []Column{{"uuid", "u3"}}},
	}
	text := RowsText(rows...)
	if want := `acl uuid=u1 name=` + "`say \"no\"; = \\`" + ` tick="` + "`" + `" both="` + "`" + `\"" match="ip4 && tcp"; route uuid=u2 prefix=fd00::/64 name="line\nbreak é"; policy uuid=u3`; text != want {
		t.Errorf("text is\n%s, want\n%s", text, want)
	}
	if d := cmp.Diff(rows, ParseRows(text)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := RowsText(Row{"acl", []Column{{"uuid", "u1"}, {"name", ""}}}); got != "acl uuid=u1" {
		t.Errorf("a column without value: %q", got)
	}
}

// What is cut off, or no row at all, is no trouble.
func TestParseCutRows(t *testing.T) {
	text := RowsText(Row{"acl", []Column{{"uuid", "u1"}, {"match", "ip4 && tcp"}}}, Row{"acl", []Column{{"uuid", "u2"}}})
	for i := range len(text) {
		for _, r := range ParseRows(text[:i]) {
			if uuid := r.Columns[0].Value; r.Table != "acl" || uuid != "u" && uuid != "u1" && uuid != "u2" {
				t.Errorf("%q: %v", text[:i], r)
			}
		}
	}
	if got := ParseRows(strings.TrimSuffix(text, ` tcp"; acl uuid=u2`)); len(got) != 1 || got[0].Columns[1].Value != "ip4 &&" {
		t.Errorf("a match that is cut off: %v", got)
	}
	for _, text := range []string{"", "vm1", "#65536", "vm 1", "=", "a =", ";;", "a ; b "} {
		if got := ParseRows(text); got != nil {
			t.Errorf("%q: %v, want none", text, got)
		}
	}
}
