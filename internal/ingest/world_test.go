package ingest

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/testutil/rowstest"
)

// world is what a node sees of a made-up cluster. UUIDs are names; rows are replaced, never changed, as the database copies do it.
type world struct {
	Input
	given Input // that readers were given last
}

// newWorld has two switches, blue and green, with two ports each, joined by router r1; red hangs on router r2 behind r1, and lone on
// nothing. blue-1 is plugged here.
func newWorld() *world {
	w := &world{Input: Input{
		Chassis: "hv0", NB: rowstest.New[nb.Rows](), SB: rowstest.New[sb.Rows](), VS: rowstest.New[vsw.Rows](),
		Devices: map[string]logical.Device{}, Routes: map[netip.Addr]logical.Route{}, Activated: map[string]bool{},
	}}
	w.VS.Bridge["br"] = &vsw.Bridge{UUID: "br", Name: "br-int", Ports: []string{"port"}}
	w.VS.Port["port"] = &vsw.Port{UUID: "port"}
	for s, name := range []string{"blue", "green", "red", "lone"} {
		w.addSwitch(name, s+1)
		for p := range 2 {
			w.addPort(name, fmt.Sprintf("%s-%d", name, p+1), fmt.Sprintf("0a:00:00:00:%02x:%02x 10.0.%d.%d fd00:%x::%x", s, p+1, s, p+11, s, p+11))
		}
	}
	w.addRouter("r1", 11)
	w.addRouter("r2", 12)
	w.attach("r1", "blue", "0a:00:00:00:0a:01", "10.0.0.1/24", "fd00:0::1/64")
	w.attach("r1", "green", "0a:00:00:00:0a:02", "10.0.1.1/24")
	w.attach("r2", "red", "0a:00:00:00:0a:03", "10.0.2.1/24")
	w.join("r1", "r2")
	w.plug("blue-1")
	return w
}

func (w *world) addSwitch(name string, key int) {
	w.NB.LogicalSwitch[name] = &nb.LogicalSwitch{UUID: name, Name: name}
	w.SB.DatapathBinding[name] = &sb.DatapathBinding{UUID: name, TunnelKey: key, ExternalIDs: map[string]string{"logical-switch": name}}
}

func (w *world) addRouter(name string, key int) {
	w.NB.LogicalRouter[name] = &nb.LogicalRouter{UUID: name, Name: name}
	w.SB.DatapathBinding[name] = &sb.DatapathBinding{UUID: name, TunnelKey: key, ExternalIDs: map[string]string{"logical-router": name}}
}

// bind adds a Port_Binding with the next free key of its datapath.
func (w *world) bind(datapath string, pb sb.PortBinding) {
	pb.UUID, pb.Datapath, pb.TunnelKey = pb.LogicalPort, datapath, 1
	for _, other := range w.SB.PortBinding {
		if other.Datapath == datapath && other.TunnelKey >= pb.TunnelKey {
			pb.TunnelKey = other.TunnelKey + 1
		}
	}
	w.SB.PortBinding[pb.UUID] = &pb
}

func (w *world) addPort(ls, name string, addresses ...string) {
	w.addSwitchPort(ls, nb.LogicalSwitchPort{Name: name, Addresses: addresses})
	w.bind(ls, sb.PortBinding{LogicalPort: name, MAC: addresses})
}

func (w *world) addSwitchPort(ls string, row nb.LogicalSwitchPort) {
	row.UUID = row.Name
	w.NB.LogicalSwitchPort[row.UUID] = &row
	edit(w.NB.LogicalSwitch, ls, func(row2 *nb.LogicalSwitch) { row2.Ports = append(slices.Clone(row2.Ports), row.UUID) })
}

func (w *world) addRouterPort(lr string, row nb.RouterPort, peer string) {
	row.UUID = row.Name
	w.NB.LogicalRouterPort[row.UUID] = &row
	edit(w.NB.LogicalRouter, lr, func(r *nb.LogicalRouter) { r.Ports = append(slices.Clone(r.Ports), row.UUID) })
	w.bind(lr, sb.PortBinding{LogicalPort: row.Name, Type: "patch", Options: map[string]string{"peer": peer}})
}

// attach links a router and a switch by ports "r1-blue" and "blue-r1".
func (w *world) attach(lr, ls, mac string, networks ...string) {
	lrp, lsp := lr+"-"+ls, ls+"-"+lr
	w.addRouterPort(lr, nb.RouterPort{Name: lrp, MAC: mac, Networks: networks}, lsp)
	w.addSwitchPort(ls, nb.LogicalSwitchPort{Name: lsp, Type: "router", Addresses: []string{"router"}, Options: map[string]string{"router-port": lrp}})
	w.bind(ls, sb.PortBinding{LogicalPort: lsp, Type: "patch", MAC: []string{"router"}, Options: map[string]string{"peer": lrp}})
}

// join links two routers by ports "r1-r2" and "r2-r1".
func (w *world) join(a, b string) {
	ab, ba := a+"-"+b, b+"-"+a
	w.addRouterPort(a, nb.RouterPort{Name: ab, Peer: &ba, MAC: "0a:00:00:00:0b:01", Networks: []string{"192.0.2.1/30"}}, ba)
	w.addRouterPort(b, nb.RouterPort{Name: ba, Peer: &ab, MAC: "0a:00:00:00:0b:02", Networks: []string{"192.0.2.2/30"}}, ab)
}

// plug makes an interface and a device for a logical port.
func (w *world) plug(port string) {
	w.VS.Interface[port] = &vsw.Interface{UUID: port, Name: "tap-" + port, ExternalIDs: map[string]string{"iface-id": port}}
	w.Devices["tap-"+port] = logical.Device{Name: "tap-" + port, Ifindex: 100}
	edit(w.VS.Port, "port", func(p *vsw.Port) { p.Interfaces = slices.Sorted(maps.Keys(w.VS.Interface)) })
}

// edit replaces a row by a changed copy; no row, no change.
func edit[R any](table map[string]*R, uuid string, change func(*R)) {
	row := table[uuid]
	if row == nil {
		return
	}
	next := *row
	if change(&next); !reflect.DeepEqual(row, &next) {
		table[uuid] = &next
	}
}

// addACL adds an ACL to a switch, or with group to a port group.
func (w *world) addACL(owner string, group bool, row nb.ACLEntry) {
	w.NB.ACL[row.UUID] = &row
	if group {
		edit(w.NB.PortGroup, owner, func(g *nb.PortGroup) { g.ACLs = append(slices.Clone(g.ACLs), row.UUID) })
		return
	}
	edit(w.NB.LogicalSwitch, owner, func(s *nb.LogicalSwitch) { s.ACLs = append(slices.Clone(s.ACLs), row.UUID) })
}

func (w *world) addGroup(name string, ports ...string) {
	w.NB.PortGroup[name] = &nb.PortGroup{UUID: name, Name: name, Ports: ports}
}

// input gives the world as the database copies do, and as the agent does.
func (w *world) input() Input {
	in := w.Input
	in.NB, in.SB, in.VS = rowstest.Copy(w.given.NB, w.NB), rowstest.Copy(w.given.SB, w.SB), rowstest.Copy(w.given.VS, w.VS)
	in.Devices, in.Routes = maps.Clone(w.Devices), maps.Clone(w.Routes)
	w.given = in
	return in
}

// network reads the world.
func (w *world) network(r *Reader) *logical.Network { return readInput(r, w.input()) }

// readInput reads plugs and the network.
func readInput(r *Reader, in Input) *logical.Network {
	plugs, _ := r.Plugs(in)
	return r.Network(in, plugs)
}

// read is network by a new Reader.
func (w *world) read() *logical.Network { return w.network(new(Reader)) }

// byValue lets cmp compare addresses.
var byValue = cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
