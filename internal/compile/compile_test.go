package compile

import (
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/l2switch/config"
)

// network has one switch with a port here and one on chassis hv2, all newly allocated.
func network() *logical.Network {
	mac := [6]byte{0x0a, 0, 0, 0, 0, 1}
	address := logical.Address{MAC: mac, Prefixes: []netip.Prefix{netip.MustParsePrefix("fd00::1/64")}}
	return &logical.Network{
		Switches: map[string]*logical.Switch{"dp": {UUID: "dp", Name: "sw0", Key: 1, Ports: []*logical.Port{
			{Name: "p1", Key: 1, Enabled: true, Addresses: []logical.Address{address}, Device: &logical.Device{Name: "tap1", Ifindex: 7}},
			{Name: "p2", Key: 2, Enabled: true, Chassis: "hv2", Peers: []string{"hv2"}},
		}}},
	}
}

func TestCompilerKeepsEqualModules(t *testing.T) {
	var c Compiler
	last, _ := c.Compile(network())
	for _, step := range []struct {
		name   string
		change func(n *logical.Network, p2 *logical.Port)
		same   bool
		nodes  string // of p2
	}{
		{"nothing changed", func(*logical.Network, *logical.Port) {}, true, "hv2"},
		{"a peer came", func(n *logical.Network, _ *logical.Port) { n.Peers = map[string]*logical.Peer{"hv3": {Name: "hv3"}} }, true, "hv2"},
		{"a name that is nowhere used", func(_ *logical.Network, p2 *logical.Port) { p2.UUID = "other" }, true, "hv2"},
		{"the port's chassis went", func(_ *logical.Network, p2 *logical.Port) { p2.Peers = nil }, false, ""},
		{"and came back, and another one", func(_ *logical.Network, p2 *logical.Port) { p2.Peers = []string{"hv2", "hv3"} }, false, "hv2 hv3"},
	} {
		n := network()
		step.change(n, n.Switches["dp"].Ports[1])
		state, _ := c.Compile(n)
		m := state.Modules["dp"]
		if same := m == last.Modules["dp"]; same != step.same {
			t.Errorf("%s: same module: %v, want %v", step.name, same, step.same)
		}
		if nodes := strings.Join(m.Ports[1].Nodes, " "); nodes != step.nodes {
			t.Errorf("%s: p2 is on nodes %q, want %q", step.name, nodes, step.nodes)
		}
		last = state
	}
	if state, _ := c.Compile(&logical.Network{}); len(state.Modules) != 0 {
		t.Errorf("modules of no switches: %v", state.Modules)
	}
}

// A port learns exactly where ovn-northd 23.03 has flows for it (ls_in_put_fdb).
func TestLearn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*logical.Port)
		learns bool
	}{
		"known addresses":       {func(p *logical.Port) { p.Unknown = false }, false},
		"unknown":               {func(*logical.Port) {}, true},
		"disabled":              {func(p *logical.Port) { p.Enabled = false }, true},
		"with port security":    {func(p *logical.Port) { p.PortSecurity = p.Addresses }, false},
		"localnet":              {func(p *logical.Port) { p.Type = "localnet" }, false},
		"localport":             {func(p *logical.Port) { p.Type = "localport" }, false},
		"the unknown one alone": {func(p *logical.Port) { p.Addresses = nil }, true},
	} {
		n := network()
		p := n.Switches["dp"].Ports[0]
		p.Unknown = true
		c.change(p)
		var compiler Compiler
		state, _ := compiler.Compile(n)
		if got := state.Modules["dp"].Config.(*config.Config).Ports[1].Learn; got != c.learns {
			t.Errorf("%s: learns: %v, want %v", name, got, c.learns)
		}
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
