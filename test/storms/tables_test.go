package storms

import (
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
)

// learned is how many addresses the kernel's table of hv1 has.
func (c *city) learned() int { return len(c.keys("l2switch_learned_macs")) }

// keys are those of a pinned table of hv1.
func (c *city) keys(table string) [][]byte {
	c.t.Helper()
	paths, err := filepath.Glob(filepath.Join(c.Lab.BPFFS("hv1"), "v*", "maps", "*", table))
	if err != nil || len(paths) != 1 {
		c.t.Fatalf("table %s is pinned at %v (%v), want one place", table, paths, err)
	}
	m, err := ebpf.LoadPinnedMap(paths[0], &ebpf.LoadPinOptions{ReadOnly: true})
	if err != nil {
		c.t.Fatalf("open table %s: %v", table, err)
	}
	defer m.Close()
	var list [][]byte
	var key, value []byte
	it := m.Iterate()
	for it.Next(&key, &value) {
		list = append(list, key)
	}
	if err := it.Err(); err != nil {
		c.t.Fatalf("read table %s: %v", table, err)
	}
	return list
}

// fdbRows is how many rows the Southbound database has for learned addresses.
func (c *city) fdbRows() int {
	c.t.Helper()
	return len(strings.Fields(c.SB("--bare", "--columns=_uuid", "list", "FDB")))
}
