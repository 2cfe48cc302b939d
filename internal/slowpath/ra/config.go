// Package ra makes the IPv6 router advertisements of a logical router's port (RFC 4861 section 6.2), asked for and by themselves.
package ra

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/option"
)

// Preference of a router or a route, as it is coded (RFC 4191 section 2.1).
type Preference uint8

// Preferences.
const (
	Medium Preference = 0
	High   Preference = 1
	Low    Preference = 3
)

// Route is a prefix that the router leads to.
type Route struct {
	Prefix     netip.Prefix
	Preference Preference
}

// Config is what advertisements say. The zero value advertises nothing.
type Config struct {
	MAC frame.MAC // of the port
	// Prefixes are the port's networks, without the link-local one.
	Prefixes []netip.Prefix
	// Managed: hosts get addresses by DHCPv6, and not of their own. Other: they get the rest by DHCPv6.
	Managed, Other bool
	// MTU of the link; 0: not said.
	MTU        uint32
	Preference Preference
	Routes     []Route
	DNS        []netip.Addr
	// Search are domain names as RFC 1035 section 3.1 encodes them; nil for none.
	Search []byte
	// Periodic: advertisements come by themselves, from MinInterval to MaxInterval apart.
	Periodic                 bool
	MinInterval, MaxInterval time.Duration
}

// Limits of what an advertisement says, so that it fits into 1,280 bytes.
const (
	MaxPrefixes = 12
	MaxRoutes   = 12
	MaxDNS      = 8
	MaxSearch   = 240 // bytes
)

const minMTU = 1280 // RFC 8200 section 5

// Limits of intervals as ovn-northd has them, after RFC 4861 section 6.2.1.
const (
	defaultMax          = 600 * time.Second
	leastMax, greatest  = 4 * time.Second, 1800 * time.Second
	leastMin            = 3 * time.Second
	minNumerator, minBy = 3, 4 // MinInterval is at most 3/4 of MaxInterval
)

// NewConfig reads Logical_Router_Port.ipv6_ra_configs (ovn-nb(5)) of a port with the networks that its columns networks and ipv6_prefix
// name. Without an address mode, or a network that hosts can use, the port advertises nothing: the zero value. What can't be read
// is told and left out.
func NewConfig(mac frame.MAC, networks []netip.Prefix, values map[string]string) (Config, []error) {
	c := Config{MAC: mac}
	for _, n := range networks {
		if n.Addr().Is6() && !n.Addr().IsLinkLocalUnicast() {
			c.Prefixes = append(c.Prefixes, n.Masked())
		}
	}
	mode := values["address_mode"]
	if mode == "" || len(c.Prefixes) == 0 {
		return Config{}, nil
	}
	switch mode {
	case "slaac":
	case "dhcpv6_stateful":
		c.Managed = true
	case "dhcpv6_stateless":
		c.Other = true
	default:
		return Config{}, []error{fmt.Errorf("address_mode: %q is none", mode)}
	}
	var problems []error
	if len(c.Prefixes) > MaxPrefixes {
		c.Prefixes = c.Prefixes[:MaxPrefixes]
		problems = append(problems, fmt.Errorf("networks: more than %d", MaxPrefixes))
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := c.set(name, option.Text(values[name])); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	c.intervals()
	return c, problems
}

func (c *Config) set(name, v string) (err error) {
	switch name {
	case "address_mode": // NewConfig has it
	case "mtu":
		var mtu uint64
		if mtu, err = strconv.ParseUint(v, 10, 32); mtu >= minMTU && err == nil {
			c.MTU = uint32(mtu)
		}
	case "router_preference":
		c.Preference, err = preference(v)
	case "route_info":
		c.Routes, err = routes(v)
	case "rdnss":
		if c.DNS, err = option.Addresses(v, false); len(c.DNS) > MaxDNS {
			c.DNS, err = c.DNS[:MaxDNS], fmt.Errorf("more than %d", MaxDNS)
		}
	case "dnssl":
		if c.Search, err = option.Domains(v); len(c.Search) > MaxSearch {
			c.Search, err = nil, fmt.Errorf("more than %d bytes", MaxSearch)
		}
	case "send_periodic":
		c.Periodic = v == "true"
	case "max_interval":
		c.MaxInterval, err = seconds(v)
	case "min_interval":
		c.MinInterval, err = seconds(v)
	default:
		err = errors.New("no such option")
	}
	return err
}

// intervals brings the intervals into their limits.
func (c *Config) intervals() {
	if c.MaxInterval == 0 {
		c.MaxInterval = defaultMax
	}
	c.MaxInterval = min(max(c.MaxInterval, leastMax), greatest)
	if c.MinInterval == 0 {
		c.MinInterval = c.MaxInterval / 3
	}
	c.MinInterval = max(min(c.MinInterval, c.MaxInterval*minNumerator/minBy), leastMin)
}

func seconds(v string) (time.Duration, error) {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("read %q: no number of seconds", v)
	}
	return time.Duration(n) * time.Second, nil
}

func preference(v string) (Preference, error) {
	switch v {
	case "HIGH":
		return High, nil
	case "MEDIUM":
		return Medium, nil
	case "LOW":
		return Low, nil
	}
	return Medium, fmt.Errorf("read preference %q: neither HIGH nor MEDIUM nor LOW", v)
}

// routes reads PREFERENCE-PREFIX, separated by commas.
func routes(v string) (list []Route, err error) {
	for _, s := range option.List(v) {
		prf, text, _ := strings.Cut(s, "-")
		p, err := preference(prf)
		if err != nil {
			return list, err
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil || !prefix.Addr().Is6() {
			return list, fmt.Errorf("read route %q: no IPv6 prefix", s)
		}
		if len(list) == MaxRoutes {
			return list, fmt.Errorf("more than %d", MaxRoutes)
		}
		list = append(list, Route{prefix.Masked(), p})
	}
	return list, nil
}
