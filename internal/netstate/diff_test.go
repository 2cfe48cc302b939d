package netstate

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func dev(name string, ifindex int) *Device { return &Device{Name: name, Ifindex: ifindex} }

func node(name, addr string) *Node {
	a := netip.MustParseAddr(addr)
	return &Node{Name: name, Addr: a, Ifindex: 2, NextHop: a, MTU: 1500}
}

func module(id string, key uint32, ports ...Port) *Module {
	return &Module{ID: id, Kind: "l2switch", Name: "sw-" + id, Key: key, Ports: ports}
}

func state(objects ...any) *State {
	s := &State{Modules: map[string]*Module{}, Nodes: map[string]*Node{}}
	for _, o := range objects {
		switch o := o.(type) {
		case *Module:
			s.Modules[o.ID] = o
		case *Node:
			s.Nodes[o.Name] = o
		case *Tunnel:
			s.Tunnel = o
		}
	}
	return s
}

func TestDiff(t *testing.T) {
	tunnel := &Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1")}, Devices: []Device{*dev("eth0", 2)}}
	p1 := Port{Name: "p1", Key: 1, Device: dev("tap1", 11)}
	p2 := Port{Name: "p2", Key: 2, Device: dev("tap2", 12)}
	p3 := Port{Name: "p3", Key: 3, Nodes: []string{"hv3"}}
	moved := Port{Name: "p1", Key: 1, Device: dev("tap9", 19)}
	renamed := module("a", 7, p1)
	renamed.Name, renamed.Config, renamed.Groups = "blue", 1, []Group{{Name: "_MC_flood", Key: 32768}}
	tests := []struct {
		name       string
		have, want *State
		plan       string
	}{
		{"from nothing", nil, state(tunnel, node("hv3", "2001:db8::3"), module("a", 1, p1, p3)), `
set-tunnel 2001:db8::1 device "eth0" ifindex 2
set-node "hv3" 2001:db8::3 via 2001:db8::3 ifindex 2 mtu 1500
set-module l2switch "sw-a" a key 1: bind "p1" to "tap1", 2 ports added
`},
		{"flow cache", &State{FlowCache: FlowCache{Check: 2}}, &State{FlowCache: FlowCache{Off: true}}, `
set-flow-cache off
`},
		{"flood limit", &State{FloodLimit: 5}, &State{}, `
set-flood-limit 0
`},
		{"to nothing", state(tunnel, node("hv3", "192.0.2.3"), module("a", 1, p1, p3)), state(), `
del-module l2switch "sw-a" a key 1: unbind "p1" from "tap1", 2 ports removed
del-node "hv3" 192.0.2.3 via 192.0.2.3 ifindex 2 mtu 1500
del-tunnel 2001:db8::1 device "eth0" ifindex 2
`},
		{"make before break", state(node("old", "192.0.2.3"), module("gone", 1, p3), module("a", 2, p1, p2), module("b", 3)),
			state(node("new", "192.0.2.3"), module("a", 2, p1), module("b", 3, p2), module("z", 4)), `
set-node "new" 192.0.2.3 via 192.0.2.3 ifindex 2 mtu 1500
set-module l2switch "sw-z" z key 4
set-module l2switch "sw-b" b key 3: bind "p2" to "tap2", 1 ports added
set-module l2switch "sw-a" a key 2: unbind "p2" from "tap2", 1 ports removed
del-module l2switch "sw-gone" gone key 1: 1 ports removed
del-node "old" 192.0.2.3 via 192.0.2.3 ifindex 2 mtu 1500
`},
		{"a reused key is purged first", state(module("old", 5, p1)), state(module("new", 5, p2)), `
del-module l2switch "sw-old" old key 5: unbind "p1" from "tap1", 1 ports removed
set-module l2switch "sw-new" new key 5: bind "p2" to "tap2", 1 ports added
`},
		{"changes in one module", state(module("a", 1, p1)), state(renamed), `
set-module l2switch "blue" a key 7: was l2switch "sw-a" a key 1, groups, config
`},
		{"another device", state(module("a", 1, p1)), state(module("a", 1, moved)), `
set-module l2switch "sw-a" a key 1: bind "p1" to "tap9", unbind "p1" from "tap1", 1 ports changed
`},
		{"a lost route", state(node("hv3", "192.0.2.3")), state(&Node{Name: "hv3", Addr: netip.MustParseAddr("192.0.2.3")}), `
set-node "hv3" 192.0.2.3 no route
`},
		{"equal, not the same", state(tunnel, node("n", "192.0.2.3"), module("a", 1, p1)),
			state(tunnel, node("n", "192.0.2.3"), module("a", 1, p1)), "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(strings.TrimPrefix(tt.plan, "\n"), Diff(tt.have, tt.want).String()); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
			if p := Diff(tt.want, tt.want); len(p) != 0 {
				t.Errorf("a state differs from itself:\n%s", p)
			}
		})
	}
}

// TestDiffReachesWant carries plans out on maps: whatever the two states, the result is the wanted one.
func TestDiffReachesWant(t *testing.T) {
	p1 := Port{Name: "p1", Key: 1, Device: dev("tap1", 11)}
	states := []*State{
		state(),
		state(node("a", "192.0.2.1"), module("m", 1)),
		state(node("a", "192.0.2.2"), module("m", 1, p1), module("n", 2)),
		state(&Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.9")}}, node("b", "192.0.2.2"), module("o", 1, p1), module("n", 3)),
	}
	for _, have := range states {
		for _, want := range states {
			got := carryOut(have, Diff(have, want))
			if d := cmp.Diff(want.Text(), got.Text()); d != "" {
				t.Errorf("from\n%sto\n%s(-want +got):\n%s", have.Text(), want.Text(), d)
			}
		}
	}
}

func carryOut(have *State, plan Plan) *State {
	s := state()
	s.Tunnel = have.Tunnel
	for _, m := range have.Modules {
		s.Modules[m.ID] = m
	}
	for _, n := range have.Nodes {
		s.Nodes[n.Name] = n
	}
	for _, a := range plan {
		switch a.Verb {
		case SetTunnel:
			s.Tunnel = a.Tunnel
		case DelTunnel:
			s.Tunnel = nil
		case SetNode:
			s.Nodes[a.Node.Name] = a.Node
		case DelNode:
			delete(s.Nodes, a.Node.Name)
		case SetModule:
			s.Modules[a.Module.ID] = a.Module
		case DelModule:
			delete(s.Modules, a.Module.ID)
		}
	}
	return s
}

func TestText(t *testing.T) {
	m := module("a", 1,
		Port{Name: "p\n1", Key: 1, Device: &Device{Name: "tap1", Ifindex: 11, PeerMAC: [6]byte{10, 0, 0, 0, 0, 1}}},
		Port{Name: "p2", Key: 2, Nodes: []string{"hv2"}}, Port{Name: "p3", Key: 3})
	m.Groups = []Group{{Name: "_MC_flood", Key: 32768, Ports: []uint16{1, 2}}}
	m.Config = "one\ntwo\n"
	s := state(m, node("hv2", "2001:db8::2"), &Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	want := `tunnel 192.0.2.1
node "hv2" 2001:db8::2 via 2001:db8::2 ifindex 2 mtu 1500
module l2switch "sw-a" a key 1
  port 1 "p\n1" device "tap1" ifindex 11 peer 0a:00:00:00:00:01
  port 2 "p2" node "hv2"
  port 3 "p3"
  group 32768 "_MC_flood" ports [1 2]
  config one
  config two
`
	if d := cmp.Diff(want, s.Text()); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	if got := new(State).Text(); got != "" {
		t.Errorf("text of the empty state: %q", got)
	}
}
