package labtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/testutil"
)

// Switch is a logical switch with its VMs, in a lab that tests may share: VM n of any switch has the MAC address
// 0a:00:00:00:00:n, 10.0.0.n and fd00:10::n, so that all switches use the same addresses; those of a subnet s have
// 0a:00:00:00:s:n, 10.0.s.n and fd00:10:0:s::n. What a method can't do fails the test. At the test's end all of it is
// removed; if the test failed, what an operator would look at is shown before.
type Switch struct {
	Name   string
	Lab    *lab.Lab
	Subnet int // 0..255

	t   testing.TB
	vms []*VM
	// gateways of VMs that are started from now on; see Router.Attach.
	gateways []netip.Addr
	backlogs uint64 // testutil.BacklogDrops at the start
}

// NewSwitch adds a logical switch to the Northbound database. Its name, at most 7 lower-case letters and digits, is one
// of its own for each test that may run at the same time.
func NewSwitch(t testing.TB, l *lab.Lab, name string) *Switch {
	t.Helper()
	return NewSubnet(t, l, name, 0)
}

// NewSubnet is NewSwitch with the addresses of a subnet.
func NewSubnet(t testing.TB, l *lab.Lab, name string, subnet int) *Switch {
	t.Helper()
	s := &Switch{Name: name, Lab: l, Subnet: subnet, t: t, backlogs: testutil.BacklogDrops()}
	s.NB("ls-add", name)
	t.Cleanup(s.remove)
	return s
}

// remove takes the VMs and the switch away, all that are still there.
func (s *Switch) remove() {
	ctx := context.Background()
	if s.t.Failed() {
		s.report(ctx)
	}
	for _, vm := range s.vms {
		if err := s.Lab.RemoveWorkload(ctx, vm.Name); err != nil && !errors.Is(err, lab.ErrUnknown) {
			s.t.Error(err)
		}
	}
	if _, err := s.Lab.NBCtl(ctx, "--if-exists", "ls-del", s.Name); err != nil {
		s.t.Error(err)
	}
}

// VM describes VM n, without a port or a workload yet. change may alter its workload.
func (s *Switch) VM(n int, hv string, change ...func(*lab.Workload)) *VM {
	vm := &VM{Switch: s, Workload: lab.Workload{
		Name: fmt.Sprintf("%s-%d", s.Name, n), Hypervisor: hv, MAC: fmt.Sprintf("0a:00:00:00:%02x:%02x", s.Subnet, n),
	}}
	vm.Port = vm.Name
	vm.IP4, vm.IP6 = s.addresses(n)
	vm.Addresses = []netip.Prefix{netip.PrefixFrom(vm.IP4, 24), netip.PrefixFrom(vm.IP6, 64)}
	for _, f := range change {
		f(&vm.Workload)
	}
	s.vms = append(s.vms, vm)
	return vm
}

// addresses are those of host n.
func (s *Switch) addresses(n int) (ip4, ip6 netip.Addr) {
	return netip.AddrFrom4([4]byte{10, 0, byte(s.Subnet), byte(n)}), netip.MustParseAddr(fmt.Sprintf("fd00:10:0:%x::%x", s.Subnet, n))
}

// Add makes VM n with its logical port and returns when the port is up: sooner or later all nodes forward to it, at
// once after Sync.
func (s *Switch) Add(n int, hv string, change ...func(*lab.Workload)) *VM {
	s.t.Helper()
	vm := s.VM(n, hv, change...)
	vm.AddPort()
	vm.Start()
	vm.WaitUp(true)
	return vm
}

// Tap makes a VM's device on its hypervisor a tap.
func Tap(w *lab.Workload) { w.Tap = true }

// Unplugged leaves a VM's device unplugged.
func Unplugged(w *lab.Workload) { w.Unplugged = true }

// Sync returns when every hypervisor forwards what the Northbound database says.
func (s *Switch) Sync() {
	s.t.Helper()
	s.NB("--wait=hv", "sync")
}

// NB runs ovn-nbctl.
func (s *Switch) NB(args ...string) string {
	s.t.Helper()
	return s.must(s.Lab.NBCtl(s.t.Context(), args...))
}

// SB runs ovn-sbctl.
func (s *Switch) SB(args ...string) string {
	s.t.Helper()
	return s.must(s.Lab.SBCtl(s.t.Context(), args...))
}

// VS runs ovs-vsctl on a hypervisor.
func (s *Switch) VS(hv string, args ...string) string {
	s.t.Helper()
	return s.must(s.Lab.VSCtl(s.t.Context(), hv, args...))
}

// Woven runs a command of `woven` on a hypervisor.
func (s *Switch) Woven(hv string, args ...string) string {
	s.t.Helper()
	return s.must(s.Lab.Woven(s.t.Context(), hv, args...))
}

// Exec runs a command in a node's network namespace.
func (s *Switch) Exec(node string, argv ...string) string {
	s.t.Helper()
	return s.must(s.Lab.Exec(s.t.Context(), node, argv...))
}

// Eventually polls cond until it answers nil; see Poll.
func (s *Switch) Eventually(what string, cond func() error) {
	s.t.Helper()
	if err := Poll(s.t.Context(), cond); err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

func (s *Switch) must(out string, err error) string {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
