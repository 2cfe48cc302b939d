package compile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	switchconfig "woven.dev/woven/modules/l2switch/config"
	routerconfig "woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/meter"
)

// meteredNetwork has a switch and a router with the same row of Copp.
func meteredNetwork(copp map[string]string) *logical.Network {
	n := network()
	n.Switches["dp"].Copp = copp
	n.Routers = map[string]*logical.Router{"lr": {UUID: "lr", Name: "lr0", Key: 2, Copp: copp}}
	n.Meters = map[string]*logical.Meter{
		"slow": {Name: "slow", Rate: 1}, "fast": {Name: "fast", Rate: 100, Burst: 300}, "bits": {Name: "bits", Rate: 8, Bits: true}, "bandless": {Name: "bandless"},
	}
	return n
}

// metersOf are those of the switch and of the router.
func metersOf(c *Compiler, n *logical.Network) (sw, router map[string]meter.Meter, problems []logical.Problem) {
	state, problems := c.Compile(n)
	return state.Modules["dp"].Config.(*switchconfig.Config).Meters, state.Modules["lr"].Config.(*routerconfig.Config).Meters, problems
}

// Each module gets the meters for what it tells user space of; what is not limited as asked is a problem of both.
func TestMeters(t *testing.T) {
	var c Compiler
	sw, router, problems := metersOf(&c, meteredNetwork(map[string]string{
		"dns": "fast", "igmp": "bits", "arp": "slow", "reject": "slow", "bfd": "slow", "event-elb": "slow", "svc-monitor": "slow",
		"dhcpv4-opts": "gone", "tcp-reset": "bandless", "warp\n": "slow",
	}))
	if d := cmp.Diff(map[string]meter.Meter{"dns": {Rate: 100, Burst: 300}, "igmp": {Rate: 8, Bits: true}}, sw); d != "" {
		t.Errorf("switch (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]meter.Meter{"arp": {Rate: 1}}, router); d != "" {
		t.Errorf("router (-want +got):\n%s", d)
	}
	var want []logical.Problem
	for _, of := range []string{"logical_router lr0", "logical_switch sw0"} {
		want = append(want,
			logical.Problem{Object: of, Reason: `copp: packets of kind "warp\n" are not known to Woven: they are not limited`},
			logical.Problem{Object: of, Reason: `copp: there is no meter "bandless" with a rate: the built-in limit of tcp-reset holds`},
			logical.Problem{Object: of, Reason: `copp: there is no meter "gone" with a rate: the built-in limit of dhcpv4-opts holds`})
	}
	if d := cmp.Diff(want, problems); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

// A meter that changes, comes or goes makes new modules of those that use it, although neither switch nor router changed.
func TestMeterChanges(t *testing.T) {
	var c Compiler
	n := meteredNetwork(map[string]string{"dns": "slow", "arp": "slow"})
	for _, step := range []struct {
		name   string
		change func(map[string]*logical.Meter)
		want   map[string]meter.Meter // that of dns; the router has the same for arp
	}{
		{"as made", func(map[string]*logical.Meter) {}, map[string]meter.Meter{"dns": {Rate: 1}}},
		{"rate", func(all map[string]*logical.Meter) { all["slow"] = &logical.Meter{Rate: 2} }, map[string]meter.Meter{"dns": {Rate: 2}}},
		{"another meter", func(all map[string]*logical.Meter) { all["fast"] = &logical.Meter{Rate: 3} }, map[string]meter.Meter{"dns": {Rate: 2}}},
		{"deleted", func(all map[string]*logical.Meter) { delete(all, "slow") }, map[string]meter.Meter{}},
		{"made again", func(all map[string]*logical.Meter) { all["slow"] = &logical.Meter{Rate: 4} }, map[string]meter.Meter{"dns": {Rate: 4}}},
	} {
		step.change(n.Meters)
		sw, router, _ := metersOf(&c, n)
		if d := cmp.Diff(step.want, sw); d != "" {
			t.Errorf("%s: switch (-want +got):\n%s", step.name, d)
		}
		if sw["dns"] != router["arp"] || len(sw) != len(router) {
			t.Errorf("%s: router has %v, switch %v", step.name, router, sw)
		}
	}
}
