// Package frametest builds and reads frames for tests by another implementation than package frame.
package frametest

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Build makes a frame with the right lengths and checksums.
func Build(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var ip gopacket.NetworkLayer
	for _, l := range list {
		if n, ok := l.(gopacket.NetworkLayer); ok {
			ip = n
		}
		useForChecksum(t, l, ip)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// useForChecksum tells a transport layer its IP header.
func useForChecksum(t testing.TB, layer any, ip gopacket.NetworkLayer) {
	t.Helper()
	c, ok := layer.(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	})
	if !ok || ip == nil {
		return
	}
	if err := c.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
}

// UDP makes a frame with a datagram. MAC addresses are text.
func UDP(t testing.TB, srcMAC, dstMAC, src, dst string, sport, dport uint16, payload []byte) []byte {
	t.Helper()
	udp := &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
	return Build(t, append(IP(t, srcMAC, dstMAC, src, dst, layers.IPProtocolUDP), udp, gopacket.Payload(payload))...)
}

// IP is an Ethernet and an IP header.
func IP(t testing.TB, srcMAC, dstMAC, src, dst string, protocol layers.IPProtocol) []gopacket.SerializableLayer {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: mac(t, srcMAC), DstMAC: mac(t, dstMAC), EthernetType: layers.EthernetTypeIPv4}
	from, to := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	if from.Is4() {
		return []gopacket.SerializableLayer{eth,
			&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: protocol, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}}
	}
	eth.EthernetType = layers.EthernetTypeIPv6
	return []gopacket.SerializableLayer{eth,
		&layers.IPv6{Version: 6, HopLimit: 255, NextHeader: protocol, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}}
}

func mac(t testing.TB, s string) net.HardwareAddr {
	t.Helper()
	m, err := net.ParseMAC(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Decode reads a frame. A wrong checksum or length fails the test.
func Decode(t testing.TB, frame []byte) gopacket.Packet {
	t.Helper()
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	if l := p.ErrorLayer(); l != nil {
		t.Fatalf("decode frame: %v", l.Error())
	}
	if p.Metadata().Truncated {
		t.Fatal("frame is cut")
	}
	for _, l := range p.Layers() {
		useForChecksum(t, l, p.NetworkLayer())
	}
	if errs, mismatches := p.VerifyChecksums(); errs != nil || len(mismatches) > 0 {
		t.Fatalf("verify checksums: %v %+v", errs, mismatches)
	}
	return p
}

// Text is the headers of a frame in one line.
func Text(t testing.TB, frame []byte) string {
	t.Helper()
	var words []string
	for _, l := range Decode(t, frame).Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			words = append(words, fmt.Sprintf("%s > %s", l.SrcMAC, l.DstMAC))
		case *layers.IPv4:
			words = append(words, fmt.Sprintf("%s > %s ttl %d", l.SrcIP, l.DstIP, l.TTL))
		case *layers.IPv6:
			words = append(words, fmt.Sprintf("%s > %s ttl %d", l.SrcIP, l.DstIP, l.HopLimit))
		case *layers.UDP:
			words = append(words, fmt.Sprintf("udp %d > %d", l.SrcPort, l.DstPort))
		case *layers.TCP:
			words = append(words, fmt.Sprintf("tcp %d > %d seq %d ack %d %s", l.SrcPort, l.DstPort, l.Seq, l.Ack, tcpFlags(l)))
		case *layers.ICMPv4:
			words = append(words, fmt.Sprintf("icmp %d/%d", l.TypeCode.Type(), l.TypeCode.Code()))
		case *layers.ICMPv6:
			words = append(words, fmt.Sprintf("icmp6 %d/%d", l.TypeCode.Type(), l.TypeCode.Code()))
		case *layers.ARP:
			words = append(words, fmt.Sprintf("arp %d %s %s > %s %s", l.Operation,
				net.HardwareAddr(l.SourceHwAddress), net.IP(l.SourceProtAddress), net.HardwareAddr(l.DstHwAddress), net.IP(l.DstProtAddress)))
		case *layers.ICMPv6NeighborSolicitation:
			words = append(words, fmt.Sprintf("ns %s %s", l.TargetAddress, l.Options))
		case *layers.ICMPv6NeighborAdvertisement:
			words = append(words, fmt.Sprintf("na %s flags %#x %s", l.TargetAddress, l.Flags, l.Options))
		}
	}
	return strings.Join(words, " ")
}

func tcpFlags(l *layers.TCP) string {
	var s string
	for _, f := range []struct {
		set  bool
		name string
	}{{l.SYN, "S"}, {l.FIN, "F"}, {l.RST, "R"}, {l.ACK, "A"}} {
		if f.set {
			s += f.name
		}
	}
	return s
}
