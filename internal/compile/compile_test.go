package compile

import (
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/l2switch/config"
)

// network has one switch with a port here and one on chassis hv2, all newly allocated.
func network(peers ...string) *logical.Network {
	mac := [6]byte{0x0a, 0, 0, 0, 0, 1}
	address := logical.Address{MAC: mac, Prefixes: []netip.Prefix{netip.MustParsePrefix("fd00::1/64")}}
	n := &logical.Network{
		Switches: map[string]*logical.Switch{"dp": {UUID: "dp", Name: "sw0", Key: 1, Ports: []*logical.Port{
			{Name: "p1", Key: 1, Enabled: true, Addresses: []logical.Address{address}, Device: &logical.Device{Name: "tap1", Ifindex: 7}},
			{Name: "p2", Key: 2, Enabled: true, Chassis: "hv2"},
		}}},
		Peers: map[string]*logical.Peer{},
	}
	for _, name := range peers {
		n.Peers[name] = &logical.Peer{Name: name}
	}
	return n
}

func TestCompilerKeepsEqualModules(t *testing.T) {
	var c Compiler
	last, _ := c.Compile(network("hv2"))
	for _, step := range []struct {
		name string
		next *logical.Network
		same bool
		node string // of p2
	}{
		{"nothing changed", network("hv2"), true, "hv2"},
		{"a peer without ports here came", network("hv2", "hv3"), true, "hv2"},
		{"the port's chassis went", network("hv3"), false, ""},
		{"and came back", network("hv2"), false, "hv2"},
	} {
		state, _ := c.Compile(step.next)
		m := state.Modules["dp"]
		if same := m == last.Modules["dp"]; same != step.same {
			t.Errorf("%s: same module: %v, want %v", step.name, same, step.same)
		}
		if node := strings.Join(m.Ports[1].Nodes, " "); node != step.node {
			t.Errorf("%s: p2 is on node %q, want %q", step.name, node, step.node)
		}
		last = state
	}
	if state, _ := c.Compile(&logical.Network{}); len(state.Modules) != 0 {
		t.Errorf("modules of no switches: %v", state.Modules)
	}
}

// TestNeighbours: which ports' addresses the switch answers for, and which MAC addresses it knows.
func TestNeighbours(t *testing.T) {
	for _, tt := range []struct {
		name          string
		change        func(*logical.Switch, *logical.Port)
		known, answer bool
	}{
		{"VIF", func(*logical.Switch, *logical.Port) {}, true, true},
		{"disabled", func(_ *logical.Switch, p *logical.Port) { p.Enabled = false }, true, true},
		{"unknown", func(_ *logical.Switch, p *logical.Port) { p.Unknown = true }, true, false},
		{"vlan-passthru", func(sw *logical.Switch, _ *logical.Port) { sw.VLANPassthru = true }, true, false},
		{"localport", func(_ *logical.Switch, p *logical.Port) { p.Type = "localport" }, true, true},
		{"virtual", func(_ *logical.Switch, p *logical.Port) { p.Type = "virtual" }, true, false},
		{"router", func(_ *logical.Switch, p *logical.Port) { p.Type = "router" }, true, false},
		{"external", func(_ *logical.Switch, p *logical.Port) { p.Type = "external" }, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := network()
			sw := n.Switches["dp"]
			p := sw.Ports[0]
			tt.change(sw, p)
			var c Compiler
			state, _ := c.Compile(n)
			cfg := state.Modules["dp"].Config.(*config.Config)
			_, known := cfg.FDB[p.Addresses[0].MAC]
			_, answer := cfg.Neighbours[netip.MustParseAddr("fd00::1")]
			if known != tt.known || answer != tt.answer {
				t.Errorf("MAC known: %v, want %v; ND answered: %v, want %v", known, tt.known, answer, tt.answer)
			}
		})
	}
}
