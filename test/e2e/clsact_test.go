package e2e

import (
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestClsact has the programs attached as on kernels before 6.6, which have no TCX.
func TestClsact(t *testing.T) {
	l := labtest.Up(t, "cls", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t), AgentArgs: []string{"--attach", "clsact"}})
	labtest.Tell(t, l, labtest.Stories{
		"attached as filters": filters,
		"connectivity":        connectivity,
		"isolation":           isolation,
		"offloads":            offloads,
		"unplugging":          unplugging,
		"moving":              moving,
	})
	nothingLeft(t, l, "hv1", "hv2")
}

// filters: the programs really are clsact filters.
func filters(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "tc")
	vm := sw.Add(1, "hv1")
	for _, hook := range []string{vm.Device() + " ingress", vm.Device() + " egress", "eth0 ingress"} {
		argv := append([]string{"tc", "filter", "show", "dev"}, strings.Fields(hook)...)
		if out := sw.Exec("hv1", argv...); strings.Count(out, " bpf ") == 0 {
			t.Errorf("%s has no filter: %q", hook, out)
		}
	}
	vm.Unplug()
	sw.Eventually("no filter after unplugging", func() error {
		out, err := l.Exec(t.Context(), "hv1", "tc", "filter", "show", "dev", vm.Device(), "ingress")
		if err == nil && strings.Contains(out, " bpf ") {
			err = fmt.Errorf("still there: %s", out)
		}
		return err
	})
}
