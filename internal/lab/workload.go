package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// defaultMTU is what Geneve over IPv4 leaves of the underlay's 1500 bytes: 20 IPv4, 8 UDP, 16 Geneve with OVN's option,
// 14 Ethernet.
const defaultMTU = 1442

// maxMTU of a veth or tap device.
const maxMTU = 65535

// workloadPattern leaves room for "vif-" in the 15 bytes of an interface name.
var workloadPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,10}$`)

// reserved are the names of nodes that aren't workloads.
var reserved = regexp.MustCompile(`^(central|underlay|hv[0-9]+|log|bpf|vms|lock)$`)

// Workload is a "VM": a network namespace whose device eth0 leads to a device on its hypervisor.
type Workload struct {
	// Name: lower-case letters, digits and dashes, at most 11 bytes.
	Name string
	// Hypervisor is the name of its node, such as hv1.
	Hypervisor string
	// Port is the logical switch port (iface-id); empty: Name.
	Port string
	// MAC address of eth0.
	MAC string
	// Addresses of eth0 with their prefix lengths.
	Addresses []netip.Prefix
	// MTU of eth0; 0: 1442, which fits into the underlay's tunnels.
	MTU int
	// Tap: the hypervisor's device is a tap, as for QEMU with virtio-net and all offloads, and not a veth. The
	// process that adds such a workload carries its packets.
	Tap bool
	// Unplugged: don't plug it; see Plug.
	Unplugged bool
}

// Device is the workload's device on its hypervisor.
func (w *Workload) Device() string { return "vif-" + w.Name }

func (w *Workload) validate(s *state) error {
	if !workloadPattern.MatchString(w.Name) || reserved.MatchString(w.Name) {
		return fmt.Errorf("name does not match %s or is reserved", workloadPattern)
	}
	if !slices.ContainsFunc(s.Hypervisors, func(h hypervisor) bool { return h.Name() == w.Hypervisor }) {
		return fmt.Errorf("hypervisor %q: %w", w.Hypervisor, ErrUnknown)
	}
	if _, err := net.ParseMAC(w.MAC); err != nil {
		return err
	}
	if w.MTU < 0 || w.MTU > maxMTU {
		return fmt.Errorf("MTU %d is outside 0..%d", w.MTU, maxMTU)
	}
	for _, a := range w.Addresses {
		if !a.IsValid() {
			return errors.New("an address is not valid")
		}
	}
	return nil
}

// AddWorkload makes a workload on a hypervisor and plugs it.
func (l *Lab) AddWorkload(ctx context.Context, w Workload) error {
	w.Port = cmp.Or(w.Port, w.Name)
	w.MTU = cmp.Or(w.MTU, defaultMTU)
	s, err := readState(l.opts.Dir)
	if err == nil {
		err = w.validate(s)
	}
	if err == nil {
		err = writeWorkload(l.opts.Dir, w)
	}
	if err != nil {
		return fmt.Errorf("add workload %q: %w", w.Name, err)
	}
	if err := l.makeWorkload(ctx, s, &w); err != nil {
		return errors.Join(fmt.Errorf("make workload %s: %w", w.Name, err), l.discard(ctx, &w))
	}
	if w.Unplugged {
		return nil
	}
	return l.Plug(ctx, w.Name)
}

// makeWorkload makes the namespace and both devices.
func (l *Lab) makeWorkload(ctx context.Context, s *state, w *Workload) error {
	ns := l.Namespace(w.Name)
	if err := addNetns(ctx, ns); err != nil {
		return err
	}
	if err := l.addDevices(ctx, w); err != nil {
		return err
	}
	// The far end's link-local address would make the host a neighbour of its guests.
	err := ip(ctx, l.Namespace(w.Hypervisor),
		fmt.Sprintf("link set %s mtu %d addrgenmode none up", w.Device(), w.MTU))
	if err != nil {
		return err
	}
	if err := ip(ctx, ns, fmt.Sprintf("link set eth0 address %s mtu %d up", w.MAC, w.MTU)); err != nil {
		return err
	}
	if err := l.SetAddresses(ctx, w.Name, w.Addresses...); err != nil {
		return err
	}
	if kindOf(s, w.Hypervisor) == Stock {
		// OVS's userspace datapath takes packets as they are: checksums must be finished before.
		return run(ctx, "nsenter", "--net="+netnsPath(ns), "--", "ethtool", "-K", "eth0", "tx", "off")
	}
	return nil
}

// addDevices makes the pair of devices of a workload.
func (l *Lab) addDevices(ctx context.Context, w *Workload) error {
	hvNS, ns := l.Namespace(w.Hypervisor), l.Namespace(w.Name)
	if !w.Tap {
		return ip(ctx, hvNS, fmt.Sprintf("link add %s type veth peer name eth0 netns %s", w.Device(), ns))
	}
	c, err := layCable(hvNS, w.Device(), ns, "eth0")
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cables[w.Name] = c
	return nil
}

// RemoveWorkload unplugs a workload and removes it.
func (l *Lab) RemoveWorkload(ctx context.Context, name string) error {
	w, err := readWorkload(l.opts.Dir, name)
	if err != nil {
		return fmt.Errorf("remove workload %q: %w", name, err)
	}
	if err := l.Unplug(ctx, name); err != nil {
		return err
	}
	return l.discard(ctx, w)
}

// discard removes a workload's devices, namespace and file.
func (l *Lab) discard(ctx context.Context, w *Workload) error {
	l.mu.Lock()
	c := l.cables[w.Name]
	delete(l.cables, w.Name)
	l.mu.Unlock()
	if c != nil {
		if err := c.close(); err != nil {
			return err
		}
	}
	if err := deleteLink(l.Namespace(w.Hypervisor), w.Device()); err != nil {
		return err
	}
	if err := deleteNetns(ctx, l.Namespace(w.Name)); err != nil {
		return err
	}
	return os.Remove(workloadPath(l.opts.Dir, w.Name))
}

// Plug adds the workload's device to its hypervisor's br-int, as libvirt would.
func (l *Lab) Plug(ctx context.Context, name string) error {
	w, err := readWorkload(l.opts.Dir, name)
	if err != nil {
		return fmt.Errorf("plug workload %q: %w", name, err)
	}
	_, err = l.VSCtl(ctx, w.Hypervisor, "--may-exist", "add-port", "br-int", w.Device(), "--",
		"set", "Interface", w.Device(), "external_ids:iface-id="+w.Port, fmt.Sprintf(`external_ids:attached-mac="%s"`, w.MAC))
	return err
}

// Unplug removes the workload's device from br-int; the device itself stays. One that isn't plugged is success.
func (l *Lab) Unplug(ctx context.Context, name string) error {
	w, err := readWorkload(l.opts.Dir, name)
	if err != nil {
		return fmt.Errorf("unplug workload %q: %w", name, err)
	}
	_, err = l.VSCtl(ctx, w.Hypervisor, "--if-exists", "del-port", "br-int", w.Device())
	return err
}

func workloadPath(dir, name string) string { return filepath.Join(dir, "vms", name+".json") }

// writeWorkload makes a new workload known, before anything of it exists.
func writeWorkload(dir string, w Workload) error {
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return fmt.Errorf("encode workload: %w", err)
	}
	f, err := os.CreateTemp(filepath.Join(dir, "vms"), "new-")
	if err != nil {
		return fmt.Errorf("write workload: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write workload: %w", err)
	}
	err = os.Link(f.Name(), workloadPath(dir, w.Name)) // whole or not at all
	if errors.Is(err, os.ErrExist) {
		return ErrExists
	}
	return err
}

// readWorkload returns ErrUnknown for a name that no workload has.
func readWorkload(dir, name string) (*Workload, error) {
	if !workloadPattern.MatchString(name) {
		return nil, ErrUnknown
	}
	text, err := os.ReadFile(workloadPath(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("read workload: %w", err)
	}
	var w Workload
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("parse workload: %w", err)
	}
	return &w, nil
}

// readWorkloads returns all workloads of a lab by name.
func readWorkloads(dir string) ([]*Workload, error) {
	paths, err := filepath.Glob(workloadPath(dir, "*"))
	if err != nil {
		return nil, err
	}
	var ws []*Workload
	for _, p := range paths {
		name := filepath.Base(p)
		w, err := readWorkload(dir, name[:len(name)-len(".json")])
		if errors.Is(err, ErrUnknown) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		ws = append(ws, w)
	}
	return ws, nil
}
