package agent

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// memoWorld is what claims and bindings are decided from: one port here, bound nowhere yet.
type memoWorld struct {
	plugs []ingest.Plug
	rows  *sb.Rows
	self  *sb.Chassis
	live  map[string]bool
	held  map[plugID]string
}

func newMemoWorld() *memoWorld {
	self := &sb.Chassis{UUID: "us", Name: "hv1", Encaps: []string{"e"}}
	binding := &sb.PortBinding{UUID: "b", LogicalPort: "p"}
	return &memoWorld{
		rows: &sb.Rows{Chassis: map[string]*sb.Chassis{"us": self, "they": {UUID: "they", Name: "hv2"}}, PortBinding: map[string]*sb.PortBinding{"b": binding},
			Encap: map[string]*sb.Encap{}},
		plugs: []ingest.Plug{{Interface: &vsw.Interface{UUID: "i"}, Port: "p", Binding: binding, Device: &logical.Device{Name: "tap", Ifindex: 3}, Role: ingest.Main}},
		self:  self, live: map[string]bool{"p": true}, held: map[plugID]string{},
	}
}

// bind replaces the binding, as the database copies do.
func (w *memoWorld) bind(chassis string, up bool) {
	binding := &sb.PortBinding{UUID: "b", LogicalPort: "p", Chassis: &chassis, Up: &up}
	rows := *w.rows
	rows.PortBinding = map[string]*sb.PortBinding{"b": binding}
	w.rows = &rows
	if len(w.plugs) > 0 {
		plug := w.plugs[0]
		plug.Binding = binding
		w.plugs = []ingest.Plug{plug}
	}
}

// TestMemos: whatever changes, memos give what the functions that they stand for give, and without a change the same claims again.
func TestMemos(t *testing.T) {
	w := newMemoWorld()
	var claiming claimMemo
	var binding bindingMemo
	for i, step := range []struct {
		change func()
		writes bool
	}{
		{func() {}, true},
		{func() { w.bind("us", true) }, false},
		{func() {}, false},
		{func() { w.live = map[string]bool{} }, true}, // to be brought down
		{func() { w.live = map[string]bool{"p": true} }, false},
		{func() {
			rows := *w.rows
			rows.Encap = map[string]*sb.Encap{"e": {UUID: "e", Options: map[string]string{"is_default": "true"}}}
			w.rows = &rows
		}, true},
		{func() { w.bind("they", true) }, false}, // lost
		{func() { w.held = map[plugID]string{} }, true},
		{func() { w.bind("us", true) }, true},
		{func() { w.plugs = nil }, true}, // to be released
		{func() { w.bind("they", true) }, false},
		{func() { w.bind("us", false) }, true},
		{func() {
			w.self = &sb.Chassis{UUID: "new", Name: "hv1"}
			rows := *w.rows
			rows.Chassis = maps.Clone(rows.Chassis)
			rows.Chassis["new"] = w.self
			w.rows = &rows
		}, false},
	} {
		step.change()
		held := w.held
		want := decideClaims(w.plugs, w.rows, w.self, held)
		got := claiming.decide(w.plugs, w.rows, w.self, held)
		if diff := cmp.Diff(want, *got, cmp.AllowUnexported(claims{}, claim{}, plugID{})); diff != "" {
			t.Errorf("step %d: claims (-want +got):\n%s", i, diff)
		}
		wantOps := bindingOps(w.rows, w.self, want.ours, w.live)
		for range 2 {
			if diff := cmp.Diff(wantOps, binding.ops(w.rows, w.self, got, w.live)); diff != "" {
				t.Errorf("step %d: operations (-want +got):\n%s", i, diff)
			}
		}
		if (len(wantOps) > 0) != step.writes {
			t.Errorf("step %d proves little: %d operations", i, len(wantOps))
		}
		if again := claiming.decide(w.plugs, w.rows, w.self, held); again != got {
			t.Errorf("step %d: other claims without a change", i)
		}
		w.held = got.held
	}
}
