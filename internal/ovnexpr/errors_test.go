package ovnexpr

import (
	"errors"
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	long := strings.Repeat("eth.mcast && ", 10)
	tests := []struct{ text, want string }{
		{"ip4.src == ip4.dst", "column 12: expecting a constant\n  ip4.src == ip4.dst\n             ^"},
		{"ip4 &&", "column 7: expecting a constant\n  ip4 &&\n        ^"},
		{"inport == \"é\" &&\tfoo", "column 18: unknown field \"foo\"\n  inport == \"é\" && foo\n                   ^"},
		{"ip4 && // why\n(tcp ||\nfoo)", "line 3, column 1: unknown field \"foo\"\n  foo)\n  ^"},
		{long + "foo && " + long, "column 131: unknown field \"foo\"\n" +
			"  ..." + long[len(long)-50:] + "foo && " + long[:43] + "...\n  " + strings.Repeat(" ", 53) + "^"},
		{strings.Repeat("(", 102), "column 101: parentheses are nested more than 100 deep\n  ..." + strings.Repeat("(", 52) + "\n" + strings.Repeat(" ", 55) + "^"},
		{strings.Repeat(" ", maxText+1), "column 1: text of 4194305 bytes is longer than 4194304\n  " + strings.Repeat(" ", 50) + "...\n  ^"},
		{"ip4 \xff", "column 1: text is not in UTF-8\n  ip4 \ufffd\n  ^"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.99q: got %v", tt.text, err)
		} else if got := syntax.Show(); got != tt.want {
			t.Errorf("%.99q: got\n%s\nwant\n%s", tt.text, got, tt.want)
		}
	}
}

func TestParseInteger(t *testing.T) {
	for _, text := range []string{"10.0.0.1", "10.0.0.0/8", "fd00::/64", "0a:00:00:00:00:01", "80", "0x50", "10.0.0.1/255.0.0.255", "0a:00:00:00:00:00/ff:00:00:00:00:00"} {
		if i, err := ParseInteger(" " + text + " "); err != nil || i.String() != text {
			t.Errorf("%s: got %s, %v", text, i, err)
		}
	}
	tests := []struct{ text, reason string }{
		{"", "column 1: expecting an address or a number"},
		{"nonsense", "column 1: expecting an address or a number"},
		{"10.0.0.1 10.0.0.2", "column 10: expecting the end after 10.0.0.1"},
		{"10.0.0.1 \"", "column 10: string does not end"},
		{"10.0.0.1/99", "column 1: value 10.0.0.1 and mask 99 have incompatible formats"},
	}
	for _, tt := range tests {
		if i, err := ParseInteger(tt.text); err == nil || err.Error() != tt.reason {
			t.Errorf("%q: got %s, %v, want error %s", tt.text, i, err, tt.reason)
		}
	}
}
