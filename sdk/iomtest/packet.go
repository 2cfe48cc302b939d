package iomtest

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Frame serialises layers, with lengths and checksums computed. IP layers must stand before their transport.
func Frame(t testing.TB, stack ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var network gopacket.NetworkLayer
	for _, l := range stack {
		switch l := l.(type) {
		case *layers.IPv4:
			network = l
		case *layers.IPv6:
			network = l
		case interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}:
			if err := l.SetNetworkLayerForChecksum(network); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Decode parses a frame.
func Decode(frame []byte) gopacket.Packet {
	return gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
}

// MAC parses a hardware address.
func MAC(t testing.TB, s string) net.HardwareAddr {
	t.Helper()
	m, err := net.ParseMAC(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Eth is an Ethernet header.
func Eth(src, dst net.HardwareAddr, proto layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: src, DstMAC: dst, EthernetType: proto}
}

// IP is an IP header of the family of src.
func IP(src, dst netip.Addr, proto layers.IPProtocol) gopacket.SerializableLayer {
	if src.Is4() {
		return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
}

// EtherType is the ethertype of an address' family.
func EtherType(a netip.Addr) layers.EthernetType {
	if a.Is4() {
		return layers.EthernetTypeIPv4
	}
	return layers.EthernetTypeIPv6
}

// UDP is a UDP datagram in an Ethernet frame.
func UDP(t testing.TB, smac, dmac net.HardwareAddr, src, dst netip.Addr, sport, dport uint16) []byte {
	t.Helper()
	return Frame(t, Eth(smac, dmac, EtherType(src)), IP(src, dst, layers.IPProtocolUDP),
		&layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}, gopacket.Payload("payload"))
}

// ARP is a request for (op 1) or an answer (op 2) about target.
func ARP(t testing.TB, op uint16, smac, dmac net.HardwareAddr, sha net.HardwareAddr, spa, tpa netip.Addr) []byte {
	t.Helper()
	return Frame(t, Eth(smac, dmac, layers.EthernetTypeARP), &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
		HwAddressSize: 6, ProtAddressSize: 4, Operation: op, SourceHwAddress: sha, SourceProtAddress: spa.AsSlice(),
		DstHwAddress: make([]byte, 6), DstProtAddress: tpa.AsSlice()})
}

// Solicit is a neighbour solicitation for target with a source link-layer address option, if lladdr is not nil.
func Solicit(t testing.TB, smac, dmac net.HardwareAddr, src, dst, target netip.Addr, lladdr net.HardwareAddr) []byte {
	t.Helper()
	ns := &layers.ICMPv6NeighborSolicitation{TargetAddress: target.AsSlice()}
	if lladdr != nil {
		ns.Options = layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: lladdr}}
	}
	ip := IP(src, dst, layers.IPProtocolICMPv6).(*layers.IPv6)
	ip.HopLimit = 255
	return Frame(t, Eth(smac, dmac, layers.EthernetTypeIPv6), ip,
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}, ns)
}

// Advertise is a neighbour advertisement for target with a target link-layer address option.
func Advertise(t testing.TB, smac, dmac net.HardwareAddr, src, dst, target netip.Addr, lladdr net.HardwareAddr) []byte {
	t.Helper()
	ip := IP(src, dst, layers.IPProtocolICMPv6).(*layers.IPv6)
	ip.HopLimit = 255
	return Frame(t, Eth(smac, dmac, layers.EthernetTypeIPv6), ip,
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborAdvertisement, 0)},
		&layers.ICMPv6NeighborAdvertisement{Flags: 0x60, TargetAddress: target.AsSlice(),
			Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptTargetAddress, Data: lladdr}}})
}
