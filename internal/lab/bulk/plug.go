package bulk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"woven.dev/woven/internal/lab"
)

// guests is the workload whose namespace has the far ends of a hypervisor's devices.
func guests(hv string) string { return "far-" + hv }

// Plug makes devices of ports on a hypervisor and plugs them.
func (f *Filler) Plug(ctx context.Context, hv string, ports ...Port) error {
	if err := f.AddDevices(ctx, hv, ports...); err != nil {
		return err
	}
	return f.PlugAgain(ctx, hv, ports...)
}

// AddDevices makes devices of ports on a hypervisor. The far ends are all in one namespace, up, without addresses.
func (f *Filler) AddDevices(ctx context.Context, hv string, ports ...Port) error {
	err := f.lab.AddWorkload(ctx, lab.Workload{Name: guests(hv), Hypervisor: hv, MAC: "0a:00:00:00:ff:ff", Unplugged: true})
	if err != nil && !errors.Is(err, lab.ErrExists) {
		return err
	}
	return f.inBoth(hv, func(near, far *netlink.Handle, farNS netns.NsHandle) error {
		for _, p := range ports {
			if err := addDevice(near, far, farNS, p); err != nil {
				return fmt.Errorf("make device of %s: %w", p.Name, err)
			}
		}
		return nil
	})
}

// PlugAgain adds rows of devices that are there.
func (f *Filler) PlugAgain(ctx context.Context, hv string, ports ...Port) error {
	db, err := f.localOf(ctx, hv)
	if err != nil {
		return err
	}
	return chunks(ports, func(ports []Port) error {
		var ops []ovsdb.Operation
		var rows []ovsdb.UUID
		for i, p := range ports {
			iface, port := fmt.Sprintf("iface%d", i), fmt.Sprintf("port%d", i)
			rows = append(rows, ovsdb.UUID{GoUUID: port})
			ops = append(ops,
				insert("Interface", iface, ovsdb.Row{"name": p.Device(), "external_ids": pairs("iface-id", p.Name)}),
				insert("Port", port, ovsdb.Row{"name": p.Device(), "interfaces": ovsdb.UUID{GoUUID: iface}}))
		}
		ops = append(ops, mutateSet("Bridge", "name", "br-int", "ports", ovsdb.MutateOperationInsert, rows), count("Open_vSwitch", "next_cfg"))
		_, err := db.transact(ctx, ops...)
		return wrap(err, "plug %d ports", len(ports))
	})
}

// Unplug removes the rows of ports that are plugged; their devices stay.
func (f *Filler) Unplug(ctx context.Context, hv string, ports ...Port) error {
	db, err := f.localOf(ctx, hv)
	if err != nil {
		return err
	}
	return chunks(ports, func(ports []Port) error {
		var devices []string
		for _, p := range ports {
			devices = append(devices, p.Device())
		}
		rows, err := db.find(ctx, "Port", "name", devices)
		if err != nil {
			return wrap(err, "find %d plugged ports", len(ports))
		}
		_, err = db.transact(ctx, mutateSet("Bridge", "name", "br-int", "ports", ovsdb.MutateOperationDelete, rows), count("Open_vSwitch", "next_cfg"))
		return wrap(err, "unplug %d ports", len(ports))
	})
}

// RemoveDevices removes the devices of ports.
func (f *Filler) RemoveDevices(hv string, ports ...Port) error {
	return f.inBoth(hv, func(near, _ *netlink.Handle, _ netns.NsHandle) error {
		for _, p := range ports {
			if err := near.LinkDel(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: p.Device()}}); err != nil {
				return fmt.Errorf("remove device of %s: %w", p.Name, err)
			}
		}
		return nil
	})
}

func addDevice(near, far *netlink.Handle, farNS netns.NsHandle, p Port) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = p.Device(), 1442
	err := near.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: p.Device(), PeerHardwareAddr: p.MAC, PeerNamespace: netlink.NsFd(farNS)})
	if err != nil {
		return err
	}
	for _, h := range []*netlink.Handle{near, far} {
		l, err := h.LinkByName(p.Device())
		if err != nil {
			return err
		}
		if err := h.LinkSetIP6AddrGenMode(l, 1); err != nil { // none: 1,000 neighbours that say hello are no part of any measurement
			return err
		}
		if err := h.LinkSetUp(l); err != nil {
			return err
		}
	}
	return nil
}

// inBoth opens a hypervisor's namespace and that of its far ends.
func (f *Filler) inBoth(hv string, do func(near, far *netlink.Handle, farNS netns.NsHandle) error) error {
	var spaces [2]netns.NsHandle
	var handles [2]*netlink.Handle
	for i, node := range []string{hv, guests(hv)} {
		var err error
		if spaces[i], err = netns.GetFromName(f.lab.Namespace(node)); err != nil {
			return fmt.Errorf("open namespace of %s: %w", node, err)
		}
		defer spaces[i].Close()
		if handles[i], err = netlink.NewHandleAt(spaces[i]); err != nil {
			return fmt.Errorf("open netlink in namespace of %s: %w", node, err)
		}
		defer handles[i].Close()
	}
	return do(handles[0], handles[1], spaces[1])
}

// localOf is the connection to a hypervisor's local database.
func (f *Filler) localOf(ctx context.Context, hv string) (*database, error) {
	if f.local[hv] == nil {
		db, err := connect(ctx, "Open_vSwitch", filepath.Join(f.lab.Dir(), hv, "db.sock"))
		if err != nil {
			return nil, err
		}
		f.local[hv] = db
	}
	return f.local[hv], nil
}
