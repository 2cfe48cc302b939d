package agent

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/sb"
)

// routeTable remembers the ways to tunnel peers until the host's routing changes.
type routeTable struct {
	gen   uint64
	known map[[2]netip.Addr]logical.Route // by peer and our own address
}

// lookup returns the ways to peers, each from our own tunnel address of its family. An address without one is in the result with
// Ifindex 0. The error tells what the kernel could not answer; such an address is asked for again next time.
func (t *routeTable) lookup(ask func(to, from netip.Addr) (hostnet.Route, error), gen uint64, own *Encap, peers []netip.Addr) (map[netip.Addr]logical.Route, error) {
	if gen != t.gen || t.known == nil {
		*t = routeTable{gen: gen, known: map[[2]netip.Addr]logical.Route{}}
	}
	routes := make(map[netip.Addr]logical.Route, len(peers))
	var errs []error
	for _, to := range peers {
		from := own.from(to)
		if !from.IsValid() {
			routes[to] = logical.Route{}
			continue
		}
		route, known := t.known[[2]netip.Addr{to, from}]
		if !known {
			r, err := ask(to, from)
			if err != nil && !errors.Is(err, hostnet.ErrNoRoute) {
				errs = append(errs, err)
				continue
			}
			route = logical.Route{Ifindex: r.Ifindex, From: from, NextHop: r.NextHop, MTU: r.MTU}
			t.known[[2]netip.Addr{to, from}] = route
		}
		routes[to] = route
	}
	return routes, errors.Join(errs...)
}

// peerAddrs are the tunnel addresses of all other chassis, in ascending order.
func peerAddrs(rows *sb.Rows, own []netip.Addr) []netip.Addr {
	seen := map[netip.Addr]bool{}
	for _, e := range rows.Encap {
		if addr, err := netip.ParseAddr(e.IP); err == nil && e.Type == geneve && !slices.Contains(own, addr) {
			seen[addr] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), netip.Addr.Compare)
}

// tunnelOf describes our own tunnel end: the devices that carry its addresses or lead to a peer. nil without an address.
func tunnelOf(own *Encap, snap *hostnet.Snapshot, routes map[netip.Addr]logical.Route) (*logical.Tunnel, logical.Problems) {
	if len(own.IPs) == 0 {
		return nil, nil
	}
	used, found := map[int]bool{}, map[netip.Addr]bool{}
	for _, a := range snap.Addrs {
		if slices.Contains(own.IPs, a.Prefix.Addr()) {
			used[a.Ifindex], found[a.Prefix.Addr()] = true, true
		}
	}
	for _, r := range routes {
		used[r.Ifindex] = true
	}
	t := &logical.Tunnel{Addrs: own.IPs, TOS: own.TOS, InheritTOS: own.InheritTOS, MayFragment: own.MayFragment}
	for _, l := range snap.Links {
		if used[l.Index] && l.Name != "lo" { // an address on lo is reached through the devices that lead to peers
			t.Devices = append(t.Devices, deviceOf(l))
		}
	}
	slices.SortFunc(t.Devices, func(a, b logical.Device) int { return cmp.Compare(a.Ifindex, b.Ifindex) })
	var problems logical.Problems
	for _, ip := range own.IPs {
		if !found[ip] {
			problems.Add("open_vswitch", "external_ids:ovn-encap-ip", "%s is no address of this host: other chassis can't be reached by it", ip)
		}
	}
	return t, problems
}

func deviceOf(l hostnet.Link) logical.Device {
	return logical.Device{Name: l.Name, Ifindex: l.Index, PeerElsewhere: l.Kind == "veth" && l.PeerElsewhere}
}

// nextHops are the neighbours that tunnel packets go to, in a fixed order.
func nextHops(nodes map[string]*netstate.Node) []hostnet.Neighbour {
	seen := map[hostnet.Neighbour]bool{}
	for _, n := range nodes {
		if n.Ifindex > 0 {
			seen[hostnet.Neighbour{Ifindex: n.Ifindex, Addr: n.NextHop}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b hostnet.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Ifindex, b.Ifindex), a.Addr.Compare(b.Addr))
	})
}
