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
			r.putConnected(number, key, p) // of a disabled one too: what is for its networks goes nowhere else
		}
	}
	for _, route := range c.Routes {
		if route.BySource && route.Table == "" { // counts in each table, as ovn-northd has it, that has no such route of its own
			for _, number := range r.tables {
				r.putStatic(route, number)
			}
		}
	}
	for _, route := range c.Routes {
		if number, used := r.tables[route.Table]; used {
			r.putStatic(route, number)
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
		row := RouterRouterRoute{Object: uint32(port), Order: order(n, orderConnected), Way: way(r.inst, []config.Hop{{Port: port}})}
		r.connected[key] = true
		iom.Put(r.t, "router_routes", key, row)
	}
}

func (r *routes) putStatic(route config.Route, table uint32) {
	key, kind := r.key(table, route.Prefix, route.BySource), uint32(orderStatic)
	if route.BySource {
		kind = orderBySource
	}
	r.putSymmetric(route, key)
	if r.connected[key] {
		return
	}
	iom.Put(r.t, "router_routes", key, RouterRouterRoute{Object: route.Object, Order: order(route.Prefix, kind), Way: way(r.inst, route.Hops)})
}

// putSymmetric writes from where connections come in that are answered the way that they came, and what answers them: what the route, whose key is
// that of router_routes, leads to.
func (r *routes) putSymmetric(route config.Route, key RouterRouterRouteKey) {
	for _, h := range route.Hops {
		port, here := r.inst.Local[h.Port]
		if !h.Symmetric || !here {
			continue
		}
		row := RouterRouterSymmetricKey{Prefixlen: key.Prefixlen + symmetricBits, Dp: key.Dp, Port: port, By: reverse[key.By], Addr: key.Addr}
		iom.Put(r.t, "router_symmetrics", row, route.Object)
		row.Answers, row.Table, row.By = 1, key.Table, key.By
		iom.Put(r.t, "router_symmetrics", row, route.Object)
	}
}

// symmetricBits is how much more comes before the address in router_symmetrics than in router_routes.
const symmetricBits = 64

// reverse is how packets are looked up that come from where a route leads.
var reverse = map[RouterRouterBy]RouterRouterBy{
	RouterRouterByROUTER_TO4: RouterRouterByROUTER_FROM4, RouterRouterByROUTER_FROM4: RouterRouterByROUTER_TO4,
	RouterRouterByROUTER_TO6: RouterRouterByROUTER_FROM6, RouterRouterByROUTER_FROM6: RouterRouterByROUTER_TO6,
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

func order(prefix netip.Prefix, kind uint32) uint32 { return uint32(prefix.Bits()*orders) + kind }

// putHops writes the ways out of a route or policy that has several.
func putHops(inst iom.Instance, t *iom.Tables, object uint32, hops []config.Hop) {
	if len(hops) < 2 {
		return
	}
	for i, h := range hops {
		iom.Put(t, "router_hops", RouterRouterHopKey{Dp: inst.Slot, Object: object, Index: uint32(i)}, hop(inst, h))
	}
}

// way is how programs see ways out.
func way(inst iom.Instance, hops []config.Hop) RouterRouterWay {
	row := RouterRouterWay{Count: uint32(len(hops))}
	if len(hops) > 0 {
		row.First = hop(inst, hops[0])
	}
	return row
}

func hop(inst iom.Instance, h config.Hop) RouterRouterHop {
	row := RouterRouterHop{Out: uint32(inst.Refs[h.Port])}
	if h.Addr.IsValid() {
		row.Addr = addr(h.Addr)
	}
	return row
}
