package golden

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"woven.dev/woven/internal/compile"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/slowpath/dhcp"
	"woven.dev/woven/internal/slowpath/dhcp6"
)

// lacks are what the Problems of a case may speak of, each once at least: the parts that Woven does not have yet.
var lacks = map[string][]string{
	"neutron": nil,
	"incus":   nil,
	"neutron-edge": {
		"nat rules", "options:nat-addresses", "load balancers", "gateway chassis", "options:reside-on-redirect-chassis", "localnet ports", "qos_rules",
		`options:"qos_`, "external ports",
	},
}

// TestClouds: of what OpenStack and Incus write for traffic inside a cloud nothing is a Problem, and of the rest only what needs address
// translation, load balancers, gateways, physical networks or limits of rates.
func TestClouds(t *testing.T) {
	for name, allowed := range lacks {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, out := range outputs(t, readCase(t, name)) {
				if out.Name == "problems" {
					got = strings.Split(strings.TrimSpace(string(out.Data)), "\n")
				}
			}
			seen := map[string]bool{}
			for _, problem := range got {
				_, reason, _ := strings.Cut(problem, ": ")
				i := slices.IndexFunc(allowed, func(lack string) bool { return strings.HasPrefix(reason, lack) })
				if i >= 0 {
					seen[allowed[i]] = true
				} else if problem != "" {
					t.Errorf("unexpected: %s", problem)
				}
			}
			if len(seen) != len(allowed) {
				t.Errorf("of %q only these are told: %q", allowed, slices.Sorted(maps.Keys(seen)))
			}
		})
	}
}

// TestCloudsServices: every DHCP option that they write can be carried out, at ports plugged here.
func TestCloudsServices(t *testing.T) {
	for name, answers := range map[string]int{"neutron": 8, "incus": 5} {
		var r ingest.Reader
		n := read(&r, readCase(t, name))
		codes := map[string]dhcp.Code{}
		for option, c := range n.DHCPv4Codes {
			codes[option] = dhcp.Code(c)
		}
		served := 0
		for _, sw := range n.Switches {
			for _, p := range sw.Ports {
				var addrs []netip.Addr
				for _, a := range p.Addresses {
					for _, prefix := range a.Prefixes {
						addrs = append(addrs, prefix.Addr())
					}
				}
				var problems []error
				if o := p.DHCPv4; o != nil {
					c, found := dhcp.NewConfig(dhcp.Row{MAC: p.Addresses[0].MAC, Addresses: addrs, CIDR: o.CIDR, Options: o.Options, Codes: codes})
					if problems = append(problems, found...); c.Offer.IsValid() {
						served++
					}
				}
				if o := p.DHCPv6; o != nil {
					c, found := dhcp6.NewConfig(dhcp6.Row{MAC: p.Addresses[0].MAC, Addresses: addrs, CIDR: o.CIDR, Options: o.Options})
					if problems = append(problems, found...); c.Addr.IsValid() {
						served++
					}
				}
				if len(problems) > 0 {
					t.Errorf("%s: port %s: %v", name, p.Name, problems)
				}
			}
		}
		if served != answers {
			t.Errorf("%s: %d ports and families are served, want %d", name, served, answers)
		}
	}
}

// TestFlappingOptions: options that Neutron gives to the ports of routers and provider networks and takes away again change nothing in
// the data plane, nor do they come and go as Problems.
func TestFlappingOptions(t *testing.T) {
	for _, name := range []string{"neutron", "neutron-edge"} {
		t.Run(name, func(t *testing.T) {
			in := readCase(t, name)
			var r ingest.Reader
			var c compile.Compiler
			have, problems := c.Compile(read(&r, in))
			flaps := 0
			for uuid, row := range in.NB.LogicalSwitchPort {
				if row.Type != "router" && row.Type != "localnet" {
					continue
				}
				for key, value := range map[string]string{"requested-chassis": "hv2", "mcast_flood_reports": "true"} {
					flapped, rows := *row, *in.NB
					flapped.Options = maps.Clone(row.Options)
					if _, there := row.Options[key]; there {
						delete(flapped.Options, key)
					} else {
						flapped.Options[key] = value
					}
					rows.LogicalSwitchPort = maps.Clone(rows.LogicalSwitchPort)
					rows.LogicalSwitchPort[uuid] = &flapped
					next := in
					next.NB = &rows
					want, found := c.Compile(read(&r, next))
					if plan := netstate.Diff(have, want); len(plan) > 0 {
						t.Errorf("%s of %s:\n%s", key, row.Name, plan)
					}
					if d := cmp.Diff(problems, found); d != "" {
						t.Errorf("%s of %s: problems (-before +after):\n%s", key, row.Name, d)
					}
					have, flaps = want, flaps+1
				}
			}
			if flaps < 6 {
				t.Errorf("only %d options flapped", flaps)
			}
		})
	}
}

// readCase reads the input of a golden case.
func readCase(t *testing.T, name string) ingest.Input {
	t.Helper()
	a, err := txtar.ParseFile("testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	return parseInput(t, a)
}
