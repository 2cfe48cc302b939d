package agent

import (
	"net/netip"
	"time"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom/ct"
)

// Connections lists tracked connections that are meant, from the skip-th one on. A port that there is not gives hover.ErrUnknown.
func (s *Source) Connections(f hover.ConnectionFilter, skip, limit int) (v1.Connections, error) {
	list, more, err := s.loop.connections.List(f, skip, limit)
	if err != nil {
		return v1.Connections{}, err
	}
	return v1.Connections{Connections: ViewConnections(list), More: more}, nil
}

// ConnectionZones lists what is known of each port's connections as a whole.
func (s *Source) ConnectionZones() ([]v1.ConnectionZone, error) {
	zones, err := s.loop.connections.Zones()
	return ViewZones(zones), err
}

// ViewConnections are connections as people see them.
func ViewConnections(list []hover.Connection) []v1.Connection {
	out := make([]v1.Connection, len(list))
	for i, c := range list {
		out[i] = v1.Connection{
			Zone: c.Zone.String(), Port: c.Port, Switch: c.Instance, Protocol: c.Proto.String(), Source: endText(c.Proto, c.From),
			Destination: endText(c.Proto, c.To), State: c.Progress, Direction: "from-lport", Protected: c.Established, Blocked: c.Blocked,
			ExpiresIn: int64(c.Left / time.Second), Label: c.Label,
		}
		out[i].ACL, out[i].ACLName = identity(c.Object)
		if c.Egress {
			out[i].Direction = "to-lport"
		}
	}
	return out
}

// identity is the UUID and the name of a row by which it was decided, as far as its text tells.
func identity(object string) (uuid, name string) {
	rows := netstate.ParseRows(object)
	if len(rows) == 0 {
		return "", ""
	}
	for _, c := range rows[0].Columns {
		switch c.Name {
		case "uuid":
			uuid = c.Value
		case "name":
			name = c.Value
		}
	}
	return uuid, name
}

// endText is an end of a connection: without a port where its protocol has none.
func endText(p ct.Protocol, at netip.AddrPort) string {
	if at.Port() == 0 && !p.HasPorts() {
		return at.Addr().String()
	}
	return at.String()
}

// ViewZones are zones as people see them.
func ViewZones(list []hover.ZoneCount) []v1.ConnectionZone {
	out := make([]v1.ConnectionZone, len(list))
	for i, z := range list {
		out[i] = v1.ConnectionZone{Zone: z.Zone.String(), Port: z.Port, Switch: z.Instance, Established: z.Established, Limit: z.Limit,
			Refused: z.Refused, PerSecond: z.PerSecond}
	}
	return out
}
