// Package scale measures how soon Woven carries out a change in a large cloud, and what a port costs: real databases, a real
// ovn-northd and a real agent, with thousands of ports of which most are on chassis that nobody runs.
package scale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/vishvananda/netlink"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/bulk"
)

// Size is how many ports there are.
type Size struct {
	Ports int // in the databases, on one switch
	Here  int // of them on the node that is looked at
}

func (s Size) String() string { return fmt.Sprintf("%d ports, %d here", s.Ports, s.Here) }

// The node that is looked at, and the switch.
const (
	node       = "hv1"
	switchName = "sw"
	groupName  = "pg"
)

// absent is how many chassis have the other ports.
const absent = 50

// Config is how a cloud is made.
type Config struct {
	Woven string // the binary of the agent
	Size  Size
	// Rules of a group that all ports are members of; 0: there is no group.
	Rules int
	// Stock: ovn-controller and ovs-vswitchd run on the node, not Woven.
	Stock bool
	Log   *slog.Logger
}

// Cloud is a running cloud.
type Cloud struct {
	Config

	lab        *lab.Lab
	filler     *bulk.Filler
	nb, sb, vs *watcher
	tables     *tables // nil on a stock node
	pinger     *pinger
	target     bulk.Port
	homes      [2]netip.Addr // the target's IPv4 address, and another one that it answers for
	undo       []func()
}

// New builds a cloud. Nothing is left of one that fails.
func New(ctx context.Context, cfg Config) (_ *Cloud, err error) {
	c := &Cloud{Config: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("build cloud of %v: %w", cfg.Size, err), c.Close())
		}
	}()
	dir, err := os.MkdirTemp("", "wvb")
	if err != nil {
		return nil, fmt.Errorf("make lab directory: %w", err)
	}
	c.undo = append(c.undo, func() { os.RemoveAll(dir) })
	options := lab.Options{Dir: dir, Prefix: fmt.Sprintf("wvb%d-", os.Getpid()), Hypervisors: 1, Woven: cfg.Woven, Log: cfg.Log}
	if cfg.Stock { // it may stand beside another cloud
		options.Prefix, options.Stock = fmt.Sprintf("wvb%ds-", os.Getpid()), []int{1}
	}
	if c.lab, err = lab.New(options); err != nil {
		return nil, err
	}
	if err := c.lab.Up(ctx); err != nil {
		return nil, err
	}
	if c.filler, err = bulk.Open(ctx, c.lab); err != nil {
		return nil, err
	}
	c.undo = append(c.undo, c.filler.Close)
	if err := c.fill(ctx); err != nil {
		return nil, err
	}
	return c, c.observe(ctx)
}

// fill makes the switch, its ports, and the two workloads that are looked at: one asks, the other's port comes and goes.
func (c *Cloud) fill(ctx context.Context) error {
	if err := c.filler.AddSwitch(ctx, switchName); err != nil {
		return err
	}
	if err := c.filler.AddChassis(ctx, absent); err != nil {
		return err
	}
	ports := make([]bulk.Port, c.Size.Ports)
	for i := range ports {
		ports[i] = bulk.Numbered(switchName, i+1)
	}
	if err := c.filler.AddPorts(ctx, ports...); err != nil {
		return err
	}
	if err := c.filler.BindElsewhere(ctx, ports[c.Size.Here:]...); err != nil {
		return err
	}
	if err := c.filler.Plug(ctx, node, ports[:c.Size.Here]...); err != nil {
		return err
	}
	if c.Rules > 0 {
		if err := c.filler.AddGroup(ctx, groupName, c.Rules, ports...); err != nil {
			return err
		}
	}
	asker := bulk.Port{Name: "asker", Switch: switchName, MAC: mac(1), Addrs: []netip.Addr{netip.MustParseAddr("10.2.0.1")}}
	c.homes = [2]netip.Addr{netip.MustParseAddr("10.2.0.2"), netip.MustParseAddr("10.2.0.3")}
	c.target = bulk.Port{Name: "target", Switch: switchName, MAC: mac(2), Addrs: c.homes[:1]}
	if err := c.filler.AddPorts(ctx, asker); err != nil {
		return err
	}
	if err := c.addWorkload(ctx, asker, asker.Addrs[0]); err != nil {
		return err
	}
	return c.addWorkload(ctx, c.target, c.homes[:]...)
}

func mac(n byte) []byte { return []byte{0x0a, 0, 0, 2, 0, n} }

// addWorkload makes a workload that knows the MAC addresses of the others: nobody waits for ARP.
func (c *Cloud) addWorkload(ctx context.Context, p bulk.Port, addrs ...netip.Addr) error {
	w := lab.Workload{Name: p.Name, Hypervisor: node, MAC: p.MAC.String()}
	for _, a := range addrs {
		w.Addresses = append(w.Addresses, netip.PrefixFrom(a, 16))
	}
	if err := c.lab.AddWorkload(ctx, w); err != nil {
		return err
	}
	for n, list := range [][]string{1: {"10.2.0.1"}, 2: {"10.2.0.2", "10.2.0.3"}} {
		for _, addr := range list {
			_, err := c.lab.Exec(ctx, p.Name, "ip", "neighbour", "replace", addr, "lladdr", fmt.Sprintf("0a:00:00:02:00:%02x", n), "nud", "permanent", "dev", "eth0")
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// observe opens all that moments are noted with.
func (c *Cloud) observe(ctx context.Context) error {
	if err := c.filler.Sync(ctx); err != nil {
		return err
	}
	var err error
	for _, w := range []struct {
		watcher          **watcher
		database, socket string
		tables           map[string]model.Model
	}{
		{&c.nb, "OVN_Northbound", "central/ovnnb_db.sock", map[string]model.Model{"NB_Global": &nbGlobal{}}},
		{&c.sb, "OVN_Southbound", "central/ovnsb_db.sock", map[string]model.Model{"Port_Binding": &portBinding{}, "Chassis_Private": &chassisPrivate{}, "SB_Global": &sbGlobal{}}},
		{&c.vs, "Open_vSwitch", node + "/db.sock", map[string]model.Model{"Interface": &iface{}}},
	} {
		if *w.watcher, err = watch(ctx, w.database, filepath.Join(c.lab.Dir(), w.socket), w.tables); err != nil {
			return err
		}
		c.undo = append(c.undo, (*w.watcher).Close)
	}
	if !c.Stock {
		if err := c.openTables(); err != nil {
			return err
		}
	}
	if c.pinger, err = newPinger(c.lab, "asker"); err != nil {
		return err
	}
	c.undo = append(c.undo, c.pinger.close)
	return nil
}

// openTables opens the node's tables.
func (c *Cloud) openTables() error {
	var ifindex [2]int
	err := c.lab.In(node)(func() error {
		for i, name := range []string{"vif-asker", "vif-target"} {
			l, err := netlink.LinkByName(name)
			if err != nil {
				return fmt.Errorf("look for interface %s: %w", name, err)
			}
			ifindex[i] = l.Attrs().Index
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.tables, err = openTables(c.lab.BPFFS(node), ifindex[0], ifindex[1]); err != nil {
		return err
	}
	c.undo = append(c.undo, c.tables.close)
	return nil
}

// Close takes the cloud away.
func (c *Cloud) Close() error {
	var err error
	for i := len(c.undo) - 1; i >= 0; i-- {
		if i == 0 && c.lab != nil { // before its directory
			err = c.lab.Close()
		}
		c.undo[i]()
	}
	c.undo = nil
	return err
}
