package ingest

import (
	"net/netip"
	"strconv"
	"strings"

	"woven.dev/woven/internal/logical"
)

// Bounds of the seconds between unasked advertisements, RFC 4861 section 6.2.1, with ovn-northd's default; and the least MTU of IPv6.
const (
	leastMaxRAInterval, mostMaxRAInterval, defaultMaxRAInterval = 4, 1800, 600
	leastMinRAInterval                                          = 3
	leastIPv6MTU                                                = 1280
)

// readRA is what a port with these ipv6_ra_configs advertises; nil without an address mode, ovn-northd(8) "IPv6 ND RA".
func (r *routerPortReader) readRA(configs map[string]string) *logical.RAConfig {
	mode := logical.RAMode(configs["address_mode"])
	switch mode {
	case logical.RASLAAC, logical.RADHCPv6Stateful, logical.RADHCPv6Stateless:
	case "":
		return nil
	default:
		r.problem("ipv6_ra_configs:address_mode: %s is none: the router does not advertise itself", logical.Quote(string(mode)))
		return nil
	}
	ra := &logical.RAConfig{
		Mode: mode, Preference: raPreference(configs["router_preference"]), Periodic: configs["send_periodic"] == "true",
		Routes: r.raRoutes(configs["route_info"]),
	}
	if ra.MTU = r.raNumber(configs, "mtu", 0); ra.MTU < leastIPv6MTU {
		ra.MTU = 0
	}
	longest := min(max(r.raNumber(configs, "max_interval", defaultMaxRAInterval), leastMaxRAInterval), mostMaxRAInterval)
	shortest := longest / 3
	if longest < 9 {
		shortest = longest * 3 / 4
	}
	shortest = min(max(r.raNumber(configs, "min_interval", shortest), leastMinRAInterval), longest*3/4)
	ra.MinInterval, ra.MaxInterval = uint16(shortest), uint16(longest)
	if text := configs["rdnss"]; text != "" {
		addr, err := netip.ParseAddr(text)
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			r.problem("ipv6_ra_configs:rdnss: %s is no IPv6 address: it is left out", logical.Quote(text))
		} else {
			ra.RDNSS = addr
		}
	}
	if text := configs["dnssl"]; text != "" {
		ra.DNSSL = strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
	}
	return ra
}

// raNumber is a number among ipv6_ra_configs, or what stands for it.
func (r *routerPortReader) raNumber(configs map[string]string, key string, otherwise uint32) uint32 {
	text := configs[key]
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		r.problem("ipv6_ra_configs:%s: %s is no number: it is taken as %d", key, logical.Quote(text), otherwise)
		return otherwise
	}
	return uint32(n)
}

// raRoutes reads route_info: "HIGH-aef1::11/48,LOW-aef2::11/96".
func (r *routerPortReader) raRoutes(text string) []logical.RARoute {
	var routes []logical.RARoute
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		preference, prefix, found := strings.Cut(word, "-")
		p, err := netip.ParsePrefix(prefix)
		if !found || err != nil || !p.Addr().Is6() {
			r.problem("ipv6_ra_configs:route_info: %s is no preference with an IPv6 prefix: it is left out", logical.Quote(word))
			continue
		}
		routes = append(routes, logical.RARoute{Preference: raPreference(preference), Prefix: p.Masked()})
	}
	return routes
}

// raPreference reads "HIGH", "LOW", "MEDIUM"; all else is medium, too, as with ovn-northd.
func raPreference(text string) logical.RAPreference {
	switch text {
	case "HIGH":
		return logical.RAHigh
	case "LOW":
		return logical.RALow
	}
	return logical.RAMedium
}
