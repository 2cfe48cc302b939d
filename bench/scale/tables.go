package scale

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/wire"
)

// lookEvery is the time between two looks at a table, and so the resolution.
const lookEvery = 200 * time.Microsecond

// tables are the pinned tables of the node, where changes are seen to be live.
type tables struct {
	bindings, neighbours *ebpf.Map
	acls, members, ruled *ebpf.Map
	target               uint32 // ifindex of its device
	instance             uint32 // slot of the switch
}

// openTables opens the pins below a directory. The asker's port tells the switch's slot.
func openTables(bpffs string, asker, target int) (*tables, error) {
	t := &tables{target: uint32(target)}
	for name, m := range map[string]**ebpf.Map{"iom_bindings": &t.bindings, "l2switch_neighs": &t.neighbours, "acl_configs": &t.acls,
		"iom_match_addrs": &t.members, "acl_ports": &t.ruled} {
		var err error
		if *m, err = openTable(bpffs, name); err != nil {
			t.close()
			return nil, err
		}
	}
	ports, err := openTable(bpffs, "iom_ports")
	if err != nil {
		t.close()
		return nil, err
	}
	defer ports.Close()
	var slot uint32
	var port wire.Port
	if err := errors.Join(t.bindings.Lookup(uint32(asker), &slot), ports.Lookup(slot, &port)); err != nil {
		t.close()
		return nil, fmt.Errorf("find the switch: %w", err)
	}
	t.instance = port.Dp
	return t, nil
}

func openTable(bpffs, name string) (*ebpf.Map, error) {
	paths, err := filepath.Glob(filepath.Join(bpffs, "v*/maps/*", name))
	if err != nil || len(paths) != 1 {
		return nil, fmt.Errorf("find pinned table %s: %d found, %w", name, len(paths), err)
	}
	m, err := ebpf.LoadPinnedMap(paths[0], &ebpf.LoadPinOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open pinned table %s: %w", name, err)
	}
	return m, nil
}

func (t *tables) close() {
	for _, m := range []*ebpf.Map{t.bindings, t.neighbours, t.acls, t.members, t.ruled} {
		if m != nil {
			m.Close()
		}
	}
}

// bound says whether the target's device leads to a port: the row that is written last.
func (t *tables) bound() (bool, error) {
	var slot uint32
	err := t.bindings.Lookup(t.target, &slot)
	return slot != 0, err
}

// known says whether the switch answers for an address.
func (t *tables) known(addr netip.Addr) (bool, error) {
	var n l2switch.L2switchL2switchNeigh
	key := l2switch.L2switchL2switchNeighKey{Dp: t.instance, Addr: l2switch.L2switchIomAddr{A: iom.Addr(addr)}}
	err := t.neighbours.Lookup(key, &n)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return false, nil
	}
	return err == nil, err
}

// isMember says whether the switch's to-lport ACLs know the source address as one of a set.
func (t *tables) isMember(addr netip.Addr) (bool, error) {
	var config acl.AclAclConfig
	if err := t.acls.Lookup(t.instance, &config); err != nil {
		return false, err
	}
	list := uint32(acl.AclAclListACL_TO)
	key := acl.AclIomMatchAddrKey{Prefix: 256, Dp: t.instance, Version: config.Versions[list], List: list, Dim: uint32(match.Src)}
	key.Addr.A = iom.Addr(addr)
	var class uint64
	err := t.members.Lookup(key, &class)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return false, nil
	}
	return err == nil && class != 0, err
}

// isRuled says whether to-lport ACLs are looked up for what the target receives: the row that is written last when a port that is there comes
// under rules.
func (t *tables) isRuled() (bool, error) {
	var slot uint32
	if err := t.bindings.Lookup(t.target, &slot); err != nil {
		return false, err
	}
	var row acl.AclAclPort
	err := t.ruled.Lookup(slot, &row)
	return row.Lists>>acl.AclAclListACL_TO&1 == 1, err
}

// until looks until cond holds.
func until(ctx context.Context, what string, cond func() (bool, error)) (time.Time, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		switch ok, err := cond(); {
		case err != nil:
			return time.Time{}, fmt.Errorf("look for %s: %w", what, err)
		case ok:
			return time.Now(), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		}
	}
}
