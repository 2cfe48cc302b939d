package compile

import (
	"fmt"
	"reflect"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/match"
)

// routerMatch is what a match of a router became.
type routerMatch struct {
	rules []match.Rule
	err   error
}

func (p routerMatch) equal(o routerMatch) bool { return reflect.DeepEqual(p, o) }

// routerMatches are those of a router's policies, in their order, and of the packets that its ports exempt from their largest size, in the order of
// the ports.
func routerMatches(r *logical.Router, m *matcher, n *networkNames) (policies, exempt []routerMatch) {
	read := func(text string) routerMatch {
		rules, err := m.rules(text, routerNames{n, r})
		if err != nil {
			err = fmt.Errorf("match: %w", err)
		}
		return routerMatch{rules, err}
	}
	policies = make([]routerMatch, len(r.Policies))
	for i, p := range r.Policies {
		policies[i] = read(p.Match)
	}
	exempt = make([]routerMatch, len(r.Ports))
	for i, p := range r.Ports {
		if p.MTU != 0 && p.MTUBypass != "" {
			exempt[i] = read(p.MTUBypass)
		}
	}
	m.forget()
	return policies, exempt
}

// exemptions are the rules for packets that may be larger than a port carries. As with ovn-controller a match that can't be read exempts none.
func exemptions(p *logical.RouterPort, found routerMatch, problems *logical.Problems) []match.Rule {
	if found.err == nil && len(found.rules) > match.MaxRules {
		found.err = fmt.Errorf("it needs more than %d rules", match.MaxRules)
	}
	if found.err != nil {
		problems.Add("logical_router_port", p.Name, "options:gateway_mtu_bypass: %v: the size of all packets is checked", found.err)
		return nil
	}
	return found.rules
}

// policies are those of a router that can be carried out, the first of which that matches decides. As with ovn-northd and ovn-controller, one that
// can't is left out and the others count.
func policies(r *logical.Router, matches []routerMatch, named objects, problems *logical.Problems) []config.Policy {
	var out []config.Policy
	total := 0
	for i, row := range r.Policies {
		found := matches[i]
		if total += len(found.rules); found.err == nil && total > match.MaxRules {
			found.err = fmt.Errorf("the policies of router %s need more than %d rules", logical.Quote(r.Name), match.MaxRules)
		}
		p := config.Policy{Rules: found.rules, Mark: row.Mark}
		if found.err == nil {
			found.err = decide(&p, r, row)
		}
		if found.err != nil {
			format := "%v: the policy is left out"
			if row.Action == logical.PolicyDrop {
				format = "SECURITY: %v: the policy is NOT enforced, what it forbids passes"
			}
			problems.Add("logical_router_policy", row.UUID, format, found.err)
			total -= len(found.rules)
			continue
		}
		if len(p.Rules) > 0 {
			p.Object = named.add(row.UUID, policyRow(row))
			out = append(out, p)
		}
	}
	return out
}

// decide fills in what becomes of packets. A next hop that no port leads to makes the policy unusable, even if it has others.
func decide(p *config.Policy, r *logical.Router, row *logical.Policy) error {
	switch row.Action {
	case logical.PolicyAllow:
		p.Action = config.Allow
	case logical.PolicyDrop:
		p.Action, p.Mark = config.Drop, 0
	default:
		p.Action = config.Reroute
	}
	if len(row.NextHops) > config.MaxHops {
		return fmt.Errorf("it has %d next hops, at most %d are possible", len(row.NextHops), config.MaxHops)
	}
	for _, addr := range row.NextHops {
		port := portTowards(r, addr)
		if port == nil {
			return fmt.Errorf("next hop %s is on no network of router %s", addr, logical.Quote(r.Name))
		}
		p.Hops = append(p.Hops, config.Hop{Port: port.Key, Addr: addr})
	}
	return nil
}
