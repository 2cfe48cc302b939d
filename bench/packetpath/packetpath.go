// Package packetpath measures what Woven's programs cost a packet, without devices and stacks: by test runs over networks with
// 4,096 ports here, all of which take turns.
package packetpath

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/sdk/iom"
)

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package packetpath -output-stem driver driver driver.bpf.c -- -I../../sdk/include -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-function

// loopback is the ifindex that a test run without a context has.
const loopback = 1

// Bench is a loaded node and what feeds it.
type Bench struct {
	node              *rig.Node
	driver            driverObjects
	bindings          *ebpf.Map
	flowConfigs       *ebpf.Map
	vifIn, underlayIn *ebpf.Program
	slots             map[uint16]uint32 // of the ports plugged here, by key

	local            traffic
	remote, arriving traffic // from and to a port here, by tunnels; none in a routed network
}

// New loads everything; where connections are tracked all flows are established. Close frees what the rig does not know of.
func New(r *rig.Rig, n Network) (*Bench, error) {
	node, err := r.Node(hover.AttachTCX)
	if err != nil {
		return nil, err
	}
	b := &Bench{node: node, slots: map[uint16]uint32{}}
	steps := []func() error{func() error { return b.makeTraffic(n) }, func() error { return b.fill(r, n) }, b.open, b.fillDriver}
	if n.ACLs > 0 {
		steps = append(steps, func() error { return b.establish(n) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare packet path: %w", err), b.Close())
		}
	}
	return b, nil
}

// Close frees programs and tables.
func (b *Bench) Close() error {
	err := b.driver.Close()
	return errors.Join(err, b.bindings.Close(), b.flowConfigs.Close(), b.vifIn.Close(), b.underlayIn.Close())
}

func (b *Bench) makeTraffic(n Network) (err error) {
	if n.Routed {
		b.local, err = newTraffic(across(), routedFrame)
		return err
	}
	if b.local, err = newTraffic(mix(0, 0), frame); err != nil {
		return err
	}
	if b.remote, err = newTraffic(mix(0, flows), frame); err != nil {
		return err
	}
	b.arriving, err = newTraffic(mix(flows, 0), tunnelled)
	return err
}

func (b *Bench) fill(r *rig.Rig, n Network) error {
	if n.Routed {
		return b.node.Live(n.routed())
	}
	tunnel, err := r.Relay(b.node, nodeAddr)
	if err != nil {
		return err
	}
	return b.node.Live(n.switched(tunnel))
}

// open finds the node's programs and loads the driver over its table of bindings.
func (b *Bench) open() (err error) {
	if b.vifIn, err = b.node.Program(iom.ProgVIFIn); err != nil {
		return err
	}
	if b.underlayIn, err = b.node.Program(iom.ProgUnderlayIn); err != nil {
		return err
	}
	if b.bindings, err = b.node.Table("iom_bindings"); err != nil {
		return err
	}
	if b.flowConfigs, err = b.node.Table("iom_flow_configs"); err != nil {
		return err
	}
	if err := loadDriverObjects(&b.driver, &ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{"iom_bindings": b.bindings}}); err != nil {
		return fmt.Errorf("load driver: %w", err)
	}
	for _, inst := range b.node.Instances() {
		for _, port := range inst.Module.Ports {
			if port.Device != nil {
				b.slots[port.Key] = inst.Ports[port.Key]
			}
		}
	}
	return nil
}

func (b *Bench) fillDriver() error {
	for i, f := range b.local.flows {
		row := driverFlow{Port: b.slots[f.from]}
		copy(row.Head[:], b.local.frames[i])
		if err := b.driver.Flows.Put(uint32(i), row); err != nil {
			return fmt.Errorf("write flow: %w", err)
		}
	}
	for i := range uint32(2 * flows) {
		if err := b.driver.Table.Put(driverKey{Number: i}, i); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	return nil
}

// establish sends a packet of each flow, and its answer.
func (b *Bench) establish(n Network) error {
	local := frame
	if n.Routed {
		local = routedFrame
	}
	for _, way := range []struct {
		there     traffic
		in        *ebpf.Program
		buildBack func(flow) ([]byte, error)
		inBack    *ebpf.Program
	}{
		{b.local, b.vifIn, local, b.vifIn},
		{b.remote, b.vifIn, tunnelled, b.underlayIn},
		{b.arriving, b.underlayIn, frame, b.vifIn},
	} {
		back, err := way.there.answers(way.buildBack)
		if err != nil {
			return err
		}
		err = b.node.NS.Do(func() error { return errors.Join(b.send(way.in, way.there), b.send(way.inBack, back)) })
		if err != nil {
			return fmt.Errorf("establish flows: %w", err)
		}
	}
	return nil
}

func (b *Bench) send(in *ebpf.Program, t traffic) error {
	for i, f := range t.flows {
		if err := b.plug(f.from); err != nil {
			return err
		}
		verdict, _, err := in.Test(t.frames[i])
		if err := errors.Join(err, expect(verdict, redirected)); err != nil {
			return err
		}
	}
	return nil
}

// plug makes the device that of a port, if that is here.
func (b *Bench) plug(key uint16) error {
	slot, here := b.slots[key]
	if !here {
		return nil
	}
	if err := b.bindings.Put(uint32(loopback), slot); err != nil {
		return fmt.Errorf("plug device: %w", err)
	}
	return nil
}
