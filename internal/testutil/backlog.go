package testutil

import (
	"bufio"
	"fmt"
	"os"
)

// BacklogDrops is how many packets the kernel has dropped since it was started because a CPU's backlog was full, of all network namespaces together:
// the backlogs, and losses that have nothing to do with the flow at hand, are the whole machine's.
func BacklogDrops() (drops uint64) {
	f, err := os.Open("/proc/net/softnet_stat") // a CPU a line: processed, dropped, ..., in hexadecimal
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var processed, dropped uint64
		if _, err := fmt.Sscanf(lines.Text(), "%x %x", &processed, &dropped); err == nil {
			drops += dropped
		}
	}
	return drops
}
