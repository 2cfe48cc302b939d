package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"woven.dev/woven/sdk/iom/match"
)

// Policy decides on packets that match one of its rules. Rules see the packet routed: OutPort is the port that the route leads to, whose MAC
// address is the source, and the time to live is one less.
type Policy struct {
	// Object is the policy's number, as Route.Object, never 0.
	Object uint32
	// Rules, whose Value is not looked at.
	Rules  []match.Rule
	Action Action
	// Hops of Reroute, one of which is chosen by a hash of the flow.
	Hops []Hop
	// Mark that the packet has from here on, which rules of later modules on this node match (pkt.mark of ovn-sb(5)); 0: as before. Allow and
	// Reroute set it.
	Mark uint32
}

// Action is what becomes of a packet.
type Action uint8

// Actions.
const (
	Allow   Action = iota + 1 // it takes the route
	Drop                      // it is dropped
	Reroute                   // it takes one of Hops instead of the route
)

func (p Policy) equal(o Policy) bool { return reflect.DeepEqual(p, o) }

func (c *Config) validatePolicy(p Policy) error {
	what := fmt.Sprintf("policy %d", p.Object)
	switch {
	case p.Action < Allow || p.Action > Reroute:
		return fmt.Errorf("%s has no action", what)
	case (p.Action == Reroute) != (len(p.Hops) > 0):
		return fmt.Errorf("%s has %d next hops: those that reroute have some, others have none", what, len(p.Hops))
	case p.Action == Drop && p.Mark != 0:
		return fmt.Errorf("%s marks what it drops", what)
	case slices.ContainsFunc(p.Hops, func(h Hop) bool { return h.Symmetric }):
		return fmt.Errorf("%s has a symmetric next hop, as only routes have", what)
	}
	return c.validateHops(what, p.Hops)
}

// String is the action's word.
func (a Action) String() string {
	switch a {
	case Allow:
		return "allow"
	case Drop:
		return "drop"
	case Reroute:
		return "reroute"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// String is the policy in one line.
func (p Policy) String() string {
	s := fmt.Sprintf("policy object %d %s", p.Object, p.Action)
	for _, h := range p.Hops {
		s += " " + h.String()
	}
	if p.Mark != 0 {
		s += fmt.Sprintf(" mark %#x", p.Mark)
	}
	return s + " if " + anyOf(p.Rules)
}

// anyOf is a list of rules in one line.
func anyOf(rules []match.Rule) string {
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = r.String()
	}
	return strings.Join(texts, " or ")
}
