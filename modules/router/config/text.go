package config

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"woven.dev/woven/sdk/iom/meter"
)

// String is the configuration for people and tests, one line per object, in a fixed order.
func (c *Config) String() string {
	var b strings.Builder
	if c.LearnOnlyKnown {
		b.WriteString("requests teach only what is known\n")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Ports)) {
		fmt.Fprintf(&b, "port %d %s\n", key, c.Ports[key])
	}
	for _, r := range c.Routes {
		fmt.Fprintln(&b, r)
	}
	for _, p := range c.Policies {
		fmt.Fprintln(&b, p)
	}
	less := func(a, b Neighbour) int { return cmp.Or(cmp.Compare(a.Port, b.Port), a.Addr.Compare(b.Addr)) }
	for _, n := range slices.SortedFunc(maps.Keys(c.Neighbours), less) {
		mac := c.Neighbours[n]
		fmt.Fprintf(&b, "neighbour %s on port %d is %s\n", n.Addr, n.Port, net.HardwareAddr(mac[:]))
	}
	b.WriteString(meter.Text(c.Meters))
	return b.String()
}

// String is the port in one line.
func (p Port) String() string {
	s := net.HardwareAddr(p.MAC[:]).String()
	if p.ProxyMAC != [6]byte{} {
		s += " and " + net.HardwareAddr(p.ProxyMAC[:]).String()
	}
	for _, n := range p.Networks {
		s += " " + n.String()
	}
	if !p.Enabled {
		s += " disabled"
	}
	if p.Table != "" {
		s += fmt.Sprintf(" table %q", p.Table)
	}
	if p.MTU != 0 {
		s += fmt.Sprintf(" mtu %d", p.MTU)
	}
	if len(p.Exempt) > 0 {
		s += " exempt (" + anyOf(p.Exempt) + ")"
	}
	if p.Advertises {
		s += " advertises"
	}
	return s
}

// String is the route in one line.
func (r Route) String() string {
	s := "route to "
	if r.BySource {
		s = "route from "
	}
	s += r.Prefix.String()
	if r.Table != "" {
		s += fmt.Sprintf(" table %q", r.Table)
	}
	for _, h := range r.Hops {
		s += " " + h.String()
	}
	if len(r.Hops) == 0 {
		s += " discard"
	}
	if r.Object != 0 {
		s += fmt.Sprintf(" object %d", r.Object)
	}
	return s
}

// String is the way out in words.
func (h Hop) String() string {
	s := fmt.Sprintf("by port %d", h.Port)
	if h.Addr.IsValid() {
		s = fmt.Sprintf("via %s port %d", h.Addr, h.Port)
	}
	if h.Symmetric {
		s += " symmetric"
	}
	return s
}
