package agent

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	router "woven.dev/woven/modules/router/config"
)

// Source answers questions about a running agent, from what its last round left and from the kernel's counters. Its
// methods may be called from any goroutine.
type Source struct {
	loop    *loop
	version string
}

// ObserveApplies has f called with the time that each apply of a desired state takes.
func (s *Source) ObserveApplies(f func(time.Duration)) { s.loop.applyObserver.Store(&f) }

// Live returns a channel that is closed when this process has made a first desired state live.
func (s *Source) Live() <-chan struct{} { return s.loop.firstLive }

// Status says how the agent is.
func (s *Source) Status() v1.Status {
	v := s.loop.published.Load()
	st := v1.Status{
		Node: or(v.settings.Hostname, s.loop.hostname), Version: s.version, Chassis: v.chassis, StartedAt: s.loop.started,
		Generation: v.live.generation, NBCfg: v1.NBCfg{Seen: int64(v.seen), Applied: int64(v.live.nbCfg)},
		Databases: []v1.Database{}, Problems: []v1.Problem{}, Tunnel: v.tunnel(),
	}
	for _, d := range v.databases {
		row := v1.Database{
			Name: d.name, Remote: or(d.status.Remote, strings.Join(d.remotes, ",")),
			Connected: d.status.Connected, Synced: d.status.Synced, Since: d.status.Since,
		}
		if !d.status.Connected && d.status.Err != nil {
			row.Error = d.status.Err.Error()
		}
		st.Databases = append(st.Databases, row)
	}
	for _, p := range v.problems {
		st.Problems = append(st.Problems, v1.Problem{Object: p.Object, Reason: p.Reason, Since: p.since})
	}
	for _, p := range v.ports() {
		switch p.State {
		case v1.PortUp:
			st.Ports.Up++
		case v1.PortDown:
			st.Ports.Down++
		case v1.PortWaiting:
			st.Ports.Waiting++
		case v1.PortFailed:
			st.Ports.Failed++
		case v1.PortUnplugged:
			st.Ports.Unplugged++
		}
	}
	return st
}

func (v *view) tunnel() *v1.Tunnel {
	n := v.live.network
	if n == nil || n.Tunnel == nil {
		return nil
	}
	var addrs []string
	for _, a := range n.Tunnel.Addrs {
		addrs = append(addrs, a.String())
	}
	t := &v1.Tunnel{Type: geneve, Address: strings.Join(addrs, ","), Devices: []string{}, Peers: []v1.Peer{}}
	for _, d := range n.Tunnel.Devices {
		t.Devices = append(t.Devices, d.Name)
	}
	links := v.linksByIndex()
	for _, name := range slices.Sorted(maps.Keys(n.Peers)) {
		p := n.Peers[name]
		t.Peers = append(t.Peers, v1.Peer{Chassis: p.Chassis, Address: p.Addr.String(), Device: links[p.Ifindex].Name, MTU: p.MTU})
	}
	return t
}

// Ports lists the ports of this node's switches, and those that its interfaces name, by name.
func (s *Source) Ports() ([]v1.Port, error) {
	list := s.loop.published.Load().ports()
	ports := make([]v1.Port, 0, len(list))
	for _, p := range list {
		var err error
		if p.Counters, p.Drops, err = s.portCounts(p.module, p.Key); err != nil {
			return nil, err
		}
		ports = append(ports, p.Port)
	}
	return ports, nil
}

// portCounts reads the counters of a port; those of a port that the data plane of this node has not are zero.
func (s *Source) portCounts(module string, key uint16) (v1.Counters, []v1.Drop, error) {
	c, err := s.loop.plane.Port(module, key)
	if errors.Is(err, hover.ErrUnknown) {
		return v1.Counters{}, []v1.Drop{}, nil
	}
	if err != nil {
		return v1.Counters{}, nil, err
	}
	counters := v1.Counters{RxPackets: c.Stats.RxPackets, RxBytes: c.Stats.RxBytes,
		TxPackets: c.Stats.TxPackets, TxBytes: c.Stats.TxBytes}
	return counters, dropsOf(c.Drops), nil
}

// Drops lists the drops of every datapath, by key; key 0 stands for packets of none.
func (s *Source) Drops() ([]v1.DatapathDrops, error) {
	drops, err := s.loop.plane.NodeDrops()
	if err != nil {
		return nil, err
	}
	list := []v1.DatapathDrops{{Drops: dropsOf(drops)}}
	for _, in := range s.loop.plane.Instances() {
		drops, err := s.loop.plane.Drops(in.Module.ID)
		if errors.Is(err, hover.ErrUnknown) {
			continue // it has just gone
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v1.DatapathDrops{Datapath: in.Module.Name, Key: in.Module.Key, Drops: dropsOf(drops)})
	}
	slices.SortFunc(list, func(a, b v1.DatapathDrops) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), strings.Compare(a.Datapath, b.Datapath))
	})
	return list, nil
}

func dropsOf(drops []hover.Drop) []v1.Drop {
	list := make([]v1.Drop, 0, len(drops))
	for _, d := range drops {
		list = append(list, v1.Drop{Module: d.Module, Reason: d.Reason, Text: d.Text, Packets: d.Packets})
	}
	return list
}

// Map says which OVN object is carried out by which module instance.
func (s *Source) Map() []v1.MapEntry {
	entries := []v1.MapEntry{}
	instances := s.loop.plane.Instances()
	all := linkedIn(instances)
	for _, in := range instances {
		e := v1.MapEntry{
			Object: v1.Object{Type: objectOf(in.Module.Kind), Name: in.Module.Name, UUID: in.Module.ID},
			Module: v1.Module{Kind: in.Module.Kind, Slot: in.Slot}, Key: in.Module.Key, Ports: []v1.MapPort{},
		}
		for _, p := range in.Module.Ports {
			e.Ports = append(e.Ports, mapPort(p, in.Ports[p.Key], all))
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b v1.MapEntry) int {
		return cmp.Or(strings.Compare(a.Object.Type, b.Object.Type), strings.Compare(a.Object.Name, b.Object.Name),
			strings.Compare(a.Object.UUID, b.Object.UUID))
	})
	return entries
}

// objectOf is the table of the OVN objects that instances of a module kind carry out, in lower case.
func objectOf(kind string) string {
	if kind == router.Kind {
		return "logical_router"
	}
	return "logical_switch"
}

func mapPort(p netstate.Port, slot uint32, all linked) v1.MapPort {
	m := v1.MapPort{Name: p.Name, Key: p.Key, Slot: slot, Nodes: p.Nodes, Peer: all.peer(p.Peer)}
	if p.Device != nil {
		m.Device = p.Device.Name
	}
	return m
}

// linked finds modules by ID.
type linked map[string]*netstate.Module

func linkedIn(instances []hover.Instance) linked {
	all := make(linked, len(instances))
	for _, in := range instances {
		all[in.Module.ID] = in.Module
	}
	return all
}

// peer is the other end of a link; nil when there is none.
func (all linked) peer(l *netstate.Link) *v1.MapPeer {
	if l == nil || all[l.Module] == nil {
		return nil
	}
	m := all[l.Module]
	i, found := slices.BinarySearchFunc(m.Ports, l.Key, func(p netstate.Port, key uint16) int { return cmp.Compare(p.Key, key) })
	if !found {
		return nil
	}
	return &v1.MapPeer{Module: m.Name, ModuleID: m.ID, Port: m.Ports[i].Name}
}
