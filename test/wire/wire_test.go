// Package wire tests the platform's programs: the hooks and the tunnel, each drop reason by name.
package wire

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/modules/std"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

const (
	shot     = 2
	redirect = 7
	next     = 0xffffffff // TC_ACT_UNSPEC

	lo = 1 // the device of all test-runs

	markDone  = 0x574f5645
	markRelay = 0x574f5246

	vni        = 0x123456
	floodGroup = 32768
)

var (
	mac1, mac2, mac3 = net.HardwareAddr{0x0a, 0, 0, 0, 0, 1}, net.HardwareAddr{0x0a, 0, 0, 0, 0, 2}, net.HardwareAddr{0x0a, 0, 0, 0, 0, 3}
	ip1, ip2         = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	mac4             = net.HardwareAddr{0x0a, 0, 0, 0, 0, 4}
	broadcast        = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	own6, peer6      = netip.MustParseAddr("fd31::10"), netip.MustParseAddr("fd31::11")
	own, peer        = netip.MustParseAddr("172.31.0.10"), netip.MustParseAddr("172.31.0.11")
)

// node is a node with a switch: lp1 is plugged in lo, lp2 in a device that isn't there, lp3 is on node 1, which we
// reach over IPv4, lp4 on node 2, which we reach over IPv6.
func node(t *testing.T) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	k.Tunnel(iom.Addr(own), iom.Addr(own6))
	k.Node(1, iom.Addr(peer), iom.Addr(own), 1500)
	k.Node(2, iom.Addr(peer6), iom.Addr(own6), 1500)
	k.Add(iomtest.Instance{Kind: config.Kind, VNI: vni, Groups: map[uint16][]uint16{floodGroup: {1, 2, 3}},
		Ports: []iomtest.Port{{Name: "lp1", Key: 1}, {Name: "lp2", Key: 2}, {Name: "lp3", Key: 3, Node: 1}, {Name: "lp4", Key: 4, Node: 2}},
		Config: &config.Config{FloodGroup: floodGroup, Ports: map[uint16]config.Port{1: {Enabled: true}, 2: {Enabled: true}, 3: {Enabled: true}, 4: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(mac1): 1, [6]byte(mac2): 2, [6]byte(mac3): 3, [6]byte(mac4): 4}}})
	put(k, "iom_bindings", uint32(lo), k.Slot("lp1"))
	put(k, "iom_tunnel_keys", wire.TunnelKey{Vni: vni, Key: 1}, wire.TunnelRow{Dp: 1, Port: k.Slot("lp1")})
	put(k, "iom_tunnel_keys", wire.TunnelKey{Vni: vni, Key: floodGroup}, wire.TunnelRow{Dp: 1})
	return k
}

func put[K, V any](k *iomtest.Kit, table string, key K, value V) {
	t := &iom.Tables{}
	iom.Put(t, table, key, value)
	k.Write(t)
}

func frame(t *testing.T, dst net.HardwareAddr) []byte {
	return iomtest.UDP(t, mac1, dst, ip1, ip2, 1000, 2000)
}

// geneve is a Geneve packet from src; change may spoil the headers before they are serialised.
func geneve(t *testing.T, src netip.Addr, outKey uint16, inner []byte, change func(*layers.Geneve)) []byte {
	g := &layers.Geneve{CriticalOption: true, Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: vni,
		Options: []*layers.GeneveOption{{Class: 0x0102, Type: 0x80, Data: binary.BigEndian.AppendUint16([]byte{0, 3}, outKey)}}}
	if change != nil {
		change(g)
	}
	dst := own
	if src.Is6() {
		dst = own6
	}
	return iomtest.Frame(t, iomtest.Eth(mac1, mac2, iomtest.EtherType(src)), iomtest.IP(src, dst, layers.IPProtocolUDP),
		&layers.UDP{SrcPort: 50000, DstPort: 6081}, g, gopacket.Payload(inner))
}

// TestDrops brings about each drop of the platform.
func TestDrops(t *testing.T) {
	unplug := func(k *iomtest.Kit) { put(k, "iom_bindings", uint32(lo), uint32(0)) }
	noPorts := func(k *iomtest.Kit) {
		for _, port := range []string{"lp1", "lp2"} {
			put(k, "iom_ports", k.Slot(port), wire.Port{})
		}
	}
	in := func(k *iomtest.Kit, f []byte) uint32 { v, _ := k.Run("vif_in", lo, 0, f); return v }
	under := func(k *iomtest.Kit, f []byte) uint32 { v, _ := k.Run("underlay_in", lo, 0, f); return v }
	tests := []struct {
		reason string
		dp     uint32
		run    func(*testing.T, *iomtest.Kit) uint32
	}{
		{"not_plugged", 0, func(t *testing.T, k *iomtest.Kit) uint32 { unplug(k); return in(k, frame(t, mac3)) }},
		{"truncated", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			f := frame(t, mac3)
			f[14] = 0x46 // options that aren't there
			return in(k, f[:34])
		}},
		{"foreign_egress", 1, func(t *testing.T, k *iomtest.Kit) uint32 { v, _ := k.Run("vif_out", lo, 0, frame(t, mac1)); return v }},
		{"foreign_egress", 0, func(t *testing.T, k *iomtest.Kit) uint32 { v, _ := k.Run("relay_out", lo, 0, frame(t, mac1)); return v }},
		{"foreign_egress", 0, func(t *testing.T, k *iomtest.Kit) uint32 { v, _ := k.Run("relay_in", lo, 0, frame(t, mac1)); return v }},
		{"flood_limit", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_flood_rate", uint32(0), uint32(1))
			in(k, frame(t, broadcast))
			return in(k, frame(t, broadcast)) // while the first one's debt lasts
		}},
		{"flood_limit", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_flood_rate", uint32(0), uint32(1))
			under(k, geneve(t, peer, floodGroup, frame(t, broadcast), nil))
			in(k, frame(t, broadcast)) // has a bucket of its own
			return under(k, geneve(t, peer, floodGroup, frame(t, broadcast), nil))
		}},
		{"no_program", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			if err := k.Set().Maps["iom_progs"].Delete(uint32(4)); err != nil {
				t.Fatal(err)
			}
			return in(k, frame(t, mac2))
		}},
		{"no_port", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_ports", k.Slot("lp2"), wire.Port{})
			return in(k, frame(t, mac2))
		}},
		{"no_port", 1, func(t *testing.T, k *iomtest.Kit) uint32 { // of another instance
			put(k, "iom_ports", k.Slot("lp2"), wire.Port{Dp: 2, Key: 2, Kind: 1})
			return in(k, frame(t, mac2))
		}},
		{"no_port", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			noPorts(k)
			return under(k, geneve(t, peer, 1, frame(t, mac1), nil))
		}},
		{"not_bound", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "l2switch_fdbs", l2switch.L2switchL2switchFdbKey{Dp: 1, Mac: [6]byte(mac2)}, iom.Ref(0))
			return in(k, frame(t, mac2))
		}},
		{"hairpin", 1, func(t *testing.T, k *iomtest.Kit) uint32 { return in(k, frame(t, mac1)) }},
		{"hop_limit", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_ports", k.Slot("lp2"), wire.Port{Dp: 1, Key: 2, Kind: 1, Peer: k.Slot("lp1")}) // round and round
			return in(k, frame(t, mac2))
		}},
		{"no_peer", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_ports", k.Slot("lp2"), wire.Port{Dp: 1, Key: 2, Kind: 1, Peer: 9999})
			return in(k, frame(t, mac2))
		}},
		{"nested", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			metas := k.Set().Maps["iom_metas"]
			var perCPU []wire.WireIomMeta
			if err := metas.Lookup(uint32(0), &perCPU); err != nil {
				t.Fatal(err)
			}
			for i := range perCPU {
				perCPU[i].Depth = 2
			}
			if err := metas.Put(uint32(0), perCPU); err != nil {
				t.Fatal(err)
			}
			return in(k, frame(t, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))
		}},
		{"resume_stale", 7, func(t *testing.T, k *iomtest.Kit) uint32 {
			v, _ := k.Run("relay_out", lo, uint32(wire.MarkResume), append(frame(t, mac2), iom.Bytes(wire.Resume{Dp: 7, Port: k.Slot("lp1")})...))
			return v
		}},
		{"no_group", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "l2switch_configs", uint32(1), l2switch.L2switchL2switchConfig{Flood: 40000})
			return in(k, frame(t, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))
		}},
		{"copy_failed", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_ports", k.Slot("lp2"), wire.Port{Dp: 1, Key: 2, Kind: 1, Ifindex: 1 << 30})
			put(k, "iom_members", wire.GroupKey{Dp: 1, Key: floodGroup, Index: 2}, iom.Ref(0)) // no copy into lo
			return in(k, frame(t, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))
		}},
		{"here_only", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_ports", k.Slot("lp1"), wire.Port{Dp: 1, Key: 1, Kind: 1, Flags: wire.PortHereOnly})
			return in(k, frame(t, mac3))
		}},
		{"no_tunnel", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_tunnel_end", uint32(0), wire.Tunnel{})
			return in(k, frame(t, mac3))
		}},
		{"no_node", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			put(k, "iom_nodes", uint32(1), wire.Node{})
			return in(k, frame(t, mac3))
		}},
		{"no_node", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			v, _ := k.Run("relay_in", lo, markRelay, geneve(t, peer, 1, frame(t, mac1), nil)) // to ourselves
			return v
		}},
		{"no_route", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			k.Node(1, iom.Addr(peer), iom.Addr(own), 0)
			return in(k, frame(t, mac3))
		}},
		{"too_big", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			k.Node(1, iom.Addr(peer), iom.Addr(own), 90)
			return in(k, frame(t, mac3))
		}},
		{"decap_failed", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, peer, 1, append(append(append([]byte{}, mac1...), mac2...), 0x88, 0xcc, 1, 2), nil))
		}},
		{"truncated", 1, func(t *testing.T, k *iomtest.Kit) uint32 {
			inner := frame(t, mac1)
			inner[14] = 0x55
			return under(k, geneve(t, peer, 1, inner, nil))
		}},
		{"tunnel_malformed", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, peer, 1, frame(t, mac1), func(g *layers.Geneve) { g.Protocol = layers.EthernetTypeIPv4 }))
		}},
		{"tunnel_malformed", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, peer, 1, frame(t, mac1), func(g *layers.Geneve) { g.Version = 1 }))
		}},
		{"tunnel_malformed", 0, func(t *testing.T, k *iomtest.Kit) uint32 { // no inner frame
			return under(k, geneve(t, peer, 1, nil, nil))
		}},
		{"tunnel_malformed", 0, func(t *testing.T, k *iomtest.Kit) uint32 { // keys of another length
			return under(k, geneve(t, peer, 1, frame(t, mac1), func(g *layers.Geneve) { g.Options[0].Data = make([]byte, 8) }))
		}},
		{"tunnel_unknown_node", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, netip.MustParseAddr("172.31.0.99"), 1, frame(t, mac1), nil))
		}},
		{"tunnel_no_keys", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, peer, 1, frame(t, mac1), func(g *layers.Geneve) { g.Options = nil }))
		}},
		{"tunnel_option", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, peer, 1, frame(t, mac1), func(g *layers.Geneve) { g.Options[0].Class = 0x0103 }))
		}},
		{"tunnel_unknown_key", 0, func(t *testing.T, k *iomtest.Kit) uint32 { return under(k, geneve(t, peer, 77, frame(t, mac1), nil)) }},
		{"tunnel_unknown_key", 0, func(t *testing.T, k *iomtest.Kit) uint32 {
			return under(k, geneve(t, peer, 1, frame(t, mac1), func(g *layers.Geneve) { g.VNI = 8 }))
		}},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		seen[tt.reason] = true
		t.Run(tt.reason, func(t *testing.T) {
			k := node(t)
			if v := tt.run(t, k); v != shot {
				t.Errorf("verdict %d, want a drop", int32(v))
			}
			if n := k.Counter("iom", tt.reason, tt.dp, 0); n != 1 {
				t.Errorf("counter is %d, want 1", n)
			}
		})
	}
	// The kernel gives no occasion for a refused encapsulation, tag or rewrite of what has passed the checks before it.
	seen["encap_failed"], seen["tag_failed"], seen["rewrite_failed"] = true, true, true
	reasons, err := node(t).Spec().Drops("iom")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons {
		if !seen[r.Name] {
			t.Errorf("drop reason %q has no test", r.Name)
		}
	}
}

// noOccasion are the reasons for which the kernel gives no occasion after the checks that come before: an LRU table makes room.
var noOccasion = map[string]bool{"router.rewrite_failed": true, "acl.no_room": true}

// TestModuleReasons: each drop reason of each module is in a story of the module.
func TestModuleReasons(t *testing.T) {
	spec, err := iom.NewSpec(std.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range spec.Kinds {
		stories := readTests(t, "../../modules/"+kind.Name)
		reasons, err := spec.Drops(kind.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reasons {
			if noOccasion[kind.Name+"."+r.Name] {
				continue
			}
			if !strings.Contains(stories, kind.Name+"."+r.Name) && !strings.Contains(stories, `"`+r.Name+`"`) {
				t.Errorf("drop reason %s.%s is in no story", kind.Name, r.Name)
			}
			if r.Text == "" {
				t.Errorf("drop reason %s.%s has no text", kind.Name, r.Name)
			}
		}
	}
}

// readTests is the text of all tests of a folder.
func readTests(t *testing.T, dir string) string {
	files, err := filepath.Glob(dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestNotOurs: what is not Geneve for this node's tunnel end is the host's.
func TestNotOurs(t *testing.T) {
	k := node(t)
	good := geneve(t, peer, 1, frame(t, mac1), nil)
	change := func(offset int, b byte) []byte {
		out := append([]byte{}, good...)
		out[offset] = b
		return out
	}
	for name, f := range map[string][]byte{
		"another port":      change(37, 0xc2),
		"another address":   change(33, 99),
		"TCP":               change(23, 6),
		"a later fragment":  change(21, 9),
		"ARP":               iomtest.ARP(t, 1, mac1, mac2, mac1, ip1, ip2),
		"too short for UDP": good[:36],
	} {
		t.Run(name, func(t *testing.T) {
			if v, _ := k.Run("underlay_in", lo, 0, f); v != next {
				t.Errorf("verdict %d", int32(v))
			}
		})
	}
	if v, _ := k.Run("vif_out", lo, markDone, good); v != next {
		t.Errorf("what a pipeline sent is stopped: %d", int32(v))
	}
}

// TestEncapsulation: the outer headers are OVN's, for IP and other frames, and what goes in comes out.
func TestEncapsulation(t *testing.T) {
	v6 := iomtest.UDP(t, mac1, mac3, netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::3"), 1, 2)
	for name, inner := range map[string][]byte{"IPv4": frame(t, mac3), "IPv6": v6, "ARP": iomtest.ARP(t, 1, mac1, mac3, mac1, ip1, ip2)} {
		t.Run(name, func(t *testing.T) {
			k := node(t)
			verdict, out := k.Run("vif_in", lo, 0, inner)
			if verdict != redirect {
				t.Fatalf("verdict %d", int32(verdict))
			}
			p := iomtest.Decode(out)
			ip, udp := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4), p.Layer(layers.LayerTypeUDP).(*layers.UDP)
			g := p.Layer(layers.LayerTypeGeneve).(*layers.Geneve)
			got := []any{ip.SrcIP.String(), ip.DstIP.String(), ip.TTL, ip.Flags, int(ip.Length), udp.DstPort, udp.SrcPort >= 0x8000, udp.Checksum,
				int(udp.Length), g.VNI, g.Protocol, g.CriticalOption, g.Options[0].Class, g.Options[0].Type, g.Options[0].Data}
			want := []any{own.String(), peer.String(), uint8(64), layers.IPv4DontFragment, len(inner) + 44, layers.UDPPort(6081), true, uint16(0),
				len(inner) + 24, uint32(vni), layers.EthernetTypeTransparentEthernetBridging, true, uint16(0x0102), uint8(0x80), []byte{0, 1, 0, 3}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outer headers: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(inner, out[58:]); diff != "" {
				t.Errorf("inner frame: -want +got:\n%s", diff)
			}
			if sum := checksum(out[14:34]); sum != 0 {
				t.Errorf("outer header's checksum is off by %#x", sum)
			}
		})
	}
}

// TestEncapsulation6: the same over IPv6, with the inner packet's class of service where that is wanted.
func TestEncapsulation6(t *testing.T) {
	v4 := iomtest.UDP(t, mac1, mac4, ip1, ip2, 1, 2)
	v4[15] = 0xb8 // DSCP EF; the checksum does not matter here
	for name, inner := range map[string][]byte{"IPv4": v4, "ARP": iomtest.ARP(t, 1, mac1, mac4, mac1, ip1, ip2)} {
		t.Run(name, func(t *testing.T) {
			k := node(t)
			put(k, "iom_tunnel_end", uint32(0), wire.Tunnel{Relay: 1, Flags: wire.TunnelInheritTOS, Tos: 0x20})
			verdict, out := k.Run("vif_in", lo, 0, inner)
			if verdict != redirect {
				t.Fatalf("verdict %d", int32(verdict))
			}
			class := uint8(0x20)
			if name == "IPv4" {
				class = 0xb8
			}
			p := iomtest.Decode(out)
			ip, udp := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6), p.Layer(layers.LayerTypeUDP).(*layers.UDP)
			g := p.Layer(layers.LayerTypeGeneve).(*layers.Geneve)
			got := []any{ip.SrcIP.String(), ip.DstIP.String(), ip.HopLimit, ip.TrafficClass, int(ip.Length), udp.DstPort, udp.Checksum, int(udp.Length), g.VNI, g.Options[0].Data}
			want := []any{own6.String(), peer6.String(), uint8(64), class, len(inner) + 24, layers.UDPPort(6081), uint16(0), len(inner) + 24, uint32(vni), []byte{0, 1, 0, 4}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outer headers: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(inner, out[78:]); diff != "" {
				t.Errorf("inner frame: -want +got:\n%s", diff)
			}
		})
	}
}

// TestFragmentation: DF as the tunnel's options say.
func TestFragmentation(t *testing.T) {
	k := node(t)
	put(k, "iom_tunnel_end", uint32(0), wire.Tunnel{Relay: 1, Flags: wire.TunnelMayFragment, Tos: 0x48})
	_, out := k.Run("vif_in", lo, 0, frame(t, mac3))
	if ip := iomtest.Decode(out).Layer(layers.LayerTypeIPv4).(*layers.IPv4); ip.Flags != 0 || ip.TOS != 0x48 || checksum(out[14:34]) != 0 {
		t.Errorf("flags %v, TOS %#x", ip.Flags, ip.TOS)
	}
}

// TestDecapsulation: a packet from a peer reaches its port, with or without other options before OVN's.
func TestDecapsulation(t *testing.T) {
	v6 := iomtest.UDP(t, mac3, mac1, netip.MustParseAddr("fd00::3"), netip.MustParseAddr("fd00::1"), 1, 2)
	other := func(g *layers.Geneve) {
		g.Options = append([]*layers.GeneveOption{{Class: 0x9999, Type: 1, Data: make([]byte, 8)}}, g.Options...)
	}
	for name, f := range map[string][]byte{
		"IPv4": geneve(t, peer, 1, frame(t, mac1), nil), "IPv6": geneve(t, peer, 1, v6, nil),
		"IPv4 over IPv6": geneve(t, peer6, 1, frame(t, mac1), nil), "IPv6 over IPv6": geneve(t, peer6, 1, v6, nil),
		"ARP over IPv6":        geneve(t, peer6, 1, iomtest.ARP(t, 1, mac3, mac1, mac3, ip2, ip1), nil),
		"ARP":                  geneve(t, peer, 1, iomtest.ARP(t, 1, mac3, mac1, mac3, ip2, ip1), nil),
		"another option first": geneve(t, peer, 1, frame(t, mac1), other),
	} {
		t.Run(name, func(t *testing.T) {
			k := node(t)
			verdict, out := k.Run("underlay_in", lo, 0, f)
			inner := iomtest.Decode(f).Layer(layers.LayerTypeGeneve).LayerPayload()
			if diff := cmp.Diff(inner, out); diff != "" || verdict != redirect {
				t.Errorf("verdict %d, -want +got:\n%s", int32(verdict), diff)
			}
		})
	}
}

// checksum is what remains of a header's Internet checksum; 0 when it is right.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// TestResume: what user space sends on enters by the port that it names, or leaves its switch by it.
func TestResume(t *testing.T) {
	k := node(t)
	for _, c := range []struct {
		name    string
		resume  wire.Resume
		frame   []byte
		verdict uint32
		tx      string // port that the packet was delivered to
	}{
		{"enters", wire.Resume{Dp: 1, Port: k.Slot("lp1")}, frame(t, mac2), redirect, "lp2"},
		{"leaves", wire.Resume{Dp: 1, Port: k.Slot("lp1"), Leaves: 1}, frame(t, mac2), redirect, "lp1"},
		{"shorter than the trailer", wire.Resume{}, nil, shot, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := delivered(t, k, c.tx)
			f := append(c.frame, iom.Bytes(c.resume)...)
			if c.frame == nil {
				f = make([]byte, 14)
			}
			if v, _ := k.Run("relay_out", lo, uint32(wire.MarkResume), f); v != c.verdict {
				t.Errorf("verdict %d, want %d", int32(v), c.verdict)
			}
			if c.tx != "" && delivered(t, k, c.tx) != before+1 {
				t.Errorf("%s got %d packets more, want 1", c.tx, delivered(t, k, c.tx)-before)
			}
		})
	}
}

// delivered is how many packets a port got.
func delivered(t *testing.T, k *iomtest.Kit, port string) uint64 {
	if port == "" {
		return 0
	}
	stats, err := iom.SumCPUs[wire.Stats](k.Set().Maps["iom_port_stats"], k.Slot(port))
	if err != nil {
		t.Fatal(err)
	}
	return stats.TxPackets
}
