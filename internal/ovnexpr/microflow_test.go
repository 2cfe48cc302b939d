package ovnexpr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// microflows that describe one packet, and its fields.
var oneFlow = []struct{ text, fields string }{
	{`inport == "p1" && ip4.src == 10.0.0.1 && tcp.dst == 80`, `eth.type == 0x800 && inport == "p1" && ip.proto == 0x6 && ip4.src == 0xa000001 && tcp.dst == 0x50`},
	{`inport == "p1"`, `inport == "p1"`},
	{`1 && inport == "p1"`, `inport == "p1"`},
	{`inport == "p1" && ip && ip4 && (ip4 || ip6)`, `eth.type == 0x800 && inport == "p1"`},
	{`inport == "p1" && icmp && ip6`, `eth.type == 0x86dd && inport == "p1" && ip.proto == 0x3a`},
	{`inport == "p1" && eth.type == {0x800, 0x806} && ip`, `eth.type == 0x800 && inport == "p1"`},
	{`inport == "p1" && vlan.vid == 5 && vlan.pcp == 7`, `inport == "p1" && vlan.tci == 0xf005`},
	{`inport == "p1" && eth.mcast && eth.dst[0..7] == 3`, `eth.dst == 0x10000000003 && inport == "p1"`},
	{`inport == "p1" && ip4.src == 10.0.0.0/8 && ip4.src[0..7] == 9`, `eth.type == 0x800 && inport == "p1" && ip4.src == 0xa000009`},
	{`inport == "p1" && ip4.src == 0.0.0.0/0`, `eth.type == 0x800 && inport == "p1"`},
	{`inport == "p1" && ip4 && tcp.dst == 80 && 79 < tcp.dst <= 80 && tcp.dst != 81 && tcp.dst >= 0`, `eth.type == 0x800 && inport == "p1" && ip.proto == 0x6 && tcp.dst == 0x50`},
	{`inport == "p1" && reg1 == 7 && reg0 == 1 && ct.est`, `ct_state == 0x22 && inport == "p1" && xxreg0 == 0x1000000070000000000000000`},
	{`inport == @pgone && ip4.dst == $one && ip4.dst != $empty`, `eth.type == 0x800 && inport == "p1" && ip4.dst == 0xa000001`},
	{`inport == {"p1", "p2"} && inport == "p2"`, `inport == "p2"`},
	{`inport == "p1" && !vlan.present && !ip.is_frag && ip4`, `eth.type == 0x800 && inport == "p1" && ip.frag == 0x0 && vlan.tci == 0x0`},
	{`inport == "p1" && is_chassis_resident("p1")`, `inport == "p1"`},
}

// notOneFlow are microflows that OVN refuses, too.
var notOneFlow = []struct{ text, reason string }{
	{`inport == "p1" && tcp.src == 80`, `eth.type may be 0x800 or 0x86dd`},
	{`inport == "p1" && ip4 && tcp.src > 1024`, `tcp.src > 1024 leaves the value open`},
	{`inport == "p1" && ip4 && ip6`, `eth.type == 0x86dd contradicts eth.type == 0x800`},
	{`inport == "p1" && tcp && arp`, `eth.type == 0x800 contradicts eth.type == 0x806`},
	{`inport == "p1" && inport == "p2"`, `inport == "p2" contradicts inport == "p1"`},
	{`inport == {"p1", "p2"}`, `inport may be "p1" or "p2"`},
	{`inport == "p1" && (outport == "p2" || flags.loopback)`, `flags may be anything or 0x1/0x1`},
	{`inport == "p1" && ip4.src == {10.0.0.1, 10.0.0.2}`, `ip4.src may be 0xa000001 or 0xa000002`},
	{`inport == "p1" && ip4.src != 10.0.0.1`, `ip4.src != 10.0.0.1 leaves the value open`},
	{`inport == "p1" && ip4.src != 10.0.0.1 && ip4.src == 10.0.0.1`, `ip4.src != 10.0.0.1 contradicts ip4.src == 0xa000001`},
	{`inport == "p1" && ip4 && tcp.dst == 80 && tcp.dst < 80`, `tcp.dst < 80 contradicts tcp.dst == 0x50`},
	{`inport == "p1" && ip4 && tcp.dst[0..3] == 1 && tcp.dst[0..7] < 0x11 && tcp.dst[4..7] == 1`, `tcp.dst[0..7] < 0x11 contradicts tcp.dst == 0x11/0xff`},
	{`0`, `0 is never true`},
	{`inport == "p1" && !is_chassis_resident("p1")`, `!is_chassis_resident("p1") is never true`},
	{`inport == "p1" && ip4.src == $empty`, `0 is never true`},
	{`inport == @pg`, `inport may be "p1" or "p2"`},
	{`inport == "p1" && eth.mcast == {0, 1}`, `eth.dst may be 0x0/0x10000000000 or 0x10000000000/0x10000000000`},
}

func TestMicroflow(t *testing.T) {
	for _, tt := range oneFlow {
		if f, err := microflow(tt.text); err != nil || f.String() != tt.fields {
			t.Errorf("%s: got %s, %v, want %s", tt.text, f, err, tt.fields)
		}
	}
	for _, tt := range notOneFlow {
		f, err := microflow(tt.text)
		if !errors.Is(err, ErrMicroflow) || err.Error() != "not one packet: "+tt.reason {
			t.Errorf("%s: got %s, %v, want error %s", tt.text, f, err, tt.reason)
		}
	}
}

// TestMicroflowIsItsOwnMatch: a packet matches the expression that describes it.
func TestMicroflowIsItsOwnMatch(t *testing.T) {
	for _, text := range flows {
		f, err := microflow(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		e, err := read(text)
		if err != nil || !Eval(e, f) {
			t.Errorf("%s is not true for %s (%v)", text, f, err)
		}
	}
}

// TestMicroflowAsOVN: OVN takes and refuses the same microflows.
func TestMicroflowAsOVN(t *testing.T) {
	startOVNTrace(t).run(func(trace func(string) string) {
		for _, tt := range oneFlow {
			if answer := trace(tt.text); !strings.HasPrefix(answer, "# ") {
				t.Errorf("OVN refuses %s: %s", tt.text, answer)
			}
		}
		for _, tt := range notOneFlow {
			if answer := trace(tt.text); !strings.Contains(answer, "Constraints are") {
				t.Errorf("OVN takes %s: %s", tt.text, answer)
			}
		}
	})
}

func TestMicroflowOfUnresolvedSet(t *testing.T) {
	e, err := Parse("ip4.src == $as4 && ip4.dst == 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Microflow(e); !errors.Is(err, ErrMicroflow) || !strings.Contains(err.Error(), "not resolved") {
		t.Errorf("got %v", err)
	}
}

// TestMicroflowGivesUp: a contradiction behind 2**32 alternatives is not searched for.
func TestMicroflowGivesUp(t *testing.T) {
	var terms []string
	for i := range 32 {
		terms = append(terms, fmt.Sprintf("(reg0[%d] || reg1[%d])", i, i))
	}
	terms = append(terms, "eth.type == {1, 2}", "eth.type == {3, 4}")
	_, err := microflow(strings.Join(terms, " && "))
	if err == nil || err.Error() != "not one packet: too many alternatives" {
		t.Errorf("got %v", err)
	}
}
