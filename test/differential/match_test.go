package differential

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// scope is what a random match may speak of.
type scope struct {
	// ports are the fields that name a port, with the ports that each may name.
	ports map[string][]string
	// header, "ip4" or "ip6", is the only family that it is about; "": both.
	header string
}

// match makes a random expression of OVN's language that is true for some packets.
func (g *generator) match(s scope) string {
	terms := []string{g.alternatives(s)}
	for g.chance(45) {
		terms = append(terms, g.alternatives(s))
	}
	if s.header != "" {
		terms = append([]string{s.header}, terms...)
	}
	return strings.Join(terms, " && ")
}

func (g *generator) alternatives(s scope) string {
	switch n := g.IntN(100); {
	case n < 20:
		return fmt.Sprintf("(%s || %s)", g.term(s), g.term(s))
	case n < 25:
		return fmt.Sprintf("!(%s || %s)", g.term(s), g.term(s))
	}
	return g.term(s)
}

// term is a comparison or a predicate.
func (g *generator) term(s scope) string {
	switch n := g.IntN(100); {
	case n < 20 && len(s.ports) > 0:
		field := pick(g, sorted(s.ports))
		return fmt.Sprintf("%s == %s", field, pick(g, s.ports[field]))
	case n < 55:
		return g.addressTerm(s)
	case n < 72:
		return g.portTerm()
	case n < 82:
		return fmt.Sprintf("ip.ttl %s %d", pick(g, []string{"==", "<", ">="}), pick(g, lives))
	case n < 86:
		return "tcp.flags == " + strconv.Itoa(pick(g, []int{tcpSYN, tcpACK, 4}))
	case n < 89:
		return fmt.Sprintf("eth.%s == %s", pick(g, []string{"src", "dst"}), pick(g, g.macs))
	}
	return pick(g, []string{"ip4", "ip6", "ip", "tcp", "udp", "sctp", "icmp", "icmp4", "icmp6", "icmp4.type == 8", "icmp6.type == 128", "ip.proto == 47",
		"ip.is_frag", "eth.mcast"})
}

// addressTerm compares an address with an interesting one, a prefix, several of them, or a set.
func (g *generator) addressTerm(s scope) string {
	is4 := g.chance(50)
	header := map[bool]string{true: "ip4", false: "ip6"}[is4]
	if s.header != "" {
		header, is4 = s.header, s.header == "ip4"
	}
	field := header + pick(g, []string{".src", ".dst"})
	switch n := g.IntN(100); {
	case n < 25 && len(g.sets[is4]) > 0:
		return fmt.Sprintf("%s == $%s", field, pick(g, g.sets[is4]))
	case n < 50:
		return fmt.Sprintf("%s == {%s, %s}", field, g.block(is4), g.block(is4))
	case n < 60:
		return fmt.Sprintf("%s != %s", field, g.block(is4))
	}
	return fmt.Sprintf("%s == %s", field, g.block(is4))
}

// block is an address, or a prefix that an interesting one is in.
func (g *generator) block(is4 bool) string {
	a := g.anyAddr(is4)
	if g.chance(50) {
		return whole(a)
	}
	p := netip.PrefixFrom(a, a.BitLen()-g.IntN(a.BitLen()/3)).Masked()
	g.meet(p)
	return fmt.Sprintf("%s/%d", whole(p.Addr()), p.Bits())
}

// portTerm compares ports at the boundaries of ranges.
func (g *generator) portTerm() string {
	field := pick(g, []string{"tcp", "udp", "sctp"}) + pick(g, []string{".src", ".dst", ".dst"})
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%s %s %d", field, pick(g, []string{"<", "<=", ">", ">=", "!="}), pick(g, ports))
	case 1:
		low, high := pick(g, ports), pick(g, ports)
		return fmt.Sprintf("%d <= %s <= %d", min(low, high), field, max(low, high))
	case 2:
		return fmt.Sprintf("%s == {%d, %d}", field, pick(g, ports), pick(g, ports))
	}
	return fmt.Sprintf("%s == %d", field, pick(g, ports))
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func quoted(name string) string { return fmt.Sprintf("%q", name) }
