package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// nothingLeft wants no trace of a switch or port in the tables of nodes, when all switches are deleted and all VMs gone.
func nothingLeft(t *testing.T, l *lab.Lab, nodes ...string) {
	t.Helper()
	if _, err := l.NBCtl(t.Context(), "--wait=hv", "sync"); err != nil {
		t.Fatal(err)
	}
	for _, hv := range nodes {
		if err := labtest.Poll(t.Context(), func() error { return leftovers(l.BPFFS(hv)) }); err != nil {
			t.Errorf("%s: %v", hv, err)
		}
	}
}

// leftovers is an error that names a table with an entry of a switch or port.
func leftovers(bpffs string) error {
	tables := 0
	err := filepath.WalkDir(bpffs, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "/maps/") {
			return err
		}
		table, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer table.Close()
		tables++
		return leftover(d.Name(), table)
	})
	if err == nil && tables == 0 {
		err = fmt.Errorf("no tables are pinned under %s", bpffs)
	}
	return err
}

// leftover is an error if a table has an entry of a switch or port.
func leftover(name string, table *ebpf.Map) error {
	if strings.HasPrefix(name, "iom_node") || name == "iom_tunnel_end" || name == "iom_own_addrs" {
		return nil // other chassis are still there, and we
	}
	if name == "iom_flood_rate" || name == "iom_flood_arrivals" {
		return nil // the node's own setting, and token buckets that fill up for the next owners of their slots
	}
	if name == "iom_flow_configs" || name == "iom_flow_stamps" {
		return nil // the node's own, too
	}
	isArray := table.Type() == ebpf.Array
	if !isArray && table.Type() != ebpf.Hash && table.Type() != ebpf.LPMTrie {
		return nil // counters per CPU, which the next owner of a slot finds cleared
	}
	var key, value []byte
	for entries := table.Iterate(); entries.Next(&key, &value); {
		if isArray && len(bytes.Trim(value, "\x00")) == 0 {
			continue
		}
		if (strings.HasSuffix(name, "_drops") || name == "iom_names") && binary.NativeEndian.Uint32(key) == 0 {
			continue // of packets that reached no switch; of other chassis
		}
		return fmt.Errorf("table %s still has %x: %x", name, key, value)
	}
	return nil
}
