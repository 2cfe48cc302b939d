package agent

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// TestPlugMemos: whatever changes, the memos give what the functions that they stand for give.
func TestPlugMemos(t *testing.T) {
	rows := localRows(&vsw.Interface{UUID: "i1", Name: "tap1", ExternalIDs: map[string]string{"iface-id": "p"}})
	snap := &hostnet.Snapshot{Links: testLinks}
	self := &sb.Chassis{UUID: "us", Name: "hv1"}
	binding := &sb.PortBinding{UUID: "b", LogicalPort: "p", Chassis: &self.UUID, Up: new(true)}
	c, live := &claims{}, map[string]bool{}
	setInterface := func(i *vsw.Interface) {
		next := *rows
		next.Interface = maps.Clone(rows.Interface)
		next.Interface["i1"] = i
		rows = &next
	}
	var plugs plugMemo
	var installed installedMemo
	for i, step := range []struct {
		change         func()
		writes, counts bool // interfacesOps, installedOps
	}{
		{func() {}, true, false},
		{func() { i := *shown(); i.ExternalIDs = map[string]string{"iface-id": "p"}; setInterface(&i) }, false, false},
		{func() {}, false, false},
		{func() { c = &claims{ours: map[string]claim{"p": {Plug: heldPlug(rows.Interface["i1"], binding)}}} }, false, false},
		{func() { live = map[string]bool{"p": true} }, false, true},
		{func() { snap = &hostnet.Snapshot{} }, true, true},
		{func() { snap = &hostnet.Snapshot{Links: testLinks} }, false, true},
		{func() {
			i := *shown()
			i.ExternalIDs = map[string]string{installedKey: "true", installedTSKey: "1"}
			setInterface(&i)
		}, false, false},
		{func() { live = map[string]bool{} }, false, true},
	} {
		step.change()
		bridge := findBridge(rows, "br-int")
		want := plugsOf(rows, bridge, snap.Links)
		for range 2 {
			if diff := cmp.Diff(want, plugs.of(rows, bridge, snap), cmp.AllowUnexported(plug{})); diff != "" {
				t.Errorf("step %d: plugs (-want +got):\n%s", i, diff)
			}
			if diff := cmp.Diff(interfacesOps(want, "br-int"), plugs.ops); diff != "" || (len(plugs.ops) > 0) != step.writes {
				t.Errorf("step %d: operations, writes %t (-want +got):\n%s", i, step.writes, diff)
			}
			ops := installed.ops(&plugs, self, c, live, testNow)
			if diff := cmp.Diff(installedOps(want, self, *c, live, testNow), ops); diff != "" || (len(ops) > 0) != step.counts {
				t.Errorf("step %d: reports, some %t (-want +got):\n%s", i, step.counts, diff)
			}
		}
	}
	if none := plugs.of(rows, nil, snap); none != nil {
		t.Errorf("plugs of no bridge: %v", none)
	}
}

// heldPlug is a port that an interface has and that is bound.
func heldPlug(iface *vsw.Interface, b *sb.PortBinding) ingest.Plug {
	return ingest.Plug{Interface: iface, Port: b.LogicalPort, Binding: b, Role: ingest.Main}
}
