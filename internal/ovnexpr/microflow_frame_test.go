package ovnexpr

import (
	"errors"
	"testing"
)

func TestMicroflowFrame(t *testing.T) {
	for _, tt := range []struct {
		text, port, inport string
		ttl                uint64
	}{
		{`inport == "p1" && ip4.dst == 10.0.0.2`, "", "p1", 64},
		{`ip6.dst == fd00::2 && udp.dst == 53`, "p2", "p2", 64},
		{`inport == "p1" && ip4.dst == 10.0.0.2 && ip.ttl == 0`, "p2", "p1", 0},
		{`inport == "p1" && ip4.dst == 10.0.0.2 && ip.ttl == 1`, "", "p1", 1},
		{`inport == "p1" && nd_ns && nd.target == fd00::1`, "", "p1", 255},
		{`inport == "p1" && arp.op == 1`, "", "p1", 0},
	} {
		frame, inport, err := MicroflowFrame(tt.text, tt.port)
		if err != nil || inport != tt.inport {
			t.Errorf("%s: inport %q, %v", tt.text, inport, err)
			continue
		}
		if ttl := decode(t, frame).Int("ip.ttl"); ttl != Uint(tt.ttl) {
			t.Errorf("%s: ip.ttl is %v, want %d", tt.text, ttl, tt.ttl)
		}
	}
}

// Options that are not there would make a packet malformed.
func TestMicroflowFrameEndsWithIPv6(t *testing.T) {
	frame, _, err := MicroflowFrame(`inport == "p1" && ip6`, "")
	if err != nil || len(frame) != 54 || frame[20] != noNextHeader {
		t.Errorf("%x, %v", frame, err)
	}
}

func TestMicroflowFrameErrors(t *testing.T) {
	var syntax *SyntaxError
	if _, _, err := MicroflowFrame("ip4.src = 1", "p1"); !errors.As(err, &syntax) || syntax.Offset != 8 {
		t.Errorf("no expression: %v", err)
	}
	if _, _, err := MicroflowFrame("tcp || udp", "p1"); !errors.Is(err, ErrMicroflow) {
		t.Errorf("two packets: %v", err)
	}
	if _, _, err := MicroflowFrame("ip4", ""); !errors.Is(err, ErrNoInport) {
		t.Errorf("no port: %v", err)
	}
}
