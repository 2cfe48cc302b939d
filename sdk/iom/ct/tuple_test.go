package ct_test

import (
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/sdk/iom/ct"
)

func TestTuple(t *testing.T) {
	at := netip.MustParseAddrPort
	four := ct.Connection{Proto: 6, From: at("10.0.0.1:1000"), To: at("10.0.0.2:80")}
	six := ct.Connection{Proto: 17, From: at("[fd00::1]:1000"), To: at("[fd00::2]:53")}
	echo := ct.Connection{Proto: 1, From: at("10.0.0.1:7"), To: at("10.0.0.2:7")}
	gre := ct.Connection{Proto: 47, From: at("10.0.0.1:0"), To: at("10.0.0.2:0")}
	for _, c := range []struct {
		text string
		of   ct.Connection
		want bool
	}{
		{"tcp", four, true},
		{"udp", four, false},
		{"6", four, true},
		{"tcp 10.0.0.1", four, true},
		{"tcp 10.0.0.2", four, false},
		{" tcp  10.0.0.1:1000 ", four, true},
		{"tcp 10.0.0.1:1001", four, false},
		{"tcp 10.0.0.1:0", four, false},
		{"tcp * 10.0.0.2:80", four, true},
		{"tcp * 10.0.0.2:81", four, false},
		{"tcp 10.0.0.1:1000 10.0.0.2:80", four, true},
		{"tcp 10.0.0.2:80 10.0.0.1:1000", four, false},
		{"udp fd00::1 [fd00::2]:53", six, true},
		{"udp [fd00::1] *", six, true},
		{"udp fd00::2", six, false},
		{"icmp 10.0.0.1:7", echo, true},
		{"icmp6", echo, false},
		{"gre 10.0.0.1 10.0.0.2", gre, true},
	} {
		tuple, err := ct.ParseTuple(c.text)
		if err != nil || tuple.Match(c.of) != c.want {
			t.Errorf("%q matches %v: %v (%v), want %v", c.text, c.of, tuple.Match(c.of), err, c.want)
		}
	}
}

func TestTupleErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "want \"PROTOCOL",
		"tcp a b c":          "want \"PROTOCOL",
		"tpc":                "protocol \"tpc\" is none of tcp",
		"256":                "no number from 0 to 255",
		"tcp 10.0.0.300":     "\"10.0.0.300\" is no address",
		"tcp * 10.0.0.1:x":   "\"10.0.0.1:x\" is no address",
		"tcp 10.0.0.1:70000": "is no address",
		"tcp 10.0.0.0/24":    "is no address",
	} {
		if _, err := ct.ParseTuple(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want something with %q", text, err, want)
		}
	}
}

func TestProtocol(t *testing.T) {
	for p, want := range map[ct.Protocol]string{6: "tcp", 58: "icmp6", 99: "99"} {
		if got := p.String(); got != want {
			t.Errorf("protocol %d is %q, want %q", uint8(p), got, want)
		}
	}
}

func TestParseZone(t *testing.T) {
	if z, err := ct.ParseZone("3/7"); err != nil || z != (ct.Zone{Instance: 3, Port: 7}) || z.String() != "3/7" {
		t.Errorf("have %v (%v)", z, err)
	}
	for _, bad := range []string{"", "3", "3/", "/7", "3/7/1", "x/7", "3/70000", "-1/7", "70000/1"} {
		if z, err := ct.ParseZone(bad); err == nil {
			t.Errorf("%q is zone %v, want an error", bad, z)
		}
	}
}
