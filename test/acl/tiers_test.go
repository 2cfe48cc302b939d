package acl

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

// rule is one of a security group: its members may be asked by those of another one; "": by anybody.
type rule struct {
	group, from string
	service
}

type service struct {
	protocol probe.Protocol
	port     uint16 // but of ICMP
}

// services are all that is asked for; every VM has them.
var services = []service{{probe.TCP, 80}, {probe.TCP, 8080}, {probe.TCP, 5432}, {probe.UDP, 53}, {probe.ICMP, 0}}

// streaming is what connections stay open for.
var streaming = service{probe.TCP, 9000}

// tierRules: the world may ask web, web may ask app and db, app may ask db.
func tierRules() []rule {
	return []rule{
		{"web", "", services[0]}, {"web", "", services[4]},
		{"app", "web", services[1]}, {"app", "app", services[3]},
		{"db", "app", services[2]}, {"db", "web", services[2]}, {"db", "web", services[4]},
		{"app", "web", streaming}, {"db", "app", streaming},
	}
}

// matches are those of the rule's ACLs, one for each family, as Neutron writes them.
func (r rule) matches() (matches []string) {
	for _, family := range []string{"4", "6"} {
		match := fmt.Sprintf("outport == @pg_%s && ip%s", r.group, family)
		if r.from != "" {
			match += fmt.Sprintf(" && ip%s.src == $pg_%s_ip%[1]s", family, r.from)
		}
		if r.protocol == probe.ICMP {
			match += " && icmp" + family
		} else {
			match += fmt.Sprintf(" && %s && %[1]s.dst == %d", r.protocol, r.port)
		}
		matches = append(matches, match)
	}
	return matches
}

// member is a VM and its security groups.
type member struct {
	*labtest.VM
	groups []string
}

func (m *member) in(group string) bool { return slices.Contains(m.groups, group) }

// tiers is a network of three subnets behind a router, with VMs of each tier on each of three nodes and one without a tier.
type tiers struct {
	*labtest.Switch // that of app
	rules           []rule
	members         []*member
	stray           *member
	stock           string // name of a node that is not Woven's, or empty
}

func newTiers(t *testing.T, l *lab.Lab, stock string) *tiers {
	t.Helper()
	c := &tiers{rules: tierRules(), stock: stock}
	router := labtest.NewRouter(t, l, "tiers")
	t.Cleanup(func() {
		for _, group := range []string{"neutron_pg_drop", "pg_web", "pg_app", "pg_db", "pg_stray"} {
			l.NBCtl(context.Background(), "--if-exists", "pg-del", group)
		}
	})
	for i, tier := range []string{"web", "app", "db"} {
		s := labtest.NewSubnet(t, l, tier, 1+i)
		router.Attach(s)
		for n := range 3 {
			c.add(t, s, 1+n, fmt.Sprintf("hv%d", 1+n), tier)
		}
		if tier == "app" {
			c.Switch = s
		}
	}
	c.stray = c.add(t, c.Switch, 4, "hv1", "stray")
	for _, group := range []string{"web", "app", "db", "stray"} {
		c.group(group)
	}
	c.NB(append([]string{"pg-add", "neutron_pg_drop"}, c.ports("")...)...)
	c.NB("--wait=hv", "acl-add", "neutron_pg_drop", "from-lport", "1001", "inport == @neutron_pg_drop && ip", "drop",
		"--", "acl-add", "neutron_pg_drop", "to-lport", "1001", "outport == @neutron_pg_drop && ip", "drop")
	settle(c.Switch, c.stock)
	return c
}

func (c *tiers) add(t *testing.T, s *labtest.Switch, n int, hv, group string) *member {
	t.Helper()
	m := &member{s.Add(n, hv), []string{group}}
	for _, service := range services {
		if service.protocol != probe.ICMP {
			serve(t, m.VM, service.port)
		}
	}
	c.members = append(c.members, m)
	return m
}

// ports are those of a group, or all for "".
func (c *tiers) ports(group string) (ports []string) {
	for _, m := range c.members {
		if group == "" || m.in(group) {
			ports = append(ports, m.Port)
		}
	}
	return ports
}

// group makes a security group: its members may ask anybody, and may be asked as the rules say.
func (c *tiers) group(name string) {
	group := "pg_" + name
	commands := append([]string{"pg-add", group}, c.ports(name)...)
	for _, family := range []string{"ip4", "ip6"} {
		commands = append(commands, "--", "acl-add", group, "from-lport", "1002", fmt.Sprintf("inport == @%s && %s", group, family), "allow-related")
	}
	for _, r := range c.rules {
		if r.group == name {
			for _, match := range r.matches() {
				commands = append(commands, "--", "acl-add", group, "to-lport", "1002", match, "allow-related")
			}
		}
	}
	c.NB(commands...)
}

// change takes web's way to db, and gives the stray VM a tier, in one transaction.
func (c *tiers) change() {
	c.stray.groups = append(c.stray.groups, "app")
	commands := append([]string{"--wait=hv", "pg-set-ports", "pg_app"}, c.ports("app")...)
	c.rules = slices.DeleteFunc(c.rules, func(r rule) bool {
		if r.group != "db" || r.from != "web" {
			return false
		}
		for _, match := range r.matches() {
			commands = append(commands, "--", "acl-del", "pg_db", "to-lport", "1002", match)
		}
		return true
	})
	c.NB(commands...)
	settle(c.Switch, c.stock)
}

// outcome of a question for a service.
func (c *tiers) outcome(from, to *member, s service) probe.Outcome {
	if slices.ContainsFunc(c.rules, func(r rule) bool { return r.service == s && to.in(r.group) && (r.from == "" || from.in(r.from)) }) {
		return probe.Answered
	}
	return probe.Silent
}

// cases are everybody's questions to a member.
func (c *tiers) cases(to *member) (cases []probe.Case) {
	for _, from := range c.members {
		if from == to {
			continue
		}
		for _, s := range services {
			cases = append(cases, asks(from.VM, to.VM, s.port, c.outcome(from, to, s), s.protocol)...)
		}
	}
	return cases
}

// matrix checks who reaches whom, and that what is silent was denied where it was to arrive.
func (c *tiers) matrix(t *testing.T, when string) {
	t.Helper()
	before := map[*member]uint64{}
	for _, to := range c.members {
		if to.Hypervisor != c.stock {
			before[to] = to.Drops("acl", "denied")
		}
	}
	c.ask(t, when)
	for to, had := range before {
		if denied, want := to.Drops("acl", "denied")-had, probe.Count(c.cases(to), probe.Silent); denied < uint64(want) {
			t.Errorf("%s: %d packets to %s were denied, want %d or more", when, denied, to.Name, want)
		}
	}
}

// ask checks who reaches whom.
func (c *tiers) ask(t *testing.T, when string) {
	t.Helper()
	var cases []probe.Case
	for _, to := range c.members {
		cases = append(cases, c.cases(to)...)
	}
	if err := probe.Check(t.Context(), cases); err != nil {
		t.Errorf("%s:\n%v", when, err)
	}
	t.Logf("%s: %d questions, %d are answered", when, len(cases), probe.Count(cases, probe.Answered))
}

// streams are one in each family from web on each node to app on the next, and from app to db.
func (c *tiers) streams(t *testing.T) (streams []*probe.Stream) {
	t.Helper()
	const tier = 3 // VMs
	for i, from := range c.members[:2*tier] {
		to := c.members[tier*(1+i/tier)+(i+1)%tier]
		for _, addr := range addresses(to.VM) {
			streams = append(streams, open(t, from.VM, to.VM, 0, netip.AddrPortFrom(addr, streaming.port)))
		}
	}
	return streams
}

// threeTiers: what security groups say holds for everybody, as soon as it has changed, and without agents.
func threeTiers(t *testing.T, l *lab.Lab) {
	c := newTiers(t, l, "")
	c.matrix(t, "at first")
	c.change()
	c.matrix(t, "after the change")
	streams := c.streams(t)
	for n := range 3 {
		if err := l.KillAgent(fmt.Sprintf("hv%d", 1+n)); err != nil {
			t.Fatal(err)
		}
	}
	c.ask(t, "without agents")
	flow(t, streams)
	for n := range 3 {
		if err := l.StartAgent(t.Context(), fmt.Sprintf("hv%d", 1+n)); err != nil {
			t.Fatal(err)
		}
	}
	c.Sync()
	c.matrix(t, "with agents again")
	flow(t, streams)
	for _, m := range c.members {
		unharmed(t, m.VM, "denied")
	}
}
