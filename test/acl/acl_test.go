package acl

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

func TestTwoNodes(t *testing.T) {
	nodes := []string{"hv1", "hv2"}
	l := labtest.Up(t, "acl2", lab.Options{Hypervisors: len(nodes), Woven: labtest.Woven(t)})
	labtest.Tell(t, l, labtest.Stories{
		"actions":         func(t *testing.T, l *lab.Lab) { newField(t, l, "", nodes...).actions(t) },
		"live change":     func(t *testing.T, l *lab.Lab) { liveChange(t, l, nodes...) },
		"one way":         oneWay,
		"behind a router": behindRouter,
		"tenants":         tenants,
		"log":             logReplies,
	})
	labtest.ExpectHits(t, l)
}

func TestThreeNodes(t *testing.T) {
	nodes := []string{"hv1", "hv2", "hv3"}
	l := labtest.Up(t, "acl3", lab.Options{Hypervisors: len(nodes), Woven: labtest.Woven(t)})
	labtest.Tell(t, l, labtest.Stories{
		"actions":     func(t *testing.T, l *lab.Lab) { newField(t, l, "", nodes...).actions(t) },
		"live change": func(t *testing.T, l *lab.Lab) { liveChange(t, l, nodes...) },
	})
	// These kill agents.
	t.Run("three tiers", func(t *testing.T) { threeTiers(t, l) })
	t.Run("rejected later", func(t *testing.T) { rejectedLater(t, l) })
}

// addresses of a VM in both families.
func addresses(vm *labtest.VM) []netip.Addr { return []netip.Addr{vm.IP4, vm.IP6} }

// serve starts a server for TCP and UDP until the test's end.
func serve(t *testing.T, vm *labtest.VM, port uint16) {
	t.Helper()
	server, err := probe.Serve(vm.In, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
}

// asks are a VM's questions to another, by given protocols and in both families.
func asks(from, to *labtest.VM, port uint16, want probe.Outcome, protocols ...probe.Protocol) (cases []probe.Case) {
	for _, addr := range addresses(to) {
		for _, protocol := range protocols {
			question := probe.Question{From: from.In, Protocol: protocol, To: addr, Port: port}
			cases = append(cases, probe.Case{Name: from.Name + " asks " + to.Name, Question: question, Want: want})
		}
	}
	return cases
}

// from has questions come from a port, or with an identifier.
func from(source uint16, cases []probe.Case) []probe.Case {
	for i := range cases {
		cases[i].Source = source
	}
	return cases
}

// check asks, all at once.
func check(t *testing.T, cases ...[]probe.Case) {
	t.Helper()
	if err := probe.Check(t.Context(), slices.Concat(cases...)); err != nil {
		t.Error(err)
	}
}

// add adds ACLs with one action.
func add(s *labtest.Switch, direction, priority, action string, matches ...string) {
	for _, match := range matches {
		s.NB("acl-add", s.Name, direction, priority, match, action)
	}
}

// oneWay: who may be asked may answer, also that nobody is there, and may not ask, not even with the identifier of an echo that it has
// answered.
func oneWay(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "oneway")
	client, near, far := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2")
	add(s, "to-lport", "1", "drop", "ip")
	for _, server := range []*labtest.VM{near, far} {
		add(s, "to-lport", "1000", "allow-related", fmt.Sprintf("outport == %q && (tcp.dst == {80, 82} || udp.dst == {80, 82} || icmp)", server.Port))
		serve(t, server, 80)
		serve(t, server, 81)
	}
	serve(t, client, 80)
	s.Sync()
	for _, server := range []*labtest.VM{near, far} {
		check(t, asks(client, server, 80, probe.Answered, probe.TCP, probe.UDP), asks(client, server, 81, probe.Silent, probe.TCP, probe.UDP),
			asks(client, server, 82, probe.Refused, probe.TCP, probe.UDP), from(9, asks(client, server, 0, probe.Answered, probe.ICMP)))
		check(t, asks(server, client, 80, probe.Silent, probe.TCP, probe.UDP), from(9, asks(server, client, 0, probe.Silent, probe.ICMP)))
		for i, protocol := range []string{"icmp", "icmp6"} {
			tracked(t, client, fmt.Sprintf("%s %s %s", protocol, netip.AddrPortFrom(addresses(client)[i], 9), netip.AddrPortFrom(addresses(server)[i], 9)))
		}
	}
}

// behindRouter: through a router, though its ports have no connections, answers find their way back, whole and in fragments, and so does what a
// router says of large packets; and who is rejected is told.
func behindRouter(t *testing.T, l *lab.Lab) {
	left, right := labtest.NewSubnet(t, l, "left", 1), labtest.NewSubnet(t, l, "right", 2)
	router := labtest.NewRouter(t, l, "lr")
	router.Attach(left)
	router.Attach(right)
	router.NB("set", "Logical_Router_Port", router.Port(right), "options:gateway_mtu=1300")
	add(left, "from-lport", "1000", "allow-related", "ip")
	add(left, "from-lport", "1001", "reject", "tcp.dst == 81 || udp.dst == 81")
	add(right, "to-lport", "1000", "allow-related", "tcp.dst == 80 || udp.dst == 80 || icmp")
	add(right, "to-lport", "1000", "reject", "tcp.dst == 82 || udp.dst == 82")
	for _, s := range []*labtest.Switch{left, right} {
		add(s, "to-lport", "1", "drop", "ip")
		add(s, "to-lport", "1000", "allow-related", fmt.Sprintf("outport == %q", "to-"+router.Port(s)))
	}
	client, near, far := left.Add(1, "hv1"), right.Add(1, "hv1"), right.Add(2, "hv2")
	left.Sync()
	serve(t, client, 80)
	large := func(size int, cases []probe.Case) []probe.Case {
		for i := range cases {
			cases[i].Size = size
		}
		return cases
	}
	for _, server := range []*labtest.VM{near, far} {
		serve(t, server, 80)
		check(t, large(1<<20, asks(client, server, 80, probe.Answered, probe.TCP))) // after which the client knows the largest size
		check(t, large(5000, asks(client, server, 80, probe.Answered, probe.UDP, probe.ICMP)),
			asks(server, client, 80, probe.Silent, probe.TCP, probe.UDP, probe.ICMP),
			asks(client, server, 81, probe.Refused, probe.TCP, probe.UDP), asks(client, server, 82, probe.Refused, probe.TCP, probe.UDP))
	}
}

// rejectedLater: without an agent what is rejected is dropped, and nobody is told; with it again senders are told.
func rejectedLater(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "later")
	client, server := s.Add(1, "hv1"), s.Add(2, "hv2")
	serve(t, server, 80)
	add(s, "from-lport", "1000", "reject", fmt.Sprintf("inport == %q && (tcp || udp || icmp4.type == 8 || icmp6.type == 128)", client.Port))
	s.Sync()
	if err := l.KillAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	check(t, asks(client, server, 80, probe.Silent, probe.TCP, probe.UDP, probe.ICMP))
	if err := l.StartAgent(t.Context(), "hv1"); err != nil {
		t.Fatal(err)
	}
	s.Sync()
	check(t, asks(client, server, 80, probe.Refused, probe.TCP, probe.UDP, probe.ICMP))
}
