package golden

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

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
		return w.editBinding(port, "move", func(pb *sb.PortBinding) {
			pb.Chassis, pb.Encap = someOf(r, "hv0", "hv1", "hv2", "hv3", "hv4", "hv12"), someOf(r, "encap-hv1", "encap2-hv1", "encap2-hv2", "gone")
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editBinding(port, "migration", func(pb *sb.PortBinding) {
			pb.AdditionalChassis = oneOf(r, nil, []string{"hv0"}, []string{"hv3", "hv0"}, []string{"hv1", "hv12", "hv2"})
			pb.AdditionalEncap = oneOf(r, nil, []string{"encap2-hv2"}, []string{"encap-hv3", "encap2-hv3"})
			pb.Options = oneOf(r, nil, map[string]string{"requested-chassis": "hv3,hv0", "activation-strategy": "rarp"},
				map[string]string{"requested-chassis": "hv0"}, map[string]string{"activation-strategy": "na", "additional-chassis-activated": "hv0"})
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editBinding(port, "type", func(pb *sb.PortBinding) { pb.Type = oneOf(r, "", "", "localport", "localnet", "patch") })
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editBinding(port, "virtual port", func(pb *sb.PortBinding) {
			pb.Type, pb.VirtualParent = "virtual", oneOf(r, nil, new(portName(0, 1)), new(portName(1, 1)))
			pb.Options = map[string]string{"virtual-ip": oneOf(r, "10.0.0.100", "junk"), "virtual-parents": oneOf(r, portName(0, 1), portName(1, 1)+","+portName(0, 2))}
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		parent := portName(r.IntN(3), 1+r.IntN(3))
		return w.editBinding(port, "parent "+parent, func(pb *sb.PortBinding) {
			pb.ParentPort, pb.Tag = oneOf(r, nil, &parent, &parent), oneOf(r, nil, new(5), new(6), new(4095))
		})
	},
	func(w *world, _ *rand.Rand, port string) string {
		for name, pb := range w.SB.PortBinding { // of one that waits, if there is any
			if pb.Options["activation-strategy"] != "" && slices.Contains(pb.AdditionalChassis, "hv0") && name < port {
				port = name
			}
		}
		if w.Activated[port] = !w.Activated[port]; !w.Activated[port] {
			delete(w.Activated, port)
		}
		return "activation"
	},
	func(w *world, r *rand.Rand, _ string) string {
		i := 1 + r.IntN(9)
		w.addEncap(i, r.IntN(2) == 0)
		return fmt.Sprintf("second end of hv%d", i)
	},
	func(w *world, r *rand.Rand, _ string) string {
		name := fmt.Sprintf("hv%d", r.IntN(3))
		if c := w.SB.Chassis[name]; c != nil {
			changed := *c
			changed.TransportZones = oneOf(r, nil, nil, []string{"z1"}, []string{"z2", "z1"})
			w.SB.Chassis[name] = &changed
		}
		return "zones of " + name
	},
	func(w *world, r *rand.Rand, _ string) string {
		sw, addr := fmt.Sprintf("sw%d", r.IntN(3)), oneOf(r, "239.1.1.1", "ff15::5", "_MC_static", "_MC_unknown")
		w.SB.MulticastGroup[sw+addr] = &sb.MulticastGroup{UUID: sw + addr, Datapath: sw, Name: addr, TunnelKey: 32769 + len(addr),
			Ports: slices.Sorted(maps.Keys(w.SB.PortBinding))[:2]}
		return "group " + addr + " of " + sw
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editPort(port, func(p *nb.LogicalSwitchPort) {
			p.Addresses = []string{oneOf(r, "unknown", "junk", "0a:00:00:00:00:01 10.0.0.1 fd00::1", "dynamic", "0a:00:00:00:00:02")}
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editPort(port, func(p *nb.LogicalSwitchPort) {
			p.PortSecurity = oneOf(r, nil, []string{"junk"}, []string{"0a:00:00:00:00:01 fd00::/64"})
		})
	},
	func(w *world, r *rand.Rand, port string) string {
		enabled := r.IntN(2) == 0
		return w.editPort(port, func(p *nb.LogicalSwitchPort) { p.Enabled = &enabled })
	},
	func(w *world, r *rand.Rand, _ string) string {
		sw := fmt.Sprintf("sw%d", r.IntN(3))
		ls := *w.NB.LogicalSwitch[sw]
		ls.OtherConfig = oneOf(r, nil, map[string]string{"vlan-passthru": "true"}, map[string]string{"mcast_snoop": "true"},
			map[string]string{"mcast_snoop": "true", "mcast_flood_unregistered": "true"})
		w.NB.LogicalSwitch[sw] = &ls
		return "option of " + sw
	},
	func(w *world, r *rand.Rand, port string) string {
		sw := fmt.Sprintf("sw%d", r.IntN(3))
		ls := *w.NB.LogicalSwitch[sw]
		ls.Ports = slices.DeleteFunc(slices.Clone(ls.Ports), func(p string) bool { return p == port || r.IntN(10) == 0 })
		w.NB.LogicalSwitch[sw] = &ls
		return "ports taken from " + sw
	},
	func(w *world, r *rand.Rand, port string) string {
		return w.editPort(port, func(p *nb.LogicalSwitchPort) { p.Up = oneOf(r, nil, new(false), new(true)) })
	},
	func(w *world, r *rand.Rand, _ string) string {
		name := pick(r, w.SB.Encap)
		encap := *w.SB.Encap[name]
		encap.Type = oneOf(r, "geneve", "vxlan")
		w.SB.Encap[name] = &encap
		return "type of " + name
	},
	func(w *world, r *rand.Rand, port string) string {
		w.NB.PortGroup["pg"] = &nb.PortGroup{UUID: "pg", Ports: []string{port}, ACLs: oneOf(r, nil, []string{"a"}, []string{"a", "b"})}
		return "port group"
	},
	func(w *world, r *rand.Rand, _ string) string {
		sw := fmt.Sprintf("sw%d", r.IntN(3))
		dp := *w.SB.DatapathBinding[sw]
		dp.TunnelKey = oneOf(r, dp.TunnelKey, 10+r.IntN(10))
		w.SB.DatapathBinding[sw] = &dp
		return "key of " + sw
	},
	func(w *world, r *rand.Rand, _ string) string {
		w.NB.NBGlobal["nb"] = &nb.NBGlobal{NbCfg: r.IntN(10), Options: map[string]string{"ignore_lsp_down": oneOf(r, "true", "false")}}
		return "global option"
	},
	func(w *world, r *rand.Rand, _ string) string {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(10) + 1)})
		w.Routes = maps.Clone(w.Routes)
		w.Routes[addr] = logical.Route{Ifindex: r.IntN(3), NextHop: addr, MTU: 1500}
		return "route"
	},
	func(w *world, r *rand.Rand, _ string) string {
		w.Tunnel = oneOf(r, nil, w.Tunnel, &logical.Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
		return "tunnel"
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

// editBinding changes a copy of a Port_Binding row.
func (w *world) editBinding(port, what string, change func(*sb.PortBinding)) string {
	pb := *w.SB.PortBinding[port]
	change(&pb)
	w.SB.PortBinding[port] = &pb
	return what
}

// oneOf picks a value.
func oneOf[V any](r *rand.Rand, values ...V) V { return values[r.IntN(len(values))] }

// someOf picks the value of an optional column.
func someOf(r *rand.Rand, values ...string) *string {
	if r.IntN(4) == 0 {
		return nil
	}
	v := oneOf(r, values...)
	return &v
}
