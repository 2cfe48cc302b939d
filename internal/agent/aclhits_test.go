package agent

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
)

// guardedPlane has the ACLs any and one, of port 1, in instance 4, instance 5 without ACLs, and 6, which could not be applied.
type guardedPlane struct {
	fakePlane
	gone []string
	err  error
}

func (p *guardedPlane) Instances() []hover.Instance {
	one := match.Term{Dim: match.OutPort, Sets: []*match.Set{match.NewSet("", []match.Prefix{match.Key(1)})}}
	c := &config.Config{FromLport: []config.ACL{{ID: "any", Rules: []match.Rule{{}}}}, ToLport: []config.ACL{{ID: "one", Rules: []match.Rule{{Terms: []match.Term{one}}}}}}
	return []hover.Instance{
		{Slot: 4, Module: &netstate.Module{ID: "dp", Kind: "l2switch", Services: []netstate.Service{{Kind: config.Kind, Config: c}}}},
		{Slot: 5, Module: &netstate.Module{ID: "open", Kind: "l2switch"}}, {Slot: 6, Module: &netstate.Module{ID: "failed"}}}
}

func (p *guardedPlane) ReadTable(name string) (map[string]string, error) {
	rows, _ := p.fakePlane.ReadTable(name)
	return rows, p.err
}

func (p *guardedPlane) WriteTable(name string, rows map[string]string, gone []string) error {
	if name != acl.HitsTable || len(rows) != 0 {
		return errors.New("only hits are to be removed")
	}
	p.gone = append(p.gone, gone...)
	return nil
}

func hitsOf(hits map[acl.Hit]uint64) *guardedPlane {
	rows := map[string]string{}
	for hit, n := range hits {
		rows[hit.Row()] = iom.Bytes(n)
	}
	return &guardedPlane{fakePlane: fakePlane{tables: map[string]map[string]string{acl.HitsTable: rows}}}
}

// What counts for an ACL that its switch has no more goes; what nothing is known of stays.
func TestDropStaleHits(t *testing.T) {
	any, stale := config.Number("any"), acl.Hit{Instance: 4, ACL: config.Number("gone")}
	plane := hitsOf(map[acl.Hit]uint64{{Instance: 4, ACL: any}: 1, stale: 2, {Instance: 6, ACL: any}: 3, {Instance: 7, ACL: any}: 4})
	for range 2 {
		if err := dropStaleHits(plane); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{stale.Row()}, plane.gone); d != "" {
			t.Errorf("removed (-want +got):\n%s", d)
		}
		delete(plane.tables[acl.HitsTable], stale.Row())
	}
	plane.tables[acl.HitsTable][acl.Hit{Instance: 5, ACL: any}.Row()] = iom.Bytes(uint64(1))
	if err := dropStaleHits(plane); err != nil || len(plane.gone) != 2 {
		t.Errorf("of a switch that has no ACLs any more: %v, removed %q", err, plane.gone)
	}
	plane.tables[acl.HitsTable]["short"] = "row"
	if err := dropStaleHits(plane); err == nil {
		t.Error("a row of another layout is no error")
	}
	if err := dropStaleHits(&guardedPlane{err: errors.New("gone")}); err == nil {
		t.Error("a table that can't be read is no error")
	}
}

func TestListACLs(t *testing.T) {
	plane := hitsOf(map[acl.Hit]uint64{{Instance: 4, ACL: config.Number("one")}: 7, {Instance: 5, ACL: config.Number("any")}: 9})
	l := &loop{world: world{plane: plane}}
	l.published.Store(&view{})
	s := &Source{loop: l}
	if acls, err := s.ACLs(v1.ACLFilter{}); err != nil || len(acls) != 0 {
		t.Errorf("before there is a network: %v, %v", acls, err)
	}
	l.published.Store(&view{live: liveState{network: &logical.Network{Switches: map[string]*logical.Switch{
		"dp": {UUID: "dp", Name: "web", Ports: []*logical.Port{{Name: "p1", Key: 1}, {Name: "p2", Key: 2}}, ACLs: []*logical.ACL{
			{UUID: "any", Direction: logical.FromLport, Match: "1", Action: logical.ActionAllow, Log: &logical.ACLLog{}, Group: "pg"},
			{UUID: "broken", Direction: logical.ToLport, Match: "ip4 &&", Action: logical.ActionDrop},
			{UUID: "one", Direction: logical.ToLport, Tier: 1, Priority: 5, Match: `outport == "p1"`, Action: logical.ActionDrop, Label: 3}}},
		"open": {UUID: "open", Name: "open", Ports: []*logical.Port{{Name: "q", Key: 1}}}}}}})
	any := v1.ACL{Switch: "web", UUID: "any", PortGroup: "pg", Direction: "from-lport", Match: "1", Action: "allow", Log: true, Enforced: true}
	broken := v1.ACL{Switch: "web", UUID: "broken", Direction: "to-lport", Match: "ip4 &&", Action: "drop"}
	one := v1.ACL{Switch: "web", UUID: "one", Direction: "to-lport", Tier: 1, Priority: 5, Match: `outport == "p1"`, Action: "drop", Label: 3, Enforced: true, Hits: 7}
	for of, want := range map[v1.ACLFilter][]v1.ACL{
		{}:                          {any, broken, one},
		{Switch: "web"}:             {any, broken, one},
		{Switch: "dp"}:              {any, broken, one},
		{Switch: "open"}:            nil,
		{Port: "p1"}:                {any, one},
		{Port: "p2"}:                {any},
		{Port: "p1", Switch: "web"}: {any, one},
		{Port: "q"}:                 nil,
	} {
		got, err := s.ACLs(of)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%+v: %v (-want +got):\n%s", of, err, d)
		}
	}
	for _, of := range []v1.ACLFilter{{Switch: "nosuch"}, {Port: "nosuch"}, {Port: "q", Switch: "web"}} {
		if _, err := s.ACLs(of); !errors.Is(err, hover.ErrUnknown) {
			t.Errorf("%+v: %v, want unknown", of, err)
		}
	}
	plane.err = errors.New("gone")
	if _, err := s.ACLs(v1.ACLFilter{}); err == nil {
		t.Error("a table that can't be read is no error")
	}
}
