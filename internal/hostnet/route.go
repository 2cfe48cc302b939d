package hostnet

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoRoute says that an address can't be reached over any device at present.
var ErrNoRoute = errors.New("no route")

// Route is the way to another host.
type Route struct {
	// Ifindex of the device that packets leave by.
	Ifindex int
	// NextHop on that device; the destination itself when it is on the link.
	NextHop netip.Addr
	// MTU of the way, in bytes of the largest IP packet.
	MTU int
}

// Route asks the kernel for the way to an address for packets from another one (the zero Addr: any). The error is
// ErrNoRoute also when to is an address of this host.
func (h *Host) Route(to, from netip.Addr) (Route, error) {
	var options *netlink.RouteGetOptions
	if from.IsValid() {
		if from.Is4() != to.Is4() {
			return Route{}, ErrNoRoute
		}
		options = &netlink.RouteGetOptions{SrcAddr: from.AsSlice()}
	}
	routes, err := h.handle.RouteGetWithOptions(to.AsSlice(), options)
	switch {
	case unreachable(err), err == nil && (len(routes) == 0 || !forwards(routes[0].Type)):
		return Route{}, ErrNoRoute
	case err != nil:
		return Route{}, fmt.Errorf("get route to %s from %s: %w", to, from, err)
	}
	r := Route{Ifindex: routes[0].LinkIndex, NextHop: to, MTU: routes[0].MTU}
	if gw, ok := gatewayOf(&routes[0]); ok {
		r.NextHop = gw
	}
	if r.MTU == 0 {
		r.MTU = h.linkMTU(r.Ifindex)
	}
	return r, nil
}

// forwards says whether a route of this type leads out of the host. Type 0: the kernel did not say, as for IPv6.
func forwards(routeType int) bool { return routeType == 0 || routeType == unix.RTN_UNICAST }

// unreachable says whether an error of the kernel is an answer: there is no way, a prohibit or blackhole route, or
// the source address is none of this host.
func unreachable(err error) bool {
	for _, e := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL, unix.ENETDOWN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// gatewayOf returns the next hop of a route, which may be of the other family (RFC 5549).
func gatewayOf(r *netlink.Route) (netip.Addr, bool) {
	ip := r.Gw
	if via, ok := r.Via.(*netlink.Via); ok && len(ip) == 0 {
		ip = via.Addr
	}
	addr, ok := netip.AddrFromSlice(ip)
	return addr.Unmap(), ok
}

func (h *Host) linkMTU(ifindex int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.links[ifindex].MTU
}
