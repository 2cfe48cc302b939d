package rig

import (
	"fmt"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch/config"
)

// Neighbours are two tenants of one node: a path between two workloads, and a noisy workload with its own crowd.
type Neighbours struct {
	Path
	// Noisy has a port with unknown addresses, without port security, in a switch of its own.
	Noisy End
	// Drain is a workload at the end of a plain veth, where nobody listens.
	Drain End
	node  *Node
	state *netstate.State
}

// FloodLimit is what an agent sets when nobody asks for another one.
const FloodLimit = 50_000

// LimitFloods sets another limit.
func (n *Neighbours) LimitFloods(perSecond uint32) error {
	n.state = &netstate.State{Modules: n.state.Modules, FloodLimit: perSecond}
	return n.node.Live(n.state)
}

// The crowd's switch: its datapath, and its tunnel key.
const (
	crowdID  = "6a3c1a52-0000-4000-8000-00000000000b"
	crowdVNI = 8
)

const unknownGroup = 0x8001

// Neighbours builds them on one node; the crowd has that many ports.
func (r *Rig) Neighbours(crowd int) (*Neighbours, error) {
	p, err := r.ends("neighbours")
	if err != nil {
		return nil, err
	}
	node, err := r.Node(hover.AttachTCX)
	if err != nil {
		return nil, err
	}
	n := &Neighbours{Path: p, node: node, state: &netstate.State{Modules: map[string]*netstate.Module{}, FloodLimit: FloodLimit}}
	quiet := Switch()
	for _, e := range []End{p.A, p.B} {
		dev := fmt.Sprintf("v%d", e.number)
		if err := r.plug(e, node.NS, dev, mtu); err != nil {
			return nil, err
		}
		d, err := node.Device(dev)
		if err != nil {
			return nil, err
		}
		addEnd(quiet, e, netstate.Port{Device: &d})
	}
	n.state.Modules[quiet.ID] = quiet
	if err := r.addCrowd(n, crowd); err != nil {
		return nil, err
	}
	if err := r.addDrain(n); err != nil {
		return nil, err
	}
	return n, node.Live(n.state)
}

// addCrowd makes the noisy workload, and a switch of it and size others, whose devices end in one namespace.
func (r *Rig) addCrowd(n *Neighbours, size int) error {
	ends, err := r.ends("crowd")
	if err != nil {
		return err
	}
	n.Noisy = ends.A
	if err := r.plug(n.Noisy, n.node.NS, "noisy", mtu); err != nil {
		return err
	}
	var add, up []string
	for i := range size {
		add = append(add, fmt.Sprintf("link add c%d mtu %d type veth peer c%d netns %s", i, mtu, i, ends.B.NS),
			fmt.Sprintf("link set c%d addrgenmode none up", i))
		up = append(up, fmt.Sprintf("link set c%d addrgenmode none up", i))
	}
	if err := n.node.NS.ip(add...); err != nil {
		return err
	}
	if err := ends.B.NS.ip(up...); err != nil {
		return err
	}
	m, err := crowdSwitch(n.node, size)
	n.state.Modules[crowdID] = m
	return err
}

// crowdSwitch snoops on multicast, and all of its ports have unknown addresses.
func crowdSwitch(node *Node, size int) (*netstate.Module, error) {
	c := &config.Config{FloodGroup: floodGroup, UnknownGroup: unknownGroup, Snooping: &config.Snooping{}, Ports: map[uint16]config.Port{}}
	m := &netstate.Module{ID: crowdID, Kind: config.Kind, Name: "crowd", Key: crowdVNI, Config: c}
	var keys []uint16
	for i := range size + 1 {
		name := "noisy"
		if i > 0 {
			name = fmt.Sprintf("c%d", i-1)
		}
		d, err := node.Device(name)
		if err != nil {
			return nil, err
		}
		key := uint16(i + 1)
		m.Ports = append(m.Ports, netstate.Port{Name: name, Key: key, Device: &d})
		c.Ports[key] = config.Port{Enabled: true, Learn: true}
		keys = append(keys, key)
	}
	m.Groups = []netstate.Group{{Name: "_MC_flood", Key: floodGroup, Ports: keys}, {Name: "_MC_unknown", Key: unknownGroup, Ports: keys}}
	return m, nil
}

// addDrain makes the drain: what it sends ends in a namespace that knows none of it.
func (r *Rig) addDrain(n *Neighbours) error {
	p, err := r.Veth("drain")
	n.Drain = p.A
	if err != nil {
		return err
	}
	return p.B.NS.ip("addr flush dev eth0")
}
