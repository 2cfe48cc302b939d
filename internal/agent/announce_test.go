package agent

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
)

// TestAnnouncements: which ports are announced, and with how many frames.
func TestAnnouncements(t *testing.T) {
	address := func(prefixes ...string) (a logical.Address) {
		a.MAC = [6]byte{2, 0, 0, 0, 0, 5}
		for _, p := range prefixes {
			a.Prefixes = append(a.Prefixes, netip.MustParsePrefix(p))
		}
		return a
	}
	here := &logical.Device{Name: "tap1", Ifindex: 11}
	port := func(key uint16, change func(*logical.Port)) *logical.Port {
		p := &logical.Port{Key: key, Device: here, Chassis: "hv1", Enabled: true, Addresses: []logical.Address{address("10.0.0.5/32")}}
		change(p)
		return p
	}
	sw := &logical.Switch{UUID: "sw", Ports: []*logical.Port{
		port(1, func(*logical.Port) {}),
		port(2, func(p *logical.Port) {
			p.Addresses = []logical.Address{address("10.0.0.6/32", "10.0.0.7/32", "fd00::6/128"), address("10.0.0.8/32")}
		}),
		port(3, func(p *logical.Port) { p.Addresses = []logical.Address{address()} }), // RARP
		port(4, func(p *logical.Port) { p.Enabled = false }),
		port(5, func(p *logical.Port) { p.Chassis = "hv2" }), // here to be migrated
		port(6, func(p *logical.Port) { p.Addresses = nil }),
		port(7, func(p *logical.Port) { p.Type = "localport" }),
		port(8, func(p *logical.Port) { p.Device, p.Chassis = nil, "hv2" }),
		port(9, func(p *logical.Port) { p.Type, p.Network, p.Addresses, p.Device = "localnet", "physnet1", nil, nil }),
	}}
	instances := []hover.Instance{
		{Module: &netstate.Module{ID: "sw"}, Slot: 4, Ports: map[uint16]uint32{1: 41, 2: 42, 3: 43, 4: 44, 5: 45, 6: 46, 7: 47}},
		{Module: &netstate.Module{ID: "router"}, Slot: 5},
	}
	const entered = "relay 9 instance 4 port "
	all := []string{entered + "41 leaves 0", entered + "42 leaves 0", entered + "42 leaves 0", entered + "42 leaves 0", entered + "42 leaves 0", entered + "43 leaves 0"}
	for name, test := range map[string]struct {
		mappings map[string]string
		want     []string
	}{
		"a bridge to the network": {map[string]string{"physnet1": "br-ex"}, all},
		"another network":         {map[string]string{"physnet2": "br-ex"}, nil},
		"none":                    {nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServed(&logical.Network{Switches: map[string]*logical.Switch{"sw": sw}})
			r := &round{now: s.now, settings: Settings{Name: "hv1", BridgeMappings: test.mappings}}
			s.keepAnnouncements(r, instances)
			s.keepAnnouncements(r, instances) // begins nothing anew
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.announcer.Run(ctx) }()
			synctest.Wait()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			slices.Sort(s.sent)
			if got, want := s.take(), strings.Join(test.want, ", "); got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
		})
	}
}
