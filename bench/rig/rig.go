// Package rig builds what the benchmarks compare: two workloads in network namespaces of their own, joined by a veth, by
// Linux's bridge and vxlan, or by Woven.
package rig

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"

	"golang.org/x/sys/unix"
)

// The largest IP packets. Within a tunnel: what Woven's outer headers leave of the underlay's.
const (
	mtu       = 1500
	tunnelMTU = mtu - 58
)

// Rig makes namespaces and takes them away again.
type Rig struct {
	count int
	bpffs string
	undo  []func() error
}

// New is an empty rig.
func New() *Rig { return &Rig{} }

// Close removes all that the rig made.
func (r *Rig) Close() error {
	var errs []error
	for _, f := range slices.Backward(r.undo) {
		errs = append(errs, f())
	}
	r.undo = nil
	return errors.Join(errs...)
}

// netns makes a namespace.
func (r *Rig) netns(role string) (Netns, error) {
	r.count++
	n := Netns(fmt.Sprintf("wvb%d-%d%s", os.Getpid(), r.count, role))
	if err := run(exec.Command("ip", "netns", "add", string(n))); err != nil {
		return "", err
	}
	r.undo = append(r.undo, func() error { return run(exec.Command("ip", "netns", "del", string(n))) })
	return n, n.ip("link set lo up")
}

// pins is a directory for one node on the rig's bpffs.
func (r *Rig) pins(node Netns) (string, error) {
	if r.bpffs == "" {
		dir, err := os.MkdirTemp("", "wvb")
		if err != nil {
			return "", fmt.Errorf("make pin directory: %w", err)
		}
		r.undo = append(r.undo, func() error { return os.Remove(dir) })
		if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
			return "", fmt.Errorf("mount bpffs: %w", err)
		}
		r.undo = append(r.undo, func() error { return unix.Unmount(dir, 0) })
		r.bpffs = dir
	}
	return r.bpffs + "/" + string(node), nil
}

// End is a workload: number k has MAC 0a:00:00:00:00:k, addresses 10.0.0.k and fd00::k.
type End struct {
	NS     Netns
	number byte
}

func (e End) mac() [6]byte { return [6]byte{0x0a, 5: e.number} }

// IP4 is the workload's IPv4 address.
func (e End) IP4() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, e.number}) }

// IP6 is the workload's IPv6 address.
func (e End) IP6() netip.Addr { return netip.AddrFrom16([16]byte{0xfd, 15: e.number}) }

// Path is a variant: two workloads and whatever joins them.
type Path struct {
	Name string
	A, B End
}

// ends makes the workloads of a path, without interfaces.
func (r *Rig) ends(name string) (Path, error) {
	p := Path{Name: name}
	for i, e := range []*End{&p.A, &p.B} {
		ns, err := r.netns("vm")
		if err != nil {
			return p, err
		}
		*e = End{NS: ns, number: byte(i + 1)}
	}
	return p, nil
}

// configure sets up a workload's eth0.
func (r *Rig) configure(e End, mtu int) error {
	mac := e.mac()
	return e.NS.ip(
		fmt.Sprintf("link set eth0 address %s mtu %d up", net.HardwareAddr(mac[:]), mtu),
		fmt.Sprintf("addr add %s/24 dev eth0", e.IP4()),
		fmt.Sprintf("addr add %s/64 dev eth0 nodad", e.IP6()))
}

// plug gives a workload an eth0 whose other end is a device of a hypervisor.
func (r *Rig) plug(e End, hypervisor Netns, device string, mtu int) error {
	err := hypervisor.ip(
		fmt.Sprintf("link add %s mtu %d type veth peer eth0 netns %s", device, mtu, e.NS),
		fmt.Sprintf("link set %s addrgenmode none up", device))
	if err != nil {
		return err
	}
	return r.configure(e, mtu)
}

// Veth joins two workloads by a veth pair: no network between them.
func (r *Rig) Veth(name string) (Path, error) {
	p, err := r.ends(name)
	if err != nil {
		return p, err
	}
	if err := p.A.NS.ip(fmt.Sprintf("link add eth0 type veth peer eth0 netns %s", p.B.NS)); err != nil {
		return p, err
	}
	return p, errors.Join(r.configure(p.A, mtu), r.configure(p.B, mtu))
}

// addBridge makes a bridge br0 of devices.
func (r *Rig) addBridge(in Netns, devices ...string) error {
	commands := []string{"link add br0 type bridge", "link set br0 addrgenmode none up"}
	for _, d := range devices {
		commands = append(commands, "link set "+d+" master br0")
	}
	return in.ip(commands...)
}

// Bridge joins two workloads by Linux's bridge.
func (r *Rig) Bridge(name string) (Path, error) {
	p, _, err := r.bridged(name)
	return p, err
}

// bridged joins two workloads by Linux's bridge in a namespace of its own.
func (r *Rig) bridged(name string) (Path, Netns, error) {
	p, err := r.ends(name)
	if err != nil {
		return p, "", err
	}
	hv, err := r.netns("hv")
	if err != nil {
		return p, "", err
	}
	if err := errors.Join(r.plug(p.A, hv, "v1", mtu), r.plug(p.B, hv, "v2", mtu)); err != nil {
		return p, "", err
	}
	return p, hv, r.addBridge(hv, "v1", "v2")
}

// Underlay is a network of hypervisors: a Linux bridge in a namespace of its own.
type Underlay struct {
	ns    Netns
	hosts byte
}

// Underlay makes an empty one.
func (r *Rig) Underlay() (*Underlay, error) {
	ns, err := r.netns("ul")
	if err != nil {
		return nil, err
	}
	return &Underlay{ns: ns}, r.addBridge(ns)
}

// host is a hypervisor with an eth0 on an underlay.
type host struct {
	ns   Netns
	addr netip.Addr
}

func (r *Rig) host(u *Underlay) (host, error) {
	ns, err := r.netns("hv")
	if err != nil {
		return host{}, err
	}
	u.hosts++
	h := host{ns, netip.AddrFrom4([4]byte{172, 31, 0, u.hosts})}
	err = u.ns.ip(
		fmt.Sprintf("link add h%d mtu %d type veth peer eth0 netns %s", u.hosts, mtu, ns),
		fmt.Sprintf("link set h%d addrgenmode none master br0 up", u.hosts))
	if err != nil {
		return h, err
	}
	return h, ns.ip(fmt.Sprintf("addr add %s/24 dev eth0", h.addr), "link set eth0 addrgenmode none up")
}

// VXLAN joins two workloads on two hypervisors by the kernel's vxlan devices and bridges.
func (r *Rig) VXLAN(name string, u *Underlay) (Path, error) {
	p, err := r.ends(name)
	if err != nil {
		return p, err
	}
	var hosts [2]host
	for i := range hosts {
		if hosts[i], err = r.host(u); err != nil {
			return p, err
		}
	}
	for i, e := range []End{p.A, p.B} {
		own, peer := hosts[i], hosts[1-i]
		err := errors.Join(r.plug(e, own.ns, "v", tunnelMTU), own.ns.ip(
			fmt.Sprintf("link add vx0 type vxlan id 7 local %s remote %s dstport 4789 dev eth0", own.addr, peer.addr),
			"link set vx0 addrgenmode none up"))
		if err != nil {
			return p, err
		}
		if err := r.addBridge(own.ns, "v", "vx0"); err != nil {
			return p, err
		}
	}
	return p, nil
}
