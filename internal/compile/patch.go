package compile

import (
	"maps"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/l2switch/config"
)

// patch is what ports gives, made of the last configuration and of the ports that differ from then; nil when that would be no less work,
// or is not possible: when an address is, or was, that of two ports, or virtual ports changed, on which others depend.
func patch(sw *logical.Switch, last compiled) *config.Config {
	if last.from == nil || len(last.problems) > 0 || last.from.VLANPassthru != sw.VLANPassthru {
		return nil
	}
	gone, come, ok := changedPorts(last.from.Ports, sw.Ports)
	if !ok || 4*(len(gone)+len(come)) > len(sw.Ports) {
		return nil
	}
	if slices.ContainsFunc(slices.Concat(gone, come), func(p *logical.Port) bool { return len(p.VirtualParents) > 0 }) {
		return nil
	}
	have := last.module.Config.(*config.Config)
	cfg := &config.Config{Ports: maps.Clone(have.Ports), FDB: maps.Clone(have.FDB), Neighbours: maps.Clone(have.Neighbours)}
	for _, p := range gone {
		delete(cfg.Ports, p.Key)
		for _, mac := range macs(p) {
			delete(cfg.FDB, mac)
		}
		for _, a := range p.Addresses {
			for _, prefix := range a.Prefixes {
				delete(cfg.Neighbours, prefix.Addr())
			}
		}
	}
	var problems logical.Problems
	parents := virtualParents(sw)
	for _, p := range come {
		addPort(cfg, sw, p, parents, &problems)
	}
	if len(problems) > 0 {
		return nil
	}
	return cfg
}

// changedPorts are the ports of have that are not in want, and the other way round. Both lists are in ascending order of key; it is
// not ok that two ports have one key, as rows from different moments may say.
func changedPorts(have, want []*logical.Port) (gone, come []*logical.Port, ok bool) {
	for i, j := 0, 0; i < len(have) || j < len(want); {
		if i > 0 && i < len(have) && have[i].Key == have[i-1].Key || j > 0 && j < len(want) && want[j].Key == want[j-1].Key {
			return nil, nil, false
		}
		switch {
		case j == len(want) || i < len(have) && have[i].Key < want[j].Key:
			gone = append(gone, have[i])
			i++
		case i == len(have) || have[i].Key > want[j].Key:
			come = append(come, want[j])
			j++
		default:
			if have[i] != want[j] {
				gone, come = append(gone, have[i]), append(come, want[j])
			}
			i++
			j++
		}
	}
	return gone, come, true
}
