package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	v1 "woven.dev/woven/api/v1"
)

// sourcePort is the port that requests are sent from: the first that nobody has for good (RFC 6335).
const sourcePort = 49152

// service is what a request asks for.
type service struct {
	protocol string // tcp, udp, sctp or icmp
	port     uint16 // destination port; 0 with icmp
}

// parseService understands the words behind the flags; none stand for icmp.
func parseService(words []string) (service, error) {
	if len(words) == 0 {
		return service{protocol: "icmp"}, nil
	}
	s := service{protocol: words[0]}
	switch s.protocol {
	case "icmp":
		if len(words) > 1 {
			return s, errors.New("icmp has no ports")
		}
		return s, nil
	case "tcp", "udp", "sctp":
	default:
		return s, fmt.Errorf("protocol is %q: it must be tcp, udp, sctp or icmp", s.protocol)
	}
	if len(words) != 2 {
		return s, fmt.Errorf("after %s comes one destination port", s.protocol)
	}
	port, err := strconv.ParseUint(words[1], 10, 16)
	if err != nil || port == 0 {
		return s, fmt.Errorf("destination port is %q: it must be 1 to 65535", words[1])
	}
	s.port = uint16(port)
	return s, nil
}

func (s service) String() string {
	if s.port == 0 {
		return s.protocol
	}
	return fmt.Sprintf("%s port %d", s.protocol, s.port)
}

// match is the transport header in a microflow.
func (s service) match(is4, answers bool) string {
	if s.protocol == "icmp" {
		types := map[bool]int{false: 8, true: 0}
		if !is4 {
			types = map[bool]int{false: 128, true: 129}
		}
		return fmt.Sprintf("%s.type == %d && %[1]s.code == 0", map[bool]string{true: "icmp4", false: "icmp6"}[is4], types[answers])
	}
	from, to, flags := uint16(sourcePort), s.port, 2 // SYN
	if answers {
		from, to, flags = to, from, 0x12 // SYN and ACK
	}
	text := fmt.Sprintf("%s.src == %d && %[1]s.dst == %[3]d", s.protocol, from, to)
	if s.protocol == "tcp" {
		text += fmt.Sprintf(" && tcp.flags == %d", flags)
	}
	return text
}

// end is one end of a conversation.
type end struct {
	// port that has the address; nil: nobody that this node knows of.
	port *v1.Port
	addr netip.Addr
}

// String is the port's name, or the address.
func (e end) String() string {
	if e.port != nil {
		return strconv.Quote(e.port.Name)
	}
	return e.addr.String()
}

// isRouter: the address is that of a router, not of a host.
func (e end) isRouter() bool { return e.port != nil && len(e.port.Networks) > 0 }

// crowd are the ports that this node knows of.
type crowd []v1.Port

func (c crowd) names() []string {
	var list []string
	for _, p := range c {
		list = append(list, p.Name)
	}
	return list
}

func (c crowd) named(name string) *v1.Port {
	i := slices.IndexFunc(c, func(p v1.Port) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &c[i]
}

// owner is the port with an address: one of the switch, or the only one elsewhere; nil: there is none, or several.
func (c crowd) owner(addr netip.Addr, at string) *v1.Port {
	var elsewhere []*v1.Port
	for i := range c {
		p := &c[i]
		if !slices.Contains(addressesOf(p), addr) {
			continue
		}
		if p.Switch == at {
			return p
		}
		elsewhere = append(elsewhere, p)
	}
	if len(elsewhere) != 1 {
		return nil
	}
	return elsewhere[0]
}

// addressesOf are the IP addresses of a port, or of the router behind it.
func addressesOf(p *v1.Port) (list []netip.Addr) {
	for _, text := range p.Addresses {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a)
		}
	}
	for _, n := range networksOf(p) {
		list = append(list, n.Addr())
	}
	return list
}

func networksOf(p *v1.Port) (list []netip.Prefix) {
	for _, text := range p.Networks {
		if n, err := netip.ParsePrefix(text); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// ends finds who is meant by --from and --to, with addresses of one family: IPv4 where both have one, unless ip6 asks for the other.
func (c crowd) ends(fromName, toName string, ip6 bool) (from, to end, err error) {
	from.port = c.named(fromName)
	if from.port == nil {
		return from, to, c.unknown("--from", fromName)
	}
	var candidates []netip.Addr
	if addr, err := netip.ParseAddr(toName); err == nil {
		candidates = []netip.Addr{addr}
		to.port = c.owner(addr, from.port.Switch)
	} else if to.port = c.named(toName); to.port == nil {
		return from, to, c.unknown("--to", toName)
	} else {
		candidates = addressesOf(to.port)
	}
	for _, want4 := range []bool{true, false} {
		src := slices.IndexFunc(addressesOf(from.port), func(a netip.Addr) bool { return a.Is4() == want4 })
		dst := slices.IndexFunc(candidates, func(a netip.Addr) bool { return a.Is4() == want4 })
		if src >= 0 && dst >= 0 && !(ip6 && want4) {
			from.addr, to.addr = addressesOf(from.port)[src], candidates[dst]
			return from, to, nil
		}
	}
	return from, to, fmt.Errorf("%q and %q have no addresses of one family: %s, and %s", fromName, toName, listOf(addressesOf(from.port)), listOf(candidates))
}

func listOf(addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return "none"
	}
	return join(addrs)
}

func (c crowd) unknown(flag, name string) error {
	if close := near(name, c.names()); len(close) > 0 {
		return fmt.Errorf("%s: no port %q on this node; did you mean %s?", flag, name, strings.Join(close, " or "))
	}
	return fmt.Errorf("%s: no port %q on this node; `woven port ls` lists those there are", flag, name)
}

// router is the port of a switch behind which is the router in whose subnet an address is; nil: there is none.
func (c crowd) router(at string, addr netip.Addr) *v1.Port {
	i := slices.IndexFunc(c, func(p v1.Port) bool {
		return p.Switch == at && slices.ContainsFunc(networksOf(&p), func(n netip.Prefix) bool { return n.Contains(addr) })
	})
	if i < 0 {
		return nil
	}
	return &c[i]
}

// nextHop is the MAC address that a host sends to so as to reach dst: that of the router of its subnet or, in the subnet or where there is no router,
// that of the port with the address.
func (c crowd) nextHop(from end, dst netip.Addr) (mac string, err error) {
	router := c.router(from.port.Switch, from.addr)
	if router != nil && router != c.router(from.port.Switch, dst) && !dst.IsLinkLocalUnicast() {
		return router.MAC, nil
	}
	if owner := c.owner(dst, from.port.Switch); owner != nil && owner.Switch == from.port.Switch {
		return owner.MAC, nil
	}
	if router == nil {
		return "", fmt.Errorf("switch %q has no port with the address %s and no router in the subnet of %s", from.port.Switch, dst, from.addr)
	}
	return "", fmt.Errorf("no port of switch %q has the address %s, which is in the subnet of %q: nobody answers when it asks for the MAC address",
		from.port.Switch, dst, from.port.Name)
}

// packet is one of a conversation.
type packet struct {
	from, to end
	service
	answers bool // it is the reply
}

// microflow is the packet as its sender sends it, in the words of ovn-trace(8).
func (c crowd) microflow(p packet) (string, error) {
	dmac, err := c.nextHop(p.from, p.to.addr)
	if err != nil {
		return "", err
	}
	return p.text(p.from.port.Name, p.from.port.MAC, dmac, 64), nil
}

// arrival is the packet as it comes to the receiver's switch from another node, and the port by which it came into that.
func (c crowd) arrival(p packet) (microflow string, by *v1.Port, err error) {
	if p.from.port.Switch == p.to.port.Switch {
		return p.text(p.from.port.Name, p.from.port.MAC, p.to.port.MAC, 64), p.from.port, nil
	}
	router := c.router(p.to.port.Switch, p.to.addr)
	if router == nil {
		return "", nil, fmt.Errorf("switch %q has no router in the subnet of %s", p.to.port.Switch, p.to.addr)
	}
	return p.text(router.Name, router.MAC, p.to.port.MAC, 63), router, nil
}

func (p packet) text(inport, smac, dmac string, ttl int) string {
	ip := map[bool]string{true: "ip4", false: "ip6"}[p.from.addr.Is4()]
	return fmt.Sprintf("inport == %q && eth.src == %s && eth.dst == %s && %s.src == %s && %[4]s.dst == %[6]s && ip.ttl == %d && %s",
		inport, smac, dmac, ip, p.from.addr, p.to.addr, ttl, p.match(p.from.addr.Is4(), p.answers))
}
