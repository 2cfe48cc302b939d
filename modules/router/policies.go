package router

import (
	"fmt"

	"woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
)

// putPolicies writes the policies of a router and their rules. version is that of the list; 0: there are none.
func putPolicies(inst iom.Instance, t *iom.Tables, policies []config.Policy) (version uint32, err error) {
	var rules []match.Rule
	for _, p := range policies {
		for _, r := range p.Rules {
			r.Value = p.Object
			rules = append(rules, r)
		}
		row := RouterRouterPolicy{Action: actions[p.Action], Mark: p.Mark, Way: way(inst, p.Hops)}
		iom.Put(t, "router_policies", RouterRouterPolicyKey{Dp: inst.Slot, Object: p.Object}, row)
	}
	return putRules(inst, t, uint32(RouterRouterListROUTER_POLICIES), rules)
}

// putExemptions writes the rules for packets that may be larger than ports carry: versions of the lists, by the key of the port; 0: there is none.
func putExemptions(inst iom.Instance, t *iom.Tables, ports map[uint16]config.Port) (map[uint16]uint32, error) {
	versions := map[uint16]uint32{}
	for key, p := range ports {
		version, err := putRules(inst, t, uint32(RouterRouterListROUTER_EXEMPTIONS)|uint32(key), p.Exempt)
		if err != nil {
			return nil, fmt.Errorf("exemptions of port %d: %w", key, err)
		}
		versions[key] = version
	}
	return versions, nil
}

// putRules writes a list of rules, if there are any. version is that of the list; 0: there are none.
func putRules(inst iom.Instance, t *iom.Tables, list uint32, rules []match.Rule) (version uint32, err error) {
	if len(rules) == 0 {
		return 0, nil
	}
	version, _, err = match.Put(t, inst.Slot, list, rules)
	return version, err
}

var actions = map[config.Action]RouterRouterPolicyAction{config.Allow: RouterRouterPolicyActionROUTER_ALLOW,
	config.Drop: RouterRouterPolicyActionROUTER_DROP, config.Reroute: RouterRouterPolicyActionROUTER_REROUTE}
