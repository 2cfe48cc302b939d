package ovnexpr

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// framed are the test microflows, and fields that ovn-trace does not take.
var framed = append(slices.Clone(flows),
	`inport == "p1" && ip4 && ip.dscp == 46 && ip.ecn == 1 && udp.src == 1 && udp.dst == 2`,
	`inport == "p1" && ip6.label == 0xfffff && ip.dscp == 63 && ip.ecn == 3 && sctp.src == 1 && sctp.dst == 2`,
	`inport == "p1" && ip6.src == fd00::1 && ip.frag == 1 && udp.src == 7 && ip.ttl == 255`,
	`inport == "p1" && ip6.src == fd00::1 && ip.frag == 3 && udp`,
	`inport == "p1" && rarp.op == 3 && rarp.sha == 0a:00:00:00:00:01 && rarp.tha == 0a:00:00:00:00:01 && vlan.vid == 4095`,
	`inport == "p1" && nd_na && nd.target == fd00::1`,
	`inport == "p1" && nd_ns && nd.target == fd00::1 && nd.sll == 0`,
	`inport == "p1" && ip4 && tcp.flags == 0xfff`,
	`inport == "p1" && icmp6.type == 128 && icmp6.code == 1`,
	`inport == "p1" && ip4 && ip.proto == 58`,
)

// TestFrame: what another decoder reads of the frame is what the microflow says, and the checksums are right.
func TestFrame(t *testing.T) {
	for _, text := range framed {
		fields, err := microflow(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		maps.DeleteFunc(fields.Ints, func(name string, v Uint128) bool { return isMetadata(name) || v.isZero() })
		frame, inport, err := fields.Frame()
		if err != nil || inport != fields.Texts["inport"] {
			t.Errorf("%s: inport %q, %v", text, inport, err)
			continue
		}
		got := decode(t, frame)
		got.Texts["inport"] = inport
		if got.String() != fields.String() {
			t.Errorf("%s:\n got %s\nwant %s", text, got, fields)
		}
	}
}

func isMetadata(name string) bool {
	for _, prefix := range []string{"xxreg", "xreg", "flags", "pkt.", "ct_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// decode reads the fields that are not 0.
func decode(t *testing.T, frame []byte) Fields {
	t.Helper()
	f := Fields{Ints: map[string]Uint128{}, Texts: map[string]string{}}
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	decodeLayers(f, p)
	verifyChecksums(t, p)
	switch last := p.Layers()[len(p.Layers())-1]; {
	case f.Ints["eth.type"] == Uint(typeRARP):
		decodeLayers(f, gopacket.NewPacket(last.LayerPayload(), layers.LayerTypeARP, gopacket.Default))
	case f.Ints["ip.frag"] == Uint(1): // gopacket does not look into fragments
		if rest := len(p.ApplicationLayer().LayerContents()); rest%8 != 0 {
			t.Errorf("first fragment of %d bytes", rest)
		}
		proto := layers.IPProtocol(f.Ints["ip.proto"].Lo)
		decodeLayers(f, gopacket.NewPacket(p.ApplicationLayer().LayerContents(), proto.LayerType(), gopacket.Default))
	}
	maps.DeleteFunc(f.Ints, func(_ string, v Uint128) bool { return v.isZero() })
	return f
}

func verifyChecksums(t *testing.T, p gopacket.Packet) {
	t.Helper()
	for _, l := range p.Layers() {
		if l, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Error(err)
			}
		}
	}
	if err, wrong := p.VerifyChecksums(); err != nil || len(wrong) > 0 {
		t.Errorf("checksums: %v, %v\n%s", err, wrong, p)
	}
	if failure := p.ErrorLayer(); failure != nil {
		t.Errorf("decode: %v\n%s", failure.Error(), p)
	}
}

func decodeLayers(f Fields, p gopacket.Packet) {
	set := func(name string, v uint64) { f.Ints[name] = Uint(v) }
	for _, layer := range p.Layers() {
		switch l := layer.(type) {
		case *layers.Ethernet:
			f.Ints["eth.src"], f.Ints["eth.dst"] = fromBytes(l.SrcMAC), fromBytes(l.DstMAC)
			set("eth.type", uint64(l.EthernetType))
		case *layers.Dot1Q:
			set("vlan.tci", uint64(l.Priority)<<13|vlanPresent|uint64(l.VLANIdentifier))
			set("eth.type", uint64(l.Type))
		case *layers.ARP:
			decodeARP(f, l)
		case *layers.IPv4:
			f.Ints["ip4.src"], f.Ints["ip4.dst"] = fromBytes(l.SrcIP.To4()), fromBytes(l.DstIP.To4())
			set("ip.proto", uint64(l.Protocol))
			set("ip.ttl", uint64(l.TTL))
			set("ip.dscp", uint64(l.TOS>>2))
			set("ip.ecn", uint64(l.TOS&3))
			set("ip.frag", decodeFragment(l.FragOffset, l.Flags&layers.IPv4MoreFragments != 0))
		case *layers.IPv6:
			f.Ints["ip6.src"], f.Ints["ip6.dst"] = fromBytes(l.SrcIP), fromBytes(l.DstIP)
			set("ip.proto", uint64(l.NextHeader))
			set("ip.ttl", uint64(l.HopLimit))
			set("ip.dscp", uint64(l.TrafficClass>>2))
			set("ip.ecn", uint64(l.TrafficClass&3))
			set("ip6.label", uint64(l.FlowLabel))
		case *layers.IPv6Fragment:
			set("ip.proto", uint64(l.NextHeader))
			set("ip.frag", decodeFragment(l.FragmentOffset, l.MoreFragments))
		default:
			decodeTransport(f, set, l)
		}
	}
}

func decodeFragment(offset uint16, more bool) uint64 {
	switch {
	case offset > 0:
		return 3
	case more:
		return 1
	}
	return 0
}

func decodeARP(f Fields, l *layers.ARP) {
	header := "arp"
	if f.Ints["eth.type"] == Uint(typeRARP) {
		header = "rarp"
	}
	f.Ints[header+".op"] = Uint(uint64(l.Operation))
	f.Ints[header+".sha"], f.Ints[header+".spa"] = fromBytes(l.SourceHwAddress), fromBytes(l.SourceProtAddress)
	f.Ints[header+".tha"], f.Ints[header+".tpa"] = fromBytes(l.DstHwAddress), fromBytes(l.DstProtAddress)
}

func decodeTransport(f Fields, set func(string, uint64), layer gopacket.Layer) {
	switch l := layer.(type) {
	case *layers.TCP:
		set("tcp.src", uint64(l.SrcPort))
		set("tcp.dst", uint64(l.DstPort))
		set("tcp.flags", uint64(l.Contents[12]&0xf)<<8|uint64(l.Contents[13]))
	case *layers.UDP:
		set("udp.src", uint64(l.SrcPort))
		set("udp.dst", uint64(l.DstPort))
	case *layers.SCTP:
		set("sctp.src", uint64(l.SrcPort))
		set("sctp.dst", uint64(l.DstPort))
	case *layers.ICMPv4:
		set("icmp4.type", uint64(l.TypeCode.Type()))
		set("icmp4.code", uint64(l.TypeCode.Code()))
	case *layers.ICMPv6:
		set("icmp6.type", uint64(l.TypeCode.Type()))
		set("icmp6.code", uint64(l.TypeCode.Code()))
	case *layers.ICMPv6NeighborSolicitation:
		f.Ints["nd.target"] = fromBytes(l.TargetAddress)
		decodeOption(f, "nd.sll", l.Options)
	case *layers.ICMPv6NeighborAdvertisement:
		f.Ints["nd.target"] = fromBytes(l.TargetAddress)
		decodeOption(f, "nd.tll", l.Options)
	}
}

func decodeOption(f Fields, name string, options layers.ICMPv6Options) {
	for _, o := range options {
		f.Ints[name] = fromBytes(o.Data)
	}
}

func TestFrameErrors(t *testing.T) {
	tests := []struct{ text, reason string }{
		{`ip4`, "microflow does not say inport"},
		{`inport == "p1" && reg0 == 1`, "make frame: xxreg0 is in no frame of type 0x0 and IP protocol 0"},
		{`inport == "p1" && ct.est`, "make frame: ct_state is in no frame of type 0x0 and IP protocol 0"},
		{`inport == "p1" && ip4 && ip.frag == 3 && tcp.dst == 80`, "make frame: tcp.dst is in no frame of type 0x800 and IP protocol 6"},
		{`inport == "p1" && ip4 && ip.frag == 2`, "make frame: ip.later_frag without ip.is_frag"},
		{`inport == "p1" && vlan.tci == 5`, "make frame: vlan.tci is 0x5 without vlan.present"},
	}
	for _, tt := range tests {
		fields, err := microflow(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if frame, _, err := fields.Frame(); err == nil || err.Error() != tt.reason {
			t.Errorf("%s: got %x, %v, want error %s", tt.text, frame, err, tt.reason)
		}
	}
	if _, _, err := (Fields{}).Frame(); !errors.Is(err, ErrNoInport) {
		t.Errorf("no fields: %v", err)
	}
}
