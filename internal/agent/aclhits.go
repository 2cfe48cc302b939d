package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/match"
)

// hitTables are where programs count what ACLs decide: of a hover.Hover.
type hitTables interface {
	Instances() []hover.Instance
	ReadTable(name string) (map[string]string, error)
	WriteTable(name string, rows map[string]string, gone []string) error
}

// dropStaleHits removes the counts of ACLs that their switch no longer has. Those of instances that are not live are hover's business.
func dropStaleHits(plane hitTables) error {
	rows, err := plane.ReadTable(acl.HitsTable)
	if err != nil {
		return err
	}
	hits, err := acl.ReadHits(rows)
	if err != nil {
		return err
	}
	numbers := map[uint32]map[uint64]bool{}
	for _, in := range plane.Instances() { // after the rows: an ACL that is new then has none among them
		if in.Module.Kind != "" {
			numbers[in.Slot] = aclNumbers(in)
		}
	}
	var gone []string
	for hit := range hits {
		if known, live := numbers[hit.Instance]; live && !known[hit.ACL] {
			gone = append(gone, hit.Row())
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return plane.WriteTable(acl.HitsTable, nil, gone)
}

func aclNumbers(in hover.Instance) map[uint64]bool {
	numbers := map[uint64]bool{}
	eachACL(in, func(a config.ACL, _ match.Dim) { numbers[config.Number(a.ID)] = true })
	return numbers
}

// eachACL gives the ACLs that an instance carries out, and which port looks them up.
func eachACL(in hover.Instance, f func(a config.ACL, own match.Dim)) {
	for _, s := range in.Module.Services {
		c, ok := s.Config.(*config.Config)
		if !ok {
			continue
		}
		for _, a := range slices.Concat(c.FromLport, c.AfterLB) {
			f(a, match.InPort)
		}
		for _, a := range c.ToLport {
			f(a, match.OutPort)
		}
	}
}

// ACLs lists the ACLs of this node's switches, by name of the switch and as they are looked at.
func (s *Source) ACLs(of v1.ACLFilter) ([]v1.ACL, error) {
	rows, err := s.loop.plane.ReadTable(acl.HitsTable)
	if err != nil {
		return nil, err
	}
	hits, err := acl.ReadHits(rows)
	if err != nil {
		return nil, err
	}
	instances := map[string]hover.Instance{}
	for _, in := range s.loop.plane.Instances() {
		instances[in.Module.ID] = in
	}
	switches, port, err := s.loop.published.Load().switchesOf(of)
	if err != nil {
		return nil, err
	}
	var list []v1.ACL
	for _, sw := range switches {
		in := instances[sw.UUID]
		enforced := map[string]bool{}
		if in.Module != nil {
			eachACL(in, func(a config.ACL, own match.Dim) { enforced[a.ID] = port == 0 || acl.MayMatch(a.Rules, own, port) })
		}
		for _, a := range sw.ACLs {
			matches, carriedOut := enforced[a.UUID]
			if matches || port == 0 {
				list = append(list, aclOf(sw, a, carriedOut, hits[acl.Hit{Instance: in.Slot, ACL: config.Number(a.UUID)}]))
			}
		}
	}
	return list, nil
}

func aclOf(sw *logical.Switch, a *logical.ACL, enforced bool, hits uint64) v1.ACL {
	return v1.ACL{Switch: sw.Name, UUID: a.UUID, Name: a.Name, PortGroup: a.Group, Direction: string(a.Direction), AfterLB: a.AfterLB, Tier: a.Tier,
		Priority: a.Priority, Match: a.Match, Action: string(a.Action), Label: a.Label, Log: a.Log != nil, Enforced: enforced, Hits: hits}
}

// switchesOf are the switches that a filter is about, by name, and the key of the port that it names; 0: it names none.
func (v *view) switchesOf(of v1.ACLFilter) (switches []*logical.Switch, port uint16, err error) {
	if v.live.network == nil {
		return nil, 0, nil
	}
	for _, sw := range v.live.network.Switches {
		if of.Switch != "" && of.Switch != sw.Name && of.Switch != sw.UUID {
			continue
		}
		i := slices.IndexFunc(sw.Ports, func(p *logical.Port) bool { return p.Name == of.Port })
		if of.Port != "" && i < 0 {
			continue
		}
		if i >= 0 {
			port = sw.Ports[i].Key
		}
		switches = append(switches, sw)
	}
	if len(switches) == 0 && of != (v1.ACLFilter{}) {
		return nil, 0, fmt.Errorf("list ACLs: %s: %w", filterText(of), hover.ErrUnknown)
	}
	slices.SortFunc(switches, func(a, b *logical.Switch) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.UUID, b.UUID))
	})
	return switches, port, nil
}

func filterText(of v1.ACLFilter) string {
	var words []string
	if of.Port != "" {
		words = append(words, "port "+logical.Quote(of.Port))
	}
	if of.Switch != "" {
		words = append(words, "switch "+logical.Quote(of.Switch))
	}
	return strings.Join(words, " of ")
}
