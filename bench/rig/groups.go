package rig

import (
	"errors"
	"fmt"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"

	"github.com/cilium/ebpf"
)

// Groups are switches with flood groups of several sizes on one node. Their members are sub-ports of a device that leads nowhere: copies go through
// all programs, and end there.
type Groups struct {
	Node     *Node
	senders  map[int]uint32 // slots, by size
	bindings *ebpf.Map
	vifIn    *ebpf.Program
}

// loopback is the ifindex that a test run without a context has.
const loopback = 1

// Groups builds one switch for each size.
func (r *Rig) Groups(sizes ...int) (*Groups, error) {
	node, err := r.Node(hover.AttachTCX)
	if err != nil {
		return nil, err
	}
	g := &Groups{Node: node, senders: map[int]uint32{}}
	s := &netstate.State{Modules: map[string]*netstate.Module{}}
	bySwitch := map[string]int{}
	for i, size := range sizes {
		m, err := r.group(node, i, size)
		if err != nil {
			return nil, err
		}
		s.Modules[m.ID], bySwitch[m.ID] = m, size
	}
	if err := node.Live(s); err != nil {
		return nil, err
	}
	for _, inst := range node.Instances() {
		g.senders[bySwitch[inst.Module.ID]] = inst.Ports[1]
	}
	if g.bindings, err = node.Table("iom_bindings"); err != nil {
		return nil, err
	}
	g.vifIn, err = node.Program(iom.ProgVIFIn)
	return g, err
}

// group makes switch number i.
func (r *Rig) group(node *Node, i, size int) (*netstate.Module, error) {
	name := fmt.Sprint("g", i)
	if err := node.NS.ip(fmt.Sprintf("link add %s type veth peer %sx", name, name), fmt.Sprintf("link set %s addrgenmode none up", name)); err != nil {
		return nil, err
	}
	d, err := node.Device(name)
	if err != nil {
		return nil, err
	}
	m := Switch()
	m.ID, m.Key = fmt.Sprintf("6a3c1a52-0000-4000-8000-0000000001%02x", i), uint32(100+i)
	for n := range size + 1 {
		key := uint16(n + 1)
		AddPort(m, netstate.Port{Name: fmt.Sprint(name, "p", n), Key: key, Device: &d, Tag: uint16(n)}, [6]byte{0x0a, 3, 4: byte(key >> 8), 5: byte(key)})
	}
	return m, nil
}

// Close frees what the rig does not know of.
func (g *Groups) Close() error { return errors.Join(g.bindings.Close(), g.vifIn.Close()) }

// Flood sends a broadcast into the switch whose group has that size, again and again, and returns the time of one in nanoseconds.
func (g *Groups) Flood(size, repeat int) (ns float64, err error) {
	if err := g.bindings.Put(uint32(loopback), g.senders[size]); err != nil {
		return 0, fmt.Errorf("plug sender: %w", err)
	}
	frame := make([]byte, 60)
	copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 3, 0, 0, 0, 1, 0x80, 0x35}) // RARP: port security lets it pass
	err = g.Node.NS.Do(func() error {
		_, d, err := g.vifIn.Benchmark(frame, repeat, func() {})
		ns = float64(d.Nanoseconds())
		return err
	})
	return ns, err
}
