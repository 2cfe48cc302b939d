package ct

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

func TestConnectionTracking(t *testing.T) {
	l := labtest.Up(t, "ct", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	for _, story := range []struct {
		name string
		tell func(*testing.T, *lab.Lab)
	}{
		{"look and flush", lookAndFlush}, {"limits", limits}, {"flood", flood}, {"another device", anotherDevice}, {"agent killed", agentKilled},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, l) })
	}
}

// cloud is a switch where nothing may be asked but web at port 80 by TCP, with open streams to it.
type cloud struct {
	*labtest.Switch
	t              *testing.T
	near, far, web *labtest.VM // web and near on hv1
	streams        []*probe.Stream
}

func newCloud(t *testing.T, l *lab.Lab, name string) *cloud {
	t.Helper()
	s := labtest.NewSwitch(t, l, name)
	c := &cloud{Switch: s, t: t, near: s.Add(1, "hv1"), far: s.Add(2, "hv2"), web: s.Add(3, "hv1")}
	s.NB("acl-add", name, "to-lport", "1", "ip", "drop")
	s.NB("--name=web", "acl-add", name, "to-lport", "1000", fmt.Sprintf("outport == %q && tcp.dst == 80", c.web.Port), "allow-related")
	s.Sync()
	return c
}

// open opens a stream to web from near and far in both families, each from the port.
func (c *cloud) open(source uint16) {
	c.t.Helper()
	for _, vm := range []*labtest.VM{c.near, c.far} {
		for _, addr := range []netip.Addr{c.web.IP4, c.web.IP6} {
			stream, err := probe.Open(c.t.Context(), vm.In, c.web.In, source, netip.AddrPortFrom(addr, 80))
			if err != nil {
				c.t.Fatal(err)
			}
			c.streams = append(c.streams, stream)
			c.t.Cleanup(func() { stream.Close() })
		}
	}
}

// flow checks that all streams go on.
func (c *cloud) flow(what string) {
	c.t.Helper()
	for _, stream := range c.streams {
		if err := stream.Flows(c.t.Context()); err != nil {
			c.t.Errorf("%s: %v", what, err)
		}
	}
}

// ct runs `woven ct` on hv1 and decodes its answer.
func (c *cloud) ct(answer any, args ...string) {
	c.t.Helper()
	out := c.Woven("hv1", append(append([]string{"ct"}, args...), "-o", "json")...)
	if err := json.Unmarshal([]byte(out), answer); err != nil {
		c.t.Fatalf("parse connections: %v\n%s", err, out)
	}
}

// connections lists those in the zone of a VM on hv1.
func (c *cloud) connections(vm *labtest.VM, args ...string) (list []v1.Connection) {
	c.t.Helper()
	c.ct(&list, append([]string{"ls", "--port", vm.Port}, args...)...)
	return list
}

// zone is what is known of a VM's connections as a whole, a VM on hv1, but how many begin at the moment.
func (c *cloud) zone(vm *labtest.VM) v1.ConnectionZone {
	c.t.Helper()
	var zones []v1.ConnectionZone
	c.ct(&zones, "zones")
	for _, z := range zones {
		if z.Port == vm.Port {
			z.PerSecond = 0
			return z
		}
	}
	return v1.ConnectionZone{}
}

// problems are the reasons of those that `woven status` on hv1 has about a VM's port.
func (c *cloud) problems(vm *labtest.VM) (reasons []string) {
	c.t.Helper()
	status, err := v1.NewClient(v1.SocketPath(c.Lab.RunDir("hv1"))).Status(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range status.Problems {
		if p.Object == "logical_switch_port "+vm.Port {
			reasons = append(reasons, p.Reason)
		}
	}
	return reasons
}

// hits is how many packets the ACL for web has decided on, on hv1.
func (c *cloud) hits() uint64 {
	c.t.Helper()
	acls, err := v1.NewClient(v1.SocketPath(c.Lab.RunDir("hv1"))).ACLs(c.t.Context(), v1.ACLFilter{Switch: c.Name})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, acl := range acls {
		if acl.Name == "web" {
			return acl.Hits
		}
	}
	c.t.Fatal("there is no ACL for web")
	return 0
}
