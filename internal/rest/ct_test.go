package rest

import (
	"context"
	"reflect"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// asked is what a client wanted to see of the connections.
type asked struct {
	filter      hover.ConnectionFilter
	skip, limit int
}

func (f *fakeSource) Connections(filter hover.ConnectionFilter, skip, limit int) (v1.Connections, error) {
	f.asked = asked{filter, skip, limit}
	if filter.Port != "" && filter.Port != "p1" {
		return v1.Connections{}, hover.ErrUnknown
	}
	return f.connections, f.err
}

func (f *fakeSource) ConnectionZones() ([]v1.ConnectionZone, error) { return f.zones, f.err }

// What the source says of connections arrives at the client, and what the client asks for at the source.
func TestClientSeesConnections(t *testing.T) {
	source := &fakeSource{
		connections: v1.Connections{More: true, Connections: []v1.Connection{{Zone: "3/7", Port: "p1", Switch: "sw0", Protocol: "tcp",
			Source: "[fd00::1]:1000", Destination: "[fd00::2]:80", State: "established", Direction: "to-lport", Protected: true, Blocked: true,
			ExpiresIn: 432000, ACL: "8e5f", ACLName: "web", Label: 4294967295}}},
		zones: []v1.ConnectionZone{{Zone: "3/7", Port: "p1", Switch: "sw0", Established: 1, Limit: 4294967295, Refused: 2, PerSecond: 3}},
	}
	c := config(t, source)
	start(t, c)
	client, ctx := v1.NewClient(v1.SocketPath(c.RunDir)), context.Background()

	connections, err := client.Connections(ctx, v1.ConnectionFilter{Port: "p1", Zone: "3/7", Tuple: "tcp [fd00::1]:1000 *"}, 5, v1.MaxConnections)
	same(t, "connections", &source.connections, connections, err)
	want, err := hover.ParseConnectionFilter("p1", "3/7", "tcp [fd00::1]:1000 *")
	if !reflect.DeepEqual(source.asked, asked{want, 5, v1.MaxConnections}) || err != nil {
		t.Errorf("asked for %+v (%v), want %+v", source.asked, err, want)
	}
	zones, err := client.ConnectionZones(ctx)
	same(t, "zones", source.zones, zones, err)

	source.connections, source.zones = v1.Connections{}, nil
	connections, err = client.Connections(ctx, v1.ConnectionFilter{}, 0, v1.DefaultConnections)
	same(t, "no connections", &v1.Connections{Connections: []v1.Connection{}}, connections, err)
	if source.asked != (asked{limit: v1.DefaultConnections}) {
		t.Errorf("asked for %+v, want all", source.asked)
	}
	zones, err = client.ConnectionZones(ctx)
	same(t, "no zones", []v1.ConnectionZone{}, zones, err)
}
