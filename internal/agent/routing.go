package agent

import (
	"net/netip"
	"time"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/internal/slowpath/ra"
	"woven.dev/woven/modules/router/config"
)

const (
	// heardFor is how long a neighbour that was heard of is offered to the Southbound database, should that refuse it or be away.
	heardFor = time.Minute
	// maxHeardOps bounds how many rows of MAC_Binding a round changes.
	maxHeardOps = 256
)

// routing is what a round leaves for the next about routers.
type routing struct {
	heard   map[bindingKey]heardNeighbour
	adverts map[*logical.RouterPort]readyAdvert
}

// bindingKey is the index of MAC_Binding.
type bindingKey struct{ port, ip string }

type heardNeighbour struct {
	datapath, mac string
	until         time.Time
}

// readyAdvert is what a port advertises, and what of its settings could not be read.
type readyAdvert struct {
	config   *ra.Config
	problems []error
}

// keepRouting tells the user-space part of the routers what there is, and returns what the Southbound database is to be told of the
// neighbours that they heard of: from there they come to the routers of all nodes.
func (l *loop) keepRouting(r *round, instances []hover.Instance) []piece {
	routers := map[string]slowpath.Router{}
	adverts := map[*logical.RouterPort]readyAdvert{}
	names := map[string]map[uint16]string{}
	for _, in := range instances {
		row := l.live.network.Routers[in.Module.ID]
		if row == nil {
			continue
		}
		router := slowpath.Router{Slot: in.Slot, Ports: make(map[uint16]slowpath.RouterPort, len(row.Ports)), Known: knownTo(in.Module)}
		names[in.Module.ID] = make(map[uint16]string, len(row.Ports))
		for _, p := range row.Ports {
			slot, linked := in.Ports[p.Key]
			if !linked {
				continue
			}
			ready, known := l.routing.adverts[p]
			if !known {
				ready = advertOf(p)
			}
			adverts[p] = ready
			for _, err := range ready.problems {
				r.problems.Add("logical_router_port", p.Name, "ipv6_ra_configs: %v", err)
			}
			router.Ports[p.Key] = slowpath.RouterPort{Slot: slot, MAC: p.MAC, Networks: p.Networks, MTU: int(p.MTU), RA: ready.config}
			names[in.Module.ID][p.Key] = p.Name
		}
		routers[in.Module.ID] = router
	}
	l.routing.adverts = adverts
	l.routers.Configure(l.relay(), routers)
	for _, n := range l.routers.Heard() {
		if name := names[n.Router][n.Port]; name != "" {
			l.routing.heard[bindingKey{name, n.Addr.String()}] = heardNeighbour{n.Router, logical.MAC(n.MAC), r.now.Add(heardFor)}
		}
	}
	return l.bindingsHeard(r)
}

// knownTo finds the neighbours in a router's configuration. One that could not be configured knows nobody.
func knownTo(router *netstate.Module) func(uint16, netip.Addr) ([6]byte, bool) {
	live, ok := router.Config.(*config.Config)
	if !ok {
		live = &config.Config{}
	}
	return func(port uint16, a netip.Addr) ([6]byte, bool) {
		mac, known := live.Neighbours[config.Neighbour{Port: port, Addr: a}]
		return mac, known
	}
}

// relay is the ifindex of the device that takes frames back into the network; 0: there is none.
func (l *loop) relay() int {
	if l.live.state == nil || l.live.state.Tunnel == nil {
		return 0
	}
	return l.live.state.Tunnel.RelayOut.Ifindex
}

// advertOf makes a port's advertisement.
func advertOf(p *logical.RouterPort) readyAdvert {
	if p.RA == nil {
		return readyAdvert{}
	}
	s := ra.Settings{
		MAC: p.MAC, Networks: p.Networks, MTU: p.RA.MTU, Preference: uint8(p.RA.Preference), Search: p.RA.DNSSL,
		Managed: p.RA.Mode == logical.RADHCPv6Stateful, Other: p.RA.Mode == logical.RADHCPv6Stateless,
		Periodic: p.RA.Periodic, MinInterval: time.Duration(p.RA.MinInterval) * time.Second, MaxInterval: time.Duration(p.RA.MaxInterval) * time.Second,
	}
	if p.RA.RDNSS.IsValid() {
		s.DNS = append(s.DNS, p.RA.RDNSS)
	}
	for _, route := range p.RA.Routes {
		s.Routes = append(s.Routes, ra.Route{Prefix: route.Prefix, Preference: uint8(route.Preference)})
	}
	config, problems := ra.NewConfig(s)
	return readyAdvert{&config, problems}
}

// bindingsHeard are the pieces that make MAC_Binding what was heard, until it is.
func (l *loop) bindingsHeard(r *round) []piece {
	if len(l.routing.heard) == 0 {
		return nil
	}
	have := map[bindingKey]*sb.MACBinding{}
	for _, row := range r.sb.MACBinding {
		have[bindingKey{row.LogicalPort, row.IP}] = row
	}
	var pieces []piece
	for key, n := range l.routing.heard {
		row := have[key]
		if row != nil && row.MAC == n.mac || r.now.After(n.until) {
			delete(l.routing.heard, key)
			continue
		}
		if len(pieces) == maxHeardOps {
			continue
		}
		stamp := int(r.now.UnixMilli())
		op := ovsdb.Op{Kind: ovsdb.Insert, Row: &sb.MACBinding{LogicalPort: key.port, IP: key.ip, MAC: n.mac, Datapath: n.datapath, Timestamp: stamp}}
		if row != nil {
			op = ovsdb.Op{Kind: ovsdb.Update, Columns: []string{"mac", "timestamp"}, Row: &sb.MACBinding{UUID: row.UUID, MAC: n.mac, Timestamp: stamp}}
		}
		pieces = append(pieces, piece{subject{"mac_binding", key.ip + " at " + key.port}, []ovsdb.Op{op}})
	}
	return pieces
}
