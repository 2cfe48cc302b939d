package e2e

import (
	"fmt"
	"net"
	"slices"
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
	var toNobody, toAll, toFar []string
	for i := range rounds {
		secret := func(list *[]string, dst net.HardwareAddr) {
			content := fmt.Sprintf("secret %d to %s", i, dst)
			wires[0].send(t, plain(t, from, dst, content))
			*list = append(*list, content)
		}
		secret(&toNobody, net.HardwareAddr{0x0a, 0, 0, 0, 1, byte(i)})
		secret(&toAll, net.HardwareAddr{1, 0, 0x5e, 0, 0, byte(i)})
		secret(&toAll, broadcast)
		secret(&toFar, mac(far))
	}
	from.Switch.Eventually("drops", func() error { return atLeast(from, "unknown_mac", unknown+rounds) })
	checkFrames(t, wires[1], wires[0], from, toAll, slices.Concat(toNobody, toFar))
	checkFrames(t, wires[2], wires[0], from, slices.Concat(toAll, toFar), toNobody)
	if n := from.Drops("l2switch", "unknown_mac") - unknown; n != rounds {
		t.Errorf("%d frames to unknown addresses were dropped as such, want %d", n, rounds)
	}
}

// checkFrames fails the test unless each of some contents came once, and none of others, before a last broadcast of the sender.
func checkFrames(t *testing.T, w, sender *wire, from *labtest.VM, once, never []string) {
	t.Helper()
	frames, err := w.all(once)
	if err != nil {
		t.Error(err)
	}
	marker := fmt.Sprintf("last word to %p", w)
	sender.send(t, datagram(t, from, broadcast, marker))
	late, err := w.until(marker)
	if err != nil {
		t.Error(err)
	}
	frames = append(frames, late...)
	for _, content := range once {
		if n := carrying(frames, content); n != 1 {
			t.Errorf("%q arrived %d times, want once", content, n)
		}
	}
	for _, content := range never {
		if n := carrying(frames, content); n > 0 {
			t.Errorf("%q arrived %d times, want never", content, n)
		}
	}
}
