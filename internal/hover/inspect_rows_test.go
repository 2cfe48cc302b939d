package hover

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/sdk/iom"
)

// TestReferences: references in rows stand by name, wherever the port is.
func TestReferences(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3, w4 := n.workload(1), n.workload(2), n.workload(3), n.workload(4)
	s := state(lswitch(switchA, 7, w1, w2, w3, w4))
	hv2, moving := netip.MustParseAddr("192.0.2.2"), s.Modules[switchA].Ports
	s.Nodes = map[string]*netstate.Node{"hv2": {Name: "hv2", Addr: hv2}}
	moving[1].Device, moving[1].Nodes = nil, []string{"hv2"}
	moving[2].Nodes = []string{"hv2"}
	moving[3].Device = nil
	n.apply(s)
	rows, _, err := n.Rows(switchA, "l2switch_fdbs", 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprint(r.Key.(iom.Fields).Get("mac"), " ", r.Value))
	}
	want := []string{
		"0a:00:00:00:00:01 lp1", "0a:00:00:00:00:02 lp2 on hv2", "0a:00:00:00:00:03 lp3 in several places", "0a:00:00:00:00:04 nowhere",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestUnknownReferences: a reference that outlived what it names is shown by its number.
func TestUnknownReferences(t *testing.T) {
	names := (&holdings{module: &netstate.Module{Groups: []netstate.Group{{Name: "_MC_flood", Key: 32768}}}}).names()
	for ref, want := range map[iom.Ref]string{
		7:                       "port slot 7",
		iom.GroupRef(3):         "key 3 in several places",
		iom.RemoteRef(2, 32768): "_MC_flood on peer 2",
	} {
		if got := names.of(ref); got != want {
			t.Errorf("%#x is %q, want %q", uint32(ref), got, want)
		}
	}
}

func TestTables(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	const other = "6a3c1a52-0000-4000-8000-00000000000b"
	n.apply(state(lswitch(switchA, 7, w1, w2), lswitch(other, 8)))
	testutil.Run(t, "ip", "-n", w1.ns, "addr", "add", "10.0.0.99/24", "dev", "eth0")
	ping(w1, addr4(2).String(), "-I", "10.0.0.99") // spoofed: drops, which a program writes down for the instance and the port
	tables, err := n.Tables(switchA)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, table := range tables {
		rows[table.Name] = table.Rows
	}
	for name, want := range map[string]int{"l2switch_fdbs": 2, "l2switch_ports": 2, "l2switch_macs": 0, "iom_ports": 2, "iom_dps": 1} {
		if got, ok := rows[name]; !ok || got != want {
			t.Errorf("%d rows in %s (listed: %v), want %d", got, name, ok, want)
		}
	}
	for _, name := range []string{"iom_nodes", "iom_drops", "iom_port_stats", "iom_metas"} {
		if _, ok := rows[name]; ok {
			t.Errorf("%s is listed, where the module has nothing", name)
		}
	}
	drops, _, err := n.Rows(switchA, "l2switch_drops", 10)
	if err != nil || len(drops) < 2 || len(drops) != rows["l2switch_drops"] || drops[0].Value.(iom.Fields).Get("port_security_arp") == uint64(0) {
		t.Errorf("drops %v, %v; %d are told", drops, err, rows["l2switch_drops"])
	}
	if drops, _, err := n.Rows(other, "l2switch_drops", 10); err != nil || len(drops) > 0 {
		t.Errorf("drops of a neighbour: %v, %v", drops, err)
	}
	if _, err := n.Tables("nosuch"); !errors.Is(err, ErrUnknown) {
		t.Errorf("tables of nothing: %v", err)
	}
}

func TestHooks(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNode(t, mode)
			w1, w2 := n.workload(1), n.workload(2)
			if hooks := n.Hooks(); len(hooks) > 0 {
				t.Errorf("before anything was applied: %v", hooks)
			}
			s := state(lswitch(switchA, 7, w1, w2))
			n.apply(s)
			var want []Hook
			for _, p := range s.Modules[switchA].Ports {
				want = append(want, Hook{p.Device.Ifindex, false, "vif_in"}, Hook{p.Device.Ifindex, true, "vif_out"})
			}
			if diff := cmp.Diff(want, n.Hooks()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			n.hooks.ids = nil // as for programs of another release
			if hooks := n.Hooks(); len(hooks) != 4 || hooks[0].Program != "" {
				t.Errorf("programs of an earlier run: %v", hooks)
			}
		})
	}
}

// TestTypes: each program and table is in one type, the platform's in "iom".
func TestTypes(t *testing.T) {
	n := newNode(t, AttachTCX)
	types := n.Types()
	if len(types) != 2 || types[0].Name != "iom" || types[1].Name != "l2switch" {
		t.Fatalf("types %+v", types)
	}
	programs := 0
	for _, typ := range types {
		programs += len(typ.Programs)
		if len(typ.Drops) == 0 || len(typ.Tables) == 0 {
			t.Errorf("%s has %d drop reasons and %d tables", typ.Name, len(typ.Drops), len(typ.Tables))
		}
	}
	if programs != len(n.spec.ProgNames()) {
		t.Errorf("%d programs are listed, there are %d", programs, len(n.spec.ProgNames()))
	}
	if diff := cmp.Diff([]string{"l2switch_in", "l2switch_leave", "l2switch_next", "l2switch_out"}, types[1].Programs); diff != "" {
		t.Errorf("programs of l2switch (-want +got):\n%s", diff)
	}
	i := 0
	for types[1].Tables[i].Name != "l2switch_fdbs" {
		i++
	}
	want := TableType{Name: "l2switch_fdbs", Kind: "Hash", MaxEntries: 131072, Key: "struct l2switch_fdb_key {dp u32, mac u8[6]}", Value: "u32"}
	if diff := cmp.Diff(want, types[1].Tables[i]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
