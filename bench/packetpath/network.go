package packetpath

import (
	"fmt"
	"net/netip"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/acl/config"
	l2config "woven.dev/woven/modules/l2switch/config"
	rconfig "woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom/match"
)

// Network is what the flows cross.
type Network struct {
	// ACLs of each switch in each direction, stateful; the last of them allows all flows. 0: none.
	ACLs int
	// Routed: the ports here are one half in a switch, the other half in another one, and a router is between them. All flows go from one to the
	// other. Otherwise there is one switch, which has ports on other nodes, too.
	Routed bool
}

// services are those of each switch. Like the rules of security groups the ACLs are about the ports of workloads, a group, and not about one that
// leads to a router, which has the key untracked; 0: there is none.
func (n Network) services(untracked uint16) []netstate.Service {
	if n.ACLs == 0 {
		return nil
	}
	var members []match.Prefix
	for key := uint16(1); key <= 2*flows; key++ {
		members = append(members, match.Key(key))
	}
	group := match.NewSet("@group", members)
	c := &config.Config{Stateful: true, FromLport: n.list(match.Term{Dim: match.InPort, Sets: []*match.Set{group}}),
		ToLport: n.list(match.Term{Dim: match.OutPort, Sets: []*match.Set{group}})}
	if untracked != 0 {
		c.Untracked = []uint16{untracked}
	}
	return []netstate.Service{{Kind: config.Kind, Config: c}}
}

// list are the ACLs of one direction, about ports that member tells.
func (n Network) list(member match.Term) []config.ACL {
	var list []config.ACL
	for i := range n.ACLs - 1 {
		port := match.NewSet("", []match.Prefix{match.Key(uint16(20000 + i))})
		list = append(list, config.ACL{ID: fmt.Sprint("port ", i), Action: config.Allow,
			Rules: []match.Rule{{Terms: []match.Term{member, {Dim: match.DstPort, Sets: []*match.Set{port}}}}}})
	}
	return append(list, config.ACL{ID: "all", Action: config.Allow, Rules: []match.Rule{{Terms: []match.Term{member}}}})
}

// addPort adds a port with its addresses. All ports of this node sit on one device; a test run says which of them it is just now.
func addPort(m *netstate.Module, key uint16) {
	port := netstate.Port{Name: fmt.Sprintf("lp%d", key), Key: key}
	if key <= flows {
		port.Device = &netstate.Device{Name: "lo", Ifindex: loopback, PeerMAC: mac(key)}
	} else {
		port.Nodes = []string{fmt.Sprintf("peer%d", peerOf(key))}
	}
	rig.AddPort(m, port, mac(key), addr(key))
}

// switched is a network of one switch.
func (n Network) switched(tunnel *netstate.Tunnel) *netstate.State {
	m := rig.Switch()
	m.Services = n.services(0)
	s := &netstate.State{Modules: map[string]*netstate.Module{m.ID: m}, Nodes: map[string]*netstate.Node{}, Tunnel: tunnel}
	for peer := range peers {
		name := fmt.Sprintf("peer%d", peer)
		s.Nodes[name] = &netstate.Node{Name: name, Addr: peerAddr(peer), Local: nodeAddr, NextHop: peerAddr(peer), Ifindex: loopback, MTU: 1500}
	}
	for key := uint16(1); key <= 2*flows; key++ {
		addPort(m, key)
	}
	return s
}

// The router: its datapath, its tunnel key, the keys of its ports in the switches, and the address that it has in both.
const (
	routerID  = "6a3c1a52-0000-4000-8000-0000000002ff"
	routerVNI = 99
	routerKey = 3 * flows
)

var routerMAC = [6]byte{0x0a, 1}

// routed is a network of two switches with a router.
func (n Network) routed() *netstate.State {
	c := &rconfig.Config{Ports: map[uint16]rconfig.Port{}, Neighbours: map[rconfig.Neighbour][6]byte{}}
	router := &netstate.Module{ID: routerID, Kind: rconfig.Kind, Name: "router", Key: routerVNI, Config: c}
	s := &netstate.State{Modules: map[string]*netstate.Module{routerID: router}}
	for i := range 2 {
		m := rig.Switch()
		m.ID, m.Key, m.Services = fmt.Sprintf("6a3c1a52-0000-4000-8000-0000000002%02x", i), uint32(100+i), n.services(routerKey)
		s.Modules[m.ID] = m
		key := uint16(i + 1)
		gateway := netip.AddrFrom4([4]byte{10, byte(i), 255, 254})
		c.Ports[key] = rconfig.Port{Enabled: true, MAC: routerMAC, Networks: []netip.Prefix{netip.PrefixFrom(gateway, 16)}}
		router.Ports = append(router.Ports, netstate.Port{Name: fmt.Sprint("lrp", i), Key: key, Peer: &netstate.Link{Module: m.ID, Key: routerKey}})
		for port := uint16(i*flows/2 + 1); half(port) == i; port++ {
			addPort(m, port)
			c.Neighbours[rconfig.Neighbour{Port: key, Addr: addr(port)}] = mac(port)
		}
		m.Ports = append(m.Ports, netstate.Port{Name: fmt.Sprint("to-lrp", i), Key: routerKey, Peer: &netstate.Link{Module: routerID, Key: key}})
		sw := m.Config.(*l2config.Config)
		sw.Ports[routerKey] = l2config.Port{Enabled: true}
		sw.FDB[routerMAC] = routerKey
	}
	return s
}
