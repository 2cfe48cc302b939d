package cli

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/sdk/iomtest"
)

var (
	smac, dmac     = []byte{0x0a, 0, 0, 0, 0, 1}, []byte{0x0a, 0, 0, 0, 0, 2}
	src4, dst4     = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	src6, dst6     = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	onEthernet     = "eth.src=0a:00:00:00:00:01 eth.dst=0a:00:00:00:00:02 "
	ip4TCP, ip6UDP = layers.IPProtocolTCP, layers.IPProtocolUDP
)

func TestReadPacket(t *testing.T) {
	frame := func(proto layers.EthernetType, stack ...gopacket.SerializableLayer) []byte {
		return iomtest.Frame(t, append([]gopacket.SerializableLayer{iomtest.Eth(smac, dmac, proto)}, stack...)...)
	}
	fragment := iomtest.IP(src4, dst4, layers.IPProtocolSCTP).(*layers.IPv4)
	fragment.FragOffset, fragment.TOS = 185, 46<<2|1
	for _, tt := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"TCP", frame(layers.EthernetTypeIPv4, iomtest.IP(src4, dst4, ip4TCP), &layers.TCP{SrcPort: 1, DstPort: 80, SYN: true, ACK: true}),
			"ip4.src=10.0.0.1 ip4.dst=10.0.0.2 ip.proto=6 ip.ttl=64 tcp.src=1 tcp.dst=80 tcp.flags=0x12"},
		{"UDP", frame(layers.EthernetTypeIPv6, iomtest.IP(src6, dst6, ip6UDP), &layers.UDP{SrcPort: 53, DstPort: 1}),
			"ip6.src=fd00::1 ip6.dst=fd00::2 ip.proto=17 ip.ttl=64 udp.src=53 udp.dst=1"},
		{"tagged SCTP", frame(layers.EthernetTypeDot1Q, &layers.Dot1Q{VLANIdentifier: 5, Priority: 3, Type: layers.EthernetTypeIPv4},
			iomtest.IP(src4, dst4, layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 1, DstPort: 2}),
			"vlan.vid=5 vlan.pcp=3 ip4.src=10.0.0.1 ip4.dst=10.0.0.2 ip.proto=132 ip.ttl=64 sctp.src=1 sctp.dst=2"},
		{"ICMP", frame(layers.EthernetTypeIPv4, iomtest.IP(src4, dst4, layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 4)}),
			"ip4.src=10.0.0.1 ip4.dst=10.0.0.2 ip.proto=1 ip.ttl=64 icmp4.type=3 icmp4.code=4"},
		{"later fragment", frame(layers.EthernetTypeIPv4, fragment, gopacket.Payload("more")),
			"ip4.src=10.0.0.1 ip4.dst=10.0.0.2 ip.proto=132 ip.ttl=64 ip.dscp=46 ip.ecn=1 offset=1480"},
		{"solicitation", iomtest.Solicit(t, smac, dmac, src6, dst6, dst6, smac),
			"ip6.src=fd00::1 ip6.dst=fd00::2 ip.proto=58 ip.ttl=255 icmp6.type=135 icmp6.code=0 nd.target=fd00::2 nd.sll=0a:00:00:00:00:01"},
		{"advertisement", iomtest.Advertise(t, smac, dmac, src6, dst6, src6, smac),
			"ip6.src=fd00::1 ip6.dst=fd00::2 ip.proto=58 ip.ttl=255 icmp6.type=136 icmp6.code=0 nd.target=fd00::1 nd.tll=0a:00:00:00:00:01"},
		{"other", frame(0x88b5, gopacket.Payload("text")), "eth.type=0x88b5"},
		{"too short", iomtest.ARP(t, 1, smac, dmac, smac, src4, dst4)[:30], "truncated=true"},
		{"shorter than it says", frame(layers.EthernetTypeIPv6, iomtest.IP(src6, dst6, ip6UDP), &layers.UDP{SrcPort: 53, DstPort: 1},
			gopacket.Payload("payload"))[:65], "ip6.src=fd00::1 ip6.dst=fd00::2 ip.proto=17 ip.ttl=64 udp.src=53 udp.dst=1 truncated=true"},
	} {
		if diff := cmp.Diff(onEthernet+tt.want, readPacket(tt.frame).String()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
	}
}

func TestChanges(t *testing.T) {
	before := packetFields{{"a", "1"}, {"b", "2"}, {"c", "3"}}
	after := packetFields{{"b", "4"}, {"c", "3"}, {"d", "5"}}
	want := []FieldChange{{"b", "2", "4"}, {"d", "", "5"}, {"a", "1", ""}}
	if diff := cmp.Diff(want, changes(before, after)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A change that is in no field is told all the same.
func TestChangedBytes(t *testing.T) {
	frame := iomtest.Frame(t, iomtest.Eth(smac, dmac, 0x88b5), gopacket.Payload("text"))
	other := append([]byte{}, frame...)
	other[14] = 'T'
	if got := newTraceResult("p", frame, nil, other).Changed; len(got) != 1 || got[0].Field != "bytes" {
		t.Errorf("changed: %v", got)
	}
	if got := newTraceResult("p", frame, nil, frame).Changed; len(got) != 0 {
		t.Errorf("unchanged: %v", got)
	}
}
