package hover

import (
	"testing"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// TestObjectNames: a module and its services count their objects apart; keys of ports are the module's for all.
func TestObjectNames(t *testing.T) {
	m := &netstate.Module{Name: "lr0", Kind: "router", Ports: []netstate.Port{{Name: "lrp", Key: 1}}, Objects: map[uint32]string{netstate.FirstObject: "route"},
		Services: []netstate.Service{{Kind: "acl", Objects: map[uint32]string{netstate.FirstObject: "rule"}}}}
	tables, have := &iom.Tables{}, names{}
	nameRows(tables, m, 7, map[string]uint32{"router": 2, "acl": 3})
	for key, value := range tables.Rows["iom_names"] {
		k, err := iom.Get[wire.NameKey](key)
		if err != nil {
			t.Fatal(err)
		}
		row, err := iom.Get[wire.NameRow](value)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range row.Name {
			if c != 0 {
				have[k] += string(rune(c))
			}
		}
	}
	for _, tt := range []struct {
		number, kind uint32
		want         string
	}{
		{netstate.FirstObject, 2, "route"}, {netstate.FirstObject, 3, "rule"}, {netstate.FirstObject, 1, "#65536"}, {netstate.FirstObject + 1, 2, "#65537"},
		{1, 2, "lrp"}, {1, 3, "lrp"},
	} {
		if got := have.ofObject(7, tt.number, tt.kind); got != tt.want {
			t.Errorf("object %d of kind %d: %q, want %q", tt.number, tt.kind, got, tt.want)
		}
	}
}
