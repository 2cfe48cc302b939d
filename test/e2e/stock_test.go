package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// TestStock has a node with ovn-controller and Open vSwitch, hv3, in one cluster with two Woven nodes.
func TestStock(t *testing.T) {
	l := labtest.Up(t, "stk", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"connectivity", stockConnectivity},
		story{"broadcast", stockBroadcast},
		story{"bulk", stockBulk},
		story{"moving", stockMoving},
	)
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

// stockBroadcast: a broadcast from each node arrives once at each VM, whatever it carries, and never at its sender.
func stockBroadcast(t *testing.T, l *lab.Lab) {
	vms := mixed(t, l, "sbc")
	anyProtocol(vms)
	wires := openWires(t, vms)
	group := net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	for i, from := range vms {
		unknown4, unknown6 := netip.MustParseAddr("10.0.0.200"), netip.MustParseAddr("fd00:10::200")
		solicited := netip.MustParseAddr("ff02::1:ff00:200")
		content := fmt.Sprintf("from %d", i)
		wires[i].send(t,
			plain(t, from, broadcast, content+" to all"),
			plain(t, from, group, content+" to some"),
			iomtest.ARP(t, 1, mac(from), broadcast, mac(from), from.IP4, unknown4),
			iomtest.Solicit(t, mac(from), net.HardwareAddr{0x33, 0x33, 0xff, 0, 2, 0}, from.IP6, solicited, unknown6, mac(from)),
			plain(t, from, broadcast, content+" the end"))
		for j, w := range wires {
			if i == j {
				continue
			}
			frames, err := w.until(content + " the end")
			if err != nil {
				t.Errorf("%s: %v", vms[j].Name, err)
			}
			for what, n := range map[string]int{
				"broadcast":       carrying(frames, content+" to all"),
				"multicast":       carrying(frames, content+" to some"),
				"ARP request":     carrying(frames, string(unknown4.AsSlice())),
				"ND solicitation": carrying(frames, string(unknown6.AsSlice())),
			} {
				if n != 1 {
					t.Errorf("%s of %s arrived %d times at %s, want once", what, from.Name, n, vms[j].Name)
				}
			}
		}
	}
	for i, w := range wires { // the last word to each: did it hear itself?
		other := (i + 1) % len(vms)
		wires[other].send(t, plain(t, vms[other], mac(vms[i]), fmt.Sprintf("only to %d", i)))
		frames, err := w.until(fmt.Sprintf("only to %d", i))
		if err != nil {
			t.Error(err)
		}
		if n := carrying(frames, fmt.Sprintf("from %d", i)); n > 0 {
			t.Errorf("%s got %d of its own frames", vms[i].Name, n)
		}
	}
}

// stockBulk: the stock node's cable leaves nothing to the receiver: what is wrong in a segment or checksum is lost there.
func stockBulk(t *testing.T, l *lab.Lab) {
	vms := mixed(t, l, "sbulk")
	for _, pair := range [][2]int{{0, 2}, {2, 0}, {1, 2}, {2, 1}} {
		for _, w := range ways(vms[pair[0]], vms[pair[1]]) {
			if err := transfer(t.Context(), w, 8<<20); err != nil {
				t.Error(err)
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
			reaches(t, vm, other)
			if err := other.Ping(1, vm.IP6); err != nil {
				t.Error(err)
			}
		}
	}
}
