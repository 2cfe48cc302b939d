package faults

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
)

// leftovers lists what an agent has on its hypervisor: pins, hooks, devices, neighbour entries, marks in the local database.
func (c *cloud) leftovers(hv string) []string {
	c.t.Helper()
	found, err := pinsBelow(c.Lab.BPFFS(hv))
	c.ok(err)
	c.ok(c.Lab.In(hv)(func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return err
		}
		for _, l := range links {
			name := l.Attrs().Name
			if name == "br-int" || strings.HasPrefix(name, "woven") {
				found = append(found, "device "+name)
			}
			hooks, err := hooksOf(l)
			if err != nil {
				return err
			}
			found = append(found, hooks...)
		}
		return nil
	}))
	if managed := strings.TrimSpace(c.Exec(hv, "ip", "neighbour", "show", "nud", "all")); strings.Contains(managed, "managed") {
		found = append(found, "neighbours "+managed)
	}
	if marks := c.VS(hv, "--columns=external_ids", "list", "Interface"); strings.Contains(marks, "ovn-installed") {
		found = append(found, "marks "+marks)
	}
	return found
}

// pinsBelow lists the pins below a directory.
func pinsBelow(dir string) (pins []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			pins = append(pins, "pin "+path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return pins, err
}

// hooksOf lists the programs on a device of the thread's namespace: those on TCX hooks, and BPF filters.
func hooksOf(l netlink.Link) (hooks []string, err error) {
	for _, at := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		result, err := link.QueryPrograms(link.QueryOptions{Target: l.Attrs().Index, Attach: at})
		if err != nil {
			return nil, fmt.Errorf("query TCX of %s: %w", l.Attrs().Name, err)
		}
		for range result.Programs {
			hooks = append(hooks, fmt.Sprintf("tcx %s %s", l.Attrs().Name, at))
		}
	}
	qdiscs, err := netlink.QdiscList(l)
	if err != nil {
		return nil, fmt.Errorf("list qdiscs of %s: %w", l.Attrs().Name, err)
	}
	if !slices.ContainsFunc(qdiscs, func(q netlink.Qdisc) bool { return q.Type() == "clsact" }) {
		return hooks, nil
	}
	for _, parent := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
		filters, err := netlink.FilterList(l, parent)
		if err != nil {
			return nil, fmt.Errorf("list filters of %s: %w", l.Attrs().Name, err)
		}
		for _, f := range filters {
			if b, ok := f.(*netlink.BpfFilter); ok {
				hooks = append(hooks, fmt.Sprintf("clsact %s %s", l.Attrs().Name, b.Name))
			}
		}
	}
	return hooks, nil
}
