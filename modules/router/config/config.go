// Package config is the configuration of the router IOModule: what compile and REST fill in. It is pure and needs no kernel.
package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

// Kind is the module kind's name.
const Kind = "router"

// Config is the configuration of one logical router. Ports and neighbours are named by the keys of the instance's ports.
type Config struct {
	// Ports by key. A port of the instance without an entry is disabled.
	Ports map[uint16]Port
	// Routes are the static ones; those to the networks of the ports go without saying.
	Routes []Route
	// Policies decide on what a route has been found for, the first that matches.
	Policies []Policy
	// Neighbours are the MAC addresses of next hops.
	Neighbours map[Neighbour][6]byte
	// LearnOnlyKnown: requests teach the MAC address of their sender only if it asks for one of the router's addresses or is known
	// already (options:always_learn_from_arp_request=false).
	LearnOnlyKnown bool
	// Meters limit what reaches user space, by kind of packet; what has none is limited all the same.
	Meters map[string]meter.Meter
}

// Metered are the kinds of packets that Meters limits, by their names in ovn-nb(5), Copp.
var Metered = []string{"arp", "arp-resolve", "icmp4-error", "icmp6-error", "nd-na", "nd-ns", "nd-ns-resolve", "nd-ra-opts", "tcp-reset"}

// Port is a logical router port.
type Port struct {
	Enabled bool
	MAC     [6]byte
	// ProxyMAC is another MAC address that the port takes packets for, whose addresses the switch behind it answers for; zero: none.
	ProxyMAC [6]byte
	// Networks are the port's addresses with the length of the network's prefix, link-local ones included.
	Networks []netip.Prefix
	// Table names the routes for what comes in by the port, beside those to the ports' networks; "" is the main table.
	Table string
	// MTU is the largest IP packet that may leave or come in by the port, in bytes; 0: any (options:gateway_mtu).
	MTU uint16
	// Exempt are rules for packets that may be larger, whose Value is not looked at. They see what leaves as those of a Policy, and with the
	// MAC address of the next hop; of what comes in OutPort is none.
	Exempt []match.Rule
	// Advertises: user space answers router solicitations.
	Advertises bool
}

// Route is a static route.
type Route struct {
	Table string
	// Prefix of the destination or, with BySource, of the source address.
	Prefix   netip.Prefix
	BySource bool
	// Hops, one of which is chosen by a hash of the flow. None: packets are dropped.
	Hops []Hop
	// Object is the route's number in traces and tables, from FirstObject on; no other route or policy of the router has it. A
	// route without several hops may do with 0.
	Object uint32
}

// FirstObject is the least number of a route or policy.
const FirstObject = 65536

// Hop is a way out of the router.
type Hop struct {
	// Port is the key of the port to leave by.
	Port uint16
	// Addr of the next router, of either family; the zero Addr: the packet's destination itself.
	Addr netip.Addr
	// Symmetric, of a route: connections that come in by Port from where the route leads are answered by Port, to the MAC address that
	// they came from.
	Symmetric bool
}

// Neighbour is an address on the network of a port.
type Neighbour struct {
	Port uint16
	Addr netip.Addr
}

// Equal says whether other is an equal *Config.
func (c *Config) Equal(other any) bool {
	o, ok := other.(*Config)
	return ok && c.LearnOnlyKnown == o.LearnOnlyKnown && maps.Equal(c.Neighbours, o.Neighbours) && maps.Equal(c.Meters, o.Meters) &&
		maps.EqualFunc(c.Ports, o.Ports, Port.equal) && slices.EqualFunc(c.Routes, o.Routes, Route.equal) &&
		slices.EqualFunc(c.Policies, o.Policies, Policy.equal)
}

func (p Port) equal(o Port) bool { return reflect.DeepEqual(p, o) }

func (r Route) equal(o Route) bool {
	return r.Table == o.Table && r.Prefix == o.Prefix && r.BySource == o.BySource && r.Object == o.Object && slices.Equal(r.Hops, o.Hops)
}

// MaxHops is how many next hops a route or policy may have.
const MaxHops = 256

// Validate reports the first thing that the module can't hold.
func (c *Config) Validate() error {
	owner := map[netip.Addr]uint16{}
	for _, key := range slices.Sorted(maps.Keys(c.Ports)) {
		if key == 0 || key > 32767 {
			return fmt.Errorf("port key %d is outside 1..32767", key)
		}
		for _, n := range c.Ports[key].Networks {
			a := n.Addr()
			if !n.IsValid() || a.IsMulticast() || a.IsUnspecified() || a.Is4In6() || a.Zone() != "" {
				return fmt.Errorf("port %d: network %s has no unicast address", key, n)
			}
			if other, taken := owner[a]; taken && other != key && !a.IsLinkLocalUnicast() {
				return fmt.Errorf("port %d: address %s is that of port %d", key, a, other)
			}
			owner[a] = key
		}
	}
	for _, r := range c.Routes {
		if err := c.validateRoute(r); err != nil {
			return err
		}
	}
	for _, p := range c.Policies {
		if err := c.validatePolicy(p); err != nil {
			return err
		}
	}
	if err := c.validateObjects(); err != nil {
		return err
	}
	for n := range c.Neighbours {
		if _, ok := c.Ports[n.Port]; !ok {
			return fmt.Errorf("neighbour %s is on port key %d, which is not in this router", n.Addr, n.Port)
		}
		if !n.Addr.IsValid() || n.Addr.Is4In6() || n.Addr.IsMulticast() {
			return fmt.Errorf("neighbour %s is no unicast address", n.Addr)
		}
	}
	return meter.Validate(c.Meters, Metered)
}

func (c *Config) validateRoute(r Route) error {
	if !r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() || r.Prefix.Addr().Is4In6() {
		return fmt.Errorf("route %s is no network", r.Prefix)
	}
	if len(r.Hops) > 1 && r.Object == 0 {
		return fmt.Errorf("route %s has several next hops and no number", r.Prefix)
	}
	return c.validateHops("route "+r.Prefix.String(), r.Hops)
}

func (c *Config) validateHops(what string, hops []Hop) error {
	if len(hops) > MaxHops {
		return fmt.Errorf("%s has %d next hops, more than %d", what, len(hops), MaxHops)
	}
	for _, h := range hops {
		if _, ok := c.Ports[h.Port]; !ok {
			return fmt.Errorf("%s leads to port key %d, which is not in this router", what, h.Port)
		}
	}
	return nil
}

// validateObjects looks at the numbers of routes and policies.
func (c *Config) validateObjects() error {
	var numbers []uint32
	for _, r := range c.Routes {
		if r.Object != 0 {
			numbers = append(numbers, r.Object)
		}
	}
	for _, p := range c.Policies {
		numbers = append(numbers, p.Object)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n < FirstObject {
			return fmt.Errorf("number %d of a route or policy is below %d", n, FirstObject)
		}
		if i > 0 && numbers[i-1] == n {
			return fmt.Errorf("two routes or policies have the number %d", n)
		}
	}
	return nil
}
