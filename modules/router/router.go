// Package router is OVN's logical router as an IOModule. See README.md.
package router

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/meter"
)

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package router -output-stem router -type router_config -type router_flag -type router_port -type router_port_flag -type router_addr_key -type router_addr -type router_by -type router_route_key -type router_route -type router_way -type router_policy_key -type router_policy -type router_policy_action -type router_hop -type router_hop_key -type router_symmetric_key -type router_reply_key -type router_reply -type router_neigh_key -type router_neigh -type iom_addr Router router.bpf.c -- -I../../sdk/include -O2 -fno-strict-aliasing -mcpu=v3 -Wall -Wextra -Wno-unused-function

// Kind is the module kind for a release.
func Kind() iom.Kind {
	return iom.Kind{Name: config.Kind, Load: LoadRouter, Entries: Entries}
}

// The order of routes that match a packet, as ovn-northd's priorities have it: the longer prefix first; of the same length a network of the
// router's own port, then a route by destination, then one by source.
const (
	orders         = 3
	orderBySource  = 0
	orderStatic    = 1
	orderConnected = 2
)

// Entries are the table entries of one router. Pure.
func Entries(inst iom.Instance, t *iom.Tables) error {
	c, ok := inst.Config.(*config.Config)
	if !ok {
		return fmt.Errorf("configure router: want *config.Config, have %T", inst.Config)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("configure router: %w", err)
	}
	for n, mac := range c.Neighbours {
		if slot, here := inst.Local[n.Port]; here {
			iom.Put(t, "router_neighs", RouterRouterNeighKey{Dp: inst.Slot, Port: slot, Addr: addr(n.Addr)}, RouterRouterNeigh{Mac: mac})
		}
	}
	for _, r := range c.Routes {
		putHops(inst, t, r.Object, r.Hops)
	}
	for _, p := range c.Policies {
		putHops(inst, t, p.Object, p.Hops)
	}
	r := routes{inst: inst, t: t, tables: tableNumbers(c), connected: map[RouterRouterRouteKey]bool{}}
	if err := r.put(c); err != nil {
		return fmt.Errorf("configure router: %w", err)
	}
	for key, p := range c.Ports {
		putAddrs(t, inst.Slot, key, p)
	}
	policies, err := putPolicies(inst, t, c.Policies)
	if err != nil {
		return fmt.Errorf("configure router: %w", err)
	}
	exempt, err := putExemptions(inst, t, c.Ports)
	if err != nil {
		return fmt.Errorf("configure router: %w", err)
	}
	meter.Put(t, inst, c.Meters, metered)
	putConfig(t, inst.Slot, c, policies)
	for key, slot := range inst.Local {
		putPort(t, slot, c.Ports[key], r.tables, exempt[key])
	}
	return nil
}

func addr(a netip.Addr) RouterIomAddr { return RouterIomAddr{A: iom.Addr(a)} }

// putConfig writes what makes the rest take effect; policies is the version of their list.
func putConfig(t *iom.Tables, slot uint32, c *config.Config, policies uint32) {
	row := RouterRouterConfig{Policies: policies}
	for _, r := range c.Routes {
		if r.BySource {
			row.Flags |= RouterRouterFlagROUTER_BY_SOURCE
		}
		if slices.ContainsFunc(r.Hops, func(h config.Hop) bool { return h.Symmetric }) {
			row.Flags |= RouterRouterFlagROUTER_SYMMETRIC
		}
	}
	if c.LearnOnlyKnown {
		row.Flags |= RouterRouterFlagROUTER_LEARN_KNOWN
	}
	iom.Put(t, "router_configs", slot, row)
}

// putPort writes a port; exempt is the version of its list of exemptions.
func putPort(t *iom.Tables, slot uint32, p config.Port, tables map[string]uint32, exempt uint32) {
	row := RouterRouterPort{Mac: p.MAC, Mtu: p.MTU, Table: tables[p.Table], Exempt: exempt, ProxyMac: p.MAC}
	if p.ProxyMAC != [6]byte{} {
		row.ProxyMac = p.ProxyMAC
	}
	if p.Enabled {
		row.Flags |= RouterRouterPortFlagROUTER_PORT_ENABLED
	}
	if p.Advertises {
		row.Flags |= RouterRouterPortFlagROUTER_PORT_ADVERTISES
	}
	iom.Put(t, "router_ports", slot, row)
}

// putAddrs writes the addresses of a port, and the broadcast addresses of its IPv4 networks.
func putAddrs(t *iom.Tables, dp uint32, port uint16, p config.Port) {
	for _, n := range p.Networks {
		key := RouterRouterAddrKey{Dp: dp, Addr: addr(n.Addr())}
		if n.Addr().Is6() && n.Addr().IsLinkLocalUnicast() {
			key.Port = uint32(port)
		}
		iom.Put(t, "router_addrs", key, RouterRouterAddr{Port: port})
		if n.Addr().Is4() && n.Bits() < 31 {
			key.Addr = addr(broadcast(n))
			iom.Put(t, "router_addrs", key, RouterRouterAddr{Port: port, Broadcast: 1})
		}
	}
}

// broadcast is the last address of an IPv4 prefix.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// tableNumbers gives the route tables that ports use numbers; the main one is 0.
func tableNumbers(c *config.Config) map[string]uint32 {
	tables := map[string]uint32{"": 0}
	for _, p := range c.Ports {
		if p.Table != "" {
			tables[p.Table] = tableNumber(p.Table)
		}
	}
	return tables
}

// tableNumber stands for the name of a table other than the main one, always the same.
func tableNumber(name string) uint32 { return hash(name) | 1 }

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// Reasons of punts, see tables.h.
const (
	PuntLearn   = uint32(RouterRouterPuntROUTER_PUNT_LEARN)
	PuntResolve = uint32(RouterRouterPuntROUTER_PUNT_RESOLVE)
	PuntTTL     = uint32(RouterRouterPuntROUTER_PUNT_TTL)
	PuntNoRoute = uint32(RouterRouterPuntROUTER_PUNT_NO_ROUTE)
	PuntOwn     = uint32(RouterRouterPuntROUTER_PUNT_OWN)
	PuntTooBig  = uint32(RouterRouterPuntROUTER_PUNT_TOO_BIG)
	PuntSolicit = uint32(RouterRouterPuntROUTER_PUNT_SOLICIT)
	PuntReset   = uint32(RouterRouterPuntROUTER_PUNT_RESET)

	PuntLearnAsked = uint32(RouterRouterPuntROUTER_PUNT_LEARN_ASKED)
)

// metered are the punts that go with config.Metered.
var metered = map[string][]meter.Punts{
	"arp":           {{Reason: PuntLearn}},
	"arp-resolve":   {{Reason: PuntResolve}},
	"icmp4-error":   {{Reason: PuntTTL}, {Reason: PuntNoRoute}, {Reason: PuntOwn}, {Reason: PuntTooBig}},
	"icmp6-error":   {{Reason: PuntTTL, IP6: true}, {Reason: PuntNoRoute, IP6: true}, {Reason: PuntOwn, IP6: true}, {Reason: PuntTooBig, IP6: true}},
	"nd-na":         {{Reason: PuntLearn, IP6: true}},
	"nd-ns":         {{Reason: PuntLearnAsked, IP6: true}},
	"nd-ns-resolve": {{Reason: PuntResolve, IP6: true}},
	"nd-ra-opts":    {{Reason: PuntSolicit, IP6: true}},
	"tcp-reset":     {{Reason: PuntReset}, {Reason: PuntReset, IP6: true}},
}
