package hover

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
)

// crowded is a switch with n ports, of which the first local ones are here; the others are on peers.
func crowded(n, local int, peers []string) *netstate.Module {
	c := &config.Config{FloodGroup: floodGroup, Ports: map[uint16]config.Port{}, FDB: map[[6]byte]uint16{}, Neighbours: map[netip.Addr]config.Neighbour{}}
	m := &netstate.Module{ID: "crowded", Kind: config.Kind, Name: "crowded", Key: 1, Config: c}
	flood := netstate.Group{Name: "_MC_flood", Key: floodGroup}
	for i := range n {
		key := uint16(i + 1)
		high, low := byte(key>>8), byte(key)
		mac, addr := [6]byte{0x0a, 0, 0, 1, high, low}, netip.AddrFrom4([4]byte{10, 1, high, low})
		port := netstate.Port{Name: fmt.Sprintf("p%d", key), Key: key}
		if i < local {
			port.Device = &netstate.Device{Name: port.Name, Ifindex: 1000 + i}
		} else {
			port.Nodes = peers[i%len(peers) : i%len(peers)+1]
		}
		m.Ports = append(m.Ports, port)
		flood.Ports = append(flood.Ports, key)
		c.Ports[key] = config.Port{Enabled: true, Security: []config.Address{{MAC: mac, Prefixes: []netip.Prefix{netip.PrefixFrom(addr, 32)}}}}
		c.FDB[mac] = key
		c.Neighbours[addr] = config.Neighbour{MAC: mac, Port: key}
	}
	m.Groups = []netstate.Group{flood}
	return m
}

// BenchmarkOnePortChanged gives one port of a large switch another address, and carries that out in the kernel.
func BenchmarkOnePortChanged(b *testing.B) {
	testutil.RequireRoot(b)
	for _, size := range []struct{ ports, local int }{{100, 10}, {1000, 100}, {10000, 1000}} {
		b.Run(fmt.Sprintf("%d", size.ports), func(b *testing.B) {
			h, err := Open(Config{BPFFS: testutil.BPFFS(b), Kinds: []iom.Kind{l2switch.Kind()}, Attach: AttachTCX, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer h.Close()
			var peers []string
			for i := range 50 {
				peers = append(peers, fmt.Sprintf("hv%d", i))
				if err := h.setNode(&netstate.Node{Name: peers[i], Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}); err != nil {
					b.Fatal(err)
				}
			}
			m := crowded(size.ports, size.local, peers)
			if err := h.setModule(m); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				next := *m
				c := *m.Config.(*config.Config)
				c.Neighbours = maps.Clone(c.Neighbours)
				old := netip.AddrFrom4([4]byte{10, 255, 0, byte(i)})
				delete(c.Neighbours, old)
				c.Neighbours[old.Next()] = config.Neighbour{MAC: [6]byte{0x0a, 0, 0, 1, 0, 1}, Port: 1}
				next.Config, next.Ports = &c, slices.Clone(m.Ports)
				if err := h.setModule(&next); err != nil {
					b.Fatal(err)
				}
				m = &next
			}
		})
	}
}
