package acl

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestStock has a node with ovn-controller and Open vSwitch, hv3, beside two Woven nodes: the same ACLs, and the same outcomes.
func TestStock(t *testing.T) {
	labtest.RequireStock(t)
	l := labtest.Up(t, "acls", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"actions", func(t *testing.T, l *lab.Lab) { newField(t, l, "hv3", "hv1", "hv2", "hv3").actions(t) }},
		story{"three tiers", func(t *testing.T, l *lab.Lab) {
			c := newTiers(t, l, "hv3")
			c.matrix(t, "at first")
			c.change()
			c.matrix(t, "after the change")
		}},
	)
}

// settle returns when Open vSwitch on a stock node goes by its present flows: `--wait=hv` does not wait for what its datapath remembers.
func settle(s *labtest.Switch, stock string) {
	if stock != "" {
		s.Exec(stock, "ovs-appctl", "revalidator/wait")
	}
}
