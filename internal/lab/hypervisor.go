package lab

import (
	"context"
	"fmt"
	"os"

	v1 "woven.dev/woven/api/v1"
)

// Kind says what runs on a hypervisor.
type Kind string

// The kinds of hypervisors.
const (
	// Woven runs `woven agent`.
	Woven Kind = "woven"
	// Stock runs ovs-vswitchd with the userspace datapath, and ovn-controller.
	Stock Kind = "stock"
)

// hypervisor is a node that is a chassis.
type hypervisor struct {
	Number int
	Kind   Kind
}

// Name is also the chassis' name (system-id) and host name.
func (h hypervisor) Name() string { return fmt.Sprintf("hv%d", h.Number) }

func (h hypervisor) host() int { return hypervisorHost + h.Number }

// AddHypervisor adds the next hypervisor and returns its name when its Chassis row is in the Southbound database.
func (l *Lab) AddHypervisor(ctx context.Context, kind Kind) (string, error) {
	hv, err := l.enrol(kind)
	if err != nil {
		return "", fmt.Errorf("add hypervisor: %w", err)
	}
	if err := l.startHypervisor(ctx, hv); err != nil {
		return "", fmt.Errorf("start %s hypervisor %s: %w", kind, hv.Name(), err)
	}
	return hv.Name(), nil
}

// enrol writes a new hypervisor into lab.json, before anything of it exists, so that a sweep finds all of it.
func (l *Lab) enrol(kind Kind) (hypervisor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := readState(l.opts.Dir)
	if err != nil {
		return hypervisor{}, err
	}
	if len(s.Hypervisors) == maxHypervisors {
		return hypervisor{}, fmt.Errorf("a lab has at most %d hypervisors", maxHypervisors)
	}
	hv := hypervisor{Number: len(s.Hypervisors) + 1, Kind: kind}
	s.Hypervisors = append(s.Hypervisors, hv)
	return hv, s.write(l.opts.Dir)
}

func (l *Lab) startHypervisor(ctx context.Context, hv hypervisor) error {
	if err := l.addUnderlayNode(ctx, hv.Name()); err != nil {
		return err
	}
	db := database{service: hv.Name() + "-ovsdb", node: hv.Name(), base: "db",
		create: []string{"create", l.path(hv.Name(), "db.db"), ovsSchema}}
	if err := l.startDatabase(ctx, db); err != nil {
		return err
	}
	if err := l.configureChassis(ctx, hv); err != nil {
		return err
	}
	if hv.Kind == Stock {
		return l.startStock(ctx, hv)
	}
	return l.startWoven(ctx, hv)
}

// configureChassis writes what an installer would into the local Open_vSwitch row.
func (l *Lab) configureChassis(ctx context.Context, hv hypervisor) error {
	if l.opts.TLS {
		keys, err := l.ca.Issue(hv.Name(), keyLife)
		if err != nil {
			return err
		}
		if _, err := l.VSCtl(ctx, hv.Name(), "--no-wait", "init", "--", "set-ssl", keys.PrivateKey, keys.Certificate, keys.CACert); err != nil {
			return err
		}
	}
	set := []string{"--no-wait", "init", "--", "set", "Open_vSwitch", ".",
		"external_ids:system-id=" + hv.Name(),
		"external_ids:hostname=" + hv.Name(),
		fmt.Sprintf(`external_ids:ovn-remote=%q`, l.remotes(southbound)),
		fmt.Sprintf(`external_ids:woven-nb-remote=%q`, l.remotes(northbound)),
		"external_ids:ovn-encap-type=geneve",
		fmt.Sprintf(`external_ids:ovn-encap-ip="%s"`, fmt.Sprintf(underlay4, hv.host()))}
	if l.opts.FlowCache != "" {
		set = append(set, fmt.Sprintf(`external_ids:woven-flow-cache=%q`, l.opts.FlowCache))
	}
	_, err := l.VSCtl(ctx, hv.Name(), set...)
	return err
}

// startWoven gives eth0 the underlay addresses and starts the agent.
func (l *Lab) startWoven(ctx context.Context, hv hypervisor) error {
	node := hv.Name()
	if err := ip(ctx, l.Namespace(node), addressCommands("eth0", hv.host())...); err != nil {
		return err
	}
	for _, dir := range []string{l.RunDir(node), l.BPFFS(node)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	argv := []string{l.opts.Woven, "agent", "--ovs", "unix:" + l.path(node, "db.sock"),
		"--run-dir", l.RunDir(node), "--bpffs", l.BPFFS(node)}
	return l.launch(ctx, &service{
		name: agentOf(node), node: node, argv: append(argv, l.opts.AgentArgs...),
		ready: func(ctx context.Context) error {
			if err := accepts(v1.SocketPath(l.RunDir(node)))(ctx); err != nil {
				return err
			}
			return l.chassisExists(node)(ctx)
		},
	})
}

// startStock starts ovs-vswitchd and ovn-controller. The userspace datapath routes tunnels only over ports of bridges
// of its own, so the underlay addresses belong to br-ex, with eth0 in it.
func (l *Lab) startStock(ctx context.Context, hv hypervisor) error {
	node := hv.Name()
	// AF_PACKET sockets see packets with unfinished checksums and large segments: let the cable finish them, as a
	// physical NIC would.
	if _, err := l.Exec(ctx, underlay, "ethtool", "-K", node, "tx", "off", "tso", "off", "gso", "off"); err != nil {
		return err
	}
	// The kernel hears the underlay too, and would answer ARP for br-ex's address with eth0's MAC address.
	if _, err := l.Exec(ctx, node, "sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=1"); err != nil {
		return err
	}
	if err := ip(ctx, l.Namespace(node), "link set eth0 up"); err != nil {
		return err
	}
	err := l.launch(ctx, &service{
		name: node + "-vswitchd", node: node,
		argv:  append([]string{"ovs-vswitchd", "--pidfile", "--disable-system"}, logArgs...),
		ready: func(ctx context.Context) error { return l.addStockBridges(ctx, node) },
	})
	if err != nil {
		return err
	}
	if err := ip(ctx, l.Namespace(node), addressCommands("br-ex", hv.host())...); err != nil {
		return err
	}
	return l.launch(ctx, &service{
		name: node + "-controller", node: node,
		argv: append([]string{"ovn-controller", "--pidfile"}, logArgs...), ready: l.chassisExists(node),
	})
}

// addStockBridges returns when ovs-vswitchd has made the bridges.
func (l *Lab) addStockBridges(ctx context.Context, node string) error {
	_, err := l.VSCtl(ctx, node,
		"--may-exist", "add-br", "br-ex", "--", "set", "Bridge", "br-ex", "datapath_type=netdev",
		"--", "--may-exist", "add-port", "br-ex", "eth0",
		"--", "--may-exist", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
		"--", "set", "Open_vSwitch", ".", "external_ids:ovn-bridge-datapath-type=netdev")
	return err
}

// chassisExists returns the ready function of a chassis: its row is in the Southbound database. After a restart the
// old row is enough; `NBCtl(ctx, "--wait=hv", "sync")` waits for more.
func (l *Lab) chassisExists(node string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := l.SBCtl(ctx, "wait-until", "Chassis", node)
		return err
	}
}

// RunDir is the run directory of a Woven hypervisor's agent.
func (l *Lab) RunDir(hv string) string { return l.path(hv, "run") }

// BPFFS is the pin directory of a Woven hypervisor's agent.
func (l *Lab) BPFFS(hv string) string { return l.path("bpf", hv) }

func agentOf(hv string) string { return hv + "-agent" }

// AgentEnded is Ended of a Woven hypervisor's agent.
func (l *Lab) AgentEnded(hv string) (<-chan struct{}, error) { return l.Ended(agentOf(hv)) }

// StartAgent starts a Woven hypervisor's agent again; see Start.
func (l *Lab) StartAgent(ctx context.Context, hv string) error { return l.Start(ctx, agentOf(hv)) }

// StopAgent ends a Woven hypervisor's agent with SIGTERM; see Stop.
func (l *Lab) StopAgent(hv string) error { return l.Stop(agentOf(hv)) }

// KillAgent ends a Woven hypervisor's agent with SIGKILL; see Kill.
func (l *Lab) KillAgent(hv string) error { return l.Kill(agentOf(hv)) }
