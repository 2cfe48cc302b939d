package differential

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
)

// Sizes of random clouds.
const (
	maxSwitches = 4
	maxRouters  = 3
	maxVIFs     = 4 * maxSwitches
	maxHops     = 3 // of a route or policy
)

// cloud is a random Northbound database, and what is worth sending in it.
type cloud struct {
	rows []row
	vifs []vif
	// routerPorts are the ports of routers on switches.
	routerPorts []routerPort
	// addrs are addresses at the boundaries of everything that looks at addresses.
	addrs []netip.Addr
	macs  []string
}

// vif is a port of a switch that hosts can have.
type vif struct {
	name, sw string
	mac      string
	addrs    []netip.Addr
	secured  bool // has port_security
}

type routerPort struct {
	name, router, sw string // sw is "" on a link between routers
	mac              string
	networks         []netip.Prefix
}

// names are the VIFs' names.
func (c *cloud) names() []string {
	names := make([]string, len(c.vifs))
	for i, v := range c.vifs {
		names[i] = v.name
	}
	return names
}

// generator makes a cloud, and packets for it.
type generator struct {
	*rand.Rand
	cloud
	subnets  map[string][]netip.Prefix // by switch
	routers  []string
	switches []string
	groups   []portGroup
	sets     map[bool][]string // of addresses, by whether these are IPv4
	stateful bool              // has ACLs with connections
}

// portGroup is a group, and the switches in which it has ports.
type portGroup struct {
	name     string
	switches map[string]bool
}

// What ACLs of clouds without and with connections do.
var (
	statelessActions = []string{"allow", "allow", "allow-stateless", "drop", "drop", "reject"}
	statefulActions  = []string{"allow", "allow-related", "allow-related", "allow-related", "allow-stateless", "drop", "drop", "reject"}
)

// newCloud makes a cloud; equal seeds give equal ones.
func newCloud(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 4)), subnets: map[string][]netip.Prefix{}, sets: map[bool][]string{}}
	for i := range 1 + g.IntN(maxSwitches) {
		g.addSwitch(i)
	}
	for range maxRouters {
		if g.chance(75) {
			g.addRouter(len(g.routers))
		}
	}
	for i := range len(g.routers) {
		for j := range i {
			if g.chance(60) {
				g.linkRouters(j, i)
			}
		}
	}
	for _, r := range g.routers {
		g.addRoutes(r)
	}
	g.addNeighbours()
	g.addGroups()
	g.addSets()
	for _, r := range g.routers {
		g.addPolicies(r)
	}
	if g.chance(80) {
		g.stateful = g.chance(60)
		g.addACLs(map[bool][]string{false: statelessActions, true: statefulActions}[g.stateful])
	}
	return g
}

// chance is true in so many of a hundred cases.
func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// pick chooses one of a list.
func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

func (g *generator) add(words ...string) { g.rows = append(g.rows, words) }

// meet notes the boundaries of a prefix: addresses just inside and just outside.
func (g *generator) meet(p netip.Prefix) {
	first, last := p.Masked().Addr(), lastOf(p)
	for _, a := range []netip.Addr{first, last, first.Prev(), last.Next(), p.Addr()} {
		if a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a.As16()[12] != 0xff {
			g.addrs = append(g.addrs, a)
		}
	}
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (g *generator) addSwitch(i int) {
	name := fmt.Sprintf("sw%d", i)
	g.switches = append(g.switches, name)
	g.subnets[name] = []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24), netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("fd00:%x::", i)), 64),
	}
	for _, p := range g.subnets[name] {
		g.meet(p)
	}
	g.add("ls-add", name)
	for k := range 1 + g.IntN(4) {
		g.addVIF(name, i, k+1)
	}
}

// host is host number n of a subnet.
func host(p netip.Prefix, n int) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	b[len(b)-1] = byte(n)
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (g *generator) addVIF(sw string, i, k int) {
	v := vif{name: fmt.Sprintf("%sp%d", sw, k), sw: sw, mac: fmt.Sprintf("0a:00:00:00:%02x:%02x", i, k)}
	for _, p := range g.subnets[sw] {
		if g.chance(80) {
			v.addrs = append(v.addrs, host(p, 10+k))
		}
	}
	addresses := []string{strings.Join(append([]string{v.mac}, words(v.addrs)...), " ")}
	switch g.IntN(8) {
	case 0:
		addresses = append(addresses, "unknown")
	case 1:
		addresses = []string{"unknown"}
	case 2:
		more := host(g.subnets[sw][0], 60+k)
		addresses = append(addresses, fmt.Sprintf("0a:00:00:02:%02x:%02x %s", i, k, more))
		g.macs, g.addrs = append(g.macs, fmt.Sprintf("0a:00:00:02:%02x:%02x", i, k)), append(g.addrs, more)
	}
	g.add("lsp-add", sw, v.name)
	g.add(append([]string{"lsp-set-addresses", v.name}, addresses...)...)
	if security := g.security(v); security != nil {
		v.secured = true
		g.add(append([]string{"lsp-set-port-security", v.name}, security...)...)
	}
	if g.chance(6) {
		g.add("lsp-set-enabled", v.name, "disabled")
	}
	g.vifs, g.macs, g.addrs = append(g.vifs, v), append(g.macs, v.mac), append(g.addrs, v.addrs...)
	if mac, ok := linkLocal(v.mac); ok {
		g.addrs = append(g.addrs, mac)
	}
}

// security is a random port_security; nil for none. ovn-trace 23.03 is coarser there than ovn-controller: it knows no prefixes, and lets ports
// with addresses of one family send ARP or ND for the other.
func (g *generator) security(v vif) []string {
	switch {
	case g.chance(20):
		return []string{v.mac}
	case len(v.addrs) == 2 && g.chance(20):
		return []string{strings.Join(append([]string{v.mac}, words(v.addrs)...), " ")}
	}
	return nil
}

func words[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.String()
	}
	return out
}

// linkLocal is the IPv6 link-local address of a MAC address (RFC 4291, appendix A).
func linkLocal(mac string) (netip.Addr, bool) {
	var m [6]byte
	if _, err := fmt.Sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]); err != nil {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}), true
}

func (g *generator) addRouter(i int) {
	name := fmt.Sprintf("r%d", i)
	g.routers = append(g.routers, name)
	g.add("lr-add", name)
	for k, sw := range g.switches {
		if !g.chance(65) {
			continue
		}
		p := routerPort{name: name + sw, router: name, sw: sw, mac: fmt.Sprintf("0a:00:00:01:%02x:%02x", i, k)}
		for _, subnet := range g.subnets[sw] {
			if g.chance(85) {
				p.networks = append(p.networks, netip.PrefixFrom(host(subnet, 254-i), subnet.Bits()))
			}
		}
		if g.chance(10) { // a second network
			p.networks = append(p.networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(k), byte(200 - i)}), 25))
		}
		if len(p.networks) > 0 {
			g.addRouterPort(p, attach(p, pick(g, []string{"router", "router", "router", "router", "router", "router", "router", p.mac}))...)
		}
	}
}

// addRouterPort adds a port, and in the same row what is at its other end.
func (g *generator) addRouterPort(p routerPort, more ...string) {
	g.meetRouterPort(p)
	g.add(append(p.words(), more...)...)
	g.addPortOptions(p.name)
}

func (p routerPort) words() row {
	return append(row{"lrp-add", p.router, p.name, p.mac}, words(p.networks)...)
}

func (g *generator) meetRouterPort(p routerPort) {
	g.routerPorts, g.macs = append(g.routerPorts, p), append(g.macs, p.mac)
	for _, n := range p.networks {
		g.meet(n)
	}
	if a, ok := linkLocal(p.mac); ok {
		g.addrs = append(g.addrs, a)
	}
}

func (g *generator) addPortOptions(port string) {
	if g.chance(6) {
		g.add("lrp-set-enabled", port, "disabled")
	}
	if g.chance(20) {
		g.add("lrp-set-options", port, "route_table=t1")
	}
}

// routerEnd ends the names of switches' ports that lead to routers.
const routerEnd = "-sw"

func isRouterEnd(port string) bool { return strings.HasSuffix(port, routerEnd) }

// attach makes the switch's end of a router port.
func attach(p routerPort, addresses string) row {
	name := p.name + routerEnd
	return row{"--", "lsp-add", p.sw, name, "--", "lsp-set-type", name, "router", "--", "lsp-set-options", name, "router-port=" + p.name,
		"--", "lsp-set-addresses", name, addresses}
}

// linkRouters joins two routers directly.
func (g *generator) linkRouters(i, j int) {
	var r row
	names := [2]string{fmt.Sprintf("r%dr%d", i, j), fmt.Sprintf("r%dr%d", j, i)}
	for k, router := range []int{i, j} {
		p := routerPort{
			name: names[k], router: fmt.Sprintf("r%d", router), mac: fmt.Sprintf("0a:00:00:03:%x%x:%02x", i, j, k),
			networks: []netip.Prefix{
				netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i*16 + j), byte(1 + k)}), 30),
				netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("fd01:%x%x::%x", i, j, 1+k)), 64),
			},
		}
		g.meetRouterPort(p)
		r = slices.Concat(r, p.words(), row{"peer=" + names[1-k], "--"})
	}
	g.add(r[:len(r)-1]...)
	for _, name := range names {
		g.addPortOptions(name)
	}
}

// addRoutes gives a router random static routes; no two of a kind but with several next hops, as OVN chooses one of those at random.
func (g *generator) addRoutes(router string) {
	seen := map[string]bool{}
	for range g.IntN(9) {
		prefix := g.routePrefix()
		policy, table := pick(g, []string{"dst-ip", "dst-ip", "dst-ip", "src-ip"}), pick(g, []string{"", "", "", "t1"})
		key := fmt.Sprint(prefix, policy, table)
		if seen[key] || policy == "src-ip" && prefix.Bits() == 0 { // that one has the priority of ovn-northd's drop
			continue
		}
		seen[key] = true
		g.meet(prefix)
		options := []string{"--policy=" + policy}
		if table != "" {
			options = append(options, "--route-table="+table)
		}
		for i, hop := range g.nextHops(router, prefix.Addr().Is4()) {
			if i == 1 {
				options = append(options, "--ecmp")
			}
			g.add(slices.Concat(options, []string{"lr-route-add", router, prefix.String()}, hop)...)
		}
	}
}

// nextHops are those of a route, each another one.
func (g *generator) nextHops(router string, is4 bool) [][]string {
	hops := [][]string{g.nextHop(router, is4)}
	for g.chance(30) && len(hops) < maxHops && hops[0][0] != discard {
		if hop := g.nextHop(router, is4); hop[0] != discard && !slices.ContainsFunc(hops, func(h []string) bool { return h[0] == hop[0] }) {
			hops = append(hops, hop)
		}
	}
	return hops
}

// discard is the next hop of packets that are dropped.
const discard = "discard"

func (g *generator) routePrefix() netip.Prefix {
	if g.chance(15) {
		return pick(g, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")})
	}
	a := pick(g, g.addrs)
	if a.IsLinkLocalUnicast() {
		a = host(netip.MustParsePrefix("192.0.2.0/24"), g.IntN(256))
	}
	bits := a.BitLen() - g.IntN(a.BitLen()/4+1)
	return netip.PrefixFrom(a, bits).Masked()
}

// nextHop is a random next hop of a family, and sometimes the port that leads to it.
func (g *generator) nextHop(router string, is4 bool) []string {
	var hops []netip.Addr
	for _, p := range g.routerPorts {
		for _, n := range p.networks {
			if n.Addr().Is4() == is4 && p.router != router {
				hops = append(hops, n.Addr())
			}
		}
	}
	for _, v := range g.vifs {
		hops = append(hops, slices.DeleteFunc(slices.Clone(v.addrs), func(a netip.Addr) bool { return a.Is4() != is4 })...)
	}
	if len(hops) == 0 || g.chance(12) {
		return []string{discard}
	}
	hop := []string{pick(g, hops).String()}
	if g.chance(15) {
		for _, p := range g.routerPorts {
			if p.router == router && g.chance(40) {
				return append(hop, p.name)
			}
		}
	}
	return hop
}

// addNeighbours makes some next hops known that no port has.
func (g *generator) addNeighbours() {
	for i, p := range g.routerPorts {
		for _, n := range p.networks {
			if g.chance(25) {
				a := host(n, 100+i)
				g.addrs = append(g.addrs, a)
				g.add(learned, p.name, a.String(), pick(g, g.macs))
			}
		}
	}
}
