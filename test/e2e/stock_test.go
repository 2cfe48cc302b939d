package e2e

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// TestStock has a node with ovn-controller and Open vSwitch, hv3, in one cluster with two Woven nodes.
func TestStock(t *testing.T) {
	l := labtest.Up(t, "stk", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	labtest.Tell(t, l, labtest.Stories{
		"connectivity": stockConnectivity,
		"broadcast":    stockBroadcast,
		"moving":       stockMoving,
	})
	// Not beside the others: Open vSwitch's userspace datapath loses packets under load.
	t.Run("bulk", func(t *testing.T) { stockBulk(t, l) })
	nothingLeft(t, l, "hv1", "hv2")
}

// mixed is a switch with VMs on all three nodes, two of them on the stock one.
func mixed(t *testing.T, l *lab.Lab, name string) []*labtest.VM {
	t.Helper()
	sw := labtest.NewSwitch(t, l, name)
	vms := []*labtest.VM{sw.Add(1, "hv1"), sw.Add(2, "hv2", labtest.Tap), sw.Add(3, "hv3"), sw.Add(4, "hv3")}
	sw.Sync()
	return vms
}

func stockConnectivity(t *testing.T, l *lab.Lab) {
	red, blue := mixed(t, l, "sred"), mixed(t, l, "sblue")
	matrix(t, red...)
	matrix(t, blue...)
}

// stockBroadcast: a broadcast from each node arrives once at each other VM, whatever it carries, and never at its sender. No
// order is asked for: Open vSwitch lets the later packets of a flow pass the first.
func stockBroadcast(t *testing.T, l *lab.Lab) {
	vms := mixed(t, l, "sbc")
	anyProtocol(vms)
	wires := openWires(t, vms)
	contents := make([][]string, len(vms)) // by sender
	for i, from := range vms {
		var frames [][]byte
		frames, contents[i] = broadcasts(t, from, byte(200+i))
		wires[i].send(t, frames...)
	}
	for i, w := range wires {
		others := slices.Concat(slices.Delete(slices.Clone(contents), i, i+1)...)
		next := (i + 1) % len(vms)
		checkFrames(t, w, wires[next], vms[next], others, contents[i])
	}
}

// broadcasts are frames of a VM to all, with a content of each that no other has: the questions are for addresses ending in unknown,
// which no VM has.
func broadcasts(t *testing.T, from *labtest.VM, unknown byte) (frames [][]byte, contents []string) {
	who4, who6 := from.IP4.As4(), from.IP6.As16()
	who4[3], who6[15] = unknown, unknown
	nobody := &labtest.VM{IP4: netip.AddrFrom4(who4), IP6: netip.AddrFrom16(who6)}
	group, groupMAC := solicitedNode(nobody)
	frames = [][]byte{
		plain(t, from, broadcast, "to all from "+from.Name),
		plain(t, from, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, "to some from "+from.Name),
		iomtest.ARP(t, 1, mac(from), broadcast, mac(from), from.IP4, nobody.IP4),
		iomtest.Solicit(t, mac(from), groupMAC, from.IP6, group, nobody.IP6, mac(from)),
	}
	return frames, []string{"to all from " + from.Name, "to some from " + from.Name, string(who4[:]), string(who6[:])}
}

// stockBulk: the stock node's cable leaves nothing to the receiver: what is wrong in a segment or checksum is lost there.
func stockBulk(t *testing.T, l *lab.Lab) {
	vms := mixed(t, l, "sbulk")
	for _, pair := range [][2]int{{0, 2}, {2, 0}, {1, 2}, {2, 1}} {
		for _, w := range ways(vms[pair[0]], vms[pair[1]]) {
			if err := transfer(t.Context(), w, 8<<20); err != nil {
				t.Fatal(err)
			}
			checkDatagrams(t, w)
		}
	}
}

// stockMoving: a port goes from the stock node to a Woven one and back.
func stockMoving(t *testing.T, l *lab.Lab) {
	vms := mixed(t, l, "smove")
	matrix(t, vms[:3]...)
	vm := vms[3]
	for _, hv := range []string{"hv1", "hv3", "hv2", "hv3"} {
		vm.Stop()
		vm.WaitUp(false)
		vm.Hypervisor = hv
		vm.Start()
		vm.WaitUp(true)
		vm.Switch.Sync()
		for _, other := range vms[:3] {
			// Open vSwitch's userspace datapath follows its own flows late, and loses packets while it looks for a neighbour.
			follows(t, vm, other.IP4)
			follows(t, vm, other.IP6)
			if slices.Contains([]string{vm.Hypervisor, other.Hypervisor}, "hv3") {
				follows(t, other, vm.IP6)
			}
			reaches(t, vm, other)
			if err := other.Ping(1, vm.IP6); err != nil {
				t.Error(err)
			}
		}
	}
}

// follows waits until a VM reaches an address.
func follows(t *testing.T, vm *labtest.VM, to netip.Addr) {
	t.Helper()
	if err := labtest.Poll(t.Context(), func() error { return vm.Ping(1, to, "-W", "1") }); err != nil {
		t.Fatal(err)
	}
}
