package ct

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// agentKilled: connections outlive the agent, one end's and the other's. The next agent decides on none of them anew, and what is not allowed is not allowed
// by then either.
func agentKilled(t *testing.T, l *lab.Lab) {
	c := newCloud(t, l, "killed")
	c.open(2000)
	hits, zone := c.hits(), c.zone(c.web)
	for _, hv := range []string{"hv1", "hv2"} {
		if err := l.KillAgent(hv); err != nil {
			t.Fatal(err)
		}
		c.flow("without the agent of " + hv)
		if err := l.StartAgent(t.Context(), hv); err != nil {
			t.Fatal(err)
		}
		c.Sync()
		c.flow("with the next agent of " + hv)
	}
	if now := c.hits(); now != hits {
		t.Errorf("the ACL has decided on %d packets, before the agents were killed %d", now, hits)
	}
	if now := c.zone(c.web); now != zone {
		t.Errorf("zone of web: %+v, before %+v", now, zone)
	}
	if err := c.near.NoPing(c.web.IP4); err != nil {
		t.Error(err)
	}
}

// anotherDevice: connections follow a port that moves to another device of the node, at once or with a time of no device between. Where the port was the
// only one of its switch they are forgotten meanwhile, and taken up again.
func anotherDevice(t *testing.T, l *lab.Lab) {
	c := newCloud(t, l, "device")
	c.open(2000)
	hits, zone := c.hits(), c.zone(c.web)
	m := &mover{cloud: c, vm: c.web, device: c.web.Device(), inside: "eth0"}
	m.move("other0", "eth1", false)
	m.move("other1", "eth2", true)
	if now := c.hits(); now != hits {
		t.Errorf("the ACL has decided on %d packets, before the port moved %d", now, hits)
	}
	if now := c.zone(c.web); now != zone {
		t.Errorf("zone of web: %+v, before %+v", now, zone)
	}
	alone := &mover{cloud: c, vm: c.far, device: c.far.Device(), inside: "eth0"}
	alone.move("other0", "eth1", true)
}

// mover moves a VM's port from device to device.
type mover struct {
	*cloud
	vm             *labtest.VM
	device, inside string // of the hypervisor, and its other end
}

// move moves the port; apart: for a while it has no device.
func (m *mover) move(device, inside string, apart bool) {
	m.t.Helper()
	hv := m.vm.Hypervisor
	m.addDevice(device, inside)
	if apart {
		m.VS(hv, "del-port", m.device)
		m.vm.WaitUp(false)
	}
	m.VS(hv, "--if-exists", "del-port", m.device, "--", "add-port", "br-int", device, "--", "set", "Interface", device, "external_ids:iface-id="+m.vm.Port)
	m.vm.WaitUp(true)
	m.moveAddresses(inside)
	if port := m.vm.Show(); port.Device != device {
		m.t.Errorf("%s is at %s, want %s", m.vm.Name, port.Device, device)
	}
	m.flow(m.vm.Name + " at device " + device)
	m.device, m.inside = device, inside
}

// addDevice makes a further way into the VM's namespace.
func (m *mover) addDevice(device, inside string) {
	m.t.Helper()
	hv := m.vm.Hypervisor
	m.Exec(hv, "ip", "link", "add", device, "type", "veth", "peer", "name", inside, "netns", m.Lab.Namespace(m.vm.Name))
	m.Exec(hv, "ip", "link", "set", device, "addrgenmode", "none", "up")
	m.t.Cleanup(func() {
		if _, err := m.Lab.Exec(context.Background(), hv, "ip", "link", "del", device); err != nil {
			m.t.Error(err)
		}
	})
}

// moveAddresses gives another device inside the VM's addresses.
func (m *mover) moveAddresses(to string) {
	m.t.Helper()
	in := func(command string) {
		m.t.Helper()
		m.Exec(m.vm.Name, append([]string{"ip"}, strings.Fields(command)...)...)
	}
	in("link set " + m.inside + " down")
	in("addr flush dev " + m.inside)
	in("link set " + to + " address " + m.vm.MAC + " mtu 1442 up")
	for _, addr := range m.vm.Addresses {
		command := fmt.Sprintf("addr add %s dev %s", addr, to)
		if addr.Addr().Is6() {
			command += " nodad"
		}
		in(command)
	}
}
