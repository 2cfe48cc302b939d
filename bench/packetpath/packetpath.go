// Package packetpath measures what Woven's programs cost a packet, without devices and stacks: by test runs over a switch with
// 4,096 ports here and as many on 64 other nodes, all of which take turns.
package packetpath

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
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
	vifIn, underlayIn *ebpf.Program
	slots             map[uint16]uint32 // of the ports plugged here, by key
	services          []netstate.Service

	local, remote, arriving traffic
}

// traffic is a set of flows, as frames.
type traffic struct {
	flows  []flow
	frames [][]byte
}

// New loads everything, for a switch with services; each flow has been answered, so that those that track connections know it. Close frees what the rig
// does not know of.
func New(r *rig.Rig, services ...netstate.Service) (*Bench, error) {
	node, err := r.Node(hover.AttachTCX)
	if err != nil {
		return nil, err
	}
	b := &Bench{node: node, services: services}
	for _, step := range []func() error{b.makeTraffic, func() error { return b.fill(r) }, b.open, b.fillDriver, b.establish} {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare packet path: %w", err), b.Close())
		}
	}
	return b, nil
}

// Close frees programs and tables.
func (b *Bench) Close() error {
	err := b.driver.Close()
	return errors.Join(err, b.bindings.Close(), b.vifIn.Close(), b.underlayIn.Close())
}

func (b *Bench) makeTraffic() (err error) {
	b.local.flows, b.remote.flows, b.arriving.flows = mix(0, 0), mix(0, flows), mix(flows, 0)
	if b.local.frames, err = frames(b.local.flows, frame); err != nil {
		return err
	}
	if b.remote.frames, err = frames(b.remote.flows, frame); err != nil {
		return err
	}
	b.arriving.frames, err = frames(b.arriving.flows, tunnelled)
	return err
}

// fill makes the switch. All ports of this node sit on one device; a test run says which of them it is just now.
func (b *Bench) fill(r *rig.Rig) error {
	tunnel, err := r.Relay(b.node, nodeAddr)
	if err != nil {
		return err
	}
	m := rig.Switch()
	m.Services = b.services
	s := &netstate.State{Modules: map[string]*netstate.Module{m.ID: m}, Nodes: map[string]*netstate.Node{}, Tunnel: tunnel}
	for peer := range peers {
		name := fmt.Sprintf("peer%d", peer)
		s.Nodes[name] = &netstate.Node{Name: name, Addr: peerAddr(peer), Local: nodeAddr, NextHop: peerAddr(peer), Ifindex: loopback, MTU: 1500}
	}
	for key := uint16(1); key <= 2*flows; key++ {
		port := netstate.Port{Name: fmt.Sprintf("lp%d", key), Key: key}
		if key <= flows {
			port.Device = &netstate.Device{Name: "lo", Ifindex: loopback, PeerMAC: mac(key)}
		} else {
			port.Nodes = []string{fmt.Sprintf("peer%d", peerOf(key))}
		}
		rig.AddPort(m, port, mac(key), addr(key))
	}
	return b.node.Live(s)
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
	if err := loadDriverObjects(&b.driver, &ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{"iom_bindings": b.bindings}}); err != nil {
		return fmt.Errorf("load driver: %w", err)
	}
	for _, inst := range b.node.Instances() {
		b.slots = inst.Ports
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
func (b *Bench) establish() error {
	if len(b.services) == 0 {
		return nil
	}
	return b.node.NS.Do(func() error {
		for _, f := range b.local.flows {
			for _, packet := range []struct {
				from  uint16
				build func(flow) ([]byte, error)
			}{{f.from, frame}, {f.to, answer}} {
				data, err := packet.build(f)
				if err != nil {
					return err
				}
				if err := b.bindings.Put(uint32(loopback), b.slots[packet.from]); err != nil {
					return fmt.Errorf("plug device: %w", err)
				}
				verdict, _, err := b.vifIn.Test(data)
				if err := errors.Join(err, expect(verdict, redirected)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
