package faults

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestCleanup removes all of a stopped agent by `woven agent --cleanup`, twice, and starts it again.
func TestCleanup(t *testing.T) {
	woven := labtest.Woven(t)
	for _, mode := range []string{"tcx", "clsact"} {
		t.Run(mode, func(t *testing.T) {
			c := up(t, woven, "cln"+mode, "--attach", mode)
			c.attachedBy("hv1", mode)
			c.ok(c.Lab.StopAgent("hv1"))
			c.cleanUp("hv1", `
				removed: data plane in BPFFS
				removed: neighbour entries of tunnel peers
				removed: marks on local interfaces
				removed: device br-int
				removed: device woven-out
				removed: chassis hv1 and its bindings`)
			if left := c.registration("hv1"); left != "" {
				t.Errorf("left in the Southbound database:\n%s", left)
			}
			c.closed(both(c.vm1, c.vm2), both(c.vm1, c.vm3))

			c.cleanUp("hv1", `
				removed: data plane in BPFFS
				removed: neighbour entries of tunnel peers
				removed: marks on local interfaces
				removed: chassis hv1 and its bindings`)
			c.ok(c.Lab.StartAgent(t.Context(), "hv1"))
			c.waitAllUp()
			c.attachedBy("hv1", mode)
			c.opened(c.pairs())
			c.allReach()
		})
	}
}

// TestCleanupWithoutDatabase can't reach the Southbound database: all but the chassis goes, and the failure says so. The next one
// completes it.
func TestCleanupWithoutDatabase(t *testing.T) {
	c := up(t, labtest.Woven(t), "cnd")
	c.ok(c.Lab.StopAgent("hv1"))
	c.ok(c.Lab.Kill(lab.SB))
	out, err := c.agentCommand("hv1", "--cleanup")
	if err == nil || !strings.Contains(out, "not removed: chassis hv1 and its bindings: reach database: ") {
		t.Errorf("cleanup: %v\n%s", err, out)
	}
	if left := c.leftovers("hv1"); len(left) > 0 {
		t.Errorf("left on the hypervisor:\n%s", strings.Join(left, "\n"))
	}
	c.ok(c.Lab.Start(t.Context(), lab.SB))
	if c.registration("hv1") == "" {
		t.Error("the chassis is gone before the database was reached")
	}
	if out, err := c.agentCommand("hv1", "--cleanup"); err != nil {
		t.Errorf("second cleanup: %v\n%s", err, out)
	}
	if left := c.registration("hv1"); left != "" {
		t.Errorf("left in the Southbound database:\n%s", left)
	}
	c.ok(c.Lab.StartAgent(t.Context(), "hv1"))
	c.waitAllUp()
	c.opened(c.pairs())
	c.allReach()
}

// cleanUp runs a cleanup that succeeds, checks what it says, and that nothing is left.
func (c *cloud) cleanUp(hv, want string) {
	c.t.Helper()
	out, err := c.agentCommand(hv, "--cleanup")
	c.ok(err)
	var said []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "time=") { // the log, on the other channel
			said = append(said, strings.ReplaceAll(strings.TrimSpace(line), c.Lab.BPFFS(hv), "BPFFS"))
		}
	}
	var wanted []string
	for line := range strings.Lines(strings.TrimSpace(want)) {
		wanted = append(wanted, strings.TrimSpace(line))
	}
	if diff := cmp.Diff(wanted, said); diff != "" {
		c.t.Errorf("cleanup says (-want +got):\n%s", diff)
	}
	if left := c.leftovers(hv); len(left) > 0 {
		c.t.Errorf("left on the hypervisor:\n%s", strings.Join(left, "\n"))
	}
}

// attachedBy fails the test unless leftovers finds everything that a running agent has, with hooks of one kind only.
func (c *cloud) attachedBy(hv, mode string) {
	c.t.Helper()
	other := map[string]string{"tcx": "clsact ", "clsact": "tcx "}[mode]
	all := strings.Join(c.leftovers(hv), "\n")
	for _, part := range []string{"pin ", mode + " vif-sw-1 ", mode + " eth0 ", "device br-int", "device woven-out", "neighbours ", "marks "} {
		if !strings.Contains(all, part) {
			c.t.Errorf("a running agent has no %q:\n%s", part, all)
		}
	}
	if strings.Contains(all, other) {
		c.t.Errorf("attached by %q too:\n%s", other, all)
	}
}

// waitAllUp waits until the ports of the three VMs are up and known to all.
func (c *cloud) waitAllUp() {
	c.t.Helper()
	for _, vm := range []*labtest.VM{c.vm1, c.vm2, c.vm3} {
		vm.WaitUp(true)
	}
	c.Sync()
}
