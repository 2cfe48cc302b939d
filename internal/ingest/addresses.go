package ingest

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"woven.dev/woven/internal/logical"
)

// portAddresses resolves the column addresses of a Logical_Switch_Port of a type (ovn-nb(5)). dynamic is its
// dynamic_addresses, which stands for the one element that says "dynamic"; nil while ovn-northd has assigned none.
// garbage holds the words that could not be used: the rest of their element is left out, as ovn-northd does it.
func portAddresses(typ string, elements []string, dynamic *string) (addrs []logical.Address, unknown bool, garbage []string) {
	for _, element := range inOrder(elements) {
		switch {
		case element == "unknown":
			unknown = true
			continue
		case element == "router" && typ == routerType:
			continue // the router port's own addresses
		case isDynamic(element):
			if dynamic == nil {
				continue
			}
			element = *dynamic
		}
		a, bad, ok := parseAddress(element)
		if ok {
			odd := slices.IndexFunc(a.Prefixes, func(p netip.Prefix) bool {
				return p.Addr().IsMulticast() || p.Addr().IsUnspecified()
			})
			if odd >= 0 {
				bad = logical.Quote(a.Prefixes[odd].Addr().String())
				a.Prefixes = a.Prefixes[:odd]
			}
			addrs = append(addrs, a)
		}
		if bad != "" {
			garbage = append(garbage, bad)
		}
	}
	return addrs, unknown, garbage
}

// portSecurity parses the column port_security (ovn-nb(5)). An element that would mean more without its garbage than
// with it (a MAC address with only garbage behind it) is left out as a whole.
func portSecurity(elements []string) (addrs []logical.Address, garbage []string) {
	for _, element := range inOrder(elements) {
		parse := parseAddress
		if word, _ := nextWord(element); word == vrrpWord {
			parse = parseVRRP
		}
		a, bad, ok := parse(element)
		if bad != "" {
			garbage = append(garbage, bad)
		}
		if ok && (bad == "" || len(a.Prefixes) > 0) {
			addrs = append(addrs, a)
		}
	}
	return addrs, garbage
}

// inOrder sorts a set column, whose order means nothing and may differ between two copies of a database.
func inOrder(elements []string) []string {
	if slices.IsSorted(elements) {
		return elements
	}
	return slices.Sorted(slices.Values(elements))
}

// isDynamic recognises "dynamic", "dynamic IP...", "MAC dynamic".
func isDynamic(element string) bool {
	if !strings.Contains(element, "dynamic") {
		return false
	}
	words := strings.Fields(element)
	if words[0] != "dynamic" {
		_, ok := parseMAC(words[0])
		return ok && len(words) == 2 && words[1] == "dynamic"
	}
	return !slices.ContainsFunc(words[1:], func(w string) bool {
		_, err := netip.ParseAddr(w)
		return err != nil
	})
}

// parseAddress parses "MAC [IP[/plen]]...", separated by spaces or commas. It stops at the first word that is wrong
// and returns it as bad, with ok if there was a usable MAC address before it. An empty element has the bad word `""`.
func parseAddress(element string) (a logical.Address, bad string, ok bool) {
	word, rest := nextWord(element)
	if a.MAC, ok = parseMAC(word); !ok || a.MAC[0]&1 != 0 {
		return logical.Address{}, logical.Quote(word), false
	}
	for {
		if word, rest = nextWord(rest); word == "" {
			return a, "", true
		}
		prefix, ok := parsePrefix(word)
		if !ok {
			return a, logical.Quote(word), true
		}
		a.Prefixes = append(a.Prefixes, prefix)
	}
}

// nextWord splits the first word off; "" at the end.
func nextWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " ,\t\n")
	if i := strings.IndexAny(s, " ,\t\n"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// parseMAC parses six octets of one or two hexadecimal digits with colons between, as OVN does.
func parseMAC(s string) (mac [6]byte, ok bool) {
	for i := range mac {
		octet, rest, more := strings.Cut(s, ":")
		v, err := strconv.ParseUint(octet, 16, 8)
		if err != nil || len(octet) > 2 || more != (i < len(mac)-1) {
			return mac, false
		}
		mac[i], s = byte(v), rest
	}
	return mac, true
}

// parsePrefix parses an address with an optional prefix length or, for IPv4, netmask; host bits are kept.
func parsePrefix(s string) (netip.Prefix, bool) {
	host, mask, masked := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	bits := addr.BitLen()
	if masked {
		var ok bool
		if bits, ok = maskBits(mask); !ok {
			return netip.Prefix{}, false
		}
	}
	prefix := netip.PrefixFrom(addr, bits)
	return prefix, prefix.IsValid()
}

// maskBits reads a prefix length or an IPv4 netmask; a mask with holes is none.
func maskBits(mask string) (int, bool) {
	if addr, err := netip.ParseAddr(mask); err == nil && addr.Is4() {
		ones, bits := net.IPMask(addr.AsSlice()).Size()
		return ones, bits > 0
	}
	bits, err := strconv.ParseUint(mask, 10, 8)
	return int(bits), err == nil
}
