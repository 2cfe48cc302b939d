package router

import (
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
	if len(rules) == 0 {
		return 0, nil
	}
	version, _, err = match.Put(t, inst.Slot, uint32(RouterRouterListROUTER_POLICIES), rules)
	return version, err
}

var actions = map[config.Action]RouterRouterPolicyAction{config.Allow: RouterRouterPolicyActionROUTER_ALLOW,
	config.Drop: RouterRouterPolicyActionROUTER_DROP, config.Reroute: RouterRouterPolicyActionROUTER_REROUTE}
