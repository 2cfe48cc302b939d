package ingest

import (
	"fmt"
	"maps"
	"math/rand/v2"
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
		edit(w.NB.LogicalRouter, "r1", func(l *nb.LogicalRouter) { l.StaticRoutes = [][]string{nil, {"route"}, {"gone"}}[r.IntN(3)] })
	},
	func(w, o *world, r *rand.Rand) {
		edit(w.SB.PortBinding, pick(r, w.SB.PortBinding), func(pb *sb.PortBinding) { pb.TunnelKey = 1 + r.IntN(30) })
	},
}

// TestIncrementalEqualsFull: after random edits a Reader that saw all of them gives what a new one gives, and what is equal to what it gave
// before is the same pointer.
func TestIncrementalEqualsFull(t *testing.T) {

	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := fullWorld()
		var reader Reader
		before := w.network(&reader)
		kept, changed := 0, 0
		for step := range 150 {
			kind, original := r.IntN(len(edits)), fullWorld()
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
