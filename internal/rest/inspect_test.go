package rest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// fakePlane is a data plane as a test describes it.
type fakePlane struct {
	types      []v1.Type
	modules    []v1.ModuleDetails
	tables     []v1.Table
	rows       []v1.Row // of each of the tables
	links      []v1.Link
	interfaces []v1.Interface
}

func (f *fakeSource) Types() []v1.Type { return f.plane.types }
func (f *fakeSource) Links() []v1.Link { return f.plane.links }
func (f *fakeSource) Interfaces() ([]v1.Interface, error) {
	return f.plane.interfaces, f.err
}

func (f *fakeSource) Modules() ([]v1.ModuleInstance, error) {
	var list []v1.ModuleInstance
	for _, m := range f.plane.modules {
		list = append(list, m.ModuleInstance)
	}
	return list, f.err
}

func (f *fakeSource) FindModules(name string) []string {
	var ids []string
	for _, m := range f.plane.modules {
		if m.ID == name || m.Name == name {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (f *fakeSource) Module(id string) (v1.ModuleDetails, error) {
	for _, m := range f.plane.modules {
		if m.ID == id {
			return m, f.err
		}
	}
	return v1.ModuleDetails{}, hover.ErrUnknown
}

func (f *fakeSource) Tables(string) ([]v1.Table, error) { return f.plane.tables, f.err }

func (f *fakeSource) Rows(_, table string, limit int) (v1.Rows, error) {
	for _, t := range f.plane.tables {
		if t.Name == table {
			n := min(limit, len(f.plane.rows))
			return v1.Rows{Rows: f.plane.rows[:n], More: n < len(f.plane.rows)}, f.err
		}
	}
	return v1.Rows{}, hover.ErrUnknown
}

// smallPlane has two modules, of which the second has everything that may be absent absent.
func smallPlane() fakePlane {
	drops := []v1.Drop{{Module: "l2switch", Reason: "no_port", Text: "no such port", Packets: 3}}
	counters := v1.Counters{RxPackets: 1, RxBytes: 2, TxPackets: 3, TxBytes: 1 << 63}
	return fakePlane{
		types: []v1.Type{{Name: "iom", Programs: []string{"vif_in"}, Tables: []v1.TableType{{Name: "iom_ports", Kind: "Array", MaxEntries: 8}},
			Drops: []v1.DropReason{{Name: "no_port", Text: "no such port"}}}, {Name: "l2switch", Modules: 2}},
		modules: []v1.ModuleDetails{
			{ModuleInstance: v1.ModuleInstance{ID: "id-1", Name: "a/b", Kind: "l2switch", Slot: 1, Key: 7, PortCount: 2, LocalPortCount: 1, Counters: counters, Drops: drops},
				Ports: []v1.ModulePort{{MapPort: v1.MapPort{Name: "p", Key: 1, Slot: 4, Device: "tap1", Nodes: []string{"hv2", "hv3@192.0.2.3"}}, Tag: 5, Counters: counters, Drops: drops},
					{MapPort: v1.MapPort{Name: "q", Key: 2}}}},
			{ModuleInstance: v1.ModuleInstance{ID: "id-2", Name: "twin"}},
			{ModuleInstance: v1.ModuleInstance{ID: "id-3", Name: "twin"}},
		},
		tables: []v1.Table{{TableType: v1.TableType{Name: "l2switch_fdbs", Kind: "Hash", MaxEntries: 9, Key: "k", Value: "v"}, Rows: 2}},
		rows: []v1.Row{{Key: json.RawMessage(`{"dp":1,"mac":"0a:00:00:00:00:01"}`), Value: json.RawMessage(`"p"`)},
			{Key: json.RawMessage(`{"dp":1,"mac":"0a:00:00:00:00:02"}`), Value: json.RawMessage(`18446744073709551615`)}},
		links: []v1.Link{{Port: "p", Key: 1, Module: "a/b", ModuleID: "id-1", Ends: []v1.LinkEnd{{Type: v1.EndDevice, Name: "tap1", Ifindex: 4, Tag: 5},
			{Type: v1.EndPeer, Name: "hv2", Address: "192.0.2.2", Device: "eth0"}}}, {Port: "bare"}},
		interfaces: []v1.Interface{{Name: "tap1", Ifindex: 4, Kind: "tun", MAC: "0a:00:00:00:00:01", MTU: 1500, Up: true, Carrier: true,
			Hooks: []v1.Hook{{Direction: "ingress", Program: "vif_in"}},
			Ports: []v1.InterfacePort{{Port: "p", Module: "a/b", ModuleID: "id-1", Key: 1, Slot: 4, Counters: counters, Drops: drops}, {Port: "bare"}}}, {Name: "eth0"}},
	}
}

// What the source says of the data plane arrives at the client; lists that are nil arrive empty.
func TestClientInspects(t *testing.T) {
	p := smallPlane()
	c := config(t, &fakeSource{plane: p})
	start(t, c)
	client, ctx := v1.NewClient(v1.SocketPath(c.RunDir)), context.Background()

	types, err := client.Types(ctx)
	same(t, "types", []v1.Type{p.types[0], fullType(p.types[1])}, types, err)
	kind, err := client.Type(ctx, "iom")
	same(t, "type", &p.types[0], kind, err)
	modules, err := client.Modules(ctx)
	same(t, "modules", []v1.ModuleInstance{p.modules[0].ModuleInstance, fullModule(p.modules[1].ModuleInstance), fullModule(p.modules[2].ModuleInstance)}, modules, err)
	for _, name := range []string{"id-1", "a/b"} {
		module, err := client.Module(ctx, name)
		want := fullModuleDetails(p.modules[0])
		same(t, "module by "+name, &want, module, err)
		tables, err := client.Tables(ctx, name)
		same(t, "tables of "+name, p.tables, tables, err)
		rows, err := client.Rows(ctx, name, "l2switch_fdbs", 2)
		same(t, "rows of "+name, &v1.Rows{Rows: p.rows}, rows, err)
	}
	rows, err := client.Rows(ctx, "id-1", "l2switch_fdbs", 1)
	same(t, "one row", &v1.Rows{Rows: p.rows[:1], More: true}, rows, err)
	links, err := client.Links(ctx)
	same(t, "links", []v1.Link{p.links[0], fullLink(p.links[1])}, links, err)
	link, err := client.Link(ctx, "p")
	same(t, "link", &p.links[0], link, err)
	interfaces, err := client.Interfaces(ctx)
	same(t, "interfaces", []v1.Interface{fullInterface(p.interfaces[0]), fullInterface(p.interfaces[1])}, interfaces, err)
	in, err := client.Interface(ctx, "eth0")
	want := fullInterface(p.interfaces[1])
	same(t, "interface", &want, in, err)

	if p.modules[0].Ports[1].Drops != nil || p.interfaces[0].Ports[1].Drops != nil {
		t.Error("the server changed what the source lent it")
	}
}

func TestInspectionHasNoNull(t *testing.T) {
	s := start(t, config(t, &fakeSource{plane: fakePlane{types: []v1.Type{{Name: "x"}}, links: []v1.Link{{Port: "x"}}, interfaces: []v1.Interface{{Name: "x"}},
		modules: []v1.ModuleDetails{{ModuleInstance: v1.ModuleInstance{ID: "x"}, Ports: []v1.ModulePort{{}}}},
		tables:  []v1.Table{{TableType: v1.TableType{Name: "x"}}}}}))
	for _, path := range []string{"/v1/types/x", "/v1/modules/x", "/v1/modules/x/tables", "/v1/modules/x/tables/x", "/v1/links/x", "/v1/interfaces/x"} {
		if status, _, body := ask(t, s.Addrs()[0], "GET", path); status != 200 || strings.Contains(body, "null") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// The limits of api/v1 are those of the server.
func TestRowLimits(t *testing.T) {
	p := smallPlane()
	p.rows = make([]v1.Row, v1.MaxRows+1)
	for i := range p.rows {
		p.rows[i] = v1.Row{Key: json.RawMessage("0"), Value: json.RawMessage("0")}
	}
	c := config(t, &fakeSource{plane: p})
	s := start(t, c)
	_, _, body := ask(t, s.Addrs()[0], "GET", "/v1/modules/id-1/tables/l2switch_fdbs")
	var rows v1.Rows
	if err := json.Unmarshal([]byte(body), &rows); err != nil || len(rows.Rows) != v1.DefaultRows || !rows.More {
		t.Errorf("without limit: %d rows, %v", len(rows.Rows), err)
	}
	client := v1.NewClient(v1.SocketPath(c.RunDir))
	if all, err := client.Rows(context.Background(), "id-1", "l2switch_fdbs", v1.MaxRows); err != nil || len(all.Rows) != v1.MaxRows {
		t.Errorf("largest limit: %v", err)
	}
	if _, err := client.Rows(context.Background(), "id-1", "l2switch_fdbs", v1.MaxRows+1); err == nil {
		t.Error("a limit beyond the largest is taken")
	}
}
