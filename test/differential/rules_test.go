package differential

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// addPolicies gives a router random routing policies. No two have the same priority, as OVN says nothing about which of them counts.
func (g *generator) addPolicies(router string) {
	var inports []string
	for _, p := range g.routerPorts {
		if p.router == router {
			inports = append(inports, quoted(p.name))
		}
	}
	if len(inports) == 0 || g.chance(25) {
		return
	}
	for _, priority := range g.Perm(1000)[:g.IntN(6)] {
		is4 := g.chance(50)
		s := scope{ports: map[string][]string{"inport": inports}, header: map[bool]string{true: "ip4", false: "ip6"}[is4]}
		action := []string{pick(g, []string{"allow", "drop", "reroute", "reroute"})}
		if action[0] == "reroute" {
			hops := g.rerouteHops(router, is4)
			if len(hops) == 0 {
				continue
			}
			action = append(action, strings.Join(hops, ","))
		}
		g.add(slices.Concat([]string{"lr-policy-add", router, strconv.Itoa(priority), g.match(s)}, action)...)
	}
}

// rerouteHops are one or several addresses on networks of the router; nil: it has no network. Each may be the router's own neighbour or nobody.
func (g *generator) rerouteHops(router string, is4 bool) []string {
	var hosts []netip.Addr
	for _, p := range g.routerPorts {
		for _, n := range p.networks {
			if p.router == router && n.Addr().Is4() == is4 {
				hosts = append(hosts, g.onNetwork(n)...)
			}
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	hops := []string{pick(g, hosts).String()}
	for g.chance(30) && len(hops) < maxHops {
		hops = append(hops, pick(g, hosts).String())
	}
	slices.Sort(hops)
	return slices.Compact(hops)
}

// onNetwork are the interesting hosts of a router's network.
func (g *generator) onNetwork(n netip.Prefix) []netip.Addr {
	hosts := []netip.Addr{host(n, 99)}
	for _, v := range g.vifs {
		hosts = append(hosts, v.addrs...)
	}
	for _, p := range g.routerPorts {
		for _, other := range p.networks {
			hosts = append(hosts, other.Addr())
		}
	}
	return slices.DeleteFunc(hosts, func(a netip.Addr) bool { return a == n.Addr() || !n.Contains(a) })
}

// addSets makes address sets.
func (g *generator) addSets() {
	for i := range g.IntN(4) {
		is4 := g.chance(50)
		name := fmt.Sprintf("as%d", i)
		var members []string
		for range 1 + g.IntN(6) {
			members = append(members, quoted(g.block(is4)))
		}
		slices.Sort(members)
		g.sets[is4] = append(g.sets[is4], name)
		g.add("create", "Address_Set", "name="+name, "addresses="+strings.Join(slices.Compact(members), ","))
	}
}

// addGroups makes port groups, of which the addresses are sets as well.
func (g *generator) addGroups() {
	for i := range g.IntN(3) {
		name := fmt.Sprintf("pg%d", i)
		var members []string
		group := portGroup{name, map[string]bool{}}
		for _, v := range g.vifs {
			if g.chance(45) {
				members = append(members, v.name)
				group.switches[v.sw] = true
			}
		}
		if len(members) == 0 {
			continue
		}
		g.groups = append(g.groups, group)
		g.sets[true] = append(g.sets[true], name+"_ip4")
		g.sets[false] = append(g.sets[false], name+"_ip6")
		g.add(append([]string{"pg-add", name}, members...)...)
	}
}

// addACLs gives switches and groups ACLs of the given actions, without tiers, which OVN 23.03 does not have. No two have the same priority, for the
// reason given at addPolicies.
func (g *generator) addACLs(actions []string) {
	for _, priority := range g.Perm(1000)[:g.IntN(14)] {
		owner, ports := g.aclOwner()
		direction := pick(g, []string{"from-lport", "to-lport"})
		port := map[string]string{"from-lport": "inport", "to-lport": "outport"}[direction]
		s := scope{}
		if len(ports) > 0 {
			s.ports = map[string][]string{port: ports}
		}
		args := []string{"acl-add", owner, direction, strconv.Itoa(priority), g.match(s), pick(g, actions)}
		if direction == "from-lport" && g.chance(25) {
			args = append([]string{"--apply-after-lb"}, args...)
		}
		g.add(args...)
	}
	if g.chance(10) {
		g.add("set", "NB_Global", ".", "options:default_acl_drop=true")
	}
}

// aclOwner is a switch or group that may have ACLs, and the ports that these may name. OVN 23.03 leaves an ACL out on a switch in which a group
// that it names has no port; such ones are not made.
func (g *generator) aclOwner() (owner string, ports []string) {
	owner = pick(g, g.switches)
	applies := map[string]bool{owner: true}
	if len(g.groups) > 0 && g.chance(50) {
		group := pick(g, g.groups)
		owner, applies = group.name, group.switches
	}
	for _, group := range g.groups {
		everywhere := true
		for sw := range applies {
			everywhere = everywhere && group.switches[sw]
		}
		if everywhere {
			ports = append(ports, "@"+group.name)
		}
	}
	for _, v := range g.vifs {
		if v.sw == owner {
			ports = append(ports, quoted(v.name))
		}
	}
	return owner, ports
}
