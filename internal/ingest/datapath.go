package ingest

import (
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// Types of a Port_Binding that make up links between datapaths, ovn-sb(5).
const (
	patchType           = "patch"
	l3gatewayType       = "l3gateway"
	chassisredirectType = "chassisredirect"
)

// patches are the ports by which datapaths are linked.
type patches struct {
	byName     map[string]*sb.PortBinding   // of all three types
	byDatapath map[string][]*sb.PortBinding // of type patch
	// routerPorts are the Northbound rows by name.
	routerPorts map[string]*nb.RouterPort
}

// findPatches finds the ports that lead to other datapaths; the known ones when they are the same.
func (n *network) findPatches() {
	if n.same.patches {
		return
	}
	n.patches = patches{
		byName: map[string]*sb.PortBinding{}, byDatapath: map[string][]*sb.PortBinding{}, routerPorts: map[string]*nb.RouterPort{},
	}
	for _, pb := range n.SB.PortBinding {
		switch pb.Type {
		case patchType:
			n.patches.byDatapath[pb.Datapath] = append(n.patches.byDatapath[pb.Datapath], pb)
			n.patches.byName[pb.LogicalPort] = pb
		case chassisredirectType, l3gatewayType:
			n.patches.byName[pb.LogicalPort] = pb
		}
	}
	if len(n.patches.byName) > 0 {
		for _, row := range n.NB.LogicalRouterPort {
			n.patches.routerPorts[row.Name] = row
		}
	}
}

// peerOf is the port at the other end of a link; nil when there is none. Each end names the other.
func (n *network) peerOf(pb *sb.PortBinding) *sb.PortBinding {
	peer := n.patches.byName[pb.Options["peer"]]
	if peer == nil || portType(pb) != routerType || portType(peer) != routerType || peer.Options["peer"] != pb.LogicalPort || peer.Datapath == pb.Datapath {
		return nil
	}
	return peer
}

// crossed says whether a chassis follows a patch port, by ovn-controller 23.03's rule for local datapaths: any but that of a distributed
// gateway port through which everything goes to a gateway chassis (always-redirect of the chassisredirect port). A gateway chassis
// follows that one, too, but this chassis is none.
func (n *network) crossed(pb *sb.PortBinding) bool {
	name := pb.Options["chassis-redirect-port"]
	if name == "" {
		return true
	}
	redirect := n.patches.byName[name]
	if redirect == nil {
		return false
	}
	return redirect.Options["always-redirect"] != "true"
}

// reach adds to locals every datapath to which packets can come from those that are in it.
func (n *network) reach(locals map[string]bool) {
	queue := sortedKeys(locals)
	for len(queue) > 0 {
		uuid := queue[0]
		queue = queue[1:]
		for _, pb := range n.patches.byDatapath[uuid] {
			peer := n.peerOf(pb)
			if peer == nil || peer.Type != patchType || locals[peer.Datapath] || n.SB.DatapathBinding[peer.Datapath] == nil || !n.crossed(pb) {
				continue
			}
			locals[peer.Datapath] = true
			queue = append(queue, peer.Datapath)
		}
	}
}

// link is what a port that leads to another datapath has there; nil for another port, and when nothing is there.
func (n *network) link(pb *sb.PortBinding) *logical.Link {
	peer := n.peerOf(pb)
	if peer == nil || n.SB.DatapathBinding[peer.Datapath] == nil {
		return nil
	}
	l := &logical.Link{Datapath: peer.Datapath, Key: uint16(peer.TunnelKey), Router: isRouter(n.SB.DatapathBinding[peer.Datapath])}
	if row := n.patches.routerPorts[peer.LogicalPort]; row != nil && l.Router {
		a := routerPortAddresses(row)
		l.MAC, l.Networks = a.MAC, a.Prefixes
	}
	return n.links.keep(pb.UUID, l)
}

func isRouter(dp *sb.DatapathBinding) bool { return dp.ExternalIDs["logical-router"] != "" }
