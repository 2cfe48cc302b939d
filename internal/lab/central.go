package lab

import (
	"context"
	"fmt"
)

// Names of the nodes that every lab has.
const (
	central  = "central"
	underlay = "underlay"
)

// The underlay: central is .1, hypervisor N is .10+N, likewise in IPv6.
const (
	underlay4      = "172.31.0.%d"
	underlay6      = "fd00:31::%d"
	centralHost    = 1
	hypervisorHost = 10
)

// logArgs makes a daemon of OVN or OVS log to its standard error, which is the child's log, and nowhere else.
var logArgs = []string{"-vconsole:info", "-vsyslog:off", "-vfile:off"}

// addUnderlayNode makes a node's namespace with a device eth0 on the underlay.
func (l *Lab) addUnderlayNode(ctx context.Context, node string) error {
	ns, switchNS := l.Namespace(node), l.Namespace(underlay)
	if err := addNetns(ctx, ns); err != nil {
		return err
	}
	return ip(ctx, switchNS,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", node, ns),
		fmt.Sprintf("link set %s master br0 up", node))
}

// addressCommands give a node's device its underlay addresses.
func addressCommands(dev string, host int) []string {
	return []string{
		fmt.Sprintf("addr add %s/24 dev %s", fmt.Sprintf(underlay4, host), dev),
		fmt.Sprintf("addr add %s/64 dev %s nodad", fmt.Sprintf(underlay6, host), dev),
		fmt.Sprintf("link set %s up", dev),
	}
}

// startCentral makes the node central and starts both databases and northd there.
func (l *Lab) startCentral(ctx context.Context) error {
	if err := l.addUnderlayNode(ctx, central); err != nil {
		return err
	}
	if err := ip(ctx, l.Namespace(central), addressCommands("eth0", centralHost)...); err != nil {
		return err
	}
	keys, err := l.centralKeys()
	if err != nil {
		return err
	}
	for _, db := range []centralDatabase{northbound, southbound} {
		for n := range l.opts.members() {
			if err := l.startDatabase(ctx, l.member(db, n, keys)); err != nil {
				return err
			}
		}
	}
	if _, err := l.NBCtl(ctx, "init"); err != nil {
		return err
	}
	initSB := []string{"init"}
	if l.opts.TLS {
		initSB = append(initSB, "--", "set-connection", "role=ovn-controller", fmt.Sprintf("pssl:%d:[::]", southbound.port))
	}
	if _, err := l.SBCtl(ctx, initSB...); err != nil {
		return err
	}
	return l.launch(ctx, &service{
		name: Northd, node: central,
		argv: append([]string{"ovn-northd", "--pidfile"}, logArgs...),
		ready: func(ctx context.Context) error {
			_, err := l.NBCtl(ctx, "--wait=sb", "sync")
			return err
		},
	})
}
