package acl

import (
	"fmt"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

// requests and answers are what is asked and what comes back; port 7 is that of the servers.
const (
	requests = "(tcp.dst == 7 || udp.dst == 7 || icmp4.type == 8 || icmp6.type == 128)"
	answers  = "(tcp.src == 7 || udp.src == 7 || icmp4.type == 0 || icmp6.type == 129)"
	port     = 7
)

// policy is what the ACLs of a switch say about requests, at each place.
type policy struct {
	action string
	// stateful: the switch has an allow-related ACL, though of something else.
	stateful bool
	// answers is the action for the answers, where the request was decided on, in the opposite direction; empty: there is no such ACL.
	answers string
}

func (p policy) String() string {
	return fmt.Sprintf("%s, stateful: %v, answers: %s", p.action, p.stateful, p.answers)
}

// outcome is ovn-nb(5), "ACL table: action": answers belong to what allow-related allows, and to what allow allows in a switch that has an
// allow-related ACL; without connections they are packets like others.
func (p policy) outcome() probe.Outcome {
	switch p.action {
	case "drop":
		return probe.Silent
	case "reject":
		return probe.Refused
	case "allow-related":
		return probe.Answered
	case "allow":
		if p.stateful {
			return probe.Answered
		}
	}
	if p.answers == "drop" {
		return probe.Silent
	}
	return probe.Answered
}

// policies are all that OVN 23.03 has: pass came later.
var policies = []policy{
	{action: "allow"}, {action: "allow", answers: "drop"}, {action: "allow", answers: "drop", stateful: true},
	{action: "allow-related"}, {action: "allow-related", answers: "drop"},
	{action: "allow-stateless"}, {action: "allow-stateless", answers: "drop"}, {action: "allow-stateless", answers: "allow-stateless", stateful: true},
	{action: "drop"}, {action: "drop", stateful: true},
	{action: "reject"}, {action: "reject", stateful: true},
}

// place is where an ACL meets the requests of a client of its own.
type place struct {
	direction string
	afterLB   bool
	client    *labtest.VM
}

func (p place) opposite() string {
	if p.direction == "to-lport" {
		return "from-lport"
	}
	return "to-lport"
}

// add is the ovn-nbctl command for an ACL.
func (p place) add(s *labtest.Switch, direction string, priority int, match, action string) []string {
	command := []string{"--"}
	if p.afterLB && direction == "from-lport" {
		command = append(command, "--apply-after-lb")
	}
	return append(command, "acl-add", s.Name, direction, fmt.Sprint(priority), match, action)
}

// acls are the ovn-nbctl commands that make a policy that of a place. Beneath an ACL that allows, requests are dropped.
func (p policy) acls(s *labtest.Switch, at place) []string {
	asks := fmt.Sprintf("eth.src == %s && %s", at.client.MAC, requests)
	commands := at.add(s, at.direction, 1000, asks, p.action)
	if p.outcome() != probe.Refused {
		commands = append(commands, at.add(s, at.direction, 1, asks, "drop")...)
	}
	if p.answers != "" {
		answered := fmt.Sprintf("eth.dst == %s && %s", at.client.MAC, answers)
		commands = append(commands, at.add(s, at.opposite(), 1000, answered, p.answers)...)
	}
	return commands
}

// field is a switch with clients on several nodes and a server on each.
type field struct {
	*labtest.Switch
	places  []place
	servers []*labtest.VM
	stock   string // name of a node that is not Woven's, or empty
}

// newField has a client for each place on the first node, and one on the last. Devices are veths on the first node, and taps on the other Woven ones.
func newField(t *testing.T, l *lab.Lab, stock string, nodes ...string) *field {
	t.Helper()
	f := &field{Switch: labtest.NewSwitch(t, l, "action"), stock: stock}
	vm := func(n int, node string) *labtest.VM {
		return f.Add(n, node, func(w *lab.Workload) { w.Tap = node != nodes[0] && node != stock })
	}
	for n, node := range nodes {
		server := vm(1+n, node)
		serve(t, server, port)
		f.servers = append(f.servers, server)
	}
	first, last := nodes[0], nodes[len(nodes)-1]
	f.places = []place{
		{"from-lport", false, vm(11, first)},
		{"from-lport", true, vm(12, first)},
		{"to-lport", false, vm(13, first)},
		{"from-lport", false, vm(14, last)},
		{"to-lport", false, vm(15, last)},
	}
	return f
}

// set makes a policy that of all places, in one transaction.
func (f *field) set(p policy) {
	commands := []string{"--wait=hv", "acl-del", f.Name}
	if p.stateful {
		commands = append(commands, "--", "acl-add", f.Name, "to-lport", "10", "ip4.dst == 192.0.2.1", "allow-related")
	}
	for _, at := range f.places {
		commands = append(commands, p.acls(f.Switch, at)...)
	}
	f.NB(commands...)
	settle(f.Switch, f.stock)
}

// cases are all questions of all clients, and how many of them ACLs on Woven nodes decide on.
func (f *field) cases(want probe.Outcome) (cases []probe.Case, here int) {
	for _, at := range f.places {
		for _, server := range f.servers {
			decides := at.client
			if at.direction == "to-lport" {
				decides = server
			}
			these := asks(at.client, server, port, want, probe.TCP, probe.UDP, probe.ICMP)
			cases = append(cases, these...)
			if decides.Hypervisor != f.stock {
				here += len(these)
			}
		}
	}
	return cases, here
}

// drops is how many packets of VMs on Woven nodes were dropped by module acl, for a reason.
func (f *field) drops(reason string) (n int) {
	vms := slices.Clone(f.servers)
	for _, at := range f.places {
		vms = append(vms, at.client)
	}
	for _, vm := range vms {
		if vm.Hypervisor != f.stock {
			n += int(vm.Drops("acl", reason))
		}
	}
	return n
}

// reasons that count what does not come through.
var reasons = map[probe.Outcome]string{probe.Silent: "denied", probe.Refused: "rejected"}

// hold checks that a policy holds, and that what does not come through was dropped by it: each question once at least.
func (f *field) hold(t *testing.T, p policy) {
	f.set(p)
	want := p.outcome()
	cases, here := f.cases(want)
	reason, counted := reasons[want]
	before := 0
	if counted {
		before = f.drops(reason)
	}
	if err := probe.Check(t.Context(), cases); err != nil {
		t.Errorf("%s:\n%v", p, err)
	}
	if !counted {
		return
	}
	if dropped := f.drops(reason) - before; dropped < here {
		t.Errorf("%s: %d packets were counted as %s, want %d or more", p, dropped, reason, here)
	}
}

// actions: each action does what it should at each place.
func (f *field) actions(t *testing.T) {
	for _, p := range policies {
		f.hold(t, p)
	}
}
