package config

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"woven.dev/woven/sdk/iom/meter"
)

// String is the configuration for people and tests, one line per entry, in a fixed order.
func (c *Config) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "flood-group %d\n", c.FloodGroup)
	if c.UnknownGroup != 0 {
		fmt.Fprintf(&b, "unknown-group %d\n", c.UnknownGroup)
	}
	if c.VLANPassthru {
		b.WriteString("vlan-passthru\n")
	}
	if c.DNS {
		b.WriteString("dns\n")
	}
	if c.Snooping != nil {
		c.Snooping.write(&b)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Ports)) {
		fmt.Fprintf(&b, "port %d %s\n", key, c.Ports[key])
	}
	macs := slices.SortedFunc(maps.Keys(c.FDB), func(x, y [6]byte) int { return bytes.Compare(x[:], y[:]) })
	for _, mac := range macs {
		fmt.Fprintf(&b, "fdb %s port %d\n", net.HardwareAddr(mac[:]), c.FDB[mac])
	}
	for _, addr := range slices.SortedFunc(maps.Keys(c.Neighbours), netip.Addr.Compare) {
		n := c.Neighbours[addr]
		asked := ""
		if n.Asked {
			asked = ", which is asked"
		}
		fmt.Fprintf(&b, "neighbour %s is %s port %d%s\n", addr, net.HardwareAddr(n.MAC[:]), n.Port, asked)
	}
	order := func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	}
	for _, p := range slices.SortedFunc(maps.Keys(c.Proxies), order) {
		n := c.Proxies[p]
		fmt.Fprintf(&b, "proxy for %s is %s port %d\n", p, net.HardwareAddr(n.MAC[:]), n.Port)
	}
	b.WriteString(meter.Text(c.Meters))
	return b.String()
}

func (s *Snooping) write(b *strings.Builder) {
	fmt.Fprintf(b, "snooping unregistered-group %d always-group %d control-group %d\n", s.UnregisteredGroup, s.AlwaysGroup, s.ControlGroup)
	for _, addr := range slices.SortedFunc(maps.Keys(s.Groups), netip.Addr.Compare) {
		fmt.Fprintf(b, "multicast %s group %d\n", addr, s.Groups[addr])
	}
}

// String is the port in one line.
func (p Port) String() string {
	s := "disabled"
	if p.Enabled {
		s = "enabled"
	}
	if p.Learn {
		s += " learns"
	}
	if p.DHCPv4 {
		s += " dhcpv4"
	}
	if p.DHCPv6 {
		s += " dhcpv6"
	}
	if p.Parent {
		s += " parent"
	}
	for i, kind := range []string{"rarp", "garp", "na"} {
		if p.Activation&(1<<i) != 0 {
			s += " waits-for-" + kind
		}
	}
	for _, a := range p.Security {
		s += " [" + net.HardwareAddr(a.MAC[:]).String()
		for _, virtual := range a.VRRP {
			s += " vrrp " + net.HardwareAddr(virtual[:]).String()
		}
		for _, prefix := range a.Prefixes {
			s += " " + prefix.String()
		}
		s += "]"
	}
	return s
}
