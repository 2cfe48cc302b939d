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
	c := newTiers(t, l, "hv3")
	c.matrix(t, "at first")
	c.change()
	c.matrix(t, "after the change")
}
