package acl

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestStock has a node with ovn-controller and Open vSwitch, hv3, beside two Woven nodes: the same ACLs, and the same outcomes.
func TestStock(t *testing.T) {
	l := labtest.Up(t, "acls", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	meet(t, l)
	labtest.Tell(t, l, labtest.Stories{
		"actions": func(t *testing.T, l *lab.Lab) { newField(t, l, "hv3", "hv1", "hv2", "hv3").actions(t) },
		"three tiers": func(t *testing.T, l *lab.Lab) {
			c := newTiers(t, l, "hv3")
			c.matrix(t, "at first")
			c.change()
			c.matrix(t, "after the change")
		},
	})
}

// meet returns when the stock node knows the way to the others: its userspace datapath loses packets while it looks for it.
func meet(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "meet")
	stock := s.Add(1, "hv3")
	for n, hv := range []string{"hv1", "hv2"} {
		vm := s.Add(2+n, hv)
		s.Eventually("a tunnel to "+hv, func() error { return stock.Ping(1, vm.IP4, "-W", "1") })
	}
}

// settle returns when Open vSwitch on a stock node goes by its present flows: `--wait=hv` does not wait for what its datapath remembers.
func settle(s *labtest.Switch, stock string) {
	if stock != "" {
		s.Exec(stock, "ovs-appctl", "revalidator/wait")
	}
}
