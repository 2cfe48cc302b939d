// Package migration moves a running hypervisor from Open vSwitch and ovn-controller to Woven, and back, as
// docs/operations.md tells operators to.
package migration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// The devices that have the underlay addresses: the userspace datapath routes tunnels only over bridges of its own.
const (
	stockUnderlay = "br-ex"
	wovenUnderlay = "eth0"
)

// node is a hypervisor that the lab started as a stock one.
type node struct {
	*lab.Lab
	name  string
	woven string   // the binary
	agent *command // nil while none runs
}

// command is a process that the test started.
type command struct {
	*exec.Cmd
	log string
}

// stopStock ends ovn-controller and ovs-vswitchd, and leaves what they have written: the chassis stays, ports stay up.
func (n *node) stopStock(ctx context.Context) error {
	if err := n.exit(ctx, n.name+"-controller", "ovn-appctl", "-t", "ovn-controller", "exit", "--restart"); err != nil {
		return err
	}
	if err := n.exit(ctx, n.name+"-vswitchd", "ovs-appctl", "-t", "ovs-vswitchd", "exit"); err != nil {
		return err
	}
	return n.moveAddresses(ctx, stockUnderlay, wovenUnderlay)
}

// exit ends a service of the lab by its own command.
func (n *node) exit(ctx context.Context, service string, command ...string) error {
	if _, err := n.Exec(ctx, n.name, command...); err != nil {
		return err
	}
	var ended *lab.EndedError
	if err := n.Stop(service); err != nil && !errors.As(err, &ended) {
		return err
	}
	return nil
}

// startStock starts both again.
func (n *node) startStock(ctx context.Context) error {
	if err := n.Start(ctx, n.name+"-vswitchd"); err != nil {
		return err
	}
	if err := n.moveAddresses(ctx, wovenUnderlay, stockUnderlay); err != nil {
		return err
	}
	return n.Start(ctx, n.name+"-controller")
}

// moveAddresses gives the underlay addresses to another device, with the MAC address that peers know them by: Open vSwitch
// learns a new one late, by gratuitous ARP or when its entry has aged.
func (n *node) moveAddresses(ctx context.Context, from, to string) error {
	out, err := n.Exec(ctx, n.name, "ip", "-json", "addr", "show", "dev", from, "scope", "global")
	if err != nil {
		return err
	}
	var links []struct {
		Address  string
		AddrInfo []struct {
			Local     string
			PrefixLen int
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		return fmt.Errorf("parse addresses of %s: %w", from, err)
	}
	batch := "addr flush dev " + from + " scope global\n"
	for _, link := range links {
		batch += "link set " + to + " address " + link.Address + " up\n"
		for _, a := range link.AddrInfo {
			if a.Local == "" {
				continue // ip(8) shows addresses of another scope as {}
			}
			batch += fmt.Sprintf("addr add %s/%d dev %s", a.Local, a.PrefixLen, to)
			if strings.Contains(a.Local, ":") {
				batch += " nodad"
			}
			batch += "\n"
		}
	}
	cmd, err := n.Command(ctx, n.name, "ip", "-batch", "-")
	if err != nil {
		return err
	}
	cmd.Stdin = strings.NewReader(batch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("move addresses from %s to %s: %w: %s", from, to, err, out)
	}
	return nil
}

// agentArgs are the arguments of this node's `woven agent`.
func (n *node) agentArgs(more ...string) []string {
	return append([]string{n.woven, "agent", "--ovs", "unix:" + filepath.Join(n.Dir(), n.name, "db.sock"),
		"--run-dir", n.RunDir(n.name), "--bpffs", n.BPFFS(n.name)}, more...)
}

// startAgent starts the agent and returns when its data plane is live.
func (n *node) startAgent(ctx context.Context) error {
	for _, dir := range []string{n.RunDir(n.name), n.BPFFS(n.name)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	cmd, err := n.Command(context.WithoutCancel(ctx), n.name, n.agentArgs()...)
	if err != nil {
		return err
	}
	agent := &command{cmd, filepath.Join(n.Dir(), "log", n.name+"-moved.log")}
	log, err := os.Create(agent.log)
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	n.agent = agent
	return labtest.Poll(ctx, func() error {
		status, err := n.status(ctx)
		if err == nil && (status.Degraded() || status.Generation == 0) {
			err = fmt.Errorf("the agent is not at work: %+v", *status)
		}
		return err
	})
}

func (n *node) status(ctx context.Context) (*v1.Status, error) {
	out, err := n.Woven(ctx, n.name, "status", "-o", "json")
	if err != nil {
		return nil, err
	}
	var status v1.Status
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		return nil, fmt.Errorf("parse status: %w", err)
	}
	return &status, nil
}

// stopAgent ends the agent, and leaves what it has in the kernel.
func (n *node) stopAgent() error {
	if n.agent == nil {
		return nil
	}
	agent := n.agent
	n.agent = nil
	if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop agent: %w", err)
	}
	if err := agent.Wait(); err != nil {
		return fmt.Errorf("agent, whose log is %s: %w", agent.log, err)
	}
	return nil
}

// cleanUp takes the data plane away.
func (n *node) cleanUp(ctx context.Context) error {
	_, err := n.Exec(ctx, n.name, n.agentArgs("--cleanup")...)
	return err
}
