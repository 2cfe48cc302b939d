package agent

import (
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/sdk/iom/ct"
)

// scarce is how full a table of connections may be, in percent, before that is a problem.
const scarce = 90

// scarcity says what a full table means. That of the brief ones is meant to be full: what is in it may be forgotten at any time.
var scarcity = map[string]string{
	"iom_cts":     "established connections: further ones work, but are the first to be forgotten when many begin",
	"iom_cts_new": "connections that begin: those that began first are forgotten, and what answers them is dropped",
}

// connectionProblems are where the room for connections is short.
func connectionProblems(usage []ct.Usage, counts map[ct.Zone]ct.Count, instances []hover.Instance) logical.Problems {
	var problems logical.Problems
	for _, u := range usage {
		if what := scarcity[u.Table]; what != "" && u.Rows*100 > u.Max*scarce {
			problems.Add("data_plane", u.Table, "more than %d%% of the room is taken for %s", scarce, what)
		}
	}
	for _, in := range instances {
		for _, p := range in.Module.Ports {
			count, known := counts[ct.Zone{Instance: in.Slot, Port: p.Key}]
			if !known {
				continue
			}
			if count.Full() {
				problems.Add("logical_switch_port", p.Name,
					"it has %d established connections, its limit: further ones work, but are the first to be forgotten when many begin", count.Limit)
			}
			if count.Hurries() {
				problems.Add("logical_switch_port", p.Name,
					"more than %d connections a second begin: those beyond are forgotten first when many do; is it a flood?", ct.Pace)
			}
		}
	}
	return problems.Sorted()
}

// flowProblems are that packets of a flow did not fare alike.
func flowProblems(n hover.FlowCounts) logical.Problems {
	var problems logical.Problems
	if n.Differences > 0 {
		problems.Add("data_plane", "flow cache",
			"%d of %d packets that were compared came out differently from what was noted of their flow: set external_ids:woven-flow-cache=false, and report it",
			n.Differences, n.Checks)
	}
	return problems
}
