package hover

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// clsact attaches by BPF filters on a clsact qdisc, where the kernel has no TCX. Our filters have a fixed handle and priority, so that a
// replace is atomic, and a name that begins with clsactName, so that they are recognised.
type clsact struct{ step steps }

const (
	clsactHandle   = 1
	clsactPriority = 0x5756
	clsactName     = "woven:"
)

func (clsact) list() (map[hook]ebpf.ProgramID, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	have := map[hook]ebpf.ProgramID{}
	for _, l := range links {
		for _, egress := range []bool{false, true} {
			h := hook{l.Attrs().Index, egress}
			f, err := ownFilter(l, h)
			if err != nil {
				return nil, err
			}
			if f != nil {
				have[h] = ebpf.ProgramID(f.Id)
			}
		}
	}
	return have, nil
}

func (clsact) look(h hook) (ebpf.ProgramID, error) {
	l, err := netlink.LinkByIndex(h.ifindex)
	if errors.As(err, new(netlink.LinkNotFoundError)) || errors.Is(err, unix.ENODEV) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read device %d: %w", h.ifindex, err)
	}
	f, err := ownFilter(l, h)
	if f == nil || err != nil {
		return 0, err
	}
	return ebpf.ProgramID(f.Id), nil
}

// ownFilter is our filter on a hook, nil if there is none.
func ownFilter(l netlink.Link, h hook) (*netlink.BpfFilter, error) {
	filters, err := netlink.FilterList(l, h.parent())
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL) { // no such device any more, no clsact on it
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list filters of %q: %w", l.Attrs().Name, err)
	}
	for _, f := range filters {
		if b, ok := f.(*netlink.BpfFilter); ok && b.Priority == clsactPriority && strings.HasPrefix(b.Name, clsactName) {
			return b, nil
		}
	}
	return nil, nil
}

func (h hook) parent() uint32 {
	if h.egress {
		return netlink.HANDLE_MIN_EGRESS
	}
	return netlink.HANDLE_MIN_INGRESS
}

func (h hook) filter(name string, fd int) *netlink.BpfFilter {
	return &netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: h.ifindex, Parent: h.parent(), Handle: clsactHandle, Priority: clsactPriority,
			Protocol: unix.ETH_P_ALL},
		Fd: fd, Name: clsactName + name, DirectAction: true,
	}
}

func (c clsact) attach(h hook, prog *ebpf.Program, name string) error {
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: h.ifindex, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}
	c.step.next("add qdisc", h.String())
	if err := netlink.QdiscAdd(qdisc); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add clsact qdisc: %w", err)
	}
	c.step.next("replace filter", h.String())
	if err := netlink.FilterReplace(h.filter(name, prog.FD())); err != nil {
		return fmt.Errorf("replace filter: %w", err)
	}
	return nil
}

// detach leaves the qdisc: others may use it, and an empty one costs nothing.
func (c clsact) detach(h hook) error {
	c.step.next("delete filter", h.String())
	err := netlink.FilterDel(h.filter("", -1))
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("delete filter: %w", err)
	}
	return nil
}
