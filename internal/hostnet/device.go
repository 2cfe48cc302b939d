package hostnet

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addrGenNone: the kernel gives the device no link-local address (IN6_ADDR_GEN_MODE_NONE).
const addrGenNone = 1

// PrepareDevice makes the host side of a workload's interface ready: no IPv6 address of its own, and up.
func (h *Host) PrepareDevice(ifindex int) error {
	link := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: ifindex}}
	err := h.handle.LinkSetIP6AddrGenMode(link, addrGenNone)
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) { // a kernel without IPv6
		return fmt.Errorf("set addrgenmode of interface %d: %w", ifindex, err)
	}
	if err := h.handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("set interface %d up: %w", ifindex, err)
	}
	return nil
}

// EnsureVeth makes sure that a device of that name exists. Where there is none it becomes a veth, whose other end gets the
// name peer, both prepared as by PrepareDevice. The device cuts packets that are several ones (GSO) before its other end sees
// them. An existing device of another kind is left as it is.
func (h *Host) EnsureVeth(name, peer string, mtu int) error {
	link, err := h.handle.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU, attrs.GSOMaxSegs = name, mtu, 1
		if err := h.handle.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer}); err != nil {
			return fmt.Errorf("create veth %s: %w", name, err)
		}
		link, err = h.handle.LinkByName(name)
	}
	if err != nil {
		return fmt.Errorf("look for interface %s: %w", name, err)
	}
	other, err := h.handle.LinkByName(peer)
	if err != nil || !peers(link, other) {
		return nil
	}
	for _, l := range []netlink.Link{link, other} {
		if err := h.PrepareDevice(l.Attrs().Index); err != nil {
			return err
		}
	}
	return nil
}

// RemoveVeth removes what EnsureVeth made and says whether there was something.
func (h *Host) RemoveVeth(name, peer string) (bool, error) {
	link, err := h.handle.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for interface %s: %w", name, err)
	}
	other, err := h.handle.LinkByName(peer)
	if err != nil || !peers(link, other) {
		return false, nil
	}
	if err := h.handle.LinkDel(link); err != nil {
		return false, fmt.Errorf("remove interface %s: %w", name, err)
	}
	return true, nil
}

// peers says whether two links are the ends of one veth pair.
func peers(a, b netlink.Link) bool {
	return a.Type() == "veth" && b.Type() == "veth" &&
		a.Attrs().ParentIndex == b.Attrs().Index && b.Attrs().ParentIndex == a.Attrs().Index
}

// Counters are the packets of an interface as the kernel counts them: Rx came from the device.
type Counters struct {
	RxPackets, RxBytes, RxDropped, RxErrors uint64
	TxPackets, TxBytes, TxDropped, TxErrors uint64
}

// Counters of all interfaces, by ifindex. Where interfaces keep coming and going, some may be missing.
func (h *Host) Counters() (map[int]Counters, error) {
	list, err := dump(h.handle.LinkList)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	all := make(map[int]Counters, len(list))
	for _, l := range list {
		if s := l.Attrs().Statistics; s != nil {
			all[l.Attrs().Index] = Counters{
				RxPackets: s.RxPackets, RxBytes: s.RxBytes, RxDropped: s.RxDropped, RxErrors: s.RxErrors,
				TxPackets: s.TxPackets, TxBytes: s.TxBytes, TxDropped: s.TxDropped, TxErrors: s.TxErrors,
			}
		}
	}
	return all, nil
}
