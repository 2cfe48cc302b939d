package ingest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

// Limits of connections come from the port and from the switch; a bad one is a Problem, and as if there were none.
func TestConnectionLimit(t *testing.T) {
	limit := func(n uint32) *uint32 { return &n }
	bad := func(object, option, value string) []logical.Problem {
		return []logical.Problem{{Object: object, Reason: option + `:ct-zone-limit: "` + value + `" is no number from 0 to 4294967295: it is ignored`}}
	}
	for _, tt := range []struct {
		name, port, ls       string
		wantPort, wantSwitch *uint32
		problems             []logical.Problem
	}{
		{name: "none"},
		{name: "of the port", port: "5", wantPort: limit(5)},
		{name: "of the switch", ls: "4294967295", wantSwitch: limit(4294967295)},
		{name: "of both", port: "0", ls: "7", wantPort: limit(0), wantSwitch: limit(7)},
		{name: "negative", port: "-1", problems: bad("logical_switch_port blue-1", "options", "-1")},
		{name: "too large", ls: "4294967296", problems: bad("logical_switch blue", "other_config", "4294967296")},
		{name: "a word", port: "many", ls: "7", wantSwitch: limit(7), problems: bad("logical_switch_port blue-1", "options", "many")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			if tt.port != "" {
				edit(w.NB.LogicalSwitchPort, "blue-1", func(p *nb.LogicalSwitchPort) { p.Options = map[string]string{"ct-zone-limit": tt.port} })
			}
			if tt.ls != "" {
				edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) { s.OtherConfig = map[string]string{"ct-zone-limit": tt.ls} })
			}
			network := w.read()
			blue := network.Switches["blue"]
			if d := cmp.Diff([]*uint32{tt.wantPort, tt.wantSwitch}, []*uint32{blue.Ports[0].ConnectionLimit, blue.ConnectionLimit}); d != "" {
				t.Errorf("limits (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.problems, network.Problems); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}
