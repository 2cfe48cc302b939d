package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ovsdb/vsw"
)

const internalUUID = "0123456789ab-cdef"

// internalIface is interface int0 as a row asks for it, in a bridge with its own device and tap1.
func internalPlugs(change func(*vsw.Interface), links map[string]hostnet.Link) []plug {
	iface := &vsw.Interface{UUID: internalUUID, Name: "int0", Type: "internal"}
	change(iface)
	rows := localRows(shown(), iface, &vsw.Interface{UUID: "i0", Name: "br-int", Type: "internal"})
	return plugsOf(rows, findBridge(rows, "br-int"), links)
}

// internalLinks are the device of int0 with an address of the host's choice, and others.
func internalLinks(change func(links map[string]hostnet.Link)) map[string]hostnet.Link {
	links := map[string]hostnet.Link{
		"int0":            {Name: "int0", Index: 20, Parent: 21, MTU: 1500, MAC: [6]byte{2, 2}, Kind: "veth"},
		"woven-012345678": {Name: "woven-012345678", Index: 21, Parent: 20, MTU: 1500, Kind: "veth", Up: true},
		"woven-out":       {Name: "woven-out", Index: 22, Kind: "veth"},
		"br-int":          {Name: "br-int", Index: 5, MTU: 1500},
		"tap1":            {Name: "tap1", Index: 10},
	}
	change(links)
	return links
}

func TestInternalChanges(t *testing.T) {
	want := func(change func(*hostnet.Internal)) []hostnet.Internal {
		d := hostnet.Internal{Name: "int0", Peer: "woven-012345678", MTU: 1500}
		change(&d)
		return []hostnet.Internal{d}
	}
	absent := func(l map[string]hostnet.Link) { delete(l, "int0"); delete(l, "woven-012345678") }
	moved := func(l map[string]hostnet.Link) { delete(l, "int0") }
	same, asIs := func(map[string]hostnet.Link) {}, func(*vsw.Interface) {}
	for _, c := range []struct {
		name   string
		iface  func(*vsw.Interface)
		links  func(map[string]hostnet.Link)
		ensure []hostnet.Internal
		remove []string
	}{
		{"as it should be", asIs, same, nil, nil},
		{"missing", asIs, absent, want(func(*hostnet.Internal) {}), nil},
		{"missing, with an address", func(i *vsw.Interface) { i.ExternalIDs = map[string]string{"attached-mac": "0a:00:00:00:00:01"} }, absent,
			want(func(d *hostnet.Internal) { d.MAC = [6]byte{10, 0, 0, 0, 0, 1} }), nil},
		{"missing, with two addresses", func(i *vsw.Interface) {
			i.MAC, i.ExternalIDs = ptr("0a:00:00:00:00:02"), map[string]string{"attached-mac": "0a:00:00:00:00:01"}
		}, absent, want(func(d *hostnet.Internal) { d.MAC = [6]byte{10, 0, 0, 0, 0, 2} }), nil},
		{"missing, with a garbage address", func(i *vsw.Interface) { i.MAC = ptr("junk") }, absent, want(func(*hostnet.Internal) {}), nil},
		{"the host chose its address", func(i *vsw.Interface) { i.ExternalIDs = map[string]string{"attached-mac": "0a:00:00:00:00:01"} }, same, nil, nil},
		{"the row demands another address", func(i *vsw.Interface) { i.MAC = ptr("0a:00:00:00:00:01") }, same,
			want(func(d *hostnet.Internal) { d.MAC = [6]byte{10, 0, 0, 0, 0, 1} }), nil},
		{"another MTU", func(i *vsw.Interface) { i.MTURequest = ptr(9000) }, same, want(func(d *hostnet.Internal) { d.MTU = 9000 }), nil},
		{"in another namespace", func(i *vsw.Interface) { i.MAC = ptr("0a:00:00:00:00:01") }, moved, nil, nil},
		{"in another namespace, another MTU", func(i *vsw.Interface) { i.MTURequest = ptr(1400) }, moved, want(func(d *hostnet.Internal) { d.MTU = 1400 }), nil},
		{"row gone", func(i *vsw.Interface) { i.UUID = "fedcba987654" }, moved,
			want(func(d *hostnet.Internal) { d.Peer = "woven-fedcba987" }), []string{"woven-012345678"}},
		{"no internal interface any longer", func(i *vsw.Interface) { i.Type = "" }, same, nil, []string{"woven-012345678"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			links := internalLinks(c.links)
			ensure, remove := internalChanges(internalPlugs(c.iface, links), links)
			if diff := cmp.Diff(c.ensure, ensure); diff != "" {
				t.Errorf("ensure (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.remove, remove); diff != "" {
				t.Errorf("remove (-want +got):\n%s", diff)
			}
		})
	}
}

// A row shows the host's end; where that has moved away, what the switch's end knows of it.
func TestInternalInterfaceIsShown(t *testing.T) {
	for _, c := range []struct {
		name  string
		links func(map[string]hostnet.Link)
		want  string
	}{
		{"here", func(map[string]hostnet.Link) {},
			`update Interface 0123456789ab-cdef ofport=1 ifindex=20 mac_in_use=02:02:00:00:00:00 mtu=1500 admin_state=down link_state=down`},
		{"elsewhere", func(l map[string]hostnet.Link) { delete(l, "int0") },
			`update Interface 0123456789ab-cdef ofport=1 ifindex=20 mtu=1500 admin_state=up link_state=down`},
		{"a foreign device has the name", func(l map[string]hostnet.Link) {
			l["int0"] = hostnet.Link{Name: "int0", Index: 30}
			delete(l, "woven-012345678")
		}, `update Interface 0123456789ab-cdef ofport=1 error=could not open network device int0 (No such device) statistics=map[]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			plugs := internalPlugs(func(*vsw.Interface) {}, internalLinks(c.links))
			for i := range plugs {
				if plugs[i].iface.Name == "int0" {
					expectOps(t, interfaceOps(&plugs[i], 1), c.want)
				}
			}
		})
	}
}
