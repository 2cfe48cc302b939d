package e2e

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// spoofing: a VM that uses addresses which aren't its own reaches nobody, and its port says for what each frame was dropped.
func spoofing(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "spoof")
	thief, near, far := sw.Add(1, "hv1"), sw.Add(2, "hv1"), sw.Add(3, "hv2")
	sw.Sync()
	out, in := openWire(t, thief), openWires(t, []*labtest.VM{near, far})
	const times = 5
	for _, lie := range lies(t, thief, far) {
		before := thief.Drops("l2switch", lie.reason)
		for range times {
			out.send(t, lie.frame)
		}
		sw.Eventually("drops of "+lie.name, func() error { return atLeast(thief, lie.reason, before+times) })
	}
	out.send(t, datagram(t, thief, broadcast, "honest"))
	for i, w := range in {
		frames, err := w.until("honest")
		if err != nil {
			t.Error(err)
		}
		for _, trace := range traces(thief, far) {
			if n := carrying(frames, trace); n > 0 {
				t.Errorf("VM %d got %d spoofed frames with %q", i+2, n, trace)
			}
		}
	}
}

// Addresses that no VM has.
var (
	stolen  = net.HardwareAddr{0x0a, 0, 0, 0, 0, 0x66}
	stolen4 = netip.MustParseAddr("10.0.0.66")
	stolen6 = netip.MustParseAddr("fd00:10::66")
)

// lie is a frame with a wrong address, and the reason for which it is to be dropped.
type lie struct {
	name, reason string
	frame        []byte
}

// lies of a VM to another and to all.
func lies(t *testing.T, from, to *labtest.VM) []lie {
	own, dst := mac(from), mac(to)
	udp := func(smac net.HardwareAddr, src, dstIP netip.Addr) []byte {
		return iomtest.Frame(t, iomtest.Eth(smac, dst, iomtest.EtherType(src)), iomtest.IP(src, dstIP, layers.IPProtocolUDP),
			&layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload("lie"))
	}
	return []lie{
		{"MAC", "port_security_mac", udp(stolen, from.IP4, to.IP4)},
		{"MAC in a broadcast", "port_security_mac", iomtest.Frame(t, iomtest.Eth(stolen, broadcast, experimental), gopacket.Payload("lie"))},
		{"neither IP nor ARP", "port_security_proto", plain(t, from, dst, "lie")},
		{"IPv4", "port_security_ip", udp(own, stolen4, to.IP4)},
		{"IPv6", "port_security_ip", udp(own, stolen6, to.IP6)},
		{"the receiver's IPv4", "port_security_ip", udp(own, to.IP4, to.IP4)},
		{"ARP: hardware address", "port_security_arp", iomtest.ARP(t, 2, own, broadcast, stolen, from.IP4, from.IP4)},
		{"ARP: nobody's address", "port_security_arp", iomtest.ARP(t, 1, own, broadcast, own, stolen4, to.IP4)},
		{"ARP: another's address", "port_security_arp", iomtest.ARP(t, 2, own, broadcast, own, to.IP4, to.IP4)},
		{"ND: target", "port_security_nd", iomtest.Advertise(t, own, dst, from.IP6, to.IP6, stolen6, own)},
		{"ND: link-layer address", "port_security_nd", iomtest.Advertise(t, own, dst, from.IP6, to.IP6, from.IP6, stolen)},
		{"ND: sender", "port_security_ip", iomtest.Advertise(t, own, dst, stolen6, to.IP6, from.IP6, own)},
	}
}

// traces are contents of which each lie has one, and no other frame.
func traces(from, to *labtest.VM) []string {
	own := string(mac(from)) // as ARP's hardware address, before the protocol address
	return []string{"lie", string(stolen), own + string(stolen4.AsSlice()), own + string(to.IP4.AsSlice()), string(stolen6.AsSlice())}
}

// addressByHand: the addresses of a VM are changed inside of it; its port says what it drops until they are restored.
func addressByHand(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "hand")
	vm, far := sw.Add(1, "hv1"), sw.Add(2, "hv2")
	sw.Sync()
	matrix(t, vm, far)
	vm.SetAddresses(stolen4, stolen6)
	cutOff(t, vm, far)
	for _, reason := range []string{"port_security_arp", "port_security_ip"} { // by IPv4 it never gets further than ARP
		if vm.Drops("l2switch", reason) == 0 {
			t.Errorf("no packet of a VM with wrong addresses was dropped for %s", reason)
		}
	}
	vm.SetAddresses(vm.IP4, vm.IP6)
	reaches(t, vm, far)
	reaches(t, far, vm)
}
