package scale

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/lab"
)

// Memory is what a node uses, in bytes.
type Memory struct {
	Agent  uint64 // resident memory of the agent
	Kernel uint64 // of the pinned tables
}

// Memory measures what the node uses now.
func (c *Cloud) Memory() (Memory, error) {
	agent, errA := c.agentMemory()
	kernel, errK := tableMemory(c.lab.BPFFS(node))
	return Memory{agent, kernel}, errors.Join(errA, errK)
}

// agentMemory reads proc(5) status.
func (c *Cloud) agentMemory() (uint64, error) {
	nodes, err := lab.List(c.lab.Dir())
	if err != nil {
		return 0, err
	}
	for _, n := range nodes {
		for _, p := range n.Processes {
			if n.Name == node && p.Name == "woven" {
				return residentMemory(p.PID)
			}
		}
	}
	return 0, fmt.Errorf("find agent of %s: no process", node)
}

func residentMemory(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory of agent: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseUint(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("read memory of agent: process %d has no VmRSS", pid)
}

// tableMemory adds up what the kernel says of the pinned tables.
func tableMemory(bpffs string) (uint64, error) {
	paths, err := filepath.Glob(filepath.Join(bpffs, "v*/maps/*/*"))
	if err != nil || len(paths) == 0 {
		return 0, fmt.Errorf("find pinned tables below %s: %d found, %w", bpffs, len(paths), err)
	}
	sum := uint64(0)
	for _, path := range paths {
		m, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
		if err != nil {
			return 0, fmt.Errorf("open pinned table %s: %w", path, err)
		}
		info, err := m.Info()
		m.Close()
		if err != nil {
			return 0, fmt.Errorf("read info of table %s: %w", path, err)
		}
		bytes, _ := info.Memlock()
		sum += bytes
	}
	return sum, nil
}
