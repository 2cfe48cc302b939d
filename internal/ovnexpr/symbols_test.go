package ovnexpr

import (
	"fmt"
	"strings"
	"testing"
)

// TestSymbolsAsOVN: OVN knows each symbol, with its width, its level and what it stands for.
func TestSymbolsAsOVN(t *testing.T) {
	startOVNTrace(t).run(func(trace func(string) string) {
		for _, name := range Symbols() {
			s, ok := Lookup(name)
			if !ok || s.Name != name {
				t.Fatalf("lookup of %s: %v, %v", name, s, ok)
			}
			want := fmt.Sprintf("Cannot select bits 0 to 999 of %d-bit field %s", s.Width, name)
			if s.Width == 0 {
				want = "Cannot select subfield of string field " + name
			}
			if answer := trace(name + "[0..999] == 1"); !strings.Contains(answer, want) {
				t.Errorf("%s has %d bits, OVN: %s", name, s.Width, answer)
			}
			for _, relation := range []string{"==", "!=", "<"} {
				constant := " 0"
				if s.Width == 0 {
					constant = ` "p1"`
				}
				match := name + " " + relation + constant
				_, err := Parse(match)
				if ok, reason := accepts(trace, match); ok != (err == nil) {
					t.Errorf("%s: we say %v, OVN: %s", match, err, reason)
				}
			}
		}
	})
	if _, ok := Lookup("nothing"); ok {
		t.Error("found nothing")
	}
}

// TestAnnotate: parts, predicates and prerequisites, as ovn-trace 23.03 reports them.
func TestAnnotate(t *testing.T) {
	tests := []struct{ text, want string }{
		{"1", "1"},
		{"tcp.dst == 80", "tcp.dst == 80 && ip.proto == 6 && (eth.type == 0x800 || eth.type == 0x86dd)"},
		{"tcp.dst != {80, 81} || arp", "(tcp.dst != {80, 81} && ip.proto == 6 && (eth.type == 0x800 || eth.type == 0x86dd)) || eth.type == 0x806"},
		{"reg0[4..7] == 3", "xxreg0[100..103] == 3"},
		{"reg9[0]", "xreg4[0]"},
		{"xreg1 == 1", "xxreg0[0..63] == 1"},
		{"ct.est && !ct.rpl", "ct_state[1] && ct_state[5] && !ct_state[3] && ct_state[5]"},
		{"vlan.vid == 5", "vlan.tci[0..11] == 5 && vlan.tci[12]"},
		{"!ip4.mcast", "!eth.dst[40] || ip4.dst[28..31] != 0xe || eth.type != 0x800"},
		{"!ip.first_frag", "!ip.frag[0] || (eth.type != 0x800 && eth.type != 0x86dd) || (ip.frag[1] && (eth.type == 0x800 || eth.type == 0x86dd))"},
		{"eth.bcast == {0, 1}", "eth.dst != ff:ff:ff:ff:ff:ff || eth.dst == ff:ff:ff:ff:ff:ff"},
		{"eth.bcast != {0, 1}", "eth.dst == ff:ff:ff:ff:ff:ff && eth.dst != ff:ff:ff:ff:ff:ff"},
		{`inport == @pg && is_chassis_resident("p1")`, `inport == @pg && is_chassis_resident("p1")`},
	}
	for _, tt := range tests {
		e, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := Annotate(e).String(); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestResolve(t *testing.T) {
	tests := []struct{ text, want string }{
		{"ip4.src == {$as4, 10.5.0.0/16} && ip4", "ip4.src == {10.0.0.1, 10.0.0.2, 10.9.0.0/16, 10.5.0.0/16} && ip4"},
		{"ip4.src == $empty || ip4.src != {$empty} || eth.mcast", "0 || 1 || eth.mcast"},
		{"ip4.src[0..7] == $one", "ip4.src[0..7] == 0.0.0.1"},
		{"eth.src[0] != $macs", "!eth.src[0]"},
		{`outport == {@pg, "p3"}`, `outport == {"p1", "p2", "p3"}`},
		{"inport == @pgempty", "0"},
	}
	for _, tt := range tests {
		if e, err := read(tt.text); err != nil || e.String() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.text, e, err, tt.want)
		}
	}
}
