// Package iomtest is the test kit of IOModule authors: it loads a kind with the platform's programs, without
// devices or pins, sends packets through it by test-run, and says what became of them, one step a line.
package iomtest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/gopacket/gopacket"

	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Kit is a loaded release with instances.
type Kit struct {
	t     testing.TB
	spec  *iom.Spec
	set   *iom.Set
	ports []kitPort // by slot; 0 is none
	dps   uint32
}

type kitPort struct {
	name string
	key  uint16
}

// Port is a port of an instance under test.
type Port struct {
	Name string
	Key  uint16
	// Node is the slot of the tunnel peer that has the port; 0: it is plugged here. Unplugged: it is nowhere.
	Node      uint32
	Unplugged bool
	HereOnly  bool
	// Peer names a port of an instance added before: the two are the ends of a link. Flood copies to a link need a Tunnel.
	Peer string
}

// Service is a kind that works on the packets of an instance.
type Service struct {
	Kind   string
	Config any
}

// Instance is an instance under test.
type Instance struct {
	Kind   string
	VNI    uint32
	Ports  []Port
	Groups map[uint16][]uint16 // members' keys by group
	Config any
	// Services in order of the pipeline.
	Services []Service
}

// New loads kinds; the test fails or is skipped where that can't be done.
func New(t testing.TB, kinds ...iom.Kind) *Kit {
	t.Helper()
	testutil.RequireRoot(t)
	spec, err := iom.NewSpec(kinds)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := spec.NewMaps()
	if err != nil {
		t.Fatal(err)
	}
	set, err := spec.Load(maps)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(set.Close)
	return &Kit{t: t, spec: spec, set: set, ports: make([]kitPort, 1)}
}

// Spec is the release under test.
func (k *Kit) Spec() *iom.Spec { return k.spec }

// Set gives access to the loaded maps and programs.
func (k *Kit) Set() *iom.Set { return k.set }

// Add makes an instance.
func (k *Kit) Add(in Instance) {
	k.t.Helper()
	k.dps++
	kind := k.kind(in.Kind)
	inst := iom.Instance{Slot: k.dps, Local: map[uint16]uint32{}, Refs: map[uint16]iom.Ref{}, Config: in.Config}
	t := &iom.Tables{}
	dp := wire.Instance{Vni: in.VNI, Kind: uint32(kind + 1)}
	for i, s := range in.Services {
		dp.Services[i] = uint8(k.kind(s.Kind) + 1)
	}
	iom.Put(t, "iom_dps", k.dps, dp)
	for _, p := range in.Ports {
		switch {
		case p.Unplugged:
		case p.Node != 0:
			inst.Refs[p.Key] = iom.RemoteRef(p.Node, p.Key)
		default:
			slot := uint32(len(k.ports))
			k.ports = append(k.ports, kitPort{p.Name, p.Key})
			inst.Local[p.Key], inst.Refs[p.Key] = slot, iom.Ref(slot)
			row := wire.Port{Dp: k.dps, Key: p.Key, Kind: uint16(kind + 1)}
			if p.HereOnly {
				row.Flags |= wire.PortHereOnly
			}
			if p.Peer != "" {
				row.Peer = k.Slot(p.Peer)
				k.linkBack(t, row.Peer, slot)
			}
			iom.Put(t, "iom_ports", slot, row)
		}
	}
	for group, members := range in.Groups {
		iom.Put(t, "iom_groups", wire.GroupKey{Dp: k.dps, Key: group}, uint32(len(members)))
		for i, key := range members {
			ref := inst.Refs[key]
			if node, _, remote := ref.Remote(); remote {
				ref = iom.RemoteRef(node, group)
			}
			iom.Put(t, "iom_members", wire.GroupKey{Dp: k.dps, Key: group, Index: uint16(i)}, ref)
		}
	}
	k.entries(kind, inst, t)
	for _, s := range in.Services {
		inst.Config = s.Config
		k.entries(k.kind(s.Kind), inst, t)
	}
	k.Write(t)
}

// kind is the index of a loaded kind.
func (k *Kit) kind(name string) int {
	k.t.Helper()
	i := slices.IndexFunc(k.spec.Kinds, func(kind iom.Kind) bool { return kind.Name == name })
	if i < 0 {
		k.t.Fatalf("add instance: kind %q is not loaded", name)
	}
	return i
}

func (k *Kit) entries(kind int, inst iom.Instance, t *iom.Tables) {
	k.t.Helper()
	inst.Kind = uint32(kind + 1)
	if err := k.spec.Kinds[kind].Entries(inst, t); err != nil {
		k.t.Fatal(err)
	}
}

// linkBack makes a port lead to peer.
func (k *Kit) linkBack(t *iom.Tables, slot, peer uint32) {
	k.t.Helper()
	var row wire.Port
	if err := k.set.Maps["iom_ports"].Lookup(slot, &row); err != nil {
		k.t.Fatal(err)
	}
	row.Peer = peer
	iom.Put(t, "iom_ports", slot, row)
}

// Node makes a tunnel peer in a slot, towards which local is our address: with a route when mtu is not 0.
func (k *Kit) Node(slot uint32, addr, local [4]uint32, mtu uint32) {
	k.t.Helper()
	t := &iom.Tables{}
	row := wire.Node{Addr: wire.Addr{A: addr}, Local: wire.Addr{A: local}, Nexthop: wire.Addr{A: addr}, Mtu: mtu}
	if mtu != 0 {
		row.Ifindex = 1
	}
	iom.Put(t, "iom_nodes", slot, row)
	iom.Put(t, "iom_node_addrs", wire.Addr{A: addr}, slot)
	k.Write(t)
}

// Tunnel gives the node under test a tunnel end.
func (k *Kit) Tunnel(addrs ...[4]uint32) {
	k.t.Helper()
	t := &iom.Tables{}
	iom.Put(t, "iom_tunnel_end", uint32(0), wire.Tunnel{Relay: 1})
	for _, a := range addrs {
		iom.Put(t, "iom_own_addrs", wire.Addr{A: a}, uint32(1))
	}
	k.Write(t)
}

// Write puts table entries in the kernel.
func (k *Kit) Write(t *iom.Tables) {
	k.t.Helper()
	for table, rows := range t.Rows {
		for key, value := range rows {
			if err := k.set.Maps[table].Put([]byte(key), []byte(value)); err != nil {
				k.t.Fatalf("write table %q: %v", table, err)
			}
		}
	}
}

// Result is what became of a packet.
type Result struct {
	// Text of the steps, one a line.
	Text string
	// Packet as it left the last program.
	Packet gopacket.Packet
}

// Slot is the slot of a port by its name.
func (k *Kit) Slot(name string) uint32 {
	k.t.Helper()
	i := slices.IndexFunc(k.ports, func(p kitPort) bool { return p.name == name })
	if i < 1 {
		k.t.Fatalf("no port %q is plugged here", name)
	}
	return uint32(i)
}

// Send sends a frame into the network by a port.
func (k *Kit) Send(port string, frame []byte) Result {
	k.t.Helper()
	return k.trace(iom.Entry{At: iom.Ref(k.Slot(port))}, frame)
}

// Leave sends a frame, a flood copy say, out of a port through its egress pipeline; it came in by the port with key from.
func (k *Kit) Leave(port string, from uint16, frame []byte) Result {
	k.t.Helper()
	return k.trace(iom.Entry{At: iom.Ref(k.Slot(port)), Leaves: true, InKey: from}, frame)
}

func (k *Kit) trace(e iom.Entry, frame []byte) Result {
	k.t.Helper()
	trace, err := k.spec.Trace(k.set, e, frame)
	if err != nil {
		k.t.Fatal(err)
	}
	var lines []string
	for _, s := range trace.Steps {
		lines = append(lines, k.line(s))
	}
	return Result{Text: strings.Join(lines, "\n"), Packet: Decode(trace.Packet)}
}

// Run runs one program on a frame as if it were at the hook of a device, with all its effects but a final redirect. mark is skb->mark.
func (k *Kit) Run(prog string, ifindex, mark uint32, frame []byte) (verdict uint32, out []byte) {
	k.t.Helper()
	ctx := struct {
		_       [2]uint32
		Mark    uint32
		_       [7]uint32
		Ifindex uint32
	}{Mark: mark, Ifindex: ifindex}
	opts := &ebpf.RunOptions{Data: frame, DataOut: make([]byte, len(frame)+256), Context: ctx}
	verdict, err := k.set.Progs[prog].Run(opts)
	if err != nil {
		k.t.Fatalf("run %s: %v", prog, err)
	}
	return verdict, opts.DataOut
}

func (k *Kit) line(s iom.Step) string {
	switch s.Kind {
	case iom.StepEnter:
		return "enter " + s.Module
	case iom.StepDrop:
		return fmt.Sprintf("drop %s.%s", s.Module, s.Reason)
	case iom.StepOutput:
		return "output " + k.refName(s.Ref)
	case iom.StepCopy:
		return "copy " + k.refName(s.Ref)
	case iom.StepTunnel:
		return fmt.Sprintf("tunnel %s vni %d", k.refName(s.Ref), s.VNI)
	case iom.StepPunt:
		return fmt.Sprintf("punt %s.%s", s.Module, s.Reason)
	case iom.StepDecide:
		line := fmt.Sprintf("decide %s.%s", s.Module, s.Reason)
		if s.Object != 0 {
			line += fmt.Sprintf(" %d", s.Object)
		}
		return line
	case iom.StepLearn:
		return "learn " + k.refName(s.Ref)
	case iom.StepFlood:
		return fmt.Sprintf("flood %d", s.Group)
	default:
		return fmt.Sprintf("rewrite %d+%d", s.Offset, s.Len)
	}
}

func (k *Kit) refName(ref iom.Ref) string {
	if node, key, remote := ref.Remote(); remote {
		return fmt.Sprintf("node %d key %d", node, key)
	}
	return k.ports[ref].name
}

// Footprint sums up everything that a packet may change, counters included: a trace leaves it as it was.
func (k *Kit) Footprint() map[string]string {
	k.t.Helper()
	out := map[string]string{}
	for name, m := range k.set.Maps {
		if !k.spec.IsState(name) || m.Type() == ebpf.RingBuf {
			continue
		}
		var b strings.Builder
		it := m.Iterate()
		if m.Type() == ebpf.PerCPUArray {
			var key []byte
			var values [][]byte
			for it.Next(&key, &values) {
				for _, v := range values {
					b.Write(nonZero(v))
				}
			}
		} else {
			var key, value []byte
			for it.Next(&key, &value) {
				if v := nonZero(value); v != nil {
					fmt.Fprintf(&b, "%x=%x ", key, v)
				}
			}
		}
		if err := it.Err(); err != nil {
			k.t.Fatalf("read table %q: %v", name, err)
		}
		out[name] = b.String()
	}
	return out
}

func nonZero(v []byte) []byte {
	if slices.ContainsFunc(v, func(b byte) bool { return b != 0 }) {
		return v
	}
	return nil
}

// Counter reads a drop counter: of an instance (slot in order of Add, from 1; 0 none) and port slot (0: the total).
func (k *Kit) Counter(kind, reason string, dp, port uint32) uint64 {
	k.t.Helper()
	members, err := k.spec.Drops(kind)
	if err != nil {
		k.t.Fatal(err)
	}
	value, err := k.set.Maps[kind+"_drops"].LookupBytes(wire.DropKey{Dp: dp, Port: port})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, m := range members {
		if m.Name == reason && len(value) >= m.Offset+8 {
			return binary.NativeEndian.Uint64(value[m.Offset:])
		}
	}
	return 0
}
