package hostnet

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Internal is a device by which the host itself is plugged in a switch: Open vSwitch's interfaces of type internal. It is
// a veth pair.
type Internal struct {
	// Name of the end that is the host's, to use and to move to another namespace as it likes.
	Name string
	// Peer is the name of the switch's end.
	Peer string
	// MAC of the host's end; zero: any.
	MAC [6]byte
	// MTU of both ends, in bytes.
	MTU int
}

// EnsureInternal makes the device, or changes an existing one; the host's end only as long as it is in this namespace. The switch's
// end is prepared as by PrepareDevice, and the host's is left down.
func (h *Host) EnsureInternal(want Internal) error {
	peer, err := h.handle.LinkByName(want.Peer)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return h.createInternal(want)
	}
	if err != nil {
		return fmt.Errorf("look for interface %s: %w", want.Peer, err)
	}
	if err := h.handle.LinkSetMTU(peer, want.MTU); err != nil {
		return fmt.Errorf("set MTU of interface %s: %w", want.Peer, err)
	}
	link, err := h.handle.LinkByName(want.Name)
	if err != nil || !peers(link, peer) {
		return nil // the host has moved or renamed its end
	}
	if err := h.handle.LinkSetMTU(link, want.MTU); err != nil {
		return fmt.Errorf("set MTU of interface %s: %w", want.Name, err)
	}
	if want.MAC != [6]byte{} {
		if err := h.handle.LinkSetHardwareAddr(link, want.MAC[:]); err != nil {
			return fmt.Errorf("set address of interface %s: %w", want.Name, err)
		}
	}
	return nil
}

func (h *Host) createInternal(want Internal) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = want.Name, want.MTU
	if want.MAC != [6]byte{} {
		attrs.HardwareAddr = net.HardwareAddr(want.MAC[:])
	}
	if err := h.handle.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: want.Peer, PeerMTU: uint32(want.MTU)}); err != nil {
		return fmt.Errorf("create interface %s: %w", want.Name, err)
	}
	peer, err := h.handle.LinkByName(want.Peer)
	if err != nil {
		return fmt.Errorf("look for interface %s: %w", want.Peer, err)
	}
	return h.PrepareDevice(peer.Attrs().Index)
}

// RemoveInternal removes both ends of a device by the name of the switch's. None: it does nothing.
func (h *Host) RemoveInternal(peer string) error {
	link, err := h.handle.LinkByName(peer)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err == nil {
		err = h.handle.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("remove interface %s: %w", peer, err)
	}
	return nil
}
