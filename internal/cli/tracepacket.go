package cli

import (
	"fmt"
	"net"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// packetField is a field of a packet under the name that OVN's match language has for it (ovn-sb(5), Logical_Flow).
type packetField struct{ name, value string }

// packetFields reads an Ethernet frame.
type packetFields []packetField

func readPacket(frame []byte) packetFields {
	var f packetFields
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	for _, layer := range packet.Layers() {
		f.addLayer(layer)
	}
	if packet.Metadata().Truncated {
		f.add("truncated", true)
	}
	return f
}

// String is the fields as a line.
func (f packetFields) String() string {
	words := make([]string, len(f))
	for i, field := range f {
		words[i] = field.name + "=" + field.value
	}
	return strings.Join(words, " ")
}

func (f *packetFields) add(name string, value any) {
	*f = append(*f, packetField{name, fmt.Sprint(value)})
}

func (f *packetFields) addLayer(layer gopacket.Layer) {
	switch l := layer.(type) {
	case *layers.Ethernet:
		f.add("eth.src", l.SrcMAC)
		f.add("eth.dst", l.DstMAC)
		f.addType(l.EthernetType)
	case *layers.Dot1Q:
		f.add("vlan.vid", l.VLANIdentifier)
		f.add("vlan.pcp", l.Priority)
		f.addType(l.Type)
	case *layers.ARP:
		f.add("arp.op", l.Operation)
		f.add("arp.sha", net.HardwareAddr(l.SourceHwAddress))
		f.add("arp.spa", net.IP(l.SourceProtAddress))
		f.add("arp.tha", net.HardwareAddr(l.DstHwAddress))
		f.add("arp.tpa", net.IP(l.DstProtAddress))
	case *layers.IPv4:
		f.add("ip4.src", l.SrcIP)
		f.add("ip4.dst", l.DstIP)
		f.addIP(l.Protocol, l.TTL, l.TOS)
		if l.Flags&layers.IPv4MoreFragments != 0 || l.FragOffset != 0 {
			f.add("offset", int(l.FragOffset)*8)
		}
	case *layers.IPv6:
		f.add("ip6.src", l.SrcIP)
		f.add("ip6.dst", l.DstIP)
		f.addIP(l.NextHeader, l.HopLimit, l.TrafficClass)
	default:
		f.addTransport(layer)
	}
}

// addType adds an ethertype, unless the fields that follow tell it.
func (f *packetFields) addType(t layers.EthernetType) {
	switch t {
	case layers.EthernetTypeIPv4, layers.EthernetTypeIPv6, layers.EthernetTypeARP, layers.EthernetTypeDot1Q:
	default:
		f.add("eth.type", fmt.Sprintf("%#04x", uint16(t)))
	}
}

func (f *packetFields) addIP(proto layers.IPProtocol, ttl, trafficClass uint8) {
	f.add("ip.proto", uint8(proto))
	f.add("ip.ttl", ttl)
	if trafficClass != 0 {
		f.add("ip.dscp", trafficClass>>2)
		f.add("ip.ecn", trafficClass&3)
	}
}

func (f *packetFields) addTransport(layer gopacket.Layer) {
	switch l := layer.(type) {
	case *layers.TCP:
		f.add("tcp.src", uint16(l.SrcPort))
		f.add("tcp.dst", uint16(l.DstPort))
		f.add("tcp.flags", fmt.Sprintf("%#x", l.Contents[13]))
	case *layers.UDP:
		f.add("udp.src", uint16(l.SrcPort))
		f.add("udp.dst", uint16(l.DstPort))
	case *layers.SCTP:
		f.add("sctp.src", uint16(l.SrcPort))
		f.add("sctp.dst", uint16(l.DstPort))
	case *layers.ICMPv4:
		f.add("icmp4.type", l.TypeCode.Type())
		f.add("icmp4.code", l.TypeCode.Code())
	case *layers.ICMPv6:
		f.add("icmp6.type", l.TypeCode.Type())
		f.add("icmp6.code", l.TypeCode.Code())
	case *layers.ICMPv6NeighborSolicitation:
		f.add("nd.target", l.TargetAddress)
		f.addOption("nd.sll", layers.ICMPv6OptSourceAddress, l.Options)
	case *layers.ICMPv6NeighborAdvertisement:
		f.add("nd.target", l.TargetAddress)
		f.addOption("nd.tll", layers.ICMPv6OptTargetAddress, l.Options)
	}
}

func (f *packetFields) addOption(name string, kind layers.ICMPv6Opt, options layers.ICMPv6Options) {
	for _, o := range options {
		if o.Type == kind {
			f.add(name, net.HardwareAddr(o.Data))
		}
	}
}

// changes lists the fields in which two packets differ, in the order of the second; "" stands for a field that is not there.
func changes(before, after packetFields) []FieldChange {
	values := map[string]string{}
	for _, field := range before {
		values[field.name] = field.value
	}
	list := []FieldChange{}
	for _, field := range after {
		if values[field.name] != field.value {
			list = append(list, FieldChange{Field: field.name, Before: values[field.name], After: field.value})
		}
		delete(values, field.name)
	}
	for _, field := range before {
		if value, gone := values[field.name]; gone {
			list = append(list, FieldChange{Field: field.name, Before: value})
		}
	}
	return list
}
