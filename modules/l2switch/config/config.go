// Package config is the configuration of the l2switch IOModule: what compile and REST
// fill in. It is pure and needs no kernel.
package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"unsafe"

	"woven.dev/woven/sdk/iom/meter"
)

// Kind is the module kind's name.
const Kind = "l2switch"

// Config is the configuration of one logical switch.
type Config struct {
	// FloodGroup is the key of the group that takes broadcast and multicast frames; 0: such frames are dropped.
	FloodGroup uint16
	// UnknownGroup is the key of the group that takes unicast frames whose destination no port is known to have; 0: such frames are dropped.
	UnknownGroup uint16
	// VLANPassthru lets tagged frames through.
	VLANPassthru bool
	// DNS: user space may answer DNS requests.
	DNS bool
	// Snooping, if not nil, makes IP multicast go where it was joined.
	Snooping *Snooping
	// Ports by port key. A port of the instance without an entry is disabled.
	Ports map[uint16]Port
	// FDB says which port owns a MAC address.
	FDB map[[6]byte]uint16
	// Neighbours are the addresses whose owners are known: the switch answers ARP and ND itself, or asks the owner alone.
	Neighbours map[netip.Addr]Neighbour
	// Proxies are networks for whose addresses the switch answers ARP and ND unless Neighbours has them; of several the longest prefix counts.
	Proxies map[netip.Prefix]Neighbour
	// Meters limit what reaches user space, by kind of packet; what has none is limited all the same.
	Meters map[string]meter.Meter
}

// Metered are the kinds of packets that Meters limits, by their names in ovn-nb(5), Copp.
var Metered = []string{"dhcpv4-opts", "dhcpv6-opts", "dns", "igmp"}

// Port is the configuration of one port.
type Port struct {
	Enabled bool
	// Security lists what the port may send (and receive); empty: anything. See ovn-nb(5) port_security.
	Security []Address
	// Learn: source addresses that the port uses are learned.
	Learn bool
	// Activation, if not 0, makes the port pass nothing until a packet of that kind comes from it.
	Activation Activation
	// DHCPv4 and DHCPv6: user space answers the port's requests.
	DHCPv4, DHCPv6 bool
	// Parent: user space is told which addresses the port announces: they may be those of virtual ports.
	Parent bool
}

// Snooping is IGMP and MLD snooping.
type Snooping struct {
	// Groups are the keys of the groups that IP multicast addresses go to.
	Groups map[netip.Addr]uint16
	// UnregisteredGroup takes IP multicast that nobody joined; 0: it is dropped. AlwaysGroup takes what somebody joined, besides those
	// who did; 0: nobody else. The two have no member in common with Groups.
	UnregisteredGroup, AlwaysGroup uint16
	// ControlGroup takes IGMP and MLD packets but queries, which go to FloodGroup; 0: they are dropped.
	ControlGroup uint16
}

// Activation is a set of packet kinds that activate a port after a migration, ovn-nb(5) options:activation-strategy.
type Activation uint8

// Kinds of packets.
const (
	RARP Activation = 1 << iota
	GARP
	NA
)

// Address is a MAC address and the prefixes that may be used with it. No prefixes: any address. A prefix
// with host bits set stands for that one host.
type Address struct {
	MAC      [6]byte
	Prefixes []netip.Prefix
	// VRRP, if not nil, makes MAC one that speaks for virtual routers: it sends ARP and ND that name these MAC addresses, and nothing else. They may be
	// used for anything else, those of VRRP's IPv4 range with the IPv4 prefixes, of its IPv6 range with the IPv6 ones. One that ends in 0
	// stands for its range.
	VRRP [][6]byte
}

// Neighbour is the answer to who has an address.
type Neighbour struct {
	MAC [6]byte
	// Port is the key of the port that owns the address: its own requests are not answered.
	Port uint16
	// Asked: the port answers itself, as a router does; the switch passes the question to it and to no other port.
	Asked bool
}

// Equal says whether other is an equal *Config.
func (c *Config) Equal(other any) bool {
	o, ok := other.(*Config)
	return ok && c.FloodGroup == o.FloodGroup && c.UnknownGroup == o.UnknownGroup && c.VLANPassthru == o.VLANPassthru && c.DNS == o.DNS &&
		maps.Equal(c.FDB, o.FDB) && maps.Equal(c.Neighbours, o.Neighbours) && maps.Equal(c.Proxies, o.Proxies) && maps.Equal(c.Meters, o.Meters) &&
		maps.EqualFunc(c.Ports, o.Ports, Port.equal) && reflect.DeepEqual(c.Snooping, o.Snooping)
}

func (p Port) equal(o Port) bool {
	return p.Enabled == o.Enabled && p.Learn == o.Learn && p.Activation == o.Activation && p.DHCPv4 == o.DHCPv4 && p.DHCPv6 == o.DHCPv6 && p.Parent == o.Parent &&
		(sameArray(p.Security, o.Security) || slices.EqualFunc(p.Security, o.Security, func(a, b Address) bool {
			return a.MAC == b.MAC && slices.Equal(a.Prefixes, b.Prefixes) && slices.Equal(a.VRRP, b.VRRP)
		}))
}

// sameArray: two lists are one, as those of ports are that did not change: with thousands of ports that is most of comparing.
func sameArray(a, b []Address) bool {
	return len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b)
}

// Validate reports the first thing that the module can't hold.
func (c *Config) Validate() error {
	for key := range c.Ports {
		if key == 0 || key > 32767 {
			return fmt.Errorf("port key %d is outside 1..32767", key)
		}
	}
	for mac, key := range c.FDB {
		if mac[0]&1 != 0 {
			return fmt.Errorf("fdb: %x is a multicast address", mac)
		}
		if _, ok := c.Ports[key]; !ok {
			return fmt.Errorf("fdb: %x belongs to port key %d, which is not in this switch", mac, key)
		}
	}
	for a, n := range c.Neighbours {
		if !a.IsValid() || a.IsMulticast() || a.IsUnspecified() {
			return fmt.Errorf("neighbour %s is no unicast address", a)
		}
		if _, ok := c.Ports[n.Port]; !ok {
			return fmt.Errorf("neighbour %s belongs to port key %d, which is not in this switch", a, n.Port)
		}
	}
	for p, n := range c.Proxies {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() || p.Addr().IsMulticast() || n.Asked {
			return fmt.Errorf("proxy for %s is for no network that a switch can answer for", p)
		}
		if _, ok := c.Ports[n.Port]; !ok {
			return fmt.Errorf("proxy for %s belongs to port key %d, which is not in this switch", p, n.Port)
		}
	}
	return meter.Validate(c.Meters, Metered)
}
