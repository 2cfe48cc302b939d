package acl

import (
	"fmt"
	"net/netip"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// story is a test in a lab that others use at the same time.
type story struct {
	name string
	tell func(*testing.T, *lab.Lab)
}

// tell runs stories side by side and returns when all have ended.
func tell(t *testing.T, l *lab.Lab, stories ...story) {
	t.Run("in one lab", func(t *testing.T) {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.tell(t, l)
			})
		}
	})
}

func TestTwoNodes(t *testing.T) {
	l := labtest.Up(t, "acl2", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"actions", func(t *testing.T, l *lab.Lab) { newField(t, l, "", "hv1", "hv2").actions(t) }},
		story{"one way", oneWay},
		story{"policy change", policyChange},
		story{"behind a router", behindRouter},
		story{"log", logReplies},
	)
	t.Run("agent away", func(t *testing.T) { agentAway(t, l) })
}

func TestThreeNodes(t *testing.T) {
	l := labtest.Up(t, "acl3", lab.Options{Hypervisors: 3, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"actions", func(t *testing.T, l *lab.Lab) { newField(t, l, "", "hv1", "hv2", "hv3").actions(t) }},
		story{"live change", liveChange},
		story{"tenants", tenants},
	)
	t.Run("three tiers", func(t *testing.T) { threeTiers(t, l) })
}

// allow adds an ACL with allow-related, deny one that drops all else to or from ports.
func allow(s *labtest.Switch, direction, match string) {
	s.NB("acl-add", s.Name, direction, "1000", match, "allow-related")
}

func deny(s *labtest.Switch, direction, match string) {
	s.NB("acl-add", s.Name, direction, "1", match, "drop")
}

// addresses of a VM in both families.
func addresses(vm *labtest.VM) []netip.Addr { return []netip.Addr{vm.IP4, vm.IP6} }

// oneWay: who may be asked may answer, and may not ask; on one node and across two.
func oneWay(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "oneway")
	client, near, far := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2")
	deny(s, "to-lport", "ip")
	for _, server := range []*labtest.VM{near, far} {
		allow(s, "to-lport", fmt.Sprintf("outport == %q && (tcp.dst == 80 || udp.dst == 53 || icmp)", server.Port))
	}
	s.Sync()
	serve(t, client, 80)
	for _, server := range []*labtest.VM{near, far} {
		serve(t, server, 80)
		serve(t, server, 81)
		for i, addr := range addresses(server) {
			back := addresses(client)[i]
			dial(t, client, addr, 80).echo("hello")
			refuse(t, client, addr, 81)
			refuse(t, server, back, 80)
			if err := client.Ping(3, addr); err != nil {
				t.Error(err)
			}
			if err := server.NoPing(back); err != nil {
				t.Error(err)
			}
		}
	}
	if far.Drops("acl", "denied") == 0 || client.Drops("acl", "denied") == 0 {
		t.Error("no drop was counted where it happened")
	}
}

// policyChange: when `--wait=hv sync` has returned, a connection that is forbidden now passes nothing more, and one that is still allowed goes on;
// allowed again, the first one goes on, too.
func policyChange(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "change")
	client, near, far := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2")
	deny(s, "to-lport", "ip")
	allow(s, "to-lport", "tcp.dst == 80")
	allow(s, "to-lport", "tcp.dst == 443")
	s.Sync()
	var cut, kept []*session
	for _, server := range []*labtest.VM{near, far} {
		serve(t, server, 80)
		serve(t, server, 443)
		for _, addr := range addresses(server) {
			cut, kept = append(cut, dial(t, client, addr, 80)), append(kept, dial(t, client, addr, 443))
		}
	}
	for _, c := range append(cut, kept...) {
		c.echo("before")
	}
	s.NB("--wait=hv", "acl-del", s.Name, "to-lport", "1000", "tcp.dst == 80")
	for _, c := range cut {
		c.silent("after the change")
	}
	for _, c := range kept {
		c.echo("after the change")
	}
	allow(s, "to-lport", "tcp.dst == 80")
	s.Sync()
	for _, c := range cut {
		c.echoed("after the change") // TCP has kept it
	}
}

// behindRouter: an answer finds its way back through the router, though the router's port has no connections.
func behindRouter(t *testing.T, l *lab.Lab) {
	left, right := labtest.NewSubnet(t, l, "left", 1), labtest.NewSubnet(t, l, "right", 2)
	router := labtest.NewRouter(t, l, "lr")
	router.Attach(left)
	router.Attach(right)
	client, server := left.Add(1, "hv1"), right.Add(1, "hv2")
	for _, s := range []*labtest.Switch{left, right} {
		deny(s, "to-lport", "ip")
	}
	allow(left, "from-lport", "ip")
	allow(left, "to-lport", fmt.Sprintf("outport == %q", "to-"+router.Port(left)))
	allow(right, "to-lport", "tcp.dst == 80")
	left.Sync()
	serve(t, server, 80)
	serve(t, client, 80)
	for i, addr := range addresses(server) {
		dial(t, client, addr, 80).echo("hello")
		refuse(t, server, addresses(client)[i], 80)
	}
}

// agentAway: ACLs are the kernel's business: connections go on, and begin, without the agent.
func agentAway(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "away")
	client, server := s.Add(1, "hv1"), s.Add(2, "hv1")
	deny(s, "to-lport", "ip")
	allow(s, "to-lport", fmt.Sprintf("outport == %q && tcp", server.Port))
	s.Sync()
	serve(t, server, 80)
	c := dial(t, client, server.IP4, 80)
	c.echo("before")
	if err := l.KillAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	c.echo("meanwhile")
	dial(t, client, server.IP4, 80).echo("new")
	if err := l.StartAgent(t.Context(), "hv1"); err != nil {
		t.Fatal(err)
	}
	s.Sync()
	c.echo("after")
}
