package e2e

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// TestAlone has the stories that need a lab for themselves: they look at all that a node sends or says.
func TestAlone(t *testing.T) {
	l := labtest.Up(t, "alone", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	t.Run("neighbours", func(t *testing.T) { neighbours(t, l) })
	t.Run("sync", func(t *testing.T) { syncAwaitsAgents(t, l) })
	t.Run("tools", func(t *testing.T) { tools(t, l) })
	t.Run("inspection", func(t *testing.T) { inspection(t, l) })
}

// neighbours: questions for known addresses are answered where they are asked; none crosses the underlay.
func neighbours(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "arp")
	vm, far := sw.Add(1, "hv1"), sw.Add(2, "hv2")
	sw.Sync()
	port, cable := openWire(t, vm), openDevice(t, l.In("underlay"), "hv1")
	group, groupMAC := solicitedNode(far)
	port.send(t,
		iomtest.ARP(t, 1, mac(vm), broadcast, mac(vm), vm.IP4, far.IP4),
		iomtest.Solicit(t, mac(vm), groupMAC, vm.IP6, group, far.IP6, mac(vm)),
		iomtest.Solicit(t, mac(vm), mac(far), vm.IP6, far.IP6, far.IP6, mac(vm)), // unicast: is it still there?
		datagram(t, vm, broadcast, "marker"))
	crossed, err := cable.until("marker")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range crossed {
		if question(iomtest.Decode(f)) {
			t.Errorf("a question crossed the underlay: %v", iomtest.Decode(f))
		}
	}
	arp := string(mac(far)) + string(far.IP4.AsSlice())             // the sender of a reply
	nd := string(far.IP6.AsSlice()) + "\x02\x01" + string(mac(far)) // the target of an advertisement, and its option
	answers, err := port.all([]string{arp, nd})
	if err != nil {
		t.Fatal(err)
	}
	openWire(t, far).send(t, datagram(t, far, broadcast, "marker"))
	late, err := port.until("marker")
	if err != nil {
		t.Fatal(err)
	}
	answers = append(answers, late...)
	if a, n := carrying(answers, arp), carrying(answers, nd); a != 1 || n != 2 {
		t.Errorf("%d ARP and %d ND answers, want 1 and 2", a, n)
	}
}

// syncAwaitsAgents: `ovn-nbctl --wait=hv sync` returns only when each agent has done its part.
func syncAwaitsAgents(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "wait")
	sw.Add(1, "hv1")
	sw.Sync()
	agent := agentOf(t, l, "hv2")
	if err := unix.Kill(agent, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_, syncErr := l.NBCtl(t.Context(), "--timeout=1", "--wait=hv", "sync")
	if err := unix.Kill(agent, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if syncErr == nil {
		t.Error("the agent on hv2 was stopped, and sync returned")
	}
	sw.Sync()
}

// agentOf is the process ID of a hypervisor's agent.
func agentOf(t *testing.T, l *lab.Lab, hv string) int {
	t.Helper()
	nodes, err := lab.List(l.Dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		for _, process := range node.Processes {
			if node.Name == hv && process.Name == "woven" {
				return process.PID
			}
		}
	}
	t.Fatalf("no agent runs on %s", hv)
	return 0
}

// question says whether a packet in a tunnel asks for one of the switch's addresses.
func question(packet gopacket.Packet) bool {
	if packet.Layer(layers.LayerTypeGeneve) == nil {
		return false
	}
	if packet.Layer(layers.LayerTypeARP) != nil {
		return true
	}
	s, ok := packet.Layer(layers.LayerTypeICMPv6NeighborSolicitation).(*layers.ICMPv6NeighborSolicitation)
	return ok && !s.TargetAddress.IsLinkLocalUnicast() // a VM looks for duplicates of its link-local address, which no port has
}

// solicitedNode is the group to which questions for a VM's IPv6 address go, RFC 4291 section 2.7.1, and its MAC address.
func solicitedNode(vm *labtest.VM) (netip.Addr, net.HardwareAddr) {
	last := vm.IP6.As16()
	group := netip.MustParseAddr("ff02::1:ff00:0").As16()
	copy(group[13:], last[13:])
	return netip.AddrFrom16(group), net.HardwareAddr{0x33, 0x33, 0xff, last[13], last[14], last[15]}
}
