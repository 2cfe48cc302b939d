package faults

import (
	"strings"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/hovertest"
	"woven.dev/woven/modules/std"
)

// asFresh fails the test if a hypervisor's data plane, after all that it went through, does anything else than one that is made of nothing. It
// makes one of nothing, so that traffic must be over.
func (c *cloud) asFresh(hv string) {
	c.t.Helper()
	c.Sync()
	old := c.dump(hv)
	c.ok(c.Lab.StopAgent(hv))
	c.ok(c.Lab.In(hv)(func() error { return hover.Cleanup(c.Lab.BPFFS(hv)) }))
	c.ok(c.Lab.StartAgent(c.t.Context(), hv))
	c.Sync()
	if diff := cmp.Diff(c.dump(hv), old); diff != "" {
		c.t.Errorf("%s: data plane (+) is not as one from nothing (-):\n%s", hv, diff)
	}
	c.opened(c.pairs())
	c.allReach()
}

// dump is what a hypervisor's data plane does (see there), its pins, and where its programs are attached.
func (c *cloud) dump(hv string) []string {
	c.t.Helper()
	lines, err := hovertest.Dump(c.Lab.BPFFS(hv), std.Kinds())
	c.ok(err)
	for _, line := range c.leftovers(hv) {
		if what, _, _ := strings.Cut(line, " "); what != "neighbours" && what != "marks" { // these have times
			lines = append(lines, line)
		}
	}
	return lines
}
