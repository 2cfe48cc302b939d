package ingest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// fullWorld is newWorld with a row of every kind.
func fullWorld() *world {
	w := newWorld()
	w.addGroup("pg", "blue-1", "green-2", "lone-1")
	w.addGroup("other", "red-1")
	w.addACL("pg", true, nb.ACLEntry{UUID: "acl1", Direction: "to-lport", Priority: 1002, Match: "outport == @pg && ip4.src == $pg_ip4", Action: "allow-related"})
	w.addACL("pg", true, nb.ACLEntry{UUID: "acl2", Direction: "from-lport", Priority: 1001, Match: "inport == @pg && ip6.dst == $pg_ip6", Action: "drop", Log: true})
	w.addACL("blue", false, nb.ACLEntry{UUID: "acl3", Direction: "to-lport", Priority: 7, Match: "ip4.src == $as", Action: "reject"})
	w.NB.AddressSet["as"] = &nb.AddressSet{UUID: "as", Name: "as", Addresses: []string{"10.0.0.0/8", "192.0.2.7"}}
	w.NB.LogicalRouterStaticRoute["route"] = &nb.StaticRoute{UUID: "route", IPPrefix: "0.0.0.0/0", Nexthop: "192.0.2.2"}
	w.NB.LogicalRouterPolicy["policy"] = &nb.RouterPolicy{UUID: "policy", Priority: 1, Match: "ip4.src == $as", Action: "drop"}
	edit(w.NB.LogicalRouter, "r1", func(r *nb.LogicalRouter) { r.StaticRoutes, r.Policies = []string{"route"}, []string{"policy"} })
	w.SB.MACBinding["mb"] = &sb.MACBinding{UUID: "mb", Datapath: "r1", LogicalPort: "r1-blue", IP: "10.0.0.77", MAC: "0a:00:00:00:00:77"}
	w.NB.DHCPOptions["dhcp"] = &nb.DHCPOptions{UUID: "dhcp", Cidr: "10.0.0.0/24", Options: map[string]string{"router": "10.0.0.1"}}
	edit(w.NB.LogicalSwitchPort, "blue-1", func(p *nb.LogicalSwitchPort) { uuid := "dhcp"; p.Dhcpv4Options = &uuid })
	w.SB.DNS["dns"] = &sb.DNSEntry{UUID: "dns", Datapaths: []string{"blue", "lone"}, Records: map[string]string{"VM1.example": "10.0.0.11"}}
	w.SB.DHCPOptions["code"] = &sb.DHCPOptions{UUID: "code", Name: "router", Code: 3, Type: "ipv4"}
	w.NB.Meter["meter"] = &nb.Meter{UUID: "meter", Name: "meter", Unit: "pktps", Bands: []string{"band"}}
	w.SB.StaticMACBinding["smb"] = &sb.StaticMACBinding{UUID: "smb", Datapath: "r1", LogicalPort: "r1-blue", IP: "10.0.0.77", MAC: "0a:00:00:00:00:78"}
	w.SB.MulticastGroup["mc"] = &sb.MulticastGroup{UUID: "mc", Datapath: "blue", Name: "_MC_flood", TunnelKey: 32768, Ports: []string{"blue-1", "blue-2"}}
	w.NB.Copp["copp"] = &nb.Copp{UUID: "copp", Meters: map[string]string{"arp": "meter"}}
	edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) { s.Copp = new("copp") })
	w.Tunnel = &logical.Tunnel{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	w.SB.Chassis["hv1"] = &sb.Chassis{UUID: "hv1", Name: "hv1", Encaps: []string{"encap"}}
	w.SB.Encap["encap"] = &sb.Encap{UUID: "encap", Type: "geneve", IP: "192.0.2.11", ChassisName: "hv1"}
	edit(w.SB.PortBinding, "blue-2", func(pb *sb.PortBinding) { pb.Chassis = new("hv1") })
	w.plug("lone-1")
	w.NB.MeterBand["band"] = &nb.MeterBand{UUID: "band", Action: "drop", Rate: 100, BurstSize: 25}
	return w
}

func pick[V any](r *rand.Rand, m map[string]V) string {
	if len(m) == 0 {
		return ""
	}
	return slices.Sorted(maps.Keys(m))[r.IntN(len(m))]
}

// toggle takes a row out of a table, or puts it back.
func toggle[R any](table, original map[string]*R, uuid string) {
	if table[uuid] == nil {
		table[uuid] = original[uuid]
	} else {
		delete(table, uuid)
	}
}

// edits are random changes, dangling references included. original is a world that is not edited.
var edits = []func(w, original *world, r *rand.Rand){
	func(w, o *world, r *rand.Rand) { toggle(w.SB.PortBinding, o.SB.PortBinding, pick(r, o.SB.PortBinding)) },
	func(w, o *world, r *rand.Rand) {
		toggle(w.NB.LogicalSwitchPort, o.NB.LogicalSwitchPort, pick(r, o.NB.LogicalSwitchPort))
	},
	func(w, o *world, r *rand.Rand) {
		toggle(w.NB.LogicalRouterPort, o.NB.LogicalRouterPort, pick(r, o.NB.LogicalRouterPort))
	},
	func(w, o *world, r *rand.Rand) {
		toggle(w.SB.DatapathBinding, o.SB.DatapathBinding, pick(r, o.SB.DatapathBinding))
	},
	func(w, o *world, r *rand.Rand) { toggle(w.NB.ACL, o.NB.ACL, pick(r, o.NB.ACL)) },
	func(w, o *world, r *rand.Rand) { toggle(w.NB.AddressSet, o.NB.AddressSet, "as") },
	func(w, o *world, r *rand.Rand) { toggle(w.NB.PortGroup, o.NB.PortGroup, pick(r, o.NB.PortGroup)) },
	func(w, o *world, r *rand.Rand) {
		toggle(w.NB.LogicalRouter, o.NB.LogicalRouter, pick(r, o.NB.LogicalRouter))
	},
	func(w, o *world, r *rand.Rand) { toggle(w.SB.MACBinding, o.SB.MACBinding, "mb") },
	func(w, o *world, r *rand.Rand) { toggle(w.SB.DNS, o.SB.DNS, "dns") },
	func(w, o *world, r *rand.Rand) { toggle(w.NB.DHCPOptions, o.NB.DHCPOptions, "dhcp") },
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalSwitchPort, pick(r, w.NB.LogicalSwitchPort), func(p *nb.LogicalSwitchPort) {
			up := r.IntN(2) == 0
			p.Up = &up // says nothing to a node
		})
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalSwitchPort, "green-2", func(p *nb.LogicalSwitchPort) {
			p.Addresses = []string{fmt.Sprintf("0a:00:00:00:01:02 10.0.1.%d", 12+r.IntN(3))}
		})
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.PortGroup, "pg", func(g *nb.PortGroup) {
			g.Ports = slices.DeleteFunc(slices.Sorted(maps.Keys(o.NB.LogicalSwitchPort)), func(string) bool { return r.IntN(2) == 0 })
		})
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalRouterPort, "r1-blue", func(p *nb.RouterPort) { p.Networks = []string{fmt.Sprintf("10.0.0.%d/24", 1+r.IntN(3))} })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.ACL, "acl3", func(a *nb.ACLEntry) { a.Match = []string{"ip4.src == $as", "ip4", "ip4.src == $other_ip4"}[r.IntN(3)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalRouterStaticRoute, "route", func(s *nb.StaticRoute) {
			s.Options = map[string]string{"ecmp_symmetric_reply": fmt.Sprint(r.IntN(2) == 0)}
		})
		edit(w.NB.LogicalRouterPort, "r1-blue", func(p *nb.RouterPort) {
			p.Options = [...]map[string]string{nil, {"gateway_mtu": "1400"}, {"gateway_mtu": "1400", "gateway_mtu_bypass": "tcp"}}[r.IntN(3)]
		})
		edit(w.NB.LogicalSwitchPort, "blue-r1", func(p *nb.LogicalSwitchPort) {
			p.Options = [...]map[string]string{{"router-port": "r1-blue"}, {"router-port": "r1-blue", "arp_proxy": "10.9.0.0/16"}}[r.IntN(2)]
		})
	},
	func(w, o *world, r *rand.Rand) {
		limits := [...]map[string]string{nil, {"ct-zone-limit": "5"}, {"ct-zone-limit": "many"}}
		edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) { s.OtherConfig = limits[r.IntN(3)] })
		edit(w.NB.LogicalSwitchPort, "blue-2", func(p *nb.LogicalSwitchPort) { p.Options = limits[r.IntN(3)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalRouter, "r1", func(l *nb.LogicalRouter) { l.StaticRoutes = [][]string{nil, {"route"}, {"gone"}}[r.IntN(3)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.PortBinding, pick(r, w.SB.PortBinding), func(pb *sb.PortBinding) { pb.TunnelKey = 1 + r.IntN(30) })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.PortBinding, pick(r, w.SB.PortBinding), func(pb *sb.PortBinding) { pb.Chassis = []*string{nil, new("hv1")}[r.IntN(2)] })
	},
	func(w, o *world, r *rand.Rand) { toggle(w.SB.Chassis, o.SB.Chassis, "hv1") },
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.Encap, "encap", func(e *sb.Encap) { e.IP = fmt.Sprintf("192.0.2.%d", 11+r.IntN(2)) })
	},
	func(w, o *world, r *rand.Rand) {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + r.IntN(2))})
		w.Routes[addr] = logical.Route{Ifindex: r.IntN(3), NextHop: addr, MTU: 1500}
	},
	func(w, o *world, r *rand.Rand) {
		w.Devices["tap-blue-1"] = logical.Device{Name: "tap-blue-1", Ifindex: 100 + r.IntN(3)}
	},
	func(w, o *world, r *rand.Rand) { toggle(w.VS.Interface, o.VS.Interface, "lone-1") },
	func(w, o *world, r *rand.Rand) {
		w.NB.NBGlobal["nb"] = &nb.NBGlobal{UUID: "nb", NbCfg: r.IntN(10), Options: map[string]string{"default_acl_drop": fmt.Sprint(r.IntN(2) == 0)}}
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.MulticastGroup, "mc", func(g *sb.MulticastGroup) { g.Ports = [][]string{nil, {"blue-1"}, {"blue-1", "blue-2"}}[r.IntN(3)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) {
			s.Ports = slices.DeleteFunc(slices.Clone(o.NB.LogicalSwitch["blue"].Ports), func(string) bool { return r.IntN(3) == 0 })
		})
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.StaticMACBinding, "smb", func(b *sb.StaticMACBinding) { b.OverrideDynamicMAC = r.IntN(2) == 0 })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.MACBinding, "mb", func(b *sb.MACBinding) { b.LogicalPort = []string{"r1-blue", "r1-green", "gone"}[r.IntN(3)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.DNS, "dns", func(d *sb.DNSEntry) { d.Datapaths = [][]string{{"blue"}, {"green", "red"}}[r.IntN(2)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.DNS, "dns", func(d *sb.DNSEntry) {
			d.Records = map[string]string{"vm1.example": fmt.Sprintf("10.0.0.%d", 11+r.IntN(2))}
		})
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.MeterBand, "band", func(b *nb.MeterBand) { b.Rate = 100 + r.IntN(3) })
	},
	func(w, o *world, r *rand.Rand) { toggle(w.NB.Copp, o.NB.Copp, "copp") },
	func(w, o *world, r *rand.Rand) { toggle(w.SB.DHCPOptions, o.SB.DHCPOptions, "code") },
	func(w, o *world, r *rand.Rand) {
		edit(w.NB.LogicalRouterPolicy, "policy", func(p *nb.RouterPolicy) { p.Match = []string{"ip4.src == $as", "ip4.src == $pg_ip4"}[r.IntN(2)] })
	},
}

// TestIncrementalEqualsFull: after random edits a Reader that saw all of them gives what a new one gives, and what is equal to what it gave
// before is the same pointer.
func TestIncrementalEqualsFull(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 1))
		w, original := fullWorld(), fullWorld()
		var reader Reader
		before := w.network(&reader)
		kept, changed := 0, 0
		for step := range 150 {
			kind := r.IntN(len(edits))
			if edits[kind](w, original, r); len(before.Switches) == 0 {
				w.SB.PortBinding["blue-1"], w.SB.DatapathBinding["blue"] = original.SB.PortBinding["blue-1"], original.SB.DatapathBinding["blue"]
			}
			got := w.network(&reader)
			if d := cmp.Diff(w.read(), got, byValue); d != "" {
				t.Fatalf("seed %d, step %d, edit %d (-full +incremental):\n%s", seed, step, kind, d)
			}
			k, c := samePointers(t, before, got)
			kept, changed = kept+k, changed+c
			before = got
		}
		if kept < 500 || changed < 50 {
			t.Errorf("seed %d proves little: %d values kept, %d changed", seed, kept, changed)
		}
	}
}

// samePointers fails when a value of a network is equal to that of the last one, but another pointer. It counts the equal ones, and others.
func samePointers(t *testing.T, before, now *logical.Network) (kept, changed int) {
	t.Helper()
	last, next := pointersOf(before), pointersOf(now)
	for name, v := range next {
		switch old, known := last[name]; {
		case known && reflect.DeepEqual(old, v):
			if kept++; old != v {
				t.Fatalf("%s is equal, but another pointer", name)
			}
		default:
			changed++
		}
	}
	return kept, changed
}

// pointersOf are the values of a network that stay the same pointers, by name.
func pointersOf(n *logical.Network) map[string]any {
	out := map[string]any{}
	for _, sw := range n.Switches {
		out["switch "+sw.UUID] = sw
		for _, p := range sw.Ports {
			out["port "+p.UUID] = p
		}
		for _, a := range sw.ACLs {
			out["acl "+a.UUID] = a
		}
	}
	for _, r := range n.Routers {
		out["router "+r.UUID] = r
		for _, p := range r.Ports {
			out["router port "+p.UUID] = p
		}
		for _, s := range r.Routes {
			out["route "+s.UUID] = s
		}
	}
	for name, g := range n.PortGroups {
		out["group "+name] = g
	}
	for name, s := range n.AddressSets {
		out["set "+name] = s
	}
	for name, m := range n.Meters {
		out["meter "+name] = m
	}
	return out
}

// TestNothingChanged: what says nothing to a node costs nothing: plugs and network are those of the last call.
func TestNothingChanged(t *testing.T) {
	w := fullWorld()
	var r Reader
	before, plugs := w.network(&r), r.plugging.plugs
	for name, change := range map[string]func(){
		"nothing":           func() {},
		"a generation":      func() { w.NB.NBGlobal["nb"], w.SB.SBGlobal["sb"] = &nb.NBGlobal{NbCfg: 7}, &sb.SBGlobal{NbCfg: 7} },
		"chassis' progress": func() { w.SB.ChassisPrivate["hv1"] = &sb.ChassisPrivate{UUID: "hv1", NbCfg: 7} },
		"a learned address": func() { w.SB.FDB["fdb"] = &sb.FDBEntry{UUID: "fdb", MAC: "0a:00:00:00:00:01"} },
	} {
		if change(); w.network(&r) != before || &r.plugging.plugs[0] != &plugs[0] {
			t.Errorf("%s: read again", name)
		}
	}
}

// TestEveryTableCounts: a network is read again when any table is another one, unless it is known that it is not looked at.
func TestEveryTableCounts(t *testing.T) {
	var r Reader
	in := fullWorld().input()
	before := readInput(&r, in)
	for _, rows := range []reflect.Value{reflect.ValueOf(in.NB).Elem(), reflect.ValueOf(in.SB).Elem()} {
		for i := range rows.NumField() {
			name, last := rows.Type().Field(i).Name, rows.Field(i)
			next := reflect.New(rows.Type())
			next.Elem().Set(rows)
			next.Elem().Field(i).Set(reflect.MakeMap(last.Type()))
			again := in
			if nbRows, ok := next.Interface().(*nb.Rows); ok {
				again.NB = nbRows
			} else {
				again.SB = next.Interface().(*sb.Rows)
			}
			if same := readInput(&r, again) == before; same != slices.Contains(unread, name) {
				t.Errorf("without the rows of %s: the last network is used again: %v", name, same)
			}
			before = readInput(&r, in)
		}
	}
}

// TestBindingGoneAndBack: what was known of a binding that was away does not count: its Northbound row and its chassis changed meanwhile.
func TestBindingGoneAndBack(t *testing.T) {
	w := fullWorld()
	var r Reader
	w.network(&r)
	away := w.SB.PortBinding["blue-2"]
	delete(w.SB.PortBinding, away.UUID)
	edit(w.NB.LogicalSwitchPort, "blue-2", func(p *nb.LogicalSwitchPort) { p.Addresses = []string{"0a:00:00:00:00:99"} })
	edit(w.SB.Chassis, "hv1", func(c *sb.Chassis) { c.Name = "hv2" })
	w.network(&r)
	w.SB.PortBinding[away.UUID] = away
	if d := cmp.Diff(w.read(), w.network(&r), byValue); d != "" {
		t.Errorf("(-full +incremental):\n%s", d)
	}
}

// TestTwoBindingsOfOnePort: in rows of different moments a port can have two bindings. The one with the larger key is in its groups, whichever
// was read last.
func TestTwoBindingsOfOnePort(t *testing.T) {
	w := fullWorld()
	w.addGroup("pg", "blue-2")
	second := *w.SB.PortBinding["blue-2"]
	second.UUID, second.TunnelKey = "second", 99
	w.SB.PortBinding["second"] = &second
	var r Reader
	w.network(&r)
	for _, chassis := range []*string{new("hv1"), nil} {
		edit(w.SB.PortBinding, "blue-2", func(pb *sb.PortBinding) { pb.Chassis = chassis })
		got := w.network(&r)
		if d := cmp.Diff(w.read(), got, byValue); d != "" {
			t.Errorf("(-full +incremental):\n%s", d)
		}
		if keys := got.PortGroups["pg"].Ports["blue"]; !slices.Equal(keys, []uint16{99}) {
			t.Errorf("keys %v in the group", keys)
		}
	}
}
