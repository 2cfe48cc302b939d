package agent

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom/ct"
)

func TestViewConnections(t *testing.T) {
	at := netip.MustParseAddrPort
	rows := netstate.RowsText(netstate.Row{Table: "acl", Columns: []netstate.Column{{Name: "uuid", Value: "8e5f"}, {Name: "name", Value: "to web"}}})
	have := ViewConnections([]hover.Connection{
		{Port: "p1", Instance: "sw0", Object: rows, Connection: ct.Connection{Zone: ct.Zone{Instance: 3, Port: 7}, Proto: 6, From: at("[fd00::1]:1000"),
			To: at("[fd00::2]:80"), Progress: "established", Established: true, Egress: true, Left: 90 * time.Second, Label: 5}},
		{Port: "p1", Instance: "sw0", Connection: ct.Connection{Proto: 47, From: at("10.0.0.1:0"), To: at("10.0.0.2:0"), Progress: "asked", Blocked: true}},
		{Port: "p1", Instance: "sw0", Connection: ct.Connection{Proto: 1, From: at("10.0.0.1:0"), To: at("10.0.0.2:0"), Progress: "asked"}},
	})
	want := []v1.Connection{
		{Zone: "3/7", Port: "p1", Switch: "sw0", Protocol: "tcp", Source: "[fd00::1]:1000", Destination: "[fd00::2]:80", State: "established",
			Direction: "to-lport", Protected: true, ExpiresIn: 90, ACL: "8e5f", ACLName: "to web", Label: 5},
		{Zone: "0/0", Port: "p1", Switch: "sw0", Protocol: "gre", Source: "10.0.0.1", Destination: "10.0.0.2", State: "asked", Direction: "from-lport", Blocked: true},
		{Zone: "0/0", Port: "p1", Switch: "sw0", Protocol: "icmp", Source: "10.0.0.1:0", Destination: "10.0.0.2:0", State: "asked", Direction: "from-lport"},
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
