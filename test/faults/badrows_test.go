package faults

import (
	"strings"
	"testing"

	"woven.dev/woven/internal/lab/labtest"
)

// TestBadRows fills the databases with what no client should write, in the switch of VMs that talk to each other: they lose
// nothing, and every bad row that matters to the node shows as a problem.
func TestBadRows(t *testing.T) {
	c := up(t, labtest.Woven(t), "bad")
	long := strings.Repeat("n", 64<<10)
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	for _, bad := range []struct {
		what     string
		argv     []string // of ovn-nbctl
		problems []string // that contain this
	}{
		{
			"garbage in addresses",
			lsp("garbage", `addresses=["zz:00 10.0.0","0a:00:00:00:00:0g","","01:00:5e:00:00:01 10.0.0.9","0a:00:00:00:00:99 300.1.1.1"]`),
			[]string{
				`logical_switch_port garbage: addresses: "zz:00" is no unicast address`,
				`logical_switch_port garbage: addresses: "01:00:5e:00:00:01" is no unicast address`,
				`logical_switch_port garbage: addresses: "300.1.1.1" is no unicast address`,
			},
		},
		{
			"garbage in port_security",
			lsp("insecure", `port_security=["trash"]`),
			[]string{"logical_switch_port insecure: port_security has no usable element: all traffic of the port is dropped"},
		},
		{
			"the MAC and IP address of vm2, in a port that is plugged nowhere",
			lsp("twin", `addresses="`+c.vm2.MAC+" "+c.vm2.IP4.String()+`"`),
			nil,
		},
		{
			"a container of a parent that does not exist",
			lsp("orphan", "parent_name=nobody", "tag_request=5"),
			[]string{"logical_switch_port orphan: its parent \"nobody\" does not exist"},
		},
		{
			"unknown port type",
			lsp("odd", "type=frobnicator"),
			[]string{`logical_switch_port odd: type "frobnicator" is not known to ovn-northd`},
		},
		{
			"a router port that leads nowhere",
			lsp("nowhere", "type=router", "options:router-port=none"),
			[]string{`logical_switch_port nowhere: options:router-port: "none" is no port of a router`},
		},
		{
			"unknown options of the switch",
			[]string{"set", "Logical_Switch", c.Name, `other_config:"` + long[:1000] + `"=x`},
			[]string{"logical_switch sw: other_config:\"nnnn"},
		},
		{
			"a name of 64 KB",
			lsp(long, `addresses="garbage"`),
			[]string{`...": addresses: "garbage" is no unicast address`},
		},
		{"a switch with a name of 64 KB", []string{"ls-add", long}, nil},
	} {
		c.NB(bad.argv...)
		for _, problem := range bad.problems {
			c.problem("hv1", problem)
		}
		c.Sync()
	}
	c.plugBadly(long)
	flows.goOn(packets / 2)
	flows.finish()
	w.steady()
	c.Exec("hv1", "pidof", "-s", "woven")
}

// lsp adds a port to the switch and sets columns of it, past ovn-nbctl's own checks.
func lsp(name string, columns ...string) []string {
	return append([]string{"lsp-add", "sw", name, "--", "set", "Logical_Switch_Port", name}, columns...)
}

// plugBadly plugs interfaces on hv1 that can't be used: a second one for vm1's port, one for a port with a long name, one
// without a device.
func (c *cloud) plugBadly(long string) {
	c.t.Helper()
	for device, id := range map[string]string{"twin": c.vm1.Port, "long": long, "absent": c.vm2.Port, "none": "no-such-port"} {
		if device != "absent" {
			c.Exec("hv1", "ip", "link", "add", device, "type", "veth", "peer", "name", device+"-peer")
		}
		_, err := c.Lab.VSCtl(c.t.Context(), "hv1", "--no-wait", "add-port", "br-int", device,
			"--", "set", "Interface", device, "external_ids:iface-id="+id, "external_ids:attached-mac=garbage")
		c.ok(err)
	}
	c.problem("hv1", `interface twin: logical port "sw-1" is plugged by interface "vif-sw-1" already`)
}
