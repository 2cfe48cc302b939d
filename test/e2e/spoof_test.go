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
		if n := carrying(frames, "lie") + carrying(frames, string(stolen)); n > 0 {
			t.Errorf("VM %d got %d spoofed frames", i+2, n)
		}
	}
}

// stolen is a MAC address that isn't the VM's.
var stolen = net.HardwareAddr{0x0a, 0, 0, 0, 0, 0x66}

// lie is a frame with a wrong address.
type lie struct {
	name, reason string
	frame        []byte
}

// lies of a VM to another and to all, with "lie" or the stolen address in each.
func lies(t *testing.T, from, to *labtest.VM) []lie {
	own, dst := mac(from), mac(to)
	wrong4, wrong6 := netip.MustParseAddr("10.0.0.66"), netip.MustParseAddr("fd00:10::66")
	udp := func(smac net.HardwareAddr, src, dstIP netip.Addr) []byte {
		return iomtest.Frame(t, iomtest.Eth(smac, dst, iomtest.EtherType(src)), iomtest.IP(src, dstIP, layers.IPProtocolUDP),
			&layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload("lie"))
	}
	return []lie{
		{"MAC", "port_security_mac", udp(stolen, from.IP4, to.IP4)},
		{"MAC in a broadcast", "port_security_mac", iomtest.Frame(t, iomtest.Eth(stolen, broadcast, experimental), gopacket.Payload("lie"))},
		{"neither IP nor ARP", "port_security_proto", plain(t, from, dst, "lie")},
		{"IPv4", "port_security_ip", udp(own, wrong4, to.IP4)},
		{"IPv6", "port_security_ip", udp(own, wrong6, to.IP6)},
		{"the receiver's IPv4", "port_security_ip", udp(own, to.IP4, to.IP4)},
		{"ARP: hardware address", "port_security_arp", iomtest.ARP(t, 2, own, broadcast, stolen, from.IP4, from.IP4)},
		{"ARP: another's address", "port_security_arp", iomtest.ARP(t, 2, own, broadcast, stolen, to.IP4, to.IP4)},
		{"ARP: request from another's address", "port_security_arp", iomtest.ARP(t, 1, own, broadcast, stolen, wrong4, to.IP4)},
		{"ND: target", "port_security_nd", iomtest.Advertise(t, own, dst, from.IP6, to.IP6, wrong6, stolen)},
		{"ND: link-layer address", "port_security_nd", iomtest.Advertise(t, own, dst, from.IP6, to.IP6, from.IP6, stolen)},
		{"ND: sender", "port_security_ip", iomtest.Advertise(t, own, dst, wrong6, to.IP6, from.IP6, stolen)},
	}
}

// addressByHand: the addresses of a VM are changed inside of it; its port says what it drops until they are restored.
func addressByHand(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "hand")
	vm, far := sw.Add(1, "hv1"), sw.Add(2, "hv2")
	sw.Sync()
	matrix(t, vm, far)
	setAddresses(vm, "10.0.0.66/24", "fd00:10::66/64")
	cutOff(t, vm, far)
	for _, reason := range []string{"port_security_arp", "port_security_ip"} { // by IPv4 it never gets further than ARP
		if vm.Drops("l2switch", reason) == 0 {
			t.Errorf("no packet of a VM with wrong addresses was dropped for %s", reason)
		}
	}
	setAddresses(vm, "10.0.0.1/24", "fd00:10::1/64")
	reaches(t, vm, far)
	reaches(t, far, vm)
}

// setAddresses replaces the addresses of a VM inside of it, and what it knows of its neighbours.
func setAddresses(vm *labtest.VM, addresses ...string) {
	vm.Switch.Exec(vm.Name, "ip", "address", "flush", "dev", "eth0", "scope", "global")
	for _, a := range addresses {
		vm.Switch.Exec(vm.Name, "ip", "address", "add", a, "dev", "eth0", "nodad")
	}
	vm.Switch.Exec(vm.Name, "ip", "neighbour", "flush", "dev", "eth0")
}
