package lab

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// SetAddresses replaces the IP addresses of a workload inside of it, as a user of the VM would, and what the VM knows of
// its neighbours. It returns when the new addresses work.
func (l *Lab) SetAddresses(ctx context.Context, workload string, addresses ...netip.Prefix) error {
	ns := l.Namespace(workload)
	commands := []string{"addr flush dev eth0 scope global", "neigh flush dev eth0"}
	for _, a := range addresses {
		flags := ""
		if a.Addr().Is6() {
			flags = " nodad"
		}
		commands = append(commands, fmt.Sprintf("addr add %s dev eth0%s", a, flags))
	}
	if err := ip(ctx, ns, commands...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("waited %v", startTimeout))
	defer cancel()
	return Poll(ctx, func() error { return inNetns(ns, func() error { return addressesWork(addresses) }) })
}

// addressesWork is an error unless this namespace takes packets for IPv6 addresses as its own. The kernel does so only some
// time after an address was added: until then it would forward them, and that silently to nowhere.
func addressesWork(addresses []netip.Prefix) error {
	inTable := &netlink.Route{Table: unix.RT_TABLE_LOCAL}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V6, inTable, netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("list local routes: %w", err)
	}
	local := map[string]bool{}
	for _, r := range routes {
		if r.Type == unix.RTN_LOCAL && r.Dst != nil {
			local[r.Dst.IP.String()] = true
		}
	}
	for _, a := range addresses {
		if a.Addr().Is6() && !local[a.Addr().String()] {
			return fmt.Errorf("address %s is not local yet", a.Addr())
		}
	}
	return nil
}
