package packetpath

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/bench/rig"
)

// Ports with keys 1..flows are plugged here, flows+1..2*flows on other nodes.
const (
	flows = 4096
	peers = 64
)

func mac(key uint16) [6]byte { return [6]byte{0x0a, 4: byte(key >> 8), 5: byte(key)} }

// half counts the halves of the ports here from 0, and goes on with those of the ports elsewhere.
func half(key uint16) int { return int(key-1) / (flows / 2) }

func addr(key uint16) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(half(key)), byte(key >> 8), byte(key)})
}

// The underlay's addresses: this node's, and that of a peer, counted from 0.
var nodeAddr = netip.AddrFrom4([4]byte{172, 31, 0, 1})

func peerAddr(peer int) netip.Addr { return netip.AddrFrom4([4]byte{172, 31, 1, byte(peer)}) }

// peerOf is the peer that has a remote port.
func peerOf(key uint16) int { return int(key) % peers }

// flow is who sends to whom, by port keys, and from which UDP port to which.
type flow struct{ from, to, sport, dport uint16 }

func question(from, to uint16) flow { return flow{from, to, 1024 + from, 53} }

// answer is what the receiver sends back.
func (f flow) answer() flow { return flow{f.to, f.from, f.dport, f.sport} }

// mix pairs the ports from+1..from+flows with to+1..to+flows: each sends once and receives once, in no order, and never a port with itself.
func mix(from, to uint16) []flow {
	order := rand.New(rand.NewPCG(1, 2)).Perm(flows)
	out := make([]flow, flows)
	for i := range out {
		out[i] = question(from+1+uint16(order[i]), to+1+uint16(order[(i+flows/2)%flows]))
	}
	return out
}

// across pairs each port here with one of the other half, in no order.
func across() []flow {
	out := make([]flow, flows)
	for i, f := range mix(0, 0) {
		out[i] = question(f.from, (f.from-1+flows/2)%flows+1)
	}
	return out
}

// frame is a UDP packet of 64 bytes within a switch.
func frame(f flow) ([]byte, error) { return serialize(inner(f, mac(f.to))...) }

// routedFrame is one by way of the router.
func routedFrame(f flow) ([]byte, error) { return serialize(inner(f, routerMAC)...) }

func inner(f flow, dst [6]byte) []gopacket.SerializableLayer {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: addr(f.from).AsSlice(), DstIP: addr(f.to).AsSlice()}
	return []gopacket.SerializableLayer{ethernet(mac(f.from), dst), ip, udp(ip, f.sport, f.dport), gopacket.Payload(make([]byte, 18))}
}

// tunnelled is a frame as a peer sends it to this node.
func tunnelled(f flow) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, Flags: layers.IPv4DontFragment,
		SrcIP: peerAddr(peerOf(f.from)).AsSlice(), DstIP: nodeAddr.AsSlice()}
	keys := []byte{byte(f.from >> 8), byte(f.from), byte(f.to >> 8), byte(f.to)}
	outer := []gopacket.SerializableLayer{ethernet([6]byte{2, 5: 1}, [6]byte{2, 5: 2}), ip, udp(ip, 0x8000|f.from, 6081),
		&layers.Geneve{CriticalOption: true, Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: rig.VNI,
			Options: []*layers.GeneveOption{{Class: 0x0102, Type: 0x80, Length: 8, Data: keys}}}}
	return serialize(append(outer, inner(f, mac(f.to))...)...)
}

func ethernet(src, dst [6]byte) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: net.HardwareAddr(src[:]), DstMAC: net.HardwareAddr(dst[:]), EthernetType: layers.EthernetTypeIPv4}
}

func udp(ip *layers.IPv4, src, dst uint16) *layers.UDP {
	u := &layers.UDP{SrcPort: layers.UDPPort(src), DstPort: layers.UDPPort(dst)}
	_ = u.SetNetworkLayerForChecksum(ip) // refuses only what is no IP
	return u
}

func serialize(stack ...gopacket.SerializableLayer) ([]byte, error) {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...); err != nil {
		return nil, fmt.Errorf("build frame: %w", err)
	}
	return buf.Bytes(), nil
}

// traffic is a set of flows, as frames.
type traffic struct {
	flows  []flow
	frames [][]byte
}

func newTraffic(of []flow, build func(flow) ([]byte, error)) (t traffic, err error) {
	t = traffic{of, make([][]byte, len(of))}
	for i, f := range of {
		if t.frames[i], err = build(f); err != nil {
			return t, err
		}
	}
	return t, nil
}

// answers is the traffic back.
func (t traffic) answers(build func(flow) ([]byte, error)) (traffic, error) {
	back := make([]flow, len(t.flows))
	for i, f := range t.flows {
		back[i] = f.answer()
	}
	return newTraffic(back, build)
}
