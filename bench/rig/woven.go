package rig

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/modules/std"
	"woven.dev/woven/sdk/iom"
)

// The logical switch of all paths: its datapath, and its tunnel key.
const (
	switchID = "6a3c1a52-0000-4000-8000-00000000000a"
	VNI      = 7
)

const floodGroup = 0x8000

// Node is a hypervisor that Woven runs on.
type Node struct {
	NS Netns
	// Pins is its directory on the bpffs.
	Pins string
	*hover.Hover
}

// Node starts Woven in a new namespace.
func (r *Rig) Node(attach hover.AttachMode) (*Node, error) {
	ns, err := r.netns("hv")
	if err != nil {
		return nil, err
	}
	return r.startWoven(ns, attach)
}

func (r *Rig) startWoven(ns Netns, attach hover.AttachMode) (*Node, error) {
	pins, err := r.pins(ns)
	if err != nil {
		return nil, err
	}
	n := &Node{NS: ns, Pins: pins}
	err = ns.Do(func() error {
		n.Hover, err = hover.Open(hover.Config{BPFFS: pins, Kinds: std.Kinds(), Attach: attach, Log: slog.New(slog.DiscardHandler)})
		return err
	})
	if err != nil {
		return nil, err
	}
	r.undo = append(r.undo, func() error { n.Hover.Close(); return nil })
	return n, nil
}

// Live makes a state live, all of it.
func (n *Node) Live(s *netstate.State) error {
	return n.NS.Do(func() error {
		res, err := n.Apply(context.Background(), s)
		if err != nil {
			return err
		}
		for _, f := range res.Failures {
			return f.Err
		}
		return nil
	})
}

// Device is an interface of the node.
func (n *Node) Device(name string) (netstate.Device, error) {
	d := netstate.Device{Name: name}
	err := n.NS.Do(func() error {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return fmt.Errorf("look up %s: %w", name, err)
		}
		d.Ifindex = i.Index
		return nil
	})
	return d, err
}

// Relay makes the node's relay pair and returns its tunnel end, without devices.
func (r *Rig) Relay(n *Node, addr netip.Addr) (*netstate.Tunnel, error) {
	err := n.NS.ip("link add br-int type veth peer woven0", "link set br-int addrgenmode none up", "link set woven0 addrgenmode none up")
	if err != nil {
		return nil, err
	}
	t := &netstate.Tunnel{Addrs: []netip.Addr{addr}}
	if t.RelayOut, err = n.Device("woven0"); err != nil {
		return nil, err
	}
	t.RelayIn, err = n.Device("br-int")
	return t, err
}

// Switch is a logical switch with its flood group and no ports.
func Switch() *netstate.Module {
	c := &config.Config{FloodGroup: floodGroup, Ports: map[uint16]config.Port{}, FDB: map[[6]byte]uint16{}, Neighbours: map[netip.Addr]config.Neighbour{}}
	return &netstate.Module{ID: switchID, Kind: config.Kind, Name: "bench", Key: VNI, Config: c,
		Groups: []netstate.Group{{Name: "_MC_flood", Key: floodGroup}}}
}

// AddPort gives the switch a port, which port security holds to its addresses.
func AddPort(m *netstate.Module, p netstate.Port, mac [6]byte, addrs ...netip.Addr) {
	c := m.Config.(*config.Config)
	m.Ports = append(m.Ports, p)
	m.Groups[0].Ports = append(m.Groups[0].Ports, p.Key)
	secured := config.Address{MAC: mac}
	for _, a := range addrs {
		secured.Prefixes = append(secured.Prefixes, netip.PrefixFrom(a, a.BitLen()))
		c.Neighbours[a] = config.Neighbour{MAC: mac, Port: p.Key}
	}
	c.Ports[p.Key] = config.Port{Enabled: true, Security: []config.Address{secured}}
	c.FDB[mac] = p.Key
}

func addEnd(m *netstate.Module, e End, p netstate.Port) {
	p.Name, p.Key = fmt.Sprintf("lp%d", e.number), uint16(e.number)
	if p.Device != nil {
		p.Device.PeerMAC = e.mac()
	}
	AddPort(m, p, e.mac(), e.IP4(), e.IP6())
}

// Woven joins two workloads on one node, by a switch with services.
func (r *Rig) Woven(name string, attach hover.AttachMode, services ...netstate.Service) (Path, error) {
	p, err := r.ends(name)
	if err != nil {
		return p, err
	}
	n, err := r.Node(attach)
	if err != nil {
		return p, err
	}
	m := Switch()
	m.Services = services
	for _, e := range []End{p.A, p.B} {
		dev := fmt.Sprintf("v%d", e.number)
		if err := r.plug(e, n.NS, dev, mtu); err != nil {
			return p, err
		}
		d, err := n.Device(dev)
		if err != nil {
			return p, err
		}
		addEnd(m, e, netstate.Port{Device: &d})
	}
	return p, n.Live(&netstate.State{Modules: map[string]*netstate.Module{m.ID: m}})
}

// Geneve joins two workloads on two nodes.
func (r *Rig) Geneve(name string, u *Underlay, attach hover.AttachMode) (Path, error) {
	p, err := r.ends(name)
	if err != nil {
		return p, err
	}
	var hosts [2]host
	for i := range hosts {
		if hosts[i], err = r.host(u); err != nil {
			return p, err
		}
	}
	for i, e := range []End{p.A, p.B} {
		if err := r.tunnelEnd(hosts[i], hosts[1-i], e, []End{p.B, p.A}[i], attach); err != nil {
			return p, err
		}
	}
	return p, nil
}

// tunnelEnd starts Woven on a host that has one workload and reaches the other one by a tunnel.
func (r *Rig) tunnelEnd(own, peer host, local, remote End, attach hover.AttachMode) error {
	if err := r.plug(local, own.ns, "v", tunnelMTU); err != nil {
		return err
	}
	n, err := r.startWoven(own.ns, attach)
	if err != nil {
		return err
	}
	tunnel, err := r.Relay(n, own.addr)
	if err != nil {
		return err
	}
	eth0, err := n.Device("eth0")
	if err != nil {
		return err
	}
	v, err := n.Device("v")
	if err != nil {
		return err
	}
	tunnel.Devices = []netstate.Device{eth0}
	m := Switch()
	ports := map[byte]netstate.Port{local.number: {Device: &v}, remote.number: {Nodes: []string{"peer"}}}
	for _, e := range []End{{number: 1}, {number: 2}} {
		addEnd(m, e, ports[e.number])
	}
	return n.Live(&netstate.State{
		Modules: map[string]*netstate.Module{m.ID: m},
		Nodes:   map[string]*netstate.Node{"peer": {Name: "peer", Addr: peer.addr, Local: own.addr, NextHop: peer.addr, Ifindex: eth0.Ifindex, MTU: mtu}},
		Tunnel:  tunnel,
	})
}

// Program opens a pinned program of the node.
func (n *Node) Program(name string) (*ebpf.Program, error) {
	p, err := ebpf.LoadPinnedProgram(filepath.Join(n.Pins, fmt.Sprintf("v%d", iom.ABI), "progs", n.Release(), name), nil)
	if err != nil {
		return nil, fmt.Errorf("open program %q: %w", name, err)
	}
	return p, nil
}

// Table opens a pinned table of the node.
func (n *Node) Table(name string) (*ebpf.Map, error) {
	spec, err := iom.NewSpec(std.Kinds())
	if err != nil {
		return nil, err
	}
	m, err := ebpf.LoadPinnedMap(filepath.Join(n.Pins, fmt.Sprintf("v%d", iom.ABI), "maps", spec.Layout, name), nil)
	if err != nil {
		return nil, fmt.Errorf("open table %q: %w", name, err)
	}
	return m, nil
}
