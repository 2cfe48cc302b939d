package hover

import (
	"testing"
)

const switchA = "6a3c1a52-0000-4000-8000-00000000000a"

func TestOneNode(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNode(t, mode)
			w1, w2 := n.workload(1), n.workload(2)
			n.apply(state(lswitch(switchA, 7, w1, w2)))
			for _, to := range []string{addr4(2).String(), addr6(2).String()} {
				if !ping(w1, to) {
					t.Errorf("no answer from %s; drops: %s", to, n.drops(switchA))
				}
			}
			t.Log(n.drops(switchA))
		})
	}
}

func TestTwoNodes(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			a, b := newNode(t, mode), newNode(t, mode)
			w1, w2 := a.workload(1), b.workload(2)
			sa, sb := state(lswitch(switchA, 7, w1, elsewhere(w2))), state(lswitch(switchA, 7, elsewhere(w1), w2))
			underlay(a, b, sa, sb)
			a.apply(sa)
			b.apply(sb)
			for _, to := range []string{addr4(2).String(), addr6(2).String()} {
				if !ping(w1, to) {
					t.Errorf("no answer from %s; drops: %s / %s", to, a.drops(switchA), b.drops(switchA))
				}
			}
			if ping(w1, addr4(2).String(), "-s", "1415", "-M", "do") {
				t.Error("an answer to a packet that can't cross")
			}
		})
	}
}
