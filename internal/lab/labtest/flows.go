package labtest

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// flowCache is what a lab's hypervisors are told of the flow cache: WOVEN_FLOW_CACHE of the environment, else what the test asks for, else that half
// of the packets that it would send on pass all modules, to be compared.
func flowCache(asked string) string { return cmp.Or(os.Getenv("WOVEN_FLOW_CACHE"), asked, "check=2") }

// flowCounts sums the counters of the flow caches of a lab's hypervisors, as far as their tables are still there.
func flowCounts(l *lab.Lab) (sum wire.FlowCount, err error) {
	paths, err := filepath.Glob(filepath.Join(l.BPFFS("*"), "v*/maps/*/iom_flow_counts"))
	if err != nil {
		return sum, err
	}
	for _, path := range paths {
		if err := addFlowCounts(&sum, path); err != nil {
			return sum, fmt.Errorf("read %q: %w", path, err)
		}
	}
	return sum, nil
}

func addFlowCounts(sum *wire.FlowCount, path string) error {
	m, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer m.Close()
	c, err := iom.SumCPUs[wire.FlowCount](m, 0)
	if err != nil {
		return err
	}
	sum.Hits += c.Hits
	sum.Notes += c.Notes
	sum.Checks += c.Checks
	sum.Differences += c.Differences
	return nil
}

// checkFlows fails the test if a packet came out differently from what the flow cache had noted of its flow.
func checkFlows(t testing.TB, l *lab.Lab) {
	t.Helper()
	c, err := flowCounts(l)
	if err != nil {
		t.Error(err)
		return
	}
	t.Logf("flow cache: %d packets were sent on at once, %d noted, %d compared", c.Hits, c.Notes, c.Checks)
	if c.Differences > 0 {
		t.Errorf("%d packets came out differently from what the flow cache had noted", c.Differences)
	}
}

// ExpectHits fails the test if the flow caches of a lab that had streams of packets sent none of them on, or compared none, unless that is what
// WOVEN_FLOW_CACHE says.
func ExpectHits(t testing.TB, l *lab.Lab) {
	t.Helper()
	c, err := flowCounts(l)
	if err != nil {
		t.Fatal(err)
	}
	how := flowCache("")
	if (c.Hits > 0) != (how != "false") || (c.Checks > 0) != strings.HasPrefix(how, "check=") {
		t.Errorf("woven-flow-cache=%s, but %d packets were sent on at once and %d compared", how, c.Hits, c.Checks)
	}
}
