package e2e

import (
	"fmt"
	"net"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// connectivity: veths and taps on both nodes, each to each.
func connectivity(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "all")
	vms := []*labtest.VM{sw.Add(1, "hv1"), sw.Add(2, "hv1", labtest.Tap), sw.Add(3, "hv1"), sw.Add(4, "hv2", labtest.Tap), sw.Add(5, "hv2")}
	sw.Sync()
	matrix(t, vms...)
}

// isolation: two switches with the same MAC and IP addresses on the same nodes are two worlds.
func isolation(t *testing.T, l *lab.Lab) {
	red, blue := tenant(t, l, "red"), tenant(t, l, "blue")
	red[0].Switch.Sync()
	matrix(t, red...)
	matrix(t, blue...)

	anyProtocol(red)
	foreign := openWires(t, blue)
	tellSecrets(t, red)
	for i, w := range foreign {
		// What it would have got it has got by now: a frame of its own switch comes after it.
		marker := fmt.Sprintf("marker %d", i)
		other := (i + 1) % len(blue)
		foreign[other].send(t, datagram(t, blue[other], broadcast, marker))
		frames, err := w.until(marker)
		if err != nil {
			t.Error(err)
		}
		if n := carrying(frames, "secret"); n > 0 {
			t.Errorf("%s of the other switch got %d frames", blue[i].Name, n)
		}
	}
}

// tenant is a switch with three VMs: two on one node, one on the other.
func tenant(t *testing.T, l *lab.Lab, name string) []*labtest.VM {
	t.Helper()
	sw := labtest.NewSwitch(t, l, name)
	return []*labtest.VM{sw.Add(1, "hv1"), sw.Add(2, "hv1", labtest.Tap), sw.Add(3, "hv2")}
}

// tellSecrets sends "secret" frames to nobody's, multicast, broadcast and one VM's addresses from the first of three VMs,
// and wants each exactly where it belongs.
func tellSecrets(t *testing.T, vms []*labtest.VM) {
	t.Helper()
	const rounds = 20
	from, far := vms[0], vms[2]
	wires := openWires(t, vms)
	unknown := from.Drops("l2switch", "unknown_mac")
	for i := range rounds {
		wires[0].send(t,
			plain(t, from, net.HardwareAddr{0x0a, 0, 0, 0, 1, byte(i)}, "secret to nobody"),
			plain(t, from, net.HardwareAddr{1, 0, 0x5e, 0, 0, byte(i)}, "secret to some"),
			plain(t, from, broadcast, "secret to all"),
			plain(t, from, mac(far), "secret to far"))
	}
	wires[0].send(t, plain(t, from, broadcast, "the end"))
	for i, toFar := range []int{1: 0, 2: rounds} {
		if i == 0 {
			continue // the sender
		}
		frames, err := wires[i].until("the end")
		if err != nil {
			t.Error(err)
		}
		for content, want := range map[string]int{"to nobody": 0, "to some": rounds, "to all": rounds, "to far": toFar} {
			if got := carrying(frames, "secret "+content); got != want {
				t.Errorf("%s got %d frames %q, want %d", vms[i].Name, got, content, want)
			}
		}
	}
	if n := from.Drops("l2switch", "unknown_mac") - unknown; n != rounds {
		t.Errorf("%d frames to unknown addresses were dropped as such, want %d", n, rounds)
	}
}
