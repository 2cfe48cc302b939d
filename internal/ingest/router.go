package ingest

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// localRouter is the rows of a logical router that packets can reach from here.
type localRouter struct {
	datapath   *sb.DatapathBinding
	row        *nb.LogicalRouter // nil when the Northbound database has none
	neighbours []neighbourRow    // none when the known ones count
	known      *knownRouter
}

// knownRouter is what a Reader remembers of a router.
type knownRouter struct {
	result     *logical.Router
	bindings   []*sb.PortBinding // in ascending order of key; nil: not found yet
	neighbours *knownNeighbours  // nil: not read yet
	routes     rowList[nb.StaticRoute, logical.StaticRoute]
	policies   rowList[nb.RouterPolicy, logical.Policy]
}

func (n *network) newLocalRouter(dp *sb.DatapathBinding) *localRouter {
	known := n.knownRouters.get(dp.UUID, func() *knownRouter { return &knownRouter{} })
	return &localRouter{datapath: dp, row: n.NB.LogicalRouter[dp.ExternalIDs["logical-router"]], known: known}
}

// readRouters reads the routers.
func (n *network) readRouters() map[string]*logical.Router {
	out := make(map[string]*logical.Router, len(n.routers))
	for uuid, l := range n.routers {
		out[uuid] = n.readRouter(l)
	}
	return out
}

// readRouter is the router that the rows describe: the known one if that is equal.
func (n *network) readRouter(l *localRouter) *logical.Router {
	known := l.known
	r := &logical.Router{
		UUID:   l.datapath.UUID,
		NBUUID: l.datapath.ExternalIDs["logical-router"],
		Name:   l.datapath.ExternalIDs["name"],
		Key:    uint32(l.datapath.TunnelKey),
		Ports:  n.readRouterPorts(known.bindings),
	}
	r.Neighbours = n.neighbours(l, r.Ports)
	if l.row != nil {
		r.Name = l.row.Name
		r.Enabled = l.row.Enabled == nil || *l.row.Enabled
		r.IgnoreARPRequests = l.row.Options["always_learn_from_arp_request"] == "false"
		r.DynamicRouters = l.row.Options["dynamic_neigh_routers"] == "true"
		r.Copp = n.copp(l.row.Copp)
		known.routes.update(l.row.StaticRoutes, n.NB.LogicalRouterStaticRoute, readRoute)
		known.policies.update(l.row.Policies, n.NB.LogicalRouterPolicy, readPolicy)
		r.Routes = known.routes.values
		r.Policies = slices.Clone(known.policies.values)
		slices.SortStableFunc(r.Policies, func(a, b *logical.Policy) int { return cmp.Compare(b.Priority, a.Priority) })
		n.Problems = append(append(n.Problems, known.routes.problems...), known.policies.problems...)
		n.checkRouter(l.row)
	}
	known.result = keepEqual(known.result, r, sameRouter)
	n.mentionRouter(known.result)
	return known.result
}

// readRouterPorts reads the ports of bindings, in their order. A chassisredirect port stands for a port that has a binding of
// its own.
func (n *network) readRouterPorts(bindings []*sb.PortBinding) []*logical.RouterPort {
	ports := make([]*logical.RouterPort, 0, len(bindings))
	for _, pb := range bindings {
		if pb.Type != chassisredirectType {
			ports = append(ports, n.readRouterPort(pb))
		}
	}
	return ports
}

// compareKeys orders ports by key. Two have the same one only in rows of different moments.
func compareKeys(a, b uint16, uuidA, uuidB string) int {
	if a != b {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(uuidA, uuidB)
}

// sameRouter says whether two routers are equal, their ports, routes and policies being the same pointers.
func sameRouter(a, b *logical.Router) bool {
	x, y := *a, *b
	x.Ports, x.Routes, x.Policies, x.Neighbours = nil, nil, nil, nil
	y.Ports, y.Routes, y.Policies, y.Neighbours = nil, nil, nil, nil
	return reflect.DeepEqual(x, y) && slices.Equal(a.Ports, b.Ports) && slices.Equal(a.Routes, b.Routes) &&
		slices.Equal(a.Policies, b.Policies) && slices.Equal(a.Neighbours, b.Neighbours)
}

// routerOptions are those that are carried out, or are the business of ovn-northd, which forgets learned neighbours (mac_binding_*).
var routerOptions = []string{
	"always_learn_from_arp_request", "dynamic_neigh_routers", "mac_binding_age_threshold", "mac_binding_removal_limit", "requested-tnl-key",
}

// checkRouter notes what Woven does not do of what a row of Logical_Router asks for.
func (n *network) checkRouter(lr *nb.LogicalRouter) {
	for _, c := range []struct {
		asked  bool
		reason string
	}{
		{len(lr.Nat) > 0, "nat rules are not supported yet: addresses are not translated, and external ones are not answered"},
		{len(lr.LoadBalancer)+len(lr.LoadBalancerGroup) > 0,
			"load balancers are not supported yet: packets to their addresses are routed unchanged"},
		{lr.Options["mcast_relay"] == "true", "options:mcast_relay is not supported yet: IP multicast is not routed"},
		{lr.Options["chassis"] != "", "gateway routers (options:chassis) are not supported yet: nothing is routed"},
	} {
		if c.asked {
			n.Add("logical_router", lr.Name, "%s", c.reason)
		}
	}
	for _, key := range sortedKeys(lr.Options) {
		switch {
		case slices.Contains(routerOptions, key), key == "mcast_relay", key == "chassis":
		case key == "snat-ct-zone", strings.HasSuffix(key, "_force_snat_ip"):
			n.Add("logical_router", lr.Name, "options:%s is not supported yet: addresses are not translated", logical.Quote(key))
		default:
			n.Add("logical_router", lr.Name, "options:%s is not known to Woven: it is ignored", logical.Quote(key))
		}
	}
}
