package acl

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

// Ports of what the tenants' VMs ask and stream from: the same for all, so that their connections have the same addresses and ports.
const (
	streamSource = 40000 + iota
	askSource
)

// tenant is a router with two switches, stateful ACLs, and VMs on two nodes. All tenants have the same addresses, MAC addresses and ports.
type tenant struct {
	name        string
	router      *labtest.Router
	left, right *labtest.Switch
	near, far   *labtest.VM
	streams     []*probe.Stream
}

func newTenant(t *testing.T, l *lab.Lab, name string) *tenant {
	t.Helper()
	n := &tenant{name: name, router: labtest.NewRouter(t, l, name), left: labtest.NewSubnet(t, l, name+"a", 10), right: labtest.NewSubnet(t, l, name+"b", 11)}
	n.router.Attach(n.left)
	n.router.Attach(n.right)
	n.near, n.far = n.left.Add(1, "hv1"), n.right.Add(2, "hv2")
	for _, vm := range []*labtest.VM{n.near, n.far} {
		vm.Switch.NB("acl-add", vm.Switch.Name, "from-lport", "1000", "ip", "allow-related",
			"--", "acl-add", vm.Switch.Name, "to-lport", "1", fmt.Sprintf("outport == %q && ip", vm.Port), "drop")
	}
	n.allow()
	serve(t, n.far, port)
	return n
}

// all matches what the tenant's servers are asked.
const all = "tcp || udp || icmp4 || icmp6"

func (n *tenant) allow() {
	n.left.NB("--wait=hv", "acl-add", n.right.Name, "to-lport", "1000", all, "allow-related")
}

func (n *tenant) forbid() { n.left.NB("--wait=hv", "acl-del", n.right.Name, "to-lport", "1000", all) }

// open opens the tenant's streams.
func (n *tenant) open(t *testing.T) {
	t.Helper()
	for _, addr := range addresses(n.far) {
		n.streams = append(n.streams, open(t, n.near, n.far, streamSource, netip.AddrPortFrom(addr, keptPort)))
	}
}

// cases are questions of the tenant, all from one port.
func (n *tenant) cases(want probe.Outcome) []probe.Case {
	return from(askSource, asks(n.near, n.far, port, want, probe.TCP, probe.UDP, probe.ICMP))
}

// tracked is the one connection of a tuple in the zone of a VM.
func tracked(t *testing.T, vm *labtest.VM, tuple string) v1.Connection {
	t.Helper()
	text := vm.Switch.Woven(vm.Hypervisor, "ct", "ls", "--port", vm.Port, "--tuple", tuple, "-o", "json")
	var list []v1.Connection
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 {
		t.Fatalf("%s in the zone of %s: %v, want one connection:\n%s", tuple, vm.Name, err, text)
	}
	return list[0]
}

// tracked are the tenant's streams as the zones of its VMs have them.
func (n *tenant) tracked(t *testing.T) (streams []v1.Connection) {
	t.Helper()
	for _, vm := range []*labtest.VM{n.near, n.far} {
		for _, addr := range addresses(n.near) {
			stream := tracked(t, vm, fmt.Sprintf("tcp %s", netip.AddrPortFrom(addr, streamSource)))
			stream.ExpiresIn = 0 // differs
			streams = append(streams, stream)
		}
	}
	return streams
}

// flush has the nodes forget the tenant's connections.
func (n *tenant) flush() {
	for _, vm := range []*labtest.VM{n.near, n.far} {
		n.left.Woven(vm.Hypervisor, "ct", "flush", "--port", vm.Port)
	}
}

// tenants: what one may, what it does and what is cut of it is nothing to another with the same addresses and connections.
func tenants(t *testing.T, l *lab.Lab) {
	red, blue := newTenant(t, l, "red"), newTenant(t, l, "blue")
	check(t, red.cases(probe.Answered), blue.cases(probe.Answered))
	red.open(t)
	blue.open(t)
	flow(t, slices.Concat(red.streams, blue.streams))
	for _, turn := range [][2]*tenant{{red, blue}, {blue, red}} {
		cut, other := turn[0], turn[1]
		cut.forbid()
		stand(t, cut.streams)
		flow(t, other.streams)
		check(t, cut.cases(probe.Silent), other.cases(probe.Answered))
		cut.allow()
		flow(t, slices.Concat(cut.streams, other.streams))
		check(t, cut.cases(probe.Answered), other.cases(probe.Answered))
	}
	before := blue.tracked(t)
	red.flush()
	if after := blue.tracked(t); !cmp.Equal(before, after) {
		t.Errorf("one was flushed, another changed:\n%s", cmp.Diff(before, after))
	}
	flow(t, slices.Concat(red.streams, blue.streams))
	red.left.NB("--wait=hv", "ls-del", red.right.Name, "--", "lr-del", red.router.Name)
	flow(t, blue.streams)
	check(t, red.cases(probe.Silent), blue.cases(probe.Answered))
}
