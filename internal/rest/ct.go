package rest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// Tracking is what a Source shows of the tracked connections.
type Tracking interface {
	// Connections in order, from the skip-th one on, at most limit. A port that there is not gives hover.ErrUnknown.
	Connections(f hover.ConnectionFilter, skip, limit int) (v1.Connections, error)
	// ConnectionZones in ascending order.
	ConnectionZones() ([]v1.ConnectionZone, error)
}

// connectionQuery is which connections are asked for.
type connectionQuery struct {
	Port  string `query:"port" doc:"Logical port in whose zone they are"`
	Zone  string `query:"zone" doc:"Zone in which they are" example:"3/7"`
	Tuple string `query:"tuple" doc:"Protocol, source and destination: an address, an address with a port, or * for any" example:"tcp 10.0.0.1:1000 10.0.0.2:80"`
	Skip  int    `query:"skip" minimum:"0" default:"0" doc:"How many to leave out at the beginning; connections that come and go meanwhile move the others"`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"Largest number of connections to list"`
}

// Resolve implements huma.Resolver: it refuses what can't be understood.
func (q *connectionQuery) Resolve(huma.Context) (wrong []error) {
	for _, part := range []struct{ name, value, zone, tuple string }{{"zone", q.Zone, q.Zone, ""}, {"tuple", q.Tuple, "", q.Tuple}} {
		if _, err := hover.ParseConnectionFilter("", part.zone, part.tuple); err != nil {
			wrong = append(wrong, &huma.ErrorDetail{Location: "query." + part.name, Message: err.Error(), Value: part.value})
		}
	}
	return wrong
}

// registerTracking adds the resources that show tracked connections.
func registerTracking(api huma.API, source Source) {
	get(api, "connections", "/v1/connections", "Tracked connections, in ascending order of zone, protocol, source and destination",
		func(q *connectionQuery) (*one[v1.Connections], error) {
			f, err := hover.ParseConnectionFilter(q.Port, q.Zone, q.Tuple)
			if err != nil {
				return nil, huma.Error422UnprocessableEntity(err.Error())
			}
			list, err := source.Connections(f, q.Skip, q.Limit)
			if errors.Is(err, hover.ErrUnknown) {
				return nil, huma.Error404NotFound(fmt.Sprintf("no port %q on this node", q.Port))
			}
			if err != nil {
				return nil, huma.Error500InternalServerError(fmt.Sprintf("read connections: %v", err))
			}
			list.Connections = full(list.Connections)
			return &one[v1.Connections]{list}, nil
		}, http.StatusNotFound)
	get(api, "connection-zones", "/v1/connection-zones", "How many connections each port has, and may have, in ascending order of zone",
		func(*struct{}) (*list[v1.ConnectionZone], error) {
			return listOf("connection zones", source.ConnectionZones, func(z v1.ConnectionZone) v1.ConnectionZone { return z })
		})
}
