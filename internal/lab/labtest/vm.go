package labtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/testutil"
)

// VM is a workload and its port on a Switch.
type VM struct {
	lab.Workload
	Switch   *Switch
	IP4, IP6 netip.Addr
}

// AddPort adds the VM's logical port to the Northbound database, with its addresses and port security for them.
func (vm *VM) AddPort() {
	vm.Switch.t.Helper()
	addresses := fmt.Sprintf("%s %s %s", vm.MAC, vm.IP4, vm.IP6)
	vm.Switch.NB("lsp-add", vm.Switch.Name, vm.Port, "--", "lsp-set-addresses", vm.Port, addresses,
		"--", "lsp-set-port-security", vm.Port, addresses)
}

// Start makes the workload and plugs it, unless it is to stay unplugged. It sends by the routers of its switch to other
// networks.
func (vm *VM) Start() {
	vm.Switch.t.Helper()
	vm.StartBare()
	for _, gateway := range vm.Switch.gateways {
		vm.Switch.Exec(vm.Name, "ip", "route", "add", "default", "via", gateway.String())
	}
}

// StartBare is Start without any routes.
func (vm *VM) StartBare() {
	vm.Switch.t.Helper()
	if err := vm.Switch.Lab.AddWorkload(vm.Switch.t.Context(), vm.Workload); err != nil {
		vm.Switch.t.Fatal(err)
	}
}

// Stop unplugs the workload and removes it. Its logical port stays.
func (vm *VM) Stop() {
	vm.Switch.t.Helper()
	if err := vm.Switch.Lab.RemoveWorkload(vm.Switch.t.Context(), vm.Name); err != nil {
		vm.Switch.t.Fatal(err)
	}
}

// Plug plugs the workload's device, Unplug unplugs it.
func (vm *VM) Plug() {
	vm.Switch.t.Helper()
	if err := vm.Switch.Lab.Plug(vm.Switch.t.Context(), vm.Name); err != nil {
		vm.Switch.t.Fatal(err)
	}
}

// Unplug is the opposite of Plug.
func (vm *VM) Unplug() {
	vm.Switch.t.Helper()
	if err := vm.Switch.Lab.Unplug(vm.Switch.t.Context(), vm.Name); err != nil {
		vm.Switch.t.Fatal(err)
	}
}

// SetAddresses changes the VM's addresses inside of it; the databases are not told.
func (vm *VM) SetAddresses(ip4, ip6 netip.Addr) {
	vm.Switch.t.Helper()
	err := vm.Switch.Lab.SetAddresses(vm.Switch.t.Context(), vm.Name, netip.PrefixFrom(ip4, 24), netip.PrefixFrom(ip6, 64))
	if err != nil {
		vm.Switch.t.Fatal(err)
	}
}

// WaitUp waits until the Northbound database says that the port is up, or down.
func (vm *VM) WaitUp(up bool) {
	vm.Switch.t.Helper()
	vm.Switch.NB("wait-until", "Logical_Switch_Port", vm.Port, fmt.Sprintf("up=%v", up))
}

// In runs f on a thread in the VM's network namespace; see lab.Lab.In.
func (vm *VM) In(f func() error) error { return vm.Switch.Lab.In(vm.Name)(f) }

// Ping sends n echo requests to an address, 20 a second; the error is nil if all are answered, once. args are further
// options of ping(8).
func (vm *VM) Ping(n int, to netip.Addr, args ...string) error {
	argv := append([]string{"ping", "-i", "0.05", "-W", "5", "-c", fmt.Sprint(n)}, args...)
	out, err := vm.Switch.Lab.Exec(vm.Switch.t.Context(), vm.Name, append(argv, to.String())...)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%d packets transmitted, %d received, 0%% packet loss", n, n); !strings.Contains(out, want) ||
		strings.Contains(out, "DUP!") {
		return fmt.Errorf("%s: want each of %d requests answered once:\n%s", vm.Name, n, out)
	}
	return nil
}

// NoPing is an error if one of three echo requests is answered within half a second. args are further options of ping(8).
func (vm *VM) NoPing(to netip.Addr, args ...string) error {
	argv := append([]string{"ping", "-i", "0.05", "-c", "3", "-W", "0.5"}, args...)
	out, err := vm.Switch.Lab.Exec(vm.Switch.t.Context(), vm.Name, append(argv, to.String())...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 1: // ping(8): no reply at all
		return nil
	case err == nil:
		return fmt.Errorf("%s reaches %s:\n%s", vm.Name, to, out)
	}
	return err
}

// Show is `woven port show -o json` on the VM's hypervisor.
func (vm *VM) Show() *v1.Port {
	vm.Switch.t.Helper()
	out := vm.Switch.must(vm.Switch.Lab.Woven(vm.Switch.t.Context(), vm.Hypervisor, "port", "show", vm.Port, "-o", "json"))
	var port v1.Port
	if err := json.Unmarshal([]byte(out), &port); err != nil {
		vm.Switch.t.Fatalf("parse port: %v\n%s", err, out)
	}
	return &port
}

// Drops is how many packets of the VM's port were dropped for a reason of a module.
func (vm *VM) Drops(module, reason string) uint64 {
	vm.Switch.t.Helper()
	for _, d := range vm.Show().Drops {
		if d.Module == module && d.Reason == reason {
			return d.Packets
		}
	}
	return 0
}

// report logs what an operator would look at.
func (s *Switch) report(ctx context.Context) {
	nodes, err := s.Lab.Nodes()
	if err != nil {
		s.t.Log(err)
		return
	}
	show := func(out string, err error) {
		if err != nil {
			out = err.Error()
		}
		s.t.Logf("%s", out)
	}
	s.t.Logf("%d packets of whomsoever were dropped by full backlogs meanwhile", testutil.BacklogDrops()-s.backlogs)
	show(s.Lab.SBCtl(ctx, "show"))
	for _, n := range nodes {
		if n.Kind != string(lab.Woven) {
			continue
		}
		for _, args := range [][]string{{"status"}, {"map"}, {"port", "ls"}, {"drop", "ls"}} {
			show(s.Lab.Woven(ctx, n.Name, args...))
		}
		for _, vm := range s.vms {
			if vm.Hypervisor == n.Name {
				show(s.Lab.Woven(ctx, n.Name, "port", "show", vm.Port))
			}
		}
	}
}
