// Package flows tests the flow cache (<iom/flow.h>): what packets fare like when it sends them on at once, which ones it must leave to the modules, and
// what makes it forget.
package flows

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	acl "woven.dev/woven/modules/acl/config"
	l2switch "woven.dev/woven/modules/l2switch/config"
	router "woven.dev/woven/modules/router/config"
	"woven.dev/woven/modules/std"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package flows -output-stem stranger stranger stranger.bpf.c -- -I../../sdk/include -O2 -fno-strict-aliasing -mcpu=v3 -Wall -Wextra -Wno-unused-function

// node is the node under test. Switch 0 has the ports vm0 and mate here and far on another node; switch 1 has vm1, switch 2 has vm2 on another node. Port
// lrN of switch N leads to the router.
type node struct {
	*iomtest.Kit
	t *testing.T
	// stamp is what tables are said to be of.
	stamp uint64
}

// cloud is what a node is made of.
type cloud struct {
	acls     *acl.Config // of all switches; nil: none
	services []iomtest.Service
	router   func(*router.Config)
	port     func(*l2switch.Port) // of vm0
}

// Keys of ports.
const (
	keyVM, keyMate, keyFar, keyRouter = 1, 2, 3, 9
)

// Hosts by switch and key: their MAC addresses and addresses.
func mac(sw, key byte) net.HardwareAddr { return net.HardwareAddr{0x0a, 0, 0, 0, sw, key} }

func addr(family int, sw, key byte) netip.Addr {
	if family == 4 {
		return netip.AddrFrom4([4]byte{10, 0, sw, key})
	}
	return netip.MustParseAddr(fmt.Sprintf("fd00:%x::%x", sw, key))
}

func newNode(t *testing.T, c cloud) *node {
	t.Helper()
	kinds := append(std.Kinds(), iom.Kind{Name: "stranger", Load: loadStranger, Entries: func(iom.Instance, *iom.Tables) error { return nil }})
	n := &node{Kit: iomtest.New(t, kinds...), t: t}
	own := iom.Addr(netip.MustParseAddr("172.31.0.10"))
	n.Tunnel(own)
	n.Node(1, iom.Addr(netip.MustParseAddr("172.31.0.11")), own, 1500)
	for sw := range byte(3) {
		n.addSwitch(sw, c)
	}
	n.addRouter(c)
	n.changed()
	return n
}

func (n *node) addSwitch(sw byte, c cloud) {
	cfg := &l2switch.Config{FloodGroup: 32768, UnknownGroup: 32769, Ports: map[uint16]l2switch.Port{}, FDB: map[[6]byte]uint16{}}
	in := iomtest.Instance{Kind: l2switch.Kind, VNI: uint32(10 + sw), Config: cfg, Services: c.services}
	if c.acls != nil {
		in.Services = append(in.Services, iomtest.Service{Kind: acl.Kind, Config: c.acls})
	}
	for key, name := range map[uint16]string{keyVM: "vm", keyMate: "mate", keyFar: "far", keyRouter: "lr"} {
		port := iomtest.Port{Name: fmt.Sprint(name, sw), Key: key}
		if key == keyFar || sw == 2 && key == keyVM {
			port.Node = 1
		}
		in.Ports = append(in.Ports, port)
		settings := l2switch.Port{Enabled: true}
		if c.port != nil && sw == 0 && key == keyVM {
			c.port(&settings)
		}
		cfg.Ports[key] = settings
		cfg.FDB[[6]byte(mac(sw, byte(key)))] = key
	}
	in.Groups = map[uint16][]uint16{32768: {keyVM, keyMate, keyFar, keyRouter}, 32769: {keyMate}}
	n.Add(in)
}

func (n *node) addRouter(c cloud) {
	cfg := &router.Config{Ports: map[uint16]router.Port{}, Neighbours: map[router.Neighbour][6]byte{}}
	in := iomtest.Instance{Kind: router.Kind, VNI: 99, Config: cfg}
	for sw := range byte(3) {
		key := uint16(sw + 1)
		cfg.Ports[key] = router.Port{Enabled: true, MAC: [6]byte(mac(sw, keyRouter)),
			Networks: []netip.Prefix{netip.PrefixFrom(addr(4, sw, 254), 24), netip.PrefixFrom(addr(6, sw, 254), 64)}}
		for _, family := range []int{4, 6} {
			for _, host := range []byte{keyVM, keyMate} {
				cfg.Neighbours[router.Neighbour{Port: key, Addr: addr(family, sw, host)}] = [6]byte(mac(sw, host))
			}
		}
		in.Ports = append(in.Ports, iomtest.Port{Name: fmt.Sprint("lrp", sw), Key: key, Peer: fmt.Sprint("lr", sw)})
	}
	if c.router != nil {
		c.router(cfg)
	}
	n.Add(in)
}

// changed is what hover does when it has written tables.
func (n *node) changed() {
	n.stamp++
	t := &iom.Tables{}
	iom.Put(t, "iom_flow_stamps", uint32(0), n.stamp)
	n.Write(t)
}

// use sets how the cache is used.
func (n *node) use(c wire.FlowConfig) {
	t := &iom.Tables{}
	iom.Put(t, "iom_flow_configs", uint32(0), c)
	n.Write(t)
}

// outcome is what became of a packet.
type outcome struct {
	Verdict uint32
	Packet  []byte // as it left the last program
	To      string // the port of this node that it was delivered to
}

const redirected = 7

// loopback is the only device that there is for sure.
const loopback = 1

// counts are what the cache has counted.
func (n *node) counts() wire.FlowCount {
	n.t.Helper()
	sum, err := iom.SumCPUs[wire.FlowCount](n.Set().Maps["iom_flow_counts"], 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return sum
}

// delivered are the packets that the ports of this node got, by name.
func (n *node) delivered() map[string]uint64 {
	n.t.Helper()
	counts := map[string]uint64{}
	for _, port := range []string{"vm0", "mate0", "vm1", "mate1", "mate2"} {
		stats, err := iom.SumCPUs[wire.Stats](n.Set().Maps["iom_port_stats"], n.Slot(port))
		if err != nil {
			n.t.Fatal(err)
		}
		counts[port] = stats.TxPackets
	}
	return counts
}

// send has a port send a frame by the loopback device, on one CPU, as each has a cache of its own.
func (n *node) send(port string, frame []byte) outcome {
	n.t.Helper()
	t := &iom.Tables{}
	iom.Put(t, "iom_bindings", uint32(loopback), n.Slot(port))
	n.Write(t)
	before := n.delivered()
	var o outcome
	n.onFirstCPU(func() { o.Verdict, o.Packet = n.Run(iom.ProgVIFIn, loopback, 0, frame) })
	for port, count := range n.delivered() {
		if count != before[port] {
			o.To += port
		}
	}
	return o
}

func (n *node) onFirstCPU(f func()) {
	n.t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		n.t.Fatal(err)
	}
	first.Set(0)
	if err := unix.SchedSetaffinity(0, &first); err != nil {
		n.t.Fatal(err)
	}
	defer unix.SchedSetaffinity(0, &all)
	f()
}

// hits sends a frame and says whether the cache sent it on; what became of it is to be want.
func (n *node) hits(port string, frame []byte, want outcome) bool {
	n.t.Helper()
	before := n.counts().Hits
	if got := n.send(port, frame); got.Verdict != want.Verdict || got.To != want.To || !bytes.Equal(got.Packet, want.Packet) {
		n.t.Errorf("it fares otherwise now:\nhave %+v\nwant %+v", got, want)
	}
	return n.counts().Hits > before
}

// Frames.

// way is where a frame goes from and to: hosts by switch and key. Through a router unless both are of one switch.
type way struct {
	family   int
	from, to [2]byte // switch, key
}

func (w way) back() way { return way{w.family, w.to, w.from} }

func (w way) port() string {
	return map[byte]string{keyVM: "vm", keyMate: "mate", keyFar: "far"}[w.from[1]] + fmt.Sprint(w.from[0])
}

func (w way) frame(t *testing.T, ttl uint8, stack ...gopacket.SerializableLayer) []byte {
	t.Helper()
	dmac := mac(w.to[0], w.to[1])
	if w.from[0] != w.to[0] {
		dmac = mac(w.from[0], keyRouter)
	}
	src, dst := addr(w.family, w.from[0], w.from[1]), addr(w.family, w.to[0], w.to[1])
	proto := layers.IPProtocolUDP
	if stack[0].LayerType() == layers.LayerTypeTCP {
		proto = layers.IPProtocolTCP
	}
	ip := iomtest.IP(src, dst, proto)
	switch h := ip.(type) {
	case *layers.IPv4:
		h.TTL = ttl
	case *layers.IPv6:
		h.HopLimit = ttl
	}
	return iomtest.Frame(t, append([]gopacket.SerializableLayer{iomtest.Eth(mac(w.from[0], w.from[1]), dmac, iomtest.EtherType(src)), ip}, stack...)...)
}

func (w way) udp(t *testing.T, sport, dport uint16) []byte {
	return w.frame(t, 64, &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}, gopacket.Payload("payload"))
}

// tcp is a segment with flags: S, A, F, R, P.
func (w way) tcp(t *testing.T, sport, dport uint16, flags string) []byte {
	h := &layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), Window: 1000}
	for _, f := range flags {
		switch f {
		case 'S':
			h.SYN = true
		case 'A':
			h.ACK = true
		case 'F':
			h.FIN = true
		case 'R':
			h.RST = true
		case 'P':
			h.PSH = true
		}
	}
	return w.frame(t, 64, h, gopacket.Payload("payload"))
}
