package hover

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// numbers are the slots of the data plane and what they stand for.
type numbers struct {
	dps     *slots                        // by instanceID
	ports   *slots                        // by portKey
	nodes   *slots                        // by address
	nodeOf  map[string]string             // chassis name -> address as in nodes
	members map[wire.GroupKey]*memberSet  // by group, Index 0
	local   map[uint32]map[uint16]uint32  // ports of this node: slot by instance slot and key
	refs    map[uint32]map[uint16]iom.Ref // ways to all ports that are plugged somewhere, likewise
	ids     sync.Map                      // module ID by instance slot, for any goroutine
	// adopted are the instances that earlier runs left, by dpKey, until their rows are pruned; then nil. Until then no number is given back: rows
	// that nobody owns may lead to it.
	adopted map[string]bool
	// bindArray is the size of iom_bindings: larger ifindexes are in iom_bindings_high.
	bindArray uint32
}

func newNumbers(spec *iom.Spec) *numbers {
	size := func(table string) uint32 { return spec.Maps[table].MaxEntries }
	return &numbers{dps: newSlots("instance", size("iom_dps")), ports: newSlots("port", size("iom_ports")),
		nodes: newSlots("tunnel peer", size("iom_nodes")), nodeOf: map[string]string{}, members: map[wire.GroupKey]*memberSet{}, local: map[uint32]map[uint16]uint32{},
		refs: map[uint32]map[uint16]iom.Ref{}, bindArray: size("iom_bindings")}
}

// memberSet gives the members of a group their places in iom_members. A place stays with its member: moving one would
// lose or double a copy for a packet under way.
type memberSet struct {
	places map[iom.Ref]uint16
}

// arrange keeps the places of members that stay, fills holes with new ones, and returns how many places to visit.
func (s *memberSet) arrange(want []iom.Ref) (count uint32) {
	places, taken := map[iom.Ref]uint16{}, map[uint16]bool{}
	for _, ref := range want {
		if place, ok := s.places[ref]; ok {
			places[ref], taken[place] = place, true
		}
	}
	next := uint16(0)
	for _, ref := range want {
		if _, ok := places[ref]; ok {
			continue
		}
		for taken[next] {
			next++
		}
		places[ref], taken[next] = next, true
	}
	s.places = places
	for place := range taken {
		count = max(count, uint32(place)+1)
	}
	return count
}

// instanceID is the 16 bytes that stand for a module's ID in the kernel: the UUID, or a hash of what is no UUID.
func instanceID(id string) (out [16]byte) {
	if b, err := hex.DecodeString(strings.ReplaceAll(id, "-", "")); err == nil && len(b) == 16 {
		return [16]byte(b)
	}
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

// moduleAt is the ID of the module that has an instance slot now: after a restart, until it is applied again, its UUID. It may be called
// from any goroutine.
func (n *numbers) moduleAt(dp uint32) (id string, ok bool) {
	if id, ok := n.ids.Load(dp); ok {
		return id.(string), true
	}
	key, ok := n.dps.keyOf(dp)
	if !ok {
		return "", false
	}
	return uuidText([16]byte([]byte(key))), true
}

func dpKey(id [16]byte) string { return string(id[:]) }

func portKey(dp uint32, key uint16) string {
	return string(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, dp), key))
}

// place is a module with its numbers.
type place struct {
	module *netstate.Module
	kind   uint32
	inst   iom.Instance
	// places are where each port is, by key; a port in several is a group of its own.
	places map[uint16][]iom.Ref
	// peers are the slots of the other ends of links, by key.
	peers map[uint16]uint32
	// withoutServices: only their numbers are written, as their own rows are known to stay.
	withoutServices bool
}

// locate gives a module and its local ports their numbers.
func (n *numbers) locate(m *netstate.Module, kind uint32, now time.Time) (place, error) {
	id := instanceID(m.ID)
	dp, err := n.dps.get(dpKey(id), now)
	if err != nil {
		return place{}, err
	}
	n.ids.Store(dp, m.ID)
	inst := iom.Instance{Slot: dp, Local: make(map[uint16]uint32, len(n.local[dp])), Refs: make(map[uint16]iom.Ref, len(m.Ports)), Kind: kind, Config: m.Config}
	out := place{module: m, kind: kind, inst: inst, places: make(map[uint16][]iom.Ref, len(m.Ports)), peers: map[uint16]uint32{}}
	for _, p := range m.Ports {
		var refs []iom.Ref
		if p.Device != nil || p.Peer != nil {
			slot, err := n.ports.get(portKey(dp, p.Key), now)
			if err != nil {
				return place{}, err
			}
			inst.Local[p.Key] = slot
			n.plug(dp, p.Key, slot)
			refs = append(refs, iom.Ref(slot))
		}
		if p.Peer != nil {
			if out.peers[p.Key], err = n.peer(p.Peer, now); err != nil {
				return place{}, err
			}
		}
		for _, name := range p.Nodes {
			if node, ok := n.nodes.byKey[n.nodeOf[name]]; ok {
				refs = append(refs, iom.RemoteRef(node, p.Key))
			}
		}
		out.places[p.Key] = refs
		switch len(refs) {
		case 0:
		case 1:
			inst.Refs[p.Key] = refs[0]
		default:
			inst.Refs[p.Key] = iom.GroupRef(p.Key)
		}
	}
	return out, nil
}

// plug remembers the slot of a port of this node, so that it is given back although no apply with it may succeed.
func (n *numbers) plug(dp uint32, key uint16, slot uint32) {
	if n.local[dp] == nil {
		n.local[dp] = map[uint16]uint32{}
	}
	n.local[dp][key] = slot
}

// peer numbers the other end of a link, whose module may come later.
func (n *numbers) peer(l *netstate.Link, now time.Time) (uint32, error) {
	dp, err := n.dps.get(dpKey(instanceID(l.Module)), now)
	if err != nil {
		return 0, err
	}
	return n.ports.get(portKey(dp, l.Key), now)
}

// rows are all table entries of a module in the order in which they must appear: what is looked up last comes first. kinds are the
// loaded ones, numbers their numbers by name. There are about as many in each table as last says.
func (n *numbers) rows(p place, kinds []iom.Kind, numbers map[string]uint32, last map[string]int) (*iom.Tables, error) {
	t, slot := &iom.Tables{Expected: last}, p.inst.Slot
	row := wire.Instance{Id: instanceID(p.module.ID), Vni: p.module.Key, Kind: p.kind}
	if len(p.module.Services) > len(row.Services) {
		return nil, fmt.Errorf("link services: %d of them, at most %d are possible", len(p.module.Services), len(row.Services))
	}
	for i, s := range p.module.Services {
		kind, ok := numbers[s.Kind]
		if !ok {
			return nil, fmt.Errorf("link service: kind %q is not loaded", s.Kind)
		}
		row.Services[i] = uint8(kind)
		if p.withoutServices {
			continue
		}
		inst := p.inst
		inst.Config, inst.Kind = s.Config, kind
		if err := kinds[kind-1].Entries(inst, t); err != nil {
			return nil, err
		}
	}
	iom.Put(t, "iom_dps", slot, row)
	nameRows(t, p.module, slot, numbers)
	for _, port := range p.module.Ports {
		if local, ok := p.inst.Local[port.Key]; ok {
			iom.Put(t, "iom_ports", local, p.portRow(port))
		}
	}
	if err := kinds[p.kind-1].Entries(p.inst, t); err != nil {
		return nil, err
	}
	for _, port := range p.module.Ports {
		if refs := p.places[port.Key]; len(refs) > 1 {
			n.groupRows(t, p, port.Key, refs)
		}
	}
	for _, g := range p.module.Groups {
		n.groupRows(t, p, g.Key, p.members(g))
		if p.module.Key != 0 {
			iom.Put(t, "iom_tunnel_keys", wire.TunnelKey{Vni: p.module.Key, Key: uint32(g.Key)}, wire.TunnelRow{Dp: slot})
		}
	}
	for _, port := range p.module.Ports {
		if port.Device != nil && p.module.Key != 0 {
			iom.Put(t, "iom_tunnel_keys", wire.TunnelKey{Vni: p.module.Key, Key: uint32(port.Key)}, wire.TunnelRow{Dp: slot, Port: p.inst.Local[port.Key]})
		}
	}
	for _, port := range p.module.Ports {
		switch d := port.Device; {
		case d == nil:
		case port.Tag != 0:
			iom.Put(t, "iom_tag_bindings", wire.TagKey{Ifindex: uint32(d.Ifindex), Tag: uint32(port.Tag)}, p.inst.Local[port.Key])
		default:
			iom.Put(t, n.bindTable(d.Ifindex), uint32(d.Ifindex), p.inst.Local[port.Key])
		}
	}
	return t, nil
}

// portRow is a port of this node as programs see it.
func (p place) portRow(port netstate.Port) wire.Port {
	row := wire.Port{Dp: p.inst.Slot, Key: port.Key, Kind: uint16(p.kind), Tag: port.Tag, Peer: p.peers[port.Key]}
	if d := port.Device; d != nil {
		row.Ifindex, row.PeerMac = uint32(d.Ifindex), d.PeerMAC
	}
	if port.HereOnly {
		row.Flags |= wire.PortHereOnly
	}
	return row
}

// members are a multicast group's: its ports here, and once each node that has some.
func (p place) members(g netstate.Group) []iom.Ref {
	refs := map[iom.Ref]bool{}
	for _, key := range g.Ports {
		for _, ref := range p.places[key] {
			if node, _, remote := ref.Remote(); remote {
				ref = iom.RemoteRef(node, g.Key)
			}
			refs[ref] = true
		}
	}
	return slices.Sorted(maps.Keys(refs))
}

// groupRows writes a group.
func (n *numbers) groupRows(t *iom.Tables, p place, groupKey uint16, members []iom.Ref) {
	key := wire.GroupKey{Dp: p.inst.Slot, Key: groupKey}
	set := n.members[key]
	if set == nil {
		set = &memberSet{}
		n.members[key] = set
	}
	count := set.arrange(members)
	for ref, index := range set.places {
		iom.Put(t, "iom_members", wire.GroupKey{Dp: key.Dp, Key: key.Key, Index: index}, ref)
	}
	iom.Put(t, "iom_groups", key, count)
}

// bindTable is the table that holds an ifindex's port.
func (n *numbers) bindTable(ifindex int) string {
	if uint32(ifindex) < n.bindArray {
		return "iom_bindings"
	}
	return "iom_bindings_high"
}

// adopt takes the numbers over that the kernel's tables hold.
func (n *numbers) adopt(t *tables) error {
	n.adopted = map[string]bool{}
	for key, r := range t.rows["iom_dps"] {
		inst, err := iom.Get[wire.Instance](r.value)
		if err != nil {
			return fmt.Errorf("adopt instances: %w", err)
		}
		n.dps.adopt(dpKey(inst.Id), slotOf(key))
		n.adopted[dpKey(inst.Id)] = true
	}
	for key, r := range t.rows["iom_ports"] {
		port, err := iom.Get[wire.Port](r.value)
		if err != nil {
			return fmt.Errorf("adopt ports: %w", err)
		}
		n.ports.adopt(portKey(port.Dp, port.Key), slotOf(key))
		n.plug(port.Dp, port.Key, slotOf(key))
	}
	for key, r := range t.rows["iom_nodes"] {
		node, err := iom.Get[wire.Node](r.value)
		if err != nil {
			return fmt.Errorf("adopt tunnel peers: %w", err)
		}
		n.nodes.adopt(iom.NetipAddr(node.Addr.A).String(), slotOf(key))
	}
	for _, s := range []*slots{n.dps, n.ports, n.nodes} {
		s.finishAdoption()
	}
	return n.adoptMembers(t)
}

func (n *numbers) adoptMembers(t *tables) error {
	for key, r := range t.rows["iom_members"] {
		k, err := iom.Get[wire.GroupKey](key)
		if err != nil {
			return fmt.Errorf("adopt groups: %w", err)
		}
		ref, err := iom.Get[iom.Ref](r.value)
		if err != nil {
			return fmt.Errorf("adopt groups: %w", err)
		}
		index := k.Index
		k.Index = 0
		if n.members[k] == nil {
			n.members[k] = &memberSet{places: map[iom.Ref]uint16{}}
		}
		n.members[k].places[ref] = index
	}
	return nil
}

// freedSlots are slots that were given back: of ports, and of instances.
type freedSlots struct{ ports, dps []uint32 }

// freePorts gives back the numbers of ports that left the node.
func (n *numbers) freePorts(p place, now time.Time) (f freedSlots) {
	n.refs[p.inst.Slot] = p.inst.Refs
	if n.adopted != nil {
		return f
	}
	for key := range n.local[p.inst.Slot] {
		if _, stays := p.inst.Local[key]; !stays {
			n.freePort(p.inst.Slot, key, now, &f)
		}
	}
	n.local[p.inst.Slot] = p.inst.Local
	return f
}

func (n *numbers) freePort(dp uint32, key uint16, now time.Time, f *freedSlots) {
	if slot, ok := n.ports.free(portKey(dp, key), now); ok {
		f.ports = append(f.ports, slot)
	}
}

// freeInstance gives back the numbers of a module and its ports.
func (n *numbers) freeInstance(id [16]byte, now time.Time) (f freedSlots) {
	if n.adopted != nil {
		return f
	}
	dp, ok := n.dps.free(dpKey(id), now)
	if !ok {
		return f
	}
	for key := range n.local[dp] {
		n.freePort(dp, key, now, &f)
	}
	delete(n.local, dp)
	delete(n.refs, dp)
	n.ids.Delete(dp)
	maps.DeleteFunc(n.members, func(k wire.GroupKey, _ *memberSet) bool { return k.Dp == dp })
	f.dps = append(f.dps, dp)
	return f
}

// freeNode gives back the number of a peer's address, unless another peer has the address now.
func (n *numbers) freeNode(addr string, now time.Time) {
	if n.adopted != nil {
		return
	}
	for _, a := range n.nodeOf {
		if a == addr {
			return
		}
	}
	n.nodes.free(addr, now)
}

// freeUnused gives back all that the state does not use, once the rows that earlier runs left are gone.
func (n *numbers) freeUnused(s *netstate.State, now time.Time) (f freedSlots) {
	n.adopted = nil
	used := map[string]bool{}
	for id, m := range s.Modules {
		key := dpKey(instanceID(id))
		used[key] = true
		n.freeUnplugged(n.dps.byKey[key], m, now, &f)
	}
	for key := range maps.Clone(n.dps.byKey) {
		if !used[key] {
			gone := n.freeInstance([16]byte([]byte(key)), now)
			f.ports, f.dps = append(f.ports, gone.ports...), append(f.dps, gone.dps...)
		}
	}
	for addr := range maps.Clone(n.nodes.byKey) {
		n.freeNode(addr, now)
	}
	return f
}

// freeUnplugged gives back the numbers of the ports of an instance that have neither a device nor a link in its module.
func (n *numbers) freeUnplugged(dp uint32, m *netstate.Module, now time.Time, f *freedSlots) {
	plugged := map[uint16]bool{}
	for _, p := range m.Ports {
		plugged[p.Key] = p.Device != nil || p.Peer != nil
	}
	for key := range n.local[dp] {
		if !plugged[key] {
			n.freePort(dp, key, now, f)
			delete(n.local[dp], key)
		}
	}
}

func slotOf(key string) uint32 { return binary.NativeEndian.Uint32([]byte(key)) }
