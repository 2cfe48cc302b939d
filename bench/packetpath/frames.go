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

// The switch under test: ports with keys 1..flows are plugged here, flows+1..2*flows on other nodes.
const (
	flows = 4096
	peers = 64
)

func mac(key uint16) [6]byte { return [6]byte{0x0a, 4: byte(key >> 8), 5: byte(key)} }

func addr(key uint16) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(key >> 8), byte(key)}) }

// The underlay's addresses: this node's, and that of a peer, counted from 0.
var nodeAddr = netip.AddrFrom4([4]byte{172, 31, 0, 1})

func peerAddr(peer int) netip.Addr { return netip.AddrFrom4([4]byte{172, 31, 1, byte(peer)}) }

// peerOf is the peer that has a remote port.
func peerOf(key uint16) int { return int(key) % peers }

// flow is who sends to whom, by port keys.
type flow struct{ from, to uint16 }

// mix pairs the ports from+1..from+flows with to+1..to+flows: each sends once and receives once, in no order, and never a port with itself.
func mix(from, to uint16) []flow {
	order := rand.New(rand.NewPCG(1, 2)).Perm(flows)
	out := make([]flow, flows)
	for i := range out {
		out[i] = flow{from + 1 + uint16(order[i]), to + 1 + uint16(order[(i+flows/2)%flows])}
	}
	return out
}

// frame is a UDP packet of 64 bytes.
func frame(f flow) ([]byte, error) { return serialize(stack(f)...) }

func stack(f flow) []gopacket.SerializableLayer {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: addr(f.from).AsSlice(), DstIP: addr(f.to).AsSlice()}
	return []gopacket.SerializableLayer{ethernet(mac(f.from), mac(f.to)), ip, udp(ip, 1024+f.from, 53), gopacket.Payload(make([]byte, 18))}
}

// answer is what the receiver of a frame sends back.
func answer(f flow) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: addr(f.to).AsSlice(), DstIP: addr(f.from).AsSlice()}
	return serialize(ethernet(mac(f.to), mac(f.from)), ip, udp(ip, 53, 1024+f.from), gopacket.Payload(make([]byte, 18)))
}

// tunnelled is a frame as a peer sends it to this node.
func tunnelled(f flow) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, Flags: layers.IPv4DontFragment,
		SrcIP: peerAddr(peerOf(f.from)).AsSlice(), DstIP: nodeAddr.AsSlice()}
	keys := []byte{byte(f.from >> 8), byte(f.from), byte(f.to >> 8), byte(f.to)}
	outer := []gopacket.SerializableLayer{ethernet([6]byte{2, 5: 1}, [6]byte{2, 5: 2}), ip, udp(ip, 0x8000|f.from, 6081),
		&layers.Geneve{CriticalOption: true, Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: rig.VNI,
			Options: []*layers.GeneveOption{{Class: 0x0102, Type: 0x80, Length: 8, Data: keys}}}}
	return serialize(append(outer, stack(f)...)...)
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

// frames builds one for each flow.
func frames(of []flow, build func(flow) ([]byte, error)) ([][]byte, error) {
	out := make([][]byte, len(of))
	for i, f := range of {
		var err error
		if out[i], err = build(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}
