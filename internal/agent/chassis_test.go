package agent

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

var testNow = time.UnixMilli(1700000000123)

func testSettings() *Settings {
	return &Settings{Name: "hv1", Hostname: "host1", Encap: encapOf("192.0.2.1"),
		Advertised: map[string]string{"datapath-type": "system"}}
}

// encapOf is a tunnel end with these addresses.
func encapOf(ips ...string) Encap {
	e := Encap{Csum: true}
	for _, ip := range ips {
		e.IPs = append(e.IPs, netip.MustParseAddr(ip))
	}
	return e
}

// southRows is a database in which hv1 is registered as testSettings ask, and hv2 is there too.
func southRows() *sb.Rows {
	keys := map[string]string{"datapath-type": "system", "foreign": "stays"}
	return &sb.Rows{
		SBGlobal: map[string]*sb.SBGlobal{"g": {UUID: "g", NbCfg: 7}},
		Chassis: map[string]*sb.Chassis{
			"c1": {UUID: "c1", Name: "hv1", Hostname: "host1", Encaps: []string{"e1"}, ExternalIDs: keys, OtherConfig: keys},
			"c2": {UUID: "c2", Name: "hv2", Encaps: []string{"e2"}},
		},
		ChassisPrivate: map[string]*sb.ChassisPrivate{"p1": {UUID: "p1", Name: "hv1", Chassis: ptr("c1"), NbCfg: 7}},
		Encap: map[string]*sb.Encap{
			"e1": {UUID: "e1", Type: "geneve", IP: "192.0.2.1", ChassisName: "hv1", Options: map[string]string{"csum": "true"}},
			"e2": {UUID: "e2", Type: "geneve", IP: "192.0.2.2", ChassisName: "hv2"},
		},
		PortBinding: map[string]*sb.PortBinding{},
	}
}

func TestRegistration(t *testing.T) {
	const insert = `
		insert Encap woven_encap0 chassis_name=hv1 ip=192.0.2.1 options=map[csum:true] type=geneve
		insert Chassis woven_chassis encaps=[woven_encap0] external_ids=map[datapath-type:system] hostname=host1 name=hv1 other_config=map[datapath-type:system]`
	for _, c := range []struct {
		name     string
		change   func(r *registration)
		want     string
		problems string
	}{
		{"registered", func(*registration) {}, ``, ``},
		{"new", func(r *registration) {
			delete(r.rows.Chassis, "c1")
			delete(r.rows.ChassisPrivate, "p1")
			delete(r.rows.Encap, "e1")
		}, insert + `
			insert ChassisPrivate chassis=woven_chassis name=hv1 nb_cfg=7 nb_cfg_timestamp=1700000000123`, ``},
		{"everything was deleted while we run", func(r *registration) {
			delete(r.rows.Chassis, "c1")
			delete(r.rows.ChassisPrivate, "p1")
			delete(r.rows.Encap, "e1")
			r.former, r.nbCfg = "hv1", 5
		}, insert + `
			insert ChassisPrivate chassis=woven_chassis name=hv1 nb_cfg=5 nb_cfg_timestamp=1700000000123`, ``},
		{"Chassis was deleted", func(r *registration) {
			delete(r.rows.Chassis, "c1")
			delete(r.rows.Encap, "e1")
			r.rows.ChassisPrivate["p1"].Chassis = nil
		}, insert + `
			update ChassisPrivate p1 chassis=woven_chassis`, ``},
		{"Chassis_Private was deleted", func(r *registration) { delete(r.rows.ChassisPrivate, "p1") },
			`insert ChassisPrivate chassis=c1 name=hv1 nb_cfg=7 nb_cfg_timestamp=1700000000123`, ``},
		{"keys and host name differ", func(r *registration) {
			r.settings.Advertised = map[string]string{"datapath-type": "system", "ovn-cms-options": "gw"}
			r.settings.Hostname, r.settings.TransportZones = "host2", []string{"z"}
		}, `
			update Chassis c1 transport_zones=[z] external_ids:ovn-cms-options=gw other_config:ovn-cms-options=gw
			update Chassis c1 hostname=host2`, ``},
		{"an encapsulation without our name", func(r *registration) { r.rows.Encap["e1"].ChassisName = "" }, `
			insert Encap woven_encap0 chassis_name=hv1 ip=192.0.2.1 options=map[csum:true] type=geneve
			update Chassis c1 encaps=[woven_encap0]`, ``},
		{"checksums off", func(r *registration) { r.settings.Encap.Csum = false }, `update Encap e1 options:csum=false`, ``},
		{"another address", func(r *registration) { r.settings.Encap = encapOf("2001:db8::1") }, `
			insert Encap woven_encap0 chassis_name=hv1 ip=2001:db8::1 options=map[csum:true] type=geneve
			update Chassis c1 encaps=[woven_encap0]`, ``},
		{"several addresses", func(r *registration) {
			r.settings.Encap = encapOf("2001:db8::1", "192.0.2.1")
			r.settings.Encap.HasDefault = true
		}, `
			insert Encap woven_encap0 chassis_name=hv1 ip=2001:db8::1 options=map[csum:true is_default:true] type=geneve
			update Encap e1 options:is_default=false
			update Chassis c1 encaps=[woven_encap0 e1]`, ``},
		{"the second address is another chassis'", func(r *registration) { r.settings.Encap = encapOf("192.0.2.1", "192.0.2.2") }, ``,
			`chassis hv1: tunnel address 192.0.2.2 belongs to chassis "hv2": not registered; if that one is gone, remove it with ovn-sbctl chassis-del`},
		{"an encapsulation too many", func(r *registration) {
			r.rows.Encap["e3"] = &sb.Encap{UUID: "e3", Type: "vxlan", IP: "192.0.2.1", ChassisName: "hv1"}
			r.rows.Chassis["c1"].Encaps = []string{"e3", "e1"}
		}, `update Chassis c1 encaps=[e1]`, ``},
		{"Encap not read yet", func(r *registration) { delete(r.rows.Encap, "e1") }, `
			insert Encap woven_encap0 chassis_name=hv1 ip=192.0.2.1 options=map[csum:true] type=geneve
			update Chassis c1 encaps=[woven_encap0]`, ``},
		{"the address is another chassis'", func(r *registration) { r.settings.Encap = encapOf("192.0.2.2") }, ``,
			`chassis hv1: tunnel address 192.0.2.2 belongs to chassis "hv2": not registered; if that one is gone, remove it with ovn-sbctl chassis-del`},
		{"another name", func(r *registration) { r.settings.Name, r.former = "hv9", "hv1" }, `
			delete Chassis c1
			delete ChassisPrivate p1
			insert Encap woven_encap0 chassis_name=hv9 ip=192.0.2.1 options=map[csum:true] type=geneve
			insert Chassis woven_chassis encaps=[woven_encap0] external_ids=map[datapath-type:system] hostname=host1 name=hv9 other_config=map[datapath-type:system]
			insert ChassisPrivate chassis=woven_chassis name=hv9 nb_cfg=7 nb_cfg_timestamp=1700000000123`, ``},
		{"no name", func(r *registration) { r.settings.Name = "" }, ``, ``},
		{"no tunnel address", func(r *registration) { r.settings.Encap.IPs = nil }, ``, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &registration{settings: testSettings(), rows: southRows(), now: testNow}
			c.change(r)
			before := maps.Clone(r.rows.Chassis)
			pieces, problems := r.pieces()
			var ops []ovsdb.Op
			for _, p := range pieces {
				ops = append(ops, p.ops...)
			}
			expectOps(t, ops, c.want)
			expectProblems(t, problems, c.problems)
			if !maps.Equal(before, r.rows.Chassis) {
				t.Error("the rows were changed")
			}
		})
	}
}

func TestNbCfgOf(t *testing.T) {
	north := func(n int) *nb.Rows { return &nb.Rows{NBGlobal: map[string]*nb.NBGlobal{"g": {NbCfg: n}}} }
	for _, c := range []struct {
		name  string
		north *nb.Rows
		south *sb.Rows
		want  int
		ok    bool
	}{
		{"equal", north(7), southRows(), 7, true},
		{"northd is behind", north(9), southRows(), 7, true},
		{"our copy of NB is behind", north(6), southRows(), 0, false},
		{"no NB_Global", &nb.Rows{}, southRows(), 0, false},
		{"no SB_Global", north(7), &sb.Rows{}, 0, false},
	} {
		if got, ok := nbCfgOf(c.north, c.south); got != c.want || ok != c.ok {
			t.Errorf("%s: %d, %v", c.name, got, ok)
		}
	}
}

func TestNbCfgOps(t *testing.T) {
	row := &sb.ChassisPrivate{UUID: "p1", NbCfg: 7}
	expectOps(t, nbCfgOps(row, 7, testNow), ``)
	expectOps(t, nbCfgOps(nil, 8, testNow), ``)
	expectOps(t, nbCfgOps(row, 8, testNow), `update ChassisPrivate p1 nb_cfg=8 nb_cfg_timestamp=1700000000123`)
	expectOps(t, nbCfgOps(row, 1, testNow), `update ChassisPrivate p1 nb_cfg=1 nb_cfg_timestamp=1700000000123`) // NB began anew

	bridge := &vsw.Bridge{UUID: "b", ExternalIDs: map[string]string{"ovn-nb-cfg": "7"}}
	expectOps(t, bridgeNbCfgOps(bridge, 7, testNow), ``)
	expectOps(t, bridgeNbCfgOps(nil, 7, testNow), ``)
	expectOps(t, bridgeNbCfgOps(bridge, 8, testNow), `update Bridge b external_ids:ovn-nb-cfg=8 external_ids:ovn-nb-cfg-ts=1700000000123`)
}
