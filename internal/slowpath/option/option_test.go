package option_test

import (
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/slowpath/option"
)

func TestText(t *testing.T) {
	for v, want := range map[string]string{
		`"ovn.org"`: "ovn.org", `ovn.org`: "ovn.org", ` "a b" `: "a b", `"say \"hi\" \\"`: `say "hi" \`, `"`: `"`, `""`: "", ``: "",
	} {
		if got := option.Text(v); got != want {
			t.Errorf("%q is %q, want %q", v, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for v, want := range map[string]string{
		"8.8.8.8": "[8.8.8.8]", "{8.8.8.8, 7.7.7.7}": "[8.8.8.8 7.7.7.7]", "{8.8.8.8 7.7.7.7}": "[8.8.8.8 7.7.7.7]",
		" { a,b } ": "[a b]", "{}": "[]", "": "[]", "{a": "[a]",
	} {
		if got := fmt.Sprint(option.List(v)); got != want {
			t.Errorf("%q is %s, want %s", v, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		v    string
		v4   bool
		want string
	}{
		{"{10.0.0.1, 10.0.0.2}", true, "[10.0.0.1 10.0.0.2] <nil>"},
		{"fd00::1", false, "[fd00::1] <nil>"},
		{"{}", true, "[] read addresses: none"},
		{"fd00::1", true, `[] read address "fd00::1": wrong family or zone`},
		{"10.0.0.1", false, `[] read address "10.0.0.1": wrong family or zone`},
		{"fe80::1%eth0", false, `[] read address "fe80::1%eth0": wrong family or zone`},
		{"{10.0.0.1, router}", true, `[] read address: ParseAddr("router"): unable to parse IP`},
	} {
		addrs, err := option.Addresses(test.v, test.v4)
		if got := fmt.Sprint(addrs, " ", err); got != test.want {
			t.Errorf("%s: got %s, want %s", test.v, got, test.want)
		}
	}
}

func TestMAC(t *testing.T) {
	if m, err := option.MAC(`"0a:00:00:00:00:01"`); err != nil || m != [6]byte{10, 0, 0, 0, 0, 1} {
		t.Errorf("got %x %v", m, err)
	}
	for _, v := range []string{"", "x", "01:00:5e:00:00:01", "02:00:00:00:00:00:00:01"} {
		if m, err := option.MAC(v); err == nil {
			t.Errorf("%q is %x, want an error", v, m)
		}
	}
}

func TestDomains(t *testing.T) {
	for v, want := range map[string]string{
		"ovn.org":                       "\x03ovn\x03org\x00",
		`"ovn.org., a.b"`:               "\x03ovn\x03org\x00\x01a\x01b\x00",
		"":                              "error",
		"a..b":                          "error",
		".":                             "error",
		"a,":                            "error",
		strings.Repeat("a", 64):         "error",
		strings.Repeat("a.", 126) + "b": strings.Repeat("\x01a", 126) + "\x01b\x00",
		strings.Repeat("a.", 127) + "b": "error",
	} {
		b, err := option.Domains(v)
		got := string(b)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", v, got, want)
		}
	}
}
