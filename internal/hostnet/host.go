// Package hostnet is the network of this host, as the kernel's routing netlink shows it: interfaces, addresses and
// routes to tunnel peers, and the few devices and neighbour entries that Woven keeps there itself.
package hostnet

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Host is one network namespace. Its methods may be called from several goroutines at once.
type Host struct {
	ns      netns.NsHandle
	handle  *netlink.Handle
	raw     *nl.SocketHandle // for what netlink.Handle has no words for: a neighbour's protocol
	ethtool int              // a datagram socket for ioctls
	changed chan struct{}
	buffer  int // bytes that the kernel may queue for Run before notifications are lost

	mu       sync.Mutex
	links    map[int]Link // by ifindex
	addrs    []Addr
	routeGen uint64
	snapshot *Snapshot // nil: links or addrs changed since it was made
}

// Open connects to the namespace ns, or with netns.None() to the calling thread's, and reads it once. ns must stay
// open as long as the Host.
func Open(ns netns.NsHandle) (*Host, error) {
	h := &Host{ns: ns, ethtool: -1, changed: make(chan struct{}, 1), buffer: 8 << 20, links: map[int]Link{}}
	if err := h.connect(); err != nil {
		h.Close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	if err := h.readAll(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// connect makes the sockets, all in the Host's namespace.
func (h *Host) connect() error {
	var err error
	if h.handle, err = netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE); err != nil {
		return err
	}
	s, err := nl.GetNetlinkSocketAt(h.ns, netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	h.raw = &nl.SocketHandle{Socket: s}
	h.ethtool, err = socketAt(h.ns)
	return err
}

// Close ends the connection; Run must have returned.
func (h *Host) Close() {
	if h.handle != nil {
		h.handle.Close()
	}
	if h.raw != nil {
		h.raw.Close()
	}
	if h.ethtool >= 0 {
		unix.Close(h.ethtool)
	}
}

// dump repeats a listing that a concurrent change interrupted: the kernel then asks for that (NLM_F_DUMP_INTR).
func dump[T any](list func() ([]T, error)) ([]T, error) {
	for tries := 0; ; tries++ {
		rows, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || tries == 10 {
			return rows, err
		}
	}
}
