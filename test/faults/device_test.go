package faults

import (
	"net"
	"strings"

	"woven.dev/woven/internal/lab/labtest"
)

// ifindex is the index of a node's device; 0 when there is none.
func (c *cloud) ifindex(node, device string) (index int) {
	_ = c.Lab.In(node)(func() error {
		dev, err := net.InterfaceByName(device)
		if err == nil {
			index = dev.Index
		}
		return err
	})
	return index
}

// replaceDevice makes a VM's pair of devices as the lab made it.
func (c *cloud) replaceDevice(vm *labtest.VM) {
	c.t.Helper()
	c.Exec(vm.Hypervisor, "ip", "link", "add", vm.Device(), "type", "veth", "peer", "name", "eth0", "address", vm.MAC,
		"netns", c.Lab.Namespace(vm.Name))
	c.Exec(vm.Hypervisor, "ip", "link", "set", vm.Device(), "mtu", "1442", "addrgenmode", "none", "up")
	c.Exec(vm.Name, "ip", "link", "set", "eth0", "mtu", "1442", "up")
	for _, a := range vm.Addresses {
		argv := []string{"ip", "address", "add", a.String(), "dev", "eth0"}
		if a.Addr().Is6() {
			argv = append(argv, "nodad")
		}
		c.Exec(vm.Name, argv...)
	}
}

// replaceUnderlay makes a hypervisor's underlay device anew, with its tunnel address.
func (c *cloud) replaceUnderlay(hv string) {
	c.t.Helper()
	address := strings.TrimSpace(c.SB("--bare", "--columns=ip", "find", "Encap", "chassis_name="+hv))
	c.Exec("underlay", "ip", "link", "add", hv, "type", "veth", "peer", "name", "eth0", "netns", c.Lab.Namespace(hv))
	c.Exec("underlay", "ip", "link", "set", hv, "master", "br0", "up")
	c.Exec(hv, "ip", "address", "add", address+"/24", "dev", "eth0")
	c.Exec(hv, "ip", "link", "set", "eth0", "up")
}
