package l3

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// noAddress leaves a VM's addresses to itself to find.
func noAddress(w *lab.Workload) { w.Addresses = nil }

// clientScript is called by DHCP clients with what happened, as $1 or $reason: it configures an address and writes what it was told into
// a file of that name.
const clientScript = `#!/bin/sh
event=${1:-$reason}
case $event in
bound) ip addr replace $ip/$mask dev eth0; ip link set eth0 mtu $mtu; ip route replace default via $router ;;
deconfig) ip -4 addr flush dev eth0 ;;
BOUND6) ip addr replace $new_ip6_address/64 dev eth0 nodad ;;
esac
env | sort >"${0%/script}/$event.new" && mv "${0%/script}/$event.new" "${0%/script}/$event"
`

// client is a DHCP client that runs in a VM.
type client struct {
	dir     string
	process *os.Process
	stop    func() // at once; at the test's end at the latest
}

// runClient starts one, with argv followed by the script's path; "DIR" in it stands for a directory of its own. It is killed at the test's end.
func runClient(t *testing.T, vm *labtest.VM, argv ...string) *client {
	t.Helper()
	c := &client{dir: t.TempDir()}
	script := filepath.Join(c.dir, "script")
	if err := os.WriteFile(script, []byte(clientScript), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "DIR", c.dir)
	}
	cmd, err := vm.Switch.Lab.Command(t.Context(), vm.Name, append(argv, script, "eth0")...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(c.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.process = cmd.Process
	c.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		out.Close()
	})
	t.Cleanup(func() {
		c.stop()
		t.Log(c.said(t))
	})
	return c
}

// said is what the client printed so far.
func (c *client) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// told is an error unless the client was told of an event with these variables.
func (c *client) told(event string, want ...string) error {
	text, err := os.ReadFile(filepath.Join(c.dir, event))
	if err != nil {
		return err
	}
	for _, variable := range want {
		if !strings.Contains("\n"+string(text), "\n"+variable+"\n") {
			return fmt.Errorf("%s: want %s in\n%s", event, variable, text)
		}
	}
	return nil
}

// offer gives a port DHCP options.
func offer(t *testing.T, vm *labtest.VM, column, cidr string, options ...string) {
	t.Helper()
	for i := range options {
		options[i] = "options:" + options[i]
	}
	args := append([]string{"--", "--id=@o", "create", "DHCP_Options", fmt.Sprintf("cidr=%q", cidr)}, options...)
	vm.Switch.NB(append(args, "--", "set", "Logical_Switch_Port", vm.Port, column+"=@o")...)
}

// udhcpc runs BusyBox's client, which asks again every second.
func udhcpc(t *testing.T, vm *labtest.VM) *client {
	t.Helper()
	return runClient(t, vm, "udhcpc", "-f", "-t", "100", "-T", "1", "-O", "mtu", "-O", "staticroutes", "-s")
}

// offer4 gives a port of a subnet what udhcpc and dhclient ask for.
func offer4(t *testing.T, vm *labtest.VM) {
	t.Helper()
	net := fmt.Sprintf("10.0.%d.", vm.Switch.Subnet)
	vm.Switch.NB("set", "Logical_Switch_Port", vm.Port, "options:hostname=five")
	offer(t, vm, "dhcpv4_options", net+"0/24", "server_id="+net+"254", fmt.Sprintf(`server_mac="0a:00:00:01:%02x:fe"`, vm.Switch.Subnet), "lease_time=3600",
		"router="+net+"254", `dns_server="{192.0.2.53,9.9.9.9}"`, "mtu=1380", `domain_name="\"lab.test\""`,
		fmt.Sprintf(`classless_static_route="{192.0.2.0/24,%s1, 0.0.0.0/0,%[1]s254}"`, net))
}

// dhcp: a client gets its lease with all that goes with it, and renews it.
func dhcp(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "dhc", 140)
	vm := w.left.VM(5, "hv1", noAddress)
	vm.AddPort()
	offer4(t, vm)
	vm.StartBare()
	vm.WaitUp(true)
	c := udhcpc(t, vm)
	vm.Switch.Eventually("a lease", func() error {
		return c.told("bound", "ip=10.0.140.5", "mask=24", "router=10.0.140.254", "dns=192.0.2.53 9.9.9.9", "mtu=1380", "domain=lab.test", "hostname=five",
			"lease=3600", "serverid=10.0.140.254", "staticroutes=192.0.2.0/24 10.0.140.1 0.0.0.0/0 10.0.140.254")
	})
	if err := vm.Ping(3, w.far.IP4); err != nil {
		t.Error(err)
	}
	if err := c.process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	vm.Switch.Eventually("renewal", func() error { return c.told("renew", "ip=10.0.140.5", "lease=3600") })
}

// dhcpReboot: a client that comes back with the lease of another address is refused that, and gets the right one.
func dhcpReboot(t *testing.T, l *lab.Lab) {
	s := labtest.NewSubnet(t, l, "dhr", 146)
	vm := s.VM(5, "hv2", noAddress)
	vm.AddPort()
	offer4(t, vm)
	vm.StartBare()
	vm.WaitUp(true)
	leases := filepath.Join(t.TempDir(), "leases")
	dhclient := []string{"dhclient", "-4", "-d", "-cf", "/dev/null", "-lf", leases, "-pf", "DIR/pid", "-sf"}
	c := runClient(t, vm, slices.Clone(dhclient)...)
	s.Eventually("a lease", func() error {
		return c.told("BOUND", "new_ip_address=10.0.146.5", "new_subnet_mask=255.255.255.0", "new_routers=10.0.146.254", "new_host_name=five")
	})
	s.Eventually("the lease in its file, which dhclient writes after it ran the script", func() error {
		text, err := os.ReadFile(leases)
		if err == nil && !strings.Contains(string(text), "fixed-address 10.0.146.5;") {
			err = errors.New("not yet")
		}
		return err
	})
	c.stop()
	s.NB("--wait=hv", "lsp-set-addresses", vm.Port, vm.MAC+" 10.0.146.6", "--", "lsp-set-port-security", vm.Port, vm.MAC+" 10.0.146.6")
	c = runClient(t, vm, slices.Clone(dhclient)...)
	s.Eventually("another lease", func() error { return c.told("BOUND", "new_ip_address=10.0.146.6") })
	if said := c.said(t); !strings.Contains(said, "DHCPNAK from 10.0.146.254") {
		t.Errorf("it was not refused the old one:\n%s", said)
	}
}

// dhcpv6: a client gets its address and the servers' ones; another asks only for those.
func dhcpv6(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "dh6", 142)
	vm, other := w.left.VM(5, "hv2", noAddress), w.left.VM(6, "hv1", noAddress)
	for _, each := range []*labtest.VM{vm, other} {
		each.AddPort()
		offer(t, each, "dhcpv6_options", "fd00:10:0:8e::/64", `server_id="0a:00:00:01:8e:fe"`, `dns_server="{fd00:10:0:8f::3}"`, `domain_search="lab.test"`)
		each.StartBare()
		each.WaitUp(true)
		w.left.Eventually("a link-local address", func() error {
			if w.left.Exec(each.Name, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "link", "-tentative") == "" {
				return errors.New("none yet")
			}
			return nil
		})
	}
	dhclient := []string{"dhclient", "-6", "-d", "-cf", "/dev/null", "-lf", "DIR/leases", "-pf", "DIR/pid"}
	c := runClient(t, vm, append(slices.Clone(dhclient), "-sf")...)
	w.left.Eventually("an address", func() error {
		return c.told("BOUND6", "new_ip6_address=fd00:10:0:8e::5", "new_dhcp6_name_servers=fd00:10:0:8f::3", "new_dhcp6_domain_search=lab.test.")
	})
	w.left.Exec(vm.Name, "ip", "route", "replace", "default", "via", "fd00:10:0:8e::fe")
	if err := vm.Ping(3, w.far.IP6); err != nil {
		t.Error(err)
	}
	c = runClient(t, other, append(slices.Clone(dhclient), "-S", "-sf")...)
	w.left.Eventually("information", func() error { return c.told("RENEW6", "new_dhcp6_name_servers=fd00:10:0:8f::3") })
}

// dhcpLater: without an agent nobody gets a lease; with it again a client that still asks gets its own.
func dhcpLater(t *testing.T, l *lab.Lab) {
	s := labtest.NewSubnet(t, l, "dhl", 144)
	vm, peer := s.VM(5, "hv1", noAddress), s.Add(6, "hv2")
	vm.AddPort()
	offer4(t, vm)
	vm.StartBare()
	vm.WaitUp(true)
	s.Sync()
	if err := l.KillAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	c := udhcpc(t, vm)
	s.Eventually("the client asks", func() error { return c.told("deconfig") })
	s.Exec(vm.Name, "ip", "addr", "add", "10.0.144.5/24", "dev", "eth0")
	if err := vm.Ping(3, peer.IP4); err != nil {
		t.Errorf("without the agent: %v", err)
	}
	if err := c.told("bound"); err == nil {
		t.Error("a lease without an agent")
	}
	if err := l.StartAgent(t.Context(), "hv1"); err != nil {
		t.Fatal(err)
	}
	s.Eventually("a lease", func() error { return c.told("bound", "ip=10.0.144.5") })
	if err := vm.Ping(3, peer.IP4); err != nil {
		t.Error(err)
	}
}
