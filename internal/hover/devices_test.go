package hover

import (
	"context"
	"fmt"
	"testing"
	"time"

	"woven.dev/woven/internal/netstate"
)

// TestPatience: an Apply whose time has passed attaches one program, and says which ports are not live yet. What is attached by an
// older program is.
func TestPatience(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNode(t, mode)
			w1, w2 := n.workload(1), n.workload(2)
			n.hooks.patience = 1
			want := state(lswitch(switchA, 7, w1, w2))
			lp1, lp2 := netstate.PortID{Module: switchA, Port: "lp1"}, netstate.PortID{Module: switchA, Port: "lp2"}
			for i, pending := range []map[netstate.PortID]bool{{lp1: true, lp2: true}, {lp2: true}, {lp2: true}, {}} {
				n.expectPending(want, pending, len(pending) > 0, fmt.Sprintf("apply %d", i+1))
			}
			if !ping(w1, addr4(2).String()) {
				t.Errorf("no answer; drops: %s", n.drops(switchA))
			}
			for k := range n.hooks.have {
				n.hooks.have[k]-- // as another release has left them
			}
			for i := range 4 {
				n.expectPending(want, nil, i < 3, fmt.Sprintf("apply %d of the other release", i+1))
			}
			for i := range 4 {
				n.expectPending(state(), nil, i < 3, fmt.Sprintf("apply %d of nothing", i+1))
			}
			if len(n.hooks.have) > 0 {
				t.Errorf("attached: %v", n.hooks.have)
			}
		})
	}
}

// expectPending applies a state and checks what is left for the next Apply.
func (n *node) expectPending(want *netstate.State, pending map[netstate.PortID]bool, unfinished bool, what string) {
	n.t.Helper()
	var res netstate.Result
	var err error
	n.do(func() { res, err = n.Apply(context.Background(), want) })
	if err != nil || len(res.Failures) > 0 || res.Unfinished != unfinished || len(res.Pending) != len(pending) {
		n.t.Fatalf("%s: %+v, %v; want unfinished %v, pending %v", what, res, err, unfinished, pending)
	}
	for _, p := range res.Pending {
		if !pending[p] {
			n.t.Errorf("%s: %v is pending", what, p)
		}
	}
}

// TestDeviceReplaced: another device with the number of one that is gone gets programs of its own as soon as it is said to have changed.
func TestDeviceReplaced(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNode(t, mode)
			w1, w2 := n.workload(1), n.workload(2)
			want := state(lswitch(switchA, 7, w1, w2))
			n.apply(want)
			n.ip("link", "del", w2.dev.Name)
			n.ip("link", "add", w2.dev.Name, "index", fmt.Sprint(w2.dev.Ifindex), "type", "veth", "peer", "eth0", "netns", w2.ns)
			n.ip("link", "set", w2.dev.Name, "addrgenmode", "none", "up")
			w2.configure(t)
			n.DevicesChanged(map[int]bool{w1.dev.Ifindex: true, w2.dev.Ifindex: true})
			n.apply(want)
			if !ping(w1, addr4(2).String()) {
				t.Errorf("no answer; drops: %s", n.drops(switchA))
			}
			n.ip("link", "del", w2.dev.Name)
			n.DevicesChanged(nil)
			n.do(func() {
				if _, err := n.syncHooks(state(lswitch(switchA, 7, w1))); err != nil {
					t.Error(err)
				}
			})
			if len(n.hooks.have) != 2 {
				t.Errorf("attached after a device has gone: %v", n.hooks.have)
			}
		})
	}
}

// TestTurn: the first hook is always done, and time that has passed does not come back.
func TestTurn(t *testing.T) {
	clock := time.Unix(0, 0)
	turn := turn{now: func() time.Time { return clock }, patience: time.Second, began: clock.Add(-time.Hour)}
	if !turn.goesOn() || turn.goesOn() {
		t.Error("want one hook though time has passed, and no more")
	}
	clock = turn.began
	if turn.goesOn() {
		t.Error("the turn goes on after its end")
	}
}
