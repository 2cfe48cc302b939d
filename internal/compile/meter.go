package compile

import (
	"maps"
	"slices"

	"woven.dev/woven/internal/logical"
	aclconfig "woven.dev/woven/modules/acl/config"
	switchconfig "woven.dev/woven/modules/l2switch/config"
	routerconfig "woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/meter"
)

// unmetered are kinds of packets of ovn-nb(5), Copp, that need nothing from user space here.
var unmetered = []string{"bfd", "event-elb", "svc-monitor"}

// meters are those that a row of Copp gives to kinds of packets; without those that do not exist.
func meters(copp map[string]string, all map[string]*logical.Meter) map[string]meter.Meter {
	if len(copp) == 0 {
		return nil
	}
	out := make(map[string]meter.Meter, len(copp))
	for kind, name := range copp {
		if m := all[name]; m != nil && m.Rate != 0 {
			out[kind] = meter.Meter{Rate: m.Rate, Burst: m.Burst, Bits: m.Bits}
		}
	}
	return out
}

// metersFor are the meters for some kinds of packets.
func metersFor(kinds []string, all map[string]meter.Meter) map[string]meter.Meter {
	out := maps.Clone(all)
	maps.DeleteFunc(out, func(kind string, _ meter.Meter) bool { return !slices.Contains(kinds, kind) })
	return out
}

// checkMeters notes what of a row of Copp is not carried out. A row may be both a switch's and a router's.
func checkMeters(copp map[string]string, have map[string]meter.Meter, table, name string, problems *logical.Problems) {
	known := slices.Concat(switchconfig.Metered, routerconfig.Metered, aclconfig.Metered, unmetered)
	for _, kind := range slices.Sorted(maps.Keys(copp)) {
		if !slices.Contains(known, kind) {
			problems.Add(table, name, "copp: packets of kind %s are not known to Woven: they are not limited", logical.Quote(kind))
		} else if _, ok := have[kind]; !ok {
			problems.Add(table, name, "copp: there is no meter %s with a rate: the built-in limit of %s holds", logical.Quote(copp[kind]), kind)
		}
	}
}
