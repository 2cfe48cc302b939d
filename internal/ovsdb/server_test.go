package ovsdb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUsable(t *testing.T) {
	cluster, index := "cluster", 7
	member := serverRow{Connected: true, Cluster: &cluster, Index: &index}
	lost := member
	lost.Connected = false
	got := make(map[string]bool)
	for name, c := range map[string]struct {
		row    serverRow
		newest position
	}{
		"standalone":                      {serverRow{Connected: true}, position{}},
		"standalone after a cluster":      {serverRow{Connected: true}, position{"cluster", 9}},
		"relay without source":            {serverRow{}, position{}},
		"member":                          {member, position{}},
		"member after as new a one":       {member, position{"cluster", 7}},
		"member after a newer one":        {member, position{"cluster", 8}},
		"member of another cluster":       {member, position{"former", 8}},
		"member that has lost its leader": {lost, position{}},
	} {
		got[name] = c.row.usable(c.newest) == nil
	}
	want := map[string]bool{"standalone": true, "standalone after a cluster": true, "relay without source": false, "member": true,
		"member after as new a one": true, "member after a newer one": false, "member of another cluster": true,
		"member that has lost its leader": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("usable (-want +got):\n%s", diff)
	}
}
