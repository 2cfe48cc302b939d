package rest

import (
	"context"
	"errors"
	"net/http"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// ACLs knows the switches of f.acls, and the port p.
func (f *fakeSource) ACLs(of v1.ACLFilter) (list []v1.ACL, err error) {
	for _, a := range f.acls {
		if of.Switch == "" || of.Switch == a.Switch {
			list = append(list, a)
		}
	}
	if of.Port != "" && of.Port != "p" || of.Switch != "" && len(list) == 0 {
		return nil, hover.ErrUnknown
	}
	return list, f.err
}

func TestACLs(t *testing.T) {
	full := v1.ACL{Switch: "a b&c", UUID: "u1", Name: "n", PortGroup: "pg", Direction: "from-lport", AfterLB: true, Tier: 3, Priority: 1000, Match: `inport == "p"`,
		Action: "allow-related", Label: 1<<32 - 1, Log: true, Enforced: true, Hits: 1 << 63}
	bare := v1.ACL{Switch: "other", UUID: "u2", Direction: "to-lport", Action: "drop"}
	source := &fakeSource{acls: []v1.ACL{full, bare}}
	c := config(t, source)
	start(t, c)
	client, ctx := v1.NewClient(v1.SocketPath(c.RunDir)), context.Background()
	for _, tt := range []struct {
		of   v1.ACLFilter
		want []v1.ACL
	}{
		{v1.ACLFilter{}, []v1.ACL{full, bare}}, {v1.ACLFilter{Switch: "a b&c", Port: "p"}, []v1.ACL{full}}, {v1.ACLFilter{Port: "p"}, []v1.ACL{full, bare}},
	} {
		acls, err := client.ACLs(ctx, tt.of)
		same(t, "ACLs", tt.want, acls, err)
	}
	for _, of := range []v1.ACLFilter{{Switch: "nosuch"}, {Port: "nosuch"}} {
		var problem *v1.Error
		if _, err := client.ACLs(ctx, of); !errors.As(err, &problem) || problem.Status != http.StatusNotFound {
			t.Errorf("%+v: %v, want not found", of, err)
		}
	}
	source.err = errors.New("no such table")
	var problem *v1.Error
	if _, err := client.ACLs(ctx, v1.ACLFilter{}); !errors.As(err, &problem) || problem.Status != http.StatusInternalServerError {
		t.Errorf("%v, want that the server could not read", err)
	}
}
