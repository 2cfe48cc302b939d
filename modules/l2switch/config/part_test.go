package config

import (
	"maps"
	"testing"
)

// Part leaves what differs, what names a port that is asked for, and what those refer to.
func TestPart(t *testing.T) {
	have, want := sample(), sample()
	want.Ports = maps.Clone(want.Ports)
	want.Ports[3], want.FDB[[6]byte{2}] = Port{Enabled: true}, 2
	ports := map[uint16]bool{}
	before, after, ok := want.Part(have, ports)
	if !ok || !ports[3] || len(ports) != 1 {
		t.Errorf("ports that differ: got %v, %t", ports, ok)
	}
	const rest = `proxy for 10.0.0.0/8 is 0a:00:00:00:00:01 port 2
proxy for fd00::/64 is 0a:00:00:00:00:02 port 2
meter dns 10 pktps burst 10
meter igmp 100 kbps burst 20
`
	if got := before.(*Config).String(); got != "flood-group 32768\nport 2 disabled\n"+rest {
		t.Errorf("before: got\n%s", got)
	}
	if got := after.(*Config).String(); got != "flood-group 32768\nport 2 disabled\nport 3 enabled\nfdb 02:00:00:00:00:00 port 2\n"+rest {
		t.Errorf("after: got\n%s", got)
	}
	if _, after, _ = have.Part(have, map[uint16]bool{1: true}); len(after.(*Config).Neighbours) != 2 || len(after.(*Config).FDB) != 1 {
		t.Errorf("of port 1: got\n%s", after)
	}
	if _, _, ok := have.Part("another kind's", nil); ok {
		t.Error("a configuration of another kind was compared")
	}
	for _, part := range []any{before, after} {
		if err := part.(*Config).Validate(); err != nil {
			t.Errorf("part is not valid: %v", err)
		}
	}
}
