package hover

import (
	"testing"
	"time"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/ct"
	"woven.dev/woven/sdk/iom/wire"
)

// Tracked connections stay when a port goes, whatever ports they have themselves, and go with their instance.
func TestConnections(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3 := n.workload(1), n.workload(2), n.workload(3)
	n.apply(state(learning(switchA, 7, w1, w2), learning(switchB, 8, w3)))
	connections, err := n.Connections()
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range n.Instances() {
		key := wire.CtKey{Zone: in.Slot<<16 | 1, Proto: 6}
		for i, slot := range []uint32{in.Ports[2], in.Ports[3]} {
			key.L4[i] = uint16(slot)
		}
		if err := n.WriteTable("iom_cts", map[string]string{iom.Bytes(key): iom.Bytes(wire.Ct{Expires: 1 << 31})}, nil); err != nil {
			t.Fatal(err)
		}
	}
	count := func(what string, want int) {
		t.Helper()
		list, err := connections.Tables.List(time.Second, func(ct.Connection) bool { return true })
		if err != nil || len(list) != want {
			t.Errorf("%s: %d connections (%v), want %d", what, len(list), err, want)
		}
	}
	count("both switches", 2)
	n.apply(state(learning(switchA, 7, w1), learning(switchB, 8, w3)))
	count("without port 2", 2)
	n.apply(state(learning(switchA, 7, w1)))
	count("without switch B", 1)
}
