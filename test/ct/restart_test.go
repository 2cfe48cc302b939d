package ct

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
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

// anotherDevice: connections follow a port that moves to another device of the node, at once or with a time of no device between.
func anotherDevice(t *testing.T, l *lab.Lab) {
	c := newCloud(t, l, "device")
	c.open(2000)
	hits, zone := c.hits(), c.zone(c.web)
	device := c.web.Device()
	for i, apart := range []bool{false, true} {
		other := fmt.Sprintf("other%d", i)
		c.addDevice(other, fmt.Sprintf("eth%d", i+1))
		if apart {
			c.VS("hv1", "del-port", device)
			c.web.WaitUp(false)
		}
		c.VS("hv1", "--if-exists", "del-port", device, "--", "add-port", "br-int", other, "--", "set", "Interface", other, "external_ids:iface-id="+c.web.Port)
		c.web.WaitUp(true)
		c.moveAddresses(fmt.Sprintf("eth%d", i), fmt.Sprintf("eth%d", i+1))
		if port := c.web.Show(); port.Device != other {
			t.Errorf("web is at %s, want %s", port.Device, other)
		}
		c.flow("at device " + other)
		device = other
	}
	if now := c.hits(); now != hits {
		t.Errorf("the ACL has decided on %d packets, before the port moved %d", now, hits)
	}
	if now := c.zone(c.web); now != zone {
		t.Errorf("zone of web: %+v, before %+v", now, zone)
	}
}

// addDevice makes a second way into web's namespace.
func (c *cloud) addDevice(device, inside string) {
	c.t.Helper()
	c.Exec("hv1", "ip", "link", "add", device, "type", "veth", "peer", "name", inside, "netns", c.Lab.Namespace(c.web.Name))
	c.Exec("hv1", "ip", "link", "set", device, "addrgenmode", "none", "up")
	c.t.Cleanup(func() {
		if _, err := c.Lab.Exec(context.Background(), "hv1", "ip", "link", "del", device); err != nil {
			c.t.Error(err)
		}
	})
}

// moveAddresses gives a device of web's the addresses of another one.
func (c *cloud) moveAddresses(from, to string) {
	c.t.Helper()
	in := func(command string) {
		c.t.Helper()
		c.Exec(c.web.Name, append([]string{"ip"}, strings.Fields(command)...)...)
	}
	in("link set " + from + " down")
	in("addr flush dev " + from)
	in("link set " + to + " address " + c.web.MAC + " mtu 1442 up")
	for _, addr := range c.web.Addresses {
		in(fmt.Sprintf("addr add %s dev %s%s", addr, to, noDAD(addr.Addr().Is6())))
	}
}

func noDAD(is6 bool) string {
	if is6 {
		return " nodad"
	}
	return ""
}
