package faults

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab/labtest"
)

// TestBadRowsOfOthers has garbage in the Southbound and in the local database, where no ovn-northd looks it through: VMs lose nothing, and every bad
// row that matters to the node shows as a problem.
func TestBadRowsOfOthers(t *testing.T) {
	c := up(t, labtest.Woven(t), "badsb")
	c.NB(lsp("any", "addresses=unknown")...)
	c.NB("set", "Logical_Switch", c.Name, "other_config:mcast_snoop=true", "other_config:mcast_querier=true",
		"other_config:mcast_eth_src=garbage", "other_config:mcast_ip4_src=10.0.0.254")
	c.Sync()
	binding := strings.Fields(c.SB("--bare", "--columns=datapath,tunnel_key", "find", "Port_Binding", "logical_port="+c.vm1.Port))
	datapath, key := binding[0], binding[1]
	network := strings.TrimSpace(c.SB("get", "Datapath_Binding", datapath, "tunnel_key"))
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	long := strings.Repeat("n", 64<<10)
	sb := func(args ...string) func() { return func() { c.SB(args...) } }
	local := func(args ...string) func() { return func() { c.VS("hv1", args...) } }
	for _, bad := range []struct {
		what    string
		write   func()
		problem string // contains this; "": there is none
	}{
		{"a querier without an address", func() {}, `mcast_eth_src "garbage"`},
		{"a chassis with a garbage address", sb("chassis-add", "garbage", "geneve", "not-an-address"),
			`chassis garbage: its Geneve encapsulation has no valid address ("not-an-address")`},
		{"a chassis at a multicast address", sb("chassis-add", "many", "geneve", "224.0.0.9"),
			`chassis many: its Geneve encapsulation has no valid address ("224.0.0.9")`},
		{"a chassis with an unknown encapsulation only", sb("chassis-add", "foreign", "vxlan", "192.0.2.77"),
			`chassis foreign: it has encapsulation "vxlan" only`},
		{"a chassis with a host name of 64 KB", sb("chassis-add", "wordy", "geneve", "172.31.0.77", "--", "set", "Chassis", "wordy", "hostname="+long), ""},
		{"a learned address that is none", sb("create", "FDB", "mac=garbage", "dp_key="+network, "port_key="+key),
			"fdb garbage: is no unicast MAC address"},
		{"a learned multicast address", sb("create", "FDB", `mac="01:00:5e:00:00:01"`, "dp_key="+network, "port_key="+key),
			"fdb 01:00:5e:00:00:01: is no unicast MAC address"},
		{"a learned address of VM 2, on VM 1's port", sb("create", "FDB", fmt.Sprintf("mac=%q", c.vm2.MAC), "dp_key="+network, "port_key="+key), ""},
		{"a learned address in no network", sb("create", "FDB", `mac="0a:00:00:00:00:77"`, "dp_key=16777215", "port_key=32767"), ""},
		{"a group of a garbage address", sb("create", "IGMP_Group", "address="+long[:1000], "datapath="+datapath), ""},
		{"a second port with VM 3's addresses", func() { c.NB(lsp("double", fmt.Sprintf(`addresses="%s %s"`, c.vm3.MAC, c.vm3.IP4))...) },
			"logical_switch_port double: its MAC address " + c.vm3.MAC},
		{"garbage beside the tunnel's address", local("set", "Open_vSwitch", ".", `external_ids:ovn-encap-ip="garbage,172.31.0.11"`),
			`external_ids:ovn-encap-ip: "garbage" is no address of a tunnel end`},
		{"a garbage type of service", local("set", "Open_vSwitch", ".", "external_ids:ovn-encap-tos=garbage"),
			`external_ids:ovn-encap-tos: "garbage" is neither`},
		{"a garbage flood limit", local("set", "Open_vSwitch", ".", "external_ids:woven-flood-limit=-1"),
			`external_ids:woven-flood-limit: "-1" is no number`},
		{"a value of 64 KB", local("set", "Open_vSwitch", ".", "external_ids:ovn-cms-options="+long), ""},
		{"an internal interface with a garbage MAC address", local("--no-wait", "add-port", "br-int", "badint", "--",
			"set", "Interface", "badint", "type=internal", "mac=garbage"),
			`interface badint: mac "garbage" is no unicast address`},
		{"an unknown type of interface", local("--no-wait", "add-port", "br-int", "badtype", "--",
			"set", "Interface", "badtype", "type=teleporter", "external_ids:iface-id="+c.vm3.Port), ""},
	} {
		bad.write()
		if bad.problem != "" {
			c.problem("hv1", bad.problem)
		}
		c.Sync()
	}
	c.Eventually("the interface of an unknown type says so itself", func() error {
		if text := strings.TrimSpace(c.VS("hv1", "get", "Interface", "badtype", "error")); text == "[]" {
			return errors.New("it has no error")
		}
		return nil
	})
	flows.goOn(packets / 2)
	flows.finish()
	w.steady()
	c.Exec("hv1", "pidof", "-s", "woven")
}
