package v1

import (
	"context"
	"fmt"
	"net/url"
)

// DefaultConnections and MaxConnections bound how many connections are listed at a time.
const (
	DefaultConnections = 100
	MaxConnections     = 10000
)

// Connections are tracked connections: GET /v1/connections.
type Connections struct {
	Connections []Connection `json:"connections" nullable:"false" doc:"In ascending order of zone, protocol, source and destination"`
	More        bool         `json:"more" doc:"There are more of them than the limit let through"`
}

// Connection is a tracked connection as one zone sees it: two ports of this node that talk have it in both their zones.
type Connection struct {
	Zone        string `json:"zone" example:"3/7" doc:"Zone of connections: slot of the instance and key of the port"`
	Port        string `json:"port" doc:"Logical port whose zone it is"`
	Switch      string `json:"switch" doc:"Logical switch of the port"`
	Protocol    string `json:"protocol" example:"tcp" doc:"Name or number of the IP protocol"`
	Source      string `json:"source" example:"10.0.0.1:1000" doc:"Who began it: address, and port or the identifier of an echo"`
	Destination string `json:"destination" example:"10.0.0.2:80" doc:"The other end, likewise"`
	State       string `json:"state" enum:"asked,answered,established,closing,closed" doc:"How far it is"`
	Direction   string `json:"direction" enum:"from-lport,to-lport" doc:"Whether the port sent its first packet, or got it"`
	Protected   bool   `json:"protected" doc:"It has a place among the established ones: a flood of others does not make it be forgotten"`
	Blocked     bool   `json:"blocked" doc:"It was allowed, and is no more: nothing of it passes"`
	ExpiresIn   int64  `json:"expiresIn" doc:"Seconds until it is forgotten, if nothing comes"`
	ACL         string `json:"acl,omitempty" doc:"UUID of the ACL that decided on it last; absent for the default"`
	ACLName     string `json:"aclName,omitempty" doc:"Its name, if it has one"`
	Label       uint32 `json:"label,omitempty" doc:"Label that the ACL gave it"`
}

// ConnectionZone is what is known of the connections of a port as a whole: GET /v1/connection-zones.
type ConnectionZone struct {
	Zone        string `json:"zone" example:"3/7" doc:"Slot of the instance and key of the port"`
	Port        string `json:"port" doc:"Logical port whose zone it is"`
	Switch      string `json:"switch" doc:"Logical switch of the port"`
	Established uint32 `json:"established" doc:"Connections that have a place among the established ones"`
	Limit       uint32 `json:"limit" doc:"How many may have; the largest number stands for no limit"`
	Refused     uint32 `json:"refused" doc:"Connections that found no place: they work, but may be forgotten when many begin"`
	PerSecond   uint32 `json:"perSecond" doc:"Connections that begin within a second"`
}

// ConnectionFilter says which connections are meant: those for which all that is set holds.
type ConnectionFilter struct {
	// Port is a logical port, Zone one as Connection has it.
	Port, Zone string
	// Tuple is "PROTOCOL [SOURCE [DESTINATION]]", each of the latter an address, an address with a port, or * for any.
	Tuple string
}

// Connections asks for at most limit connections, 1 to MaxConnections, after the first skip ones. A port that there is not gives an *Error with
// status 404.
func (c *Client) Connections(ctx context.Context, f ConnectionFilter, skip, limit int) (*Connections, error) {
	query := url.Values{"skip": {fmt.Sprint(skip)}, "limit": {fmt.Sprint(limit)}}
	for name, value := range map[string]string{"port": f.Port, "zone": f.Zone, "tuple": f.Tuple} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return get[*Connections](ctx, c, "/v1/connections?"+query.Encode())
}

// ConnectionZones asks for the zones that ever had a connection, in ascending order.
func (c *Client) ConnectionZones(ctx context.Context) ([]ConnectionZone, error) {
	return get[[]ConnectionZone](ctx, c, "/v1/connection-zones")
}
