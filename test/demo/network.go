package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"woven.dev/woven/internal/lab"
)

// nb runs ovn-nbctl, and returns when every hypervisor has what it wrote.
func (s *story) nb(ctx context.Context, args ...string) error {
	_, err := s.run(ctx, "central", append([]string{"ovn-nbctl", "--timeout=30", "--wait=hv"}, args...)...)
	return err
}

// route puts vm4 in a network of its own behind a router.
func (s *story) route(ctx context.Context) error {
	const mac = "0a:00:00:00:01:04"
	if err := s.nb(ctx, "ls-add", "sw1", "--", "lsp-add", "sw1", "vm4", "--", "lsp-set-addresses", "vm4", mac+" 10.0.1.4"); err != nil {
		return err
	}
	if err := s.nb(ctx, "lr-add", "lr0", "--", "lrp-add", "lr0", "lr0-sw0", "0a:00:00:00:00:fe", "10.0.0.254/24",
		"--", "lrp-add", "lr0", "lr0-sw1", "0a:00:00:00:01:fe", "10.0.1.254/24"); err != nil {
		return err
	}
	for _, sw := range []string{"sw0", "sw1"} {
		port := sw + "-lr0"
		if err := s.nb(ctx, "lsp-add", sw, port, "--", "lsp-set-type", port, "router", "--", "lsp-set-addresses", port, "router",
			"--", "lsp-set-options", port, "router-port=lr0-"+sw); err != nil {
			return err
		}
	}
	err := s.lab.AddWorkload(ctx, lab.Workload{Name: "vm4", Hypervisor: "hv2", MAC: mac, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.1.4/24")}})
	if err != nil {
		return err
	}
	for _, way := range [][2]string{{"vm1", "10.0.0.254"}, {"vm4", "10.0.1.254"}} {
		if _, err := s.run(ctx, way[0], "ip", "route", "add", "default", "via", way[1]); err != nil {
			return err
		}
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	return s.reaches("vm1", "10.0.1.4")(ctx)
}

// protect gives vm4 the rules of a security group: it may ask, and nobody may ask it.
func (s *story) protect(ctx context.Context) error {
	if err := s.nb(ctx, "acl-add", "sw1", "from-lport", "1002", `inport == "vm4" && ip4`, "allow-related",
		"--", "acl-add", "sw1", "to-lport", "1001", `outport == "vm4" && ip4`, "drop"); err != nil {
		return err
	}
	if err := s.cutOff(ctx, "vm1", "10.0.1.4"); err != nil {
		return err
	}
	why, err := s.run(ctx, "hv2", s.woven, "explain", "--from", "vm1", "--to", "vm4")
	if err != nil {
		return err
	}
	if !strings.Contains(why, `outport == "vm4"`) {
		return errors.New("woven explain does not name the ACL")
	}
	return s.reaches("vm4", "10.0.0.1")(ctx)
}
