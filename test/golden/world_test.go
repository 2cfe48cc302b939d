package golden

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/testutil/rowstest"
)

// world is a made-up cluster as one node sees it. Rows are replaced, never changed, as the database copies do it.
type world struct {
	ingest.Input
	given ingest.Input // that readers were given last
}

// newWorld has some switches with ports each, on chassis hv0 (us) to hv9; each switch's first port is here.
func newWorld(switches, ports int) *world {
	w := &world{Input: ingest.Input{
		Chassis: "hv0", NB: rowstest.New[nb.Rows](), SB: rowstest.New[sb.Rows](), VS: rowstest.New[vsw.Rows](),
		Devices: map[string]logical.Device{}, Routes: map[netip.Addr]logical.Route{}, Activated: map[string]bool{},
		Tunnel: &logical.Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
	}}
	w.VS.Bridge["br"] = &vsw.Bridge{UUID: "br", Name: "br-int", Ports: []string{"port"}}
	w.VS.Port["port"] = &vsw.Port{UUID: "port"}
	for i := range 10 {
		w.addChassis(i)
	}
	for s := range switches {
		w.addSwitch(s)
		for p := range ports {
			w.addPort(s, p+1)
		}
		w.plug(portName(s, 1))
	}
	return w
}

func portName(s, p int) string { return fmt.Sprintf("sw%d-p%d", s, p) }

func (w *world) addChassis(i int) {
	name := fmt.Sprintf("hv%d", i)
	w.SB.Chassis[name] = &sb.Chassis{UUID: name, Name: name, Encaps: []string{"encap-" + name}}
	addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
	w.SB.Encap["encap-"+name] = &sb.Encap{UUID: "encap-" + name, Type: "geneve", IP: addr.String(), ChassisName: name}
	w.Routes[addr] = logical.Route{Ifindex: 2, NextHop: addr, MTU: 1500}
}

// addEncap gives a chassis a second tunnel end.
func (w *world) addEncap(i int, isDefault bool) {
	name, addr := fmt.Sprintf("hv%d", i), netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})
	c := *w.SB.Chassis["hv0"]
	c.UUID, c.Name, c.Encaps = name, name, []string{"encap-" + name, "encap2-" + name}
	w.SB.Chassis[name] = &c
	w.SB.Encap["encap2-"+name] = &sb.Encap{UUID: "encap2-" + name, Type: "geneve", IP: addr.String(), ChassisName: name,
		Options: map[string]string{"is_default": fmt.Sprint(isDefault)}}
	w.Routes[addr] = logical.Route{Ifindex: 3, NextHop: addr, MTU: 9000}
}

func (w *world) addSwitch(s int) {
	name := fmt.Sprintf("sw%d", s)
	w.NB.LogicalSwitch[name] = &nb.LogicalSwitch{UUID: name, Name: name}
	w.SB.DatapathBinding[name] = &sb.DatapathBinding{UUID: name, TunnelKey: s + 1, ExternalIDs: map[string]string{"logical-switch": name, "name": name}}
	w.SB.MulticastGroup[name] = &sb.MulticastGroup{UUID: name, Datapath: name, Name: "_MC_flood", TunnelKey: 32768}
}

// addPort adds port p of switch s: its key is p, its addresses come of both.
func (w *world) addPort(s, p int) {
	name, sw := portName(s, p), fmt.Sprintf("sw%d", s)
	mac := fmt.Sprintf("0a:00:00:%02x:%02x:%02x", s, p>>8, p&0xff)
	text := fmt.Sprintf("%s 10.%d.%d.%d fd00:%x::%x", mac, s, p>>8, p&0xff, s, p)
	w.NB.LogicalSwitchPort[name] = &nb.LogicalSwitchPort{UUID: name, Name: name, Addresses: []string{text}, PortSecurity: []string{text}}
	chassis := fmt.Sprintf("hv%d", p%10)
	w.SB.PortBinding[name] = &sb.PortBinding{UUID: name, LogicalPort: name, Datapath: sw, TunnelKey: p, MAC: []string{text}, Chassis: &chassis}
	ls := *w.NB.LogicalSwitch[sw]
	ls.Ports = append(slices.Clip(ls.Ports), name)
	w.NB.LogicalSwitch[sw] = &ls
	g := *w.SB.MulticastGroup[sw]
	g.Ports = append(slices.Clip(g.Ports), name)
	w.SB.MulticastGroup[sw] = &g
}

// network reads the world as the database copies give it: a table that changed is another map, any other the same one.
func (w *world) network(r *ingest.Reader) *logical.Network {
	in := w.Input
	in.NB, in.SB, in.VS = rowstest.Copy(w.given.NB, w.NB), rowstest.Copy(w.given.SB, w.SB), rowstest.Copy(w.given.VS, w.VS)
	in.Devices = maps.Clone(w.Devices)
	w.given = in
	return read(r, in)
}

// read reads plugs and the network.
func read(r *ingest.Reader, in ingest.Input) *logical.Network {
	plugs, wrong := r.Plugs(in)
	n := *r.Network(in, plugs)
	n.Problems = logical.Problems(slices.Concat(wrong, n.Problems)).Sorted()
	return &n
}

// plug makes an interface and a device for a logical port.
func (w *world) plug(port string) {
	w.VS.Interface["if-"+port] = &vsw.Interface{UUID: "if-" + port, Name: "tap-" + port, ExternalIDs: map[string]string{"iface-id": port}}
	w.Devices["tap-"+port] = logical.Device{Name: "tap-" + port, Ifindex: 100 + len(w.Devices), PeerElsewhere: true}
	vp := *w.VS.Port["port"]
	vp.Interfaces = slices.Sorted(maps.Keys(w.VS.Interface))
	w.VS.Port["port"] = &vp
}
