package main

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "woven.dev/woven/api/v1"
)

// pings is how many requests run while an agent dies or starts: five seconds of them.
const pings = 100

func (s *story) plugTwo(ctx context.Context) error {
	if _, err := s.run(ctx, "central", "ovn-nbctl", "ls-add", "sw0"); err != nil {
		return err
	}
	if err := s.addPort(ctx, 1, "hv1"); err != nil {
		return err
	}
	if err := s.addPort(ctx, 2, "hv2"); err != nil {
		return err
	}
	return s.sync(ctx)
}

// setAddress replaces the IPv4 address of vm2, inside the "VM", where OVN isn't asked.
func (s *story) setAddress(ctx context.Context, old, new string) error {
	if _, err := s.run(ctx, "vm2", "ip", "address", "del", old+"/24", "dev", "eth0"); err != nil {
		return err
	}
	_, err := s.run(ctx, "vm2", "ip", "address", "add", new+"/24", "dev", "eth0")
	return err
}

func (s *story) changeAddress(ctx context.Context) error {
	if err := s.setAddress(ctx, "10.0.0.2", "10.0.0.66"); err != nil {
		return err
	}
	if err := s.cutOff(ctx, "vm1", "10.0.0.66"); err != nil {
		return err
	}
	return s.cutOff(ctx, "vm2", "10.0.0.1")
}

// showDrops wants the ARP replies in which vm2 claims the wrong address counted under their reason.
func (s *story) showDrops(ctx context.Context) error {
	const reason = "port_security_arp"
	if _, err := s.run(ctx, "hv2", s.woven, "port", "show", "vm2"); err != nil {
		return err
	}
	text, err := s.lab.Exec(ctx, "hv2", s.woven, "port", "show", "vm2", "-o", "json")
	if err != nil {
		return err
	}
	var port v1.Port
	if err := json.Unmarshal([]byte(text), &port); err != nil {
		return fmt.Errorf("parse port: %w", err)
	}
	for _, d := range port.Drops {
		if d.Reason == reason && d.Packets > 0 {
			return nil
		}
	}
	return fmt.Errorf("no packet was dropped for %s", reason)
}

func (s *story) restoreAddress(ctx context.Context) error {
	if err := s.setAddress(ctx, "10.0.0.66", "10.0.0.2"); err != nil {
		return err
	}
	return s.reaches("vm1", "10.0.0.2")(ctx)
}

func (s *story) joinThird(ctx context.Context) error {
	if err := s.addPort(ctx, 3, "hv2"); err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	if err := s.reaches("vm1", "10.0.0.3")(ctx); err != nil {
		return err
	}
	return s.reaches("vm2", "10.0.0.3")(ctx)
}

func (s *story) deleteThird(ctx context.Context) error {
	if _, err := s.run(ctx, "central", "ovn-nbctl", "lsp-del", "vm3"); err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	return s.cutOff(ctx, "vm1", "10.0.0.3")
}

func (s *story) killAgent(ctx context.Context) error {
	return s.underPing(ctx, "vm1", "10.0.0.2", pings, func() error {
		fmt.Fprintln(s.out, "    hv1# kill -9 the agent")
		return s.lab.KillAgent("hv1")
	})
}

// restartAgent also wants the new agent to take part again: it follows the Northbound database.
func (s *story) restartAgent(ctx context.Context) error {
	return s.underPing(ctx, "vm1", "10.0.0.2", pings, func() error {
		fmt.Fprintln(s.out, "    hv1# woven agent")
		if err := s.lab.StartAgent(ctx, "hv1"); err != nil {
			return err
		}
		return s.sync(ctx)
	})
}
