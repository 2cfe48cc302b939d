package hover

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
)

// small is l2switch with a table for 16 MAC addresses.
func small() iom.Kind {
	kind := l2switch.Kind()
	kind.Load = func() (*ebpf.CollectionSpec, error) {
		spec, err := l2switch.LoadL2switch()
		if err == nil {
			spec.Maps["l2switch_fdbs"].MaxEntries = 16
		}
		return spec, err
	}
	return kind
}

// withAddresses gives port 1 of a switch as many MAC addresses more.
func withAddresses(m *netstate.Module, more int) *netstate.Module {
	for i := range more {
		m.Config.(*config.Config).FDB[[6]byte{0x0a, 1, 0, 0, 0, byte(i)}] = 1
	}
	return m
}

// A module that outgrows a table goes on as it was, also when the process that meets it is a new one; others come and grow as far as there is
// room, and it follows as soon as there is room for it.
func TestOutgrownTable(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3, w4, w5 := n.workload(1), n.workload(2), n.workload(3), n.workload(4), n.workload(5)
	grown := func(more int) *netstate.Module { return withAddresses(lswitch(switchA, 7, w1, w2), more) }
	if err := n.open(AttachTCX, small()); err != nil {
		t.Fatal(err)
	}
	n.apply(state(grown(6), lswitch(switchB, 8, w3)))
	refused := func(want *netstate.State) {
		t.Helper()
		var res netstate.Result
		var err error
		n.do(func() { res, err = n.Apply(context.Background(), want) })
		if err != nil || len(res.Failures) != 1 || res.Failures[0].Module != switchA || !errors.Is(res.Failures[0].Err, ErrFull) ||
			!slices.Equal(res.Failures[0].Former, []string{"lp1", "lp2"}) {
			t.Fatalf("have %+v, %v", res, err)
		}
	}
	for range 2 {
		if err := n.open(AttachTCX, small()); err != nil {
			t.Fatal(err)
		}
		refused(state(grown(15), lswitch(switchB, 8, w4, w5)))
		if !ping(w1, addr4(2).String()) {
			t.Error("the outgrown switch has lost what it had")
		}
		if !ping(w4, addr4(5).String()) {
			t.Error("another switch does not grow")
		}
	}
	refused(state(grown(13))) // what makes room goes last
	n.apply(state(grown(13)))
	if !ping(w1, addr4(2).String()) {
		t.Error("no answer when there is room again")
	}
	for _, want := range []Usage{{"l2switch_fdbs", 15, 16}, {"iom_ports", 2, 32767}} {
		if !slices.Contains(n.Usage(), want) {
			t.Errorf("want %+v in %+v", want, n.Usage())
		}
	}
}

// A port that is refused with its module keeps no number.
func TestRefusedPortFreesItsSlot(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	if err := n.open(AttachTCX, small()); err != nil {
		t.Fatal(err)
	}
	n.apply(state(lswitch(switchA, 7, w1)))
	n.do(func() {
		res, err := n.Apply(context.Background(), state(withAddresses(lswitch(switchA, 7, w1, w2), 20)))
		if err != nil || len(res.Failures) != 1 || !slices.Equal(res.Failures[0].Former, []string{"lp1"}) {
			t.Errorf("have %+v, %v", res, err)
		}
	})
	n.apply(state(lswitch(switchA, 7, w1)))
	if len(n.numbers.ports.byKey) != 1 {
		t.Errorf("numbers are given to %d ports, want 1", len(n.numbers.ports.byKey))
	}
}
