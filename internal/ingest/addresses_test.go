package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
)

// show prints addresses in the notation of ovn-nb(5), each in brackets.
func show(addrs []logical.Address) string {
	var b strings.Builder
	for _, a := range addrs {
		b.WriteString("[" + logical.MAC(a.MAC))
		for _, v := range a.VRRP {
			b.WriteString(" vrrp " + logical.MAC(v))
		}
		for _, p := range a.Prefixes {
			fmt.Fprintf(&b, " %s", p)
		}
		b.WriteString("]")
	}
	return b.String()
}

func TestPortAddresses(t *testing.T) {
	assigned := "0a:00:00:00:00:09 10.0.0.9 fd00::9"
	tests := []struct {
		element string
		dynamic *string
		typ     string
		want    string
		unknown bool
		garbage string // the bad word; "" for none
	}{
		{element: "0a:00:00:00:00:01", want: "[0a:00:00:00:00:01]"},
		{element: "0A:0:00:0:00:1 10.0.0.1 FD00::1", want: "[0a:00:00:00:00:01 10.0.0.1/32 fd00::1/128]"},
		{element: "  0a:00:00:00:00:01  10.0.0.1,10.0.0.2 ", want: "[0a:00:00:00:00:01 10.0.0.1/32 10.0.0.2/32]"},
		{element: "0a:00:00:00:00:01 10.0.0.1/24 fd00::1/64", want: "[0a:00:00:00:00:01 10.0.0.1/24 fd00::1/64]"},
		{element: "0a:00:00:00:00:01 10.0.0.1/255.255.255.0", want: "[0a:00:00:00:00:01 10.0.0.1/24]"},
		{element: "0a:00:00:00:00:01 ::ffff:10.0.0.1", want: "[0a:00:00:00:00:01 ::ffff:10.0.0.1/128]"},
		{element: "unknown", unknown: true},
		{element: "unknown ", garbage: "unknown"},
		{element: "router", typ: routerType},
		{element: "router", garbage: "router"},
		{element: "dynamic", dynamic: &assigned, want: "[0a:00:00:00:00:09 10.0.0.9/32 fd00::9/128]"},
		{element: "dynamic 10.0.0.9", dynamic: &assigned, want: "[0a:00:00:00:00:09 10.0.0.9/32 fd00::9/128]"},
		{element: "dynamic fd00::9", dynamic: &assigned, want: "[0a:00:00:00:00:09 10.0.0.9/32 fd00::9/128]"},
		{element: "dynamic 10.0.0.9 fd00::9", dynamic: &assigned, want: "[0a:00:00:00:00:09 10.0.0.9/32 fd00::9/128]"},
		{element: "0a:00:00:00:00:09 dynamic", dynamic: &assigned, want: "[0a:00:00:00:00:09 10.0.0.9/32 fd00::9/128]"},
		{element: "dynamic"},
		{element: "dynamic garbage", dynamic: &assigned, garbage: "dynamic"},
		{element: "0a:00:00:00:00:01 10.0.0.1 dynamic", dynamic: &assigned, want: "[0a:00:00:00:00:01 10.0.0.1/32]", garbage: "dynamic"},
		{element: "", garbage: ""},
		{element: "   ", garbage: ""},
		{element: "10.0.0.1", garbage: "10.0.0.1"},
		{element: "0a:00:00:00:00", garbage: "0a:00:00:00:00"},
		{element: "0a:00:00:00:00:01:02", garbage: "0a:00:00:00:00:01:02"},
		{element: "0a:00:00:00:00:100", garbage: "0a:00:00:00:00:100"},
		{element: "0a-00-00-00-00-01", garbage: "0a-00-00-00-00-01"},
		{element: "0a:00:00:00:00:+1", garbage: "0a:00:00:00:00:+1"},
		{element: "01:00:5e:00:00:01 10.0.0.1", garbage: "01:00:5e:00:00:01"},
		{element: "0a:00:00:00:00:01 10.0.0.1 junk 10.0.0.2", want: "[0a:00:00:00:00:01 10.0.0.1/32]", garbage: "junk"},
		{element: "0a:00:00:00:00:01 10.0.0.1/33", want: "[0a:00:00:00:00:01]", garbage: "10.0.0.1/33"},
		{element: "0a:00:00:00:00:01 10.0.0.1/255.0.255.0", want: "[0a:00:00:00:00:01]", garbage: "10.0.0.1/255.0.255.0"},
		{element: "0a:00:00:00:00:01 10.0.0.1/", want: "[0a:00:00:00:00:01]", garbage: "10.0.0.1/"},
		{element: "0a:00:00:00:00:01 fd00::1/129", want: "[0a:00:00:00:00:01]", garbage: "fd00::1/129"},
		{element: "0a:00:00:00:00:01 fe80::1%eth0", want: "[0a:00:00:00:00:01]", garbage: "fe80::1%eth0"},
		{element: "0a:00:00:00:00:01 10.0.0.1 224.0.0.5 10.0.0.2", want: "[0a:00:00:00:00:01 10.0.0.1/32]", garbage: "224.0.0.5"},
		{element: "0a:00:00:00:00:01 ff02::1", want: "[0a:00:00:00:00:01]", garbage: "ff02::1"},
		{element: "0a:00:00:00:00:01 0.0.0.0", want: "[0a:00:00:00:00:01]", garbage: "0.0.0.0"},
	}
	for _, tt := range tests {
		t.Run(tt.element, func(t *testing.T) {
			addrs, unknown, garbage := portAddresses(tt.typ, []string{tt.element}, tt.dynamic)
			if got := show(addrs); got != tt.want || unknown != tt.unknown {
				t.Errorf("got %s, unknown %v; want %s, unknown %v", got, unknown, tt.want, tt.unknown)
			}
			var want []string
			if tt.garbage != "" || strings.TrimSpace(tt.element) == "" {
				want = []string{logical.Quote(tt.garbage)}
			}
			if d := cmp.Diff(want, garbage); d != "" {
				t.Errorf("garbage (-want +got):\n%s", d)
			}
		})
	}
}

func TestPortAddressesIgnoresOrder(t *testing.T) {
	elements := []string{"unknown", "0a:00:00:00:00:02", "0a:00:00:00:00:01"}
	addrs, unknown, _ := portAddresses("", elements, nil)
	if got, want := show(addrs), "[0a:00:00:00:00:01][0a:00:00:00:00:02]"; got != want || !unknown {
		t.Errorf("got %s, unknown %v; want %s, unknown true", got, unknown, want)
	}
	if elements[0] != "unknown" {
		t.Error("the row was changed")
	}
}

func TestPortSecurity(t *testing.T) {
	tests := []struct{ element, want, garbage string }{
		{"0a:00:00:00:00:01", "[0a:00:00:00:00:01]", ""},
		{"0a:00:00:00:00:01 10.0.0.0/8 fd00::/64 0.0.0.0/0", "[0a:00:00:00:00:01 10.0.0.0/8 fd00::/64 0.0.0.0/0]", ""},
		{"0a:00:00:00:00:01 10.0.0.1 junk 10.0.0.2", "[0a:00:00:00:00:01 10.0.0.1/32]", `"junk"`},
		// Without the garbage the element would allow every IP address.
		{"0a:00:00:00:00:01 junk 10.0.0.1", "", `"junk"`},
		{"junk", "", `"junk"`},
		{"VRRPv3 0a:00:00:00:00:01", "[0a:00:00:00:00:01 vrrp 00:00:5e:00:01:00 vrrp 00:00:5e:00:02:00]", ""},
		{"VRRPv3 0a:00:00:00:00:01 10.0.0.1/24", "[0a:00:00:00:00:01 vrrp 00:00:5e:00:01:00 vrrp 00:00:5e:00:02:00 10.0.0.1/24]", ""},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:00/40", "[0a:00:00:00:00:01 vrrp 00:00:5e:00:01:00]", ""},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:07 fd00::1 00:00:5e:00:02:00/46",
			"[0a:00:00:00:00:01 vrrp 00:00:5e:00:01:07 vrrp 00:00:5e:00:02:01 vrrp 00:00:5e:00:02:02 vrrp 00:00:5e:00:02:03 fd00::1/128]", ""},
		{"VRRPv3", "", `""`},
		{"VRRPv3 10.0.0.1", "", `"10.0.0.1"`},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:00", "", `"00:00:5e:00:01:00"`},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:01/47", "", `"00:00:5e:00:01:01/47"`},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:00/39", "", `"00:00:5e:00:01:00/39"`},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:03:01", "", `"00:00:5e:00:03:01"`},
		{"VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:01 junk", "", `"junk"`},
		{"0a:00:00:00:00:01 00:00:5e:00:01:01", "", `"00:00:5e:00:01:01"`},
		{"", "", `""`},
	}
	for _, tt := range tests {
		t.Run(tt.element, func(t *testing.T) {
			addrs, garbage := portSecurity([]string{tt.element})
			if got := show(addrs); got != tt.want || strings.Join(garbage, " ") != tt.garbage {
				t.Errorf("got %s, garbage %s; want %s, garbage %s", got, garbage, tt.want, tt.garbage)
			}
		})
	}
}

// FuzzAddress: whatever the text, what is parsed is a unicast MAC address with valid prefixes, prints as something
// that parses to the same, and garbage is told in few words.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"", "0a:00:00:00:00:01 10.0.0.1/24, fd00::1", "dynamic 10.0.0.1", "0a:0:0:0:0:1 ::/0 junk",
		"ff:ff:ff:ff:ff:ff", "0a:00:00:00:00:01 1.2.3.4/255.255.0.0 \x00\xff", strings.Repeat("x", 1<<16)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, element string) {
		a, bad, ok := parseAddress(element)
		if !ok && bad == "" {
			t.Errorf("%q is refused without a word", element)
		}
		if len(bad) > 4*64+8 {
			t.Errorf("garbage takes %d bytes", len(bad))
		}
		if !ok {
			return
		}
		if a.MAC[0]&1 != 0 {
			t.Errorf("%q gives the multicast address %s", element, logical.MAC(a.MAC))
		}
		again, bad, ok := parseAddress(strings.Trim(show([]logical.Address{a}), "[]"))
		if !ok || bad != "" || show([]logical.Address{again}) != show([]logical.Address{a}) {
			t.Errorf("%q gives %v, which reads as %v, garbage %s", element, a, again, bad)
		}
		isDynamic(element)
	})
}
