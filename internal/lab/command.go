package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// ctlTimeout, in seconds, bounds a call of ovn-nbctl, ovn-sbctl or ovs-vsctl; a --timeout among the arguments wins.
const ctlTimeout = "--timeout=30"

// Open returns the lab that runs in a directory, under another process' supervision: its services can't be started or
// stopped, everything else works.
func Open(dir string) (*Lab, error) {
	s, err := readState(dir)
	if err != nil {
		return nil, fmt.Errorf("open lab in %s: %w", dir, err)
	}
	return New(Options{Dir: dir, Prefix: s.Prefix, Clustered: s.Clustered})
}

// Command returns a command that runs in a node's network namespace (central, underlay, hvN or a workload's name), in
// the mount namespace of this process. Its environment leads OVN's programs to the lab's databases, and OVS's to the
// node's own. The caller starts it; ctx kills it.
func (l *Lab) Command(ctx context.Context, node string, argv ...string) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, fmt.Errorf("run in %s: no command given", node)
	}
	known, err := l.Nodes()
	if err != nil {
		return nil, err
	}
	if node != underlay && !slices.ContainsFunc(known, func(n Node) bool { return n.Name == node }) {
		return nil, fmt.Errorf("node %q: %w", node, ErrUnknown)
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + netnsPath(l.Namespace(node)), "--"}, argv...)...)
	cmd.Env = append(os.Environ(),
		"OVN_NB_DB="+l.sockets(northbound),
		"OVN_SB_DB="+l.sockets(southbound),
		"OVN_RUNDIR="+l.path(node),
		"OVS_RUNDIR="+l.path(node),
		"OVS_DB=unix:"+l.path(node, "db.sock"),
		"WOVEN_RUN_DIR="+l.RunDir(node))
	return cmd, nil
}

// Exec runs a command in a node's namespace to its end and returns what it printed on both channels.
func (l *Lab) Exec(ctx context.Context, node string, argv ...string) (string, error) {
	cmd, err := l.Command(ctx, node, argv...)
	if err != nil {
		return "", err
	}
	return output(cmd)
}

// NBCtl runs ovn-nbctl on the Northbound database.
func (l *Lab) NBCtl(ctx context.Context, args ...string) (string, error) {
	return l.Exec(ctx, central, append([]string{"ovn-nbctl", ctlTimeout}, args...)...)
}

// SBCtl runs ovn-sbctl on the Southbound database.
func (l *Lab) SBCtl(ctx context.Context, args ...string) (string, error) {
	return l.Exec(ctx, central, append([]string{"ovn-sbctl", ctlTimeout}, args...)...)
}

// VSCtl runs ovs-vsctl on a hypervisor's local database.
func (l *Lab) VSCtl(ctx context.Context, hv string, args ...string) (string, error) {
	return l.Exec(ctx, hv, append([]string{"ovs-vsctl", ctlTimeout}, args...)...)
}

// Woven runs a command of `woven` on a Woven hypervisor, where it speaks to that one's agent.
func (l *Lab) Woven(ctx context.Context, hv string, args ...string) (string, error) {
	return l.Exec(ctx, hv, append([]string{l.opts.Woven}, args...)...)
}
