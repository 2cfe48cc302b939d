package golden

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// world is a made-up cluster as one node sees it. Rows are replaced, never changed, as the database copies do it.
type world struct{ ingest.Input }

// newWorld has some switches with ports each, on chassis hv0 (us) to hv9; each switch's first port is here.
func newWorld(switches, ports int) *world {
	w := &world{ingest.Input{
		Chassis: "hv0", NB: newRows[nb.Rows](), SB: newRows[sb.Rows](), VS: newRows[vsw.Rows](),
		Devices: map[string]logical.Device{}, Routes: map[netip.Addr]logical.Route{}, Refused: map[string]string{},
		Tunnel: &logical.Tunnel{Addr: netip.MustParseAddr("2001:db8::1")},
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
	w.SB.Encap["encap-"+name] = &sb.Encap{UUID: "encap-" + name, Type: "geneve", IP: addr.String()}
	w.Routes[addr] = logical.Route{Ifindex: 2, NextHop: addr, MTU: 1500}
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

// plug makes an interface and a device for a logical port.
func (w *world) plug(port string) {
	w.VS.Interface["if-"+port] = &vsw.Interface{UUID: "if-" + port, Name: "tap-" + port, ExternalIDs: map[string]string{"iface-id": port}}
	w.Devices["tap-"+port] = logical.Device{Name: "tap-" + port, Ifindex: 100 + len(w.Devices), PeerElsewhere: true}
	vp := *w.VS.Port["port"]
	vp.Interfaces = slices.Sorted(maps.Keys(w.VS.Interface))
	w.VS.Port["port"] = &vp
}

func pick[V any](r *rand.Rand, m map[string]V) string {
	return slices.Sorted(maps.Keys(m))[r.IntN(len(m))]
}

// edit makes one random change of the kind that databases and hosts go through, dangling references included. It says which.
func (w *world) edit(r *rand.Rand) string {
	name := pick(r, w.SB.PortBinding)
	kind := r.IntN(len(edits))
	if len(w.SB.PortBinding) < 3 {
		kind = 0
	}
	return fmt.Sprintf("%s of %s", edits[kind](w, r, name), name)
}

// edits are the kinds of changes; each gets the name of some port and says what it did.
var edits = []func(w *world, r *rand.Rand, port string) string{
	func(w *world, r *rand.Rand, _ string) string {
		w.addPort(r.IntN(3), 100+r.IntN(40))
		return "arrival"
	},
	func(w *world, _ *rand.Rand, port string) string { delete(w.SB.PortBinding, port); return "no binding" },
	func(w *world, _ *rand.Rand, port string) string {
		delete(w.NB.LogicalSwitchPort, port)
		return "no NB row"
	},
	func(w *world, _ *rand.Rand, port string) string { w.plug(port); return "plugging" },
	func(w *world, _ *rand.Rand, port string) string { delete(w.Devices, "tap-"+port); return "unplugging" },
	func(w *world, r *rand.Rand, _ string) string {
		delete(w.SB.Chassis, fmt.Sprintf("hv%d", 1+r.IntN(9)))
		return "chassis gone"
	},
	func(w *world, r *rand.Rand, _ string) string { w.addChassis(1 + r.IntN(9)); return "chassis there" },
	func(w *world, r *rand.Rand, port string) string {
		pb := *w.SB.PortBinding[port]
		chassis := fmt.Sprintf("hv%d", r.IntN(12))
		pb.Chassis = &chassis
		w.SB.PortBinding[port] = &pb
		return "move"
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editPort(port, func(p *nb.LogicalSwitchPort) {
			p.Addresses = []string{[]string{"unknown", "junk", "0a:00:00:00:00:01 10.0.0.1 fd00::1", "dynamic", "0a:00:00:00:00:02"}[r.IntN(5)]}
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editPort(port, func(p *nb.LogicalSwitchPort) {
			p.PortSecurity = [][]string{nil, {"junk"}, {"0a:00:00:00:00:01 fd00::/64"}}[r.IntN(3)]
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		enabled := r.IntN(2) == 0
		return w.editPort(port, func(p *nb.LogicalSwitchPort) { p.Enabled = &enabled })
	},
	func(w *world, r *rand.Rand, _ string) string {
		sw := fmt.Sprintf("sw%d", r.IntN(3))
		ls := *w.NB.LogicalSwitch[sw]
		ls.OtherConfig = []map[string]string{nil, {"vlan-passthru": "true"}}[r.IntN(2)]
		w.NB.LogicalSwitch[sw] = &ls
		return "option of " + sw
	},
	func(w *world, _ *rand.Rand, port string) string { return "nothing" },
}

// editPort changes a copy of a Northbound port row.
func (w *world) editPort(port string, change func(*nb.LogicalSwitchPort)) string {
	row := w.NB.LogicalSwitchPort[port]
	if row == nil {
		return "nothing"
	}
	changed := *row
	change(&changed)
	w.NB.LogicalSwitchPort[port] = &changed
	return "edit"
}
