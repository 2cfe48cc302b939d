package lab

import (
	"context"
	"fmt"
	"os"
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
	nbPort         = 6641
	sbPort         = 6642
)

// Where Debian's packages keep the schemas.
const (
	nbSchema  = "/usr/share/ovn/ovn-nb.ovsschema"
	sbSchema  = "/usr/share/ovn/ovn-sb.ovsschema"
	ovsSchema = "/usr/share/openvswitch/vswitch.ovsschema"
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
	nb := database{service: NB, node: central, schema: nbSchema, base: "ovnnb_db", port: nbPort}
	sb := database{service: SB, node: central, schema: sbSchema, base: "ovnsb_db", port: sbPort}
	for _, db := range []database{nb, sb} {
		if err := l.startDatabase(ctx, db); err != nil {
			return err
		}
	}
	if _, err := l.NBCtl(ctx, "init"); err != nil {
		return err
	}
	if _, err := l.SBCtl(ctx, "init"); err != nil {
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

// database is one ovsdb-server with one database.
type database struct {
	service, node, schema string
	// base of the names of its files in the node's directory: base.db, base.sock, base.ctl.
	base string
	port int // TCP, on all addresses; 0: none
}

func (l *Lab) startDatabase(ctx context.Context, db database) error {
	dir := l.path(db.node)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	file := l.path(db.node, db.base+".db")
	if err := run(ctx, "ovsdb-tool", "create", file, db.schema); err != nil {
		return err
	}
	argv := append([]string{"ovsdb-server", "--unixctl=" + db.base + ".ctl", "--remote=punix:" + db.base + ".sock"}, logArgs...)
	if db.port != 0 {
		argv = append(argv, fmt.Sprintf("--remote=ptcp:%d:[::]", db.port))
	}
	return l.launch(ctx, &service{
		name: db.service, node: db.node,
		argv:  append(argv, file),
		ready: accepts(l.path(db.node, db.base+".sock")),
	})
}
