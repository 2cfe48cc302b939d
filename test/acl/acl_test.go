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

func TestACLs(t *testing.T) {
	l := labtest.Up(t, "acl", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	t.Run("in one lab", func(t *testing.T) {
		for _, s := range []story{
			{"one way", oneWay}, {"policy change", policyChange}, {"reject", reject}, {"three tiers", threeTiers}, {"behind a router", behindRouter},
			{"agent away", agentAway}, {"log", logReplies},
		} {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.tell(t, l)
			})
		}
	})
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
	for _, addr := range addresses(client) {
		listen(t, client, addr, 80)
	}
	for _, server := range []*labtest.VM{near, far} {
		for i, addr := range addresses(server) {
			listen(t, server, addr, 80)
			listen(t, server, addr, 81)
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
		for _, addr := range addresses(server) {
			listen(t, server, addr, 80)
			listen(t, server, addr, 443)
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

// reject: the sender is told at once, wherever the ACL is.
func reject(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "reject")
	client, near, far := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2")
	s.NB("acl-add", s.Name, "to-lport", "1000", "tcp.dst == 80 || udp.dst == 80", "reject")
	s.NB("acl-add", s.Name, "from-lport", "1000", "tcp.dst == 81 || udp.dst == 81", "reject")
	s.Sync()
	for _, server := range []*labtest.VM{near, far} {
		for _, addr := range addresses(server) {
			for _, port := range []uint16{80, 81} {
				listen(t, server, addr, port)
				refused(t, client, "tcp", addr, port)
				refused(t, client, "udp", addr, port)
			}
		}
	}
}

// threeTiers: web may ask app, app may ask db, and nobody else anybody, by port groups and the address sets of their ports.
func threeTiers(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "tiers")
	tiers := []string{"web", "app", "db"}
	vms := map[string][]*labtest.VM{}
	for i, tier := range tiers {
		for j, hv := range []string{"hv1", "hv2"} {
			vm := s.Add(1+2*i+j, hv)
			vms[tier] = append(vms[tier], vm)
			for _, addr := range addresses(vm) {
				listen(t, vm, addr, 80)
			}
		}
		group := "tiers_" + tier
		s.NB("pg-add", group, vms[tier][0].Port, vms[tier][1].Port)
		t.Cleanup(func() { l.NBCtl(t.Context(), "--if-exists", "pg-del", group) })
		s.NB("acl-add", group, "to-lport", "1001", fmt.Sprintf("outport == @%s && ip", group), "drop")
		if i > 0 {
			before := "tiers_" + tiers[i-1]
			s.NB("acl-add", group, "to-lport", "1002", fmt.Sprintf("outport == @%s && ip4.src == $%s_ip4 && tcp", group, before), "allow-related")
			s.NB("acl-add", group, "to-lport", "1002", fmt.Sprintf("outport == @%s && ip6.src == $%s_ip6 && tcp", group, before), "allow-related")
		}
	}
	s.Sync()
	for i, from := range tiers {
		for j, to := range tiers {
			client, server := vms[from][0], vms[to][1]
			for _, addr := range addresses(server) {
				if j == i+1 {
					dial(t, client, addr, 80).echo(from + " to " + to)
				} else {
					refuse(t, client, addr, 80)
				}
			}
		}
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
	for i, addr := range addresses(server) {
		listen(t, server, addr, 80)
		dial(t, client, addr, 80).echo("hello")
		listen(t, client, addresses(client)[i], 80)
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
	listen(t, server, server.IP4, 80)
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
