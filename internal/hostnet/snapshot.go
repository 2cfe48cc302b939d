package hostnet

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Snapshot is what the namespace looked like at one moment. It is read only.
type Snapshot struct {
	// Links by name.
	Links map[string]Link
	// Addrs in ascending order of ifindex, then prefix.
	Addrs []Addr
	// RouteGen changes when the answers of Host.Route may have changed.
	RouteGen uint64
}

// Link is a network interface.
type Link struct {
	Name  string
	Index int
	MAC   [6]byte // zero when the device has no Ethernet address
	MTU   int     // bytes
	// Up is the administrative state, Carrier whether packets can flow at the lower layer (IFF_RUNNING).
	Up, Carrier bool
	// Kind as in rtnetlink (IFLA_INFO_KIND): "veth", "tun", "bridge"; "device" for hardware.
	Kind string
	// Parent is the ifindex of the lower device or of a veth's other end (IFLA_LINK); 0: none.
	Parent int
	// PeerElsewhere: the device that Parent counts is in another network namespace (IFLA_LINK_NETNSID).
	PeerElsewhere bool
	// Speed in bits per second; 0: unknown.
	Speed uint64
}

// Addr is an address of this host.
type Addr struct {
	Ifindex int
	Prefix  netip.Prefix
}

// Snapshot returns the present view. After Changed has signalled, it is a new one.
func (h *Host) Snapshot() *Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.snapshot == nil {
		s := &Snapshot{Links: make(map[string]Link, len(h.links)), Addrs: h.addrs, RouteGen: h.routeGen}
		for _, l := range h.links {
			s.Links[l.Name] = l
		}
		h.snapshot = s
	}
	return h.snapshot
}

// readAll replaces the whole view.
func (h *Host) readAll() error {
	list, err := dump(h.handle.LinkList)
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	links := make(map[int]Link, len(list))
	for _, l := range list {
		links[l.Attrs().Index] = h.linkOf(l)
	}
	addrs, err := h.listAddrs()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.routeGen > 0 && maps.Equal(links, h.links) && slices.Equal(addrs, h.addrs) {
		return nil
	}
	h.links, h.addrs, h.snapshot = links, addrs, nil
	h.routeGen++
	return nil
}

// readLinks looks again at single interfaces, and at those whose parent or other end they are: the kernel does not
// tell when a veth's other end moves to another namespace.
func (h *Host) readLinks(indexes map[int]bool) error {
	for index := range h.withDependents(indexes) {
		l, err := h.handle.LinkByIndex(index)
		if err != nil && !errors.As(err, new(netlink.LinkNotFoundError)) && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("read interface %d: %w", index, err)
		}
		if err != nil {
			h.putLink(index, nil)
			continue
		}
		link := h.linkOf(l)
		h.putLink(index, &link)
	}
	return nil
}

func (h *Host) withDependents(indexes map[int]bool) map[int]bool {
	all := maps.Clone(indexes)
	h.mu.Lock()
	defer h.mu.Unlock()
	for index, l := range h.links {
		if indexes[l.Parent] {
			all[index] = true
		}
	}
	return all
}

// putLink stores what was read of an interface; nil: it has gone.
func (h *Host) putLink(index int, link *Link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, had := h.links[index]
	if (link == nil && !had) || (link != nil && had && *link == old) {
		return
	}
	if link == nil {
		delete(h.links, index)
	} else {
		h.links[index] = *link
	}
	h.snapshot = nil
	if slices.ContainsFunc(h.addrs, func(a Addr) bool { return a.Ifindex == index }) {
		h.routeGen++
	}
}

// readAddrs looks again at the addresses.
func (h *Host) readAddrs() error {
	addrs, err := h.listAddrs()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(addrs, h.addrs) {
		h.addrs, h.snapshot = addrs, nil
		h.routeGen++
	}
	return nil
}

// bumpRoutes notes that routes have changed.
func (h *Host) bumpRoutes() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.routeGen++
	h.snapshot = nil
}

func (h *Host) listAddrs() ([]Addr, error) {
	list, err := dump(func() ([]netlink.Addr, error) { return h.handle.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	addrs := make([]Addr, 0, len(list))
	for _, a := range list {
		ip, ok := netip.AddrFromSlice(a.IP)
		if !ok {
			continue
		}
		bits, _ := a.Mask.Size()
		addrs = append(addrs, Addr{Ifindex: a.LinkIndex, Prefix: netip.PrefixFrom(ip.Unmap(), bits)})
	}
	slices.SortFunc(addrs, func(a, b Addr) int {
		if a.Ifindex != b.Ifindex {
			return a.Ifindex - b.Ifindex
		}
		return a.Prefix.Compare(b.Prefix)
	})
	return addrs, nil
}

// linkOf translates, and asks for the speed where the earlier view doesn't tell it.
func (h *Host) linkOf(l netlink.Link) Link {
	a := l.Attrs()
	link := Link{
		Name: a.Name, Index: a.Index, MTU: a.MTU, Kind: l.Type(), Parent: a.ParentIndex,
		Up: a.RawFlags&unix.IFF_UP != 0, Carrier: a.RawFlags&unix.IFF_RUNNING != 0,
		PeerElsewhere: a.NetNsID >= 0,
	}
	if l.Type() == "tuntap" { // the library's word for it
		link.Kind = "tun"
	}
	if len(a.HardwareAddr) == len(link.MAC) {
		copy(link.MAC[:], a.HardwareAddr)
	}
	h.mu.Lock()
	old, known := h.links[a.Index]
	h.mu.Unlock()
	if known && old.Name == link.Name && old.Carrier == link.Carrier {
		link.Speed = old.Speed
	} else {
		link.Speed = linkSpeed(h.ethtool, link.Name)
	}
	return link
}
