package router

import (
	"fmt"
	"net/netip"

	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
)

// routes collects the route entries of a router.
type routes struct {
	inst   iom.Instance
	t      *iom.Tables
	tables map[string]uint32 // numbers by name
	groups map[uint32]string // what the numbers of routes with several ways out stand for
	// connected are the networks of the ports: no static route takes their place.
	connected map[RouterRouterRouteKey]bool
}

// put writes all routes: those to the networks of the ports in each table, and the static ones in theirs.
func (r *routes) put(c *config.Config) error {
	names := map[uint32]string{}
	for name, number := range r.tables {
		if other, taken := names[number]; taken {
			return fmt.Errorf("route tables %q and %q have the same number: rename one", name, other)
		}
		names[number] = name
		for key, p := range c.Ports {
			if p.Enabled {
				r.putConnected(number, key, p)
			}
		}
	}
	for _, route := range c.Routes {
		if _, used := r.tables[route.Table]; !used {
			continue
		}
		if err := r.putStatic(route); err != nil {
			return err
		}
	}
	return nil
}

func (r *routes) putConnected(table uint32, port uint16, p config.Port) {
	for _, n := range p.Networks {
		if n.Addr().Is6() && n.Addr().IsLinkLocalUnicast() {
			continue // those go back where they came from
		}
		key := r.key(table, n.Masked(), false)
		row := RouterRouterRoute{Count: 1, Order: order(n, orderConnected), Hop: RouterRouterHop{Out: uint32(r.inst.Refs[port])}}
		r.connected[key] = true
		iom.Put(r.t, "router_routes", key, row)
	}
}

func (r *routes) putStatic(route config.Route) error {
	key, kind := r.key(r.tables[route.Table], route.Prefix, route.BySource), uint16(orderStatic)
	if route.BySource {
		kind = orderBySource
	}
	if r.connected[key] {
		return nil
	}
	row := RouterRouterRoute{Count: uint16(len(route.Hops)), Order: order(route.Prefix, kind)}
	if len(route.Hops) > 0 {
		row.Hop = r.hop(route.Hops[0])
	}
	if len(route.Hops) > 1 {
		name := fmt.Sprint(route.Table, route.Prefix, route.BySource)
		row.Group = hash(name)
		if other, taken := r.groups[row.Group]; taken {
			return fmt.Errorf("routes %q and %q have the same number: split one in two halves", name, other)
		}
		r.groups[row.Group] = name
		for i, h := range route.Hops {
			iom.Put(r.t, "router_hops", RouterRouterHopKey{Dp: r.inst.Slot, Group: row.Group, Index: uint32(i)}, r.hop(h))
		}
	}
	iom.Put(r.t, "router_routes", key, row)
	return nil
}

func (r *routes) hop(h config.Hop) RouterRouterHop {
	row := RouterRouterHop{Out: uint32(r.inst.Refs[h.Port])}
	if h.Addr.IsValid() {
		row.Addr = addr(h.Addr)
	}
	return row
}

// key of a route.
func (r *routes) key(table uint32, prefix netip.Prefix, bySource bool) RouterRouterRouteKey {
	key := RouterRouterRouteKey{Prefixlen: uint32(96 + prefix.Bits()), Dp: r.inst.Slot, Table: table, Addr: addr(prefix.Addr())}
	switch is4 := prefix.Addr().Is4(); {
	case is4 && bySource:
		key.By = RouterRouterByROUTER_FROM4
	case is4:
		key.By = RouterRouterByROUTER_TO4
	case bySource:
		key.By = RouterRouterByROUTER_FROM6
	default:
		key.By = RouterRouterByROUTER_TO6
	}
	if prefix.Addr().Is4() {
		key.Prefixlen += 96
	}
	return key
}

func order(prefix netip.Prefix, kind uint16) uint16 { return uint16(prefix.Bits()*orders) + kind }
