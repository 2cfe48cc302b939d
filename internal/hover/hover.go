// Package hover loads IOModules and keeps the kernel as a netstate.State says. Everything it makes is pinned: a new process adopts
// what it finds, and a dead one leaves traffic flowing.
package hover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Config says where and what.
type Config struct {
	// BPFFS is the node's own directory on a bpffs.
	BPFFS string
	// Kinds are the module kinds to load.
	Kinds  []iom.Kind
	Attach AttachMode
	// Patience bounds the time that an Apply takes for hooks, but for a single one: the rest is Pending. 0: Apply is complete.
	Patience time.Duration
	Log      *slog.Logger
	// Step, if not nil, is told of each step that changes the kernel before it is done: a test's place to die.
	Step func(step string)
}

// Hover is one node's data plane. It implements netstate.Applier.
type Hover struct {
	cfg    Config
	spec   *iom.Spec
	pins   *pins
	set    *iom.Set
	hooks  *hooks
	counts *counts
	flows  *flows
	live   liveTables
	kinds  map[string]uint32 // number by name
	now    func() time.Time

	devices suspects

	mu      sync.Mutex // guards what follows
	tables  *tables
	numbers *numbers
	have    *netstate.State
	placed  map[string]place // modules whose rows are those of their last set, by ID
	settled bool             // a first state is live: leftovers of earlier runs are gone
}

// Open loads the release or adopts it, and reads back what the kernel holds. Nothing that forwards is touched.
func Open(cfg Config) (*Hover, error) {
	spec, err := iom.NewSpec(cfg.Kinds)
	if err != nil {
		return nil, err
	}
	p, err := newPins(cfg.BPFFS, spec, cfg.Step)
	if err != nil {
		return nil, err
	}
	set, err := p.open()
	if err != nil {
		return nil, err
	}
	h := &Hover{cfg: cfg, spec: spec, pins: p, set: set, kinds: map[string]uint32{}, now: time.Now, placed: map[string]place{},
		numbers: newNumbers(spec), have: &netstate.State{}}
	for i, k := range cfg.Kinds {
		h.kinds[k.Name] = uint32(i + 1)
	}
	if err := h.adopt(); err != nil {
		set.Close()
		return nil, err
	}
	return h, nil
}

// adopt reads the kernel's state back.
func (h *Hover) adopt() error {
	state := map[string]*ebpf.Map{}
	for name, m := range h.set.Maps {
		if h.spec.IsState(name) && !isLive(h.spec.Maps[name]) {
			state[name] = m
		}
	}
	h.live = newLiveTables(h.spec, h.set, h.cfg.Step)
	h.flows = newFlows(h.set.Maps, h.cfg.Step)
	h.flows.halted = true // perhaps: by one that died
	var err error
	if h.tables, err = newTables(state, h.flows, h.cfg.Step); err != nil {
		return err
	}
	if err := h.numbers.adopt(h.tables); err != nil {
		return err
	}
	if err := h.live.sweep(h.numbers.ports, h.numbers.dps); err != nil {
		h.cfg.Log.Warn("rows of removed ports stay behind", "error", err)
	}
	if h.counts, err = newCounts(h.spec, h.set); err != nil {
		return err
	}
	use, other, err := h.attachers()
	if err != nil {
		return err
	}
	h.hooks, err = newHooks(use, other, h.set.Progs, h.cfg.Patience)
	return err
}

// attachers picks the way to attach.
func (h *Hover) attachers() (use, other attacher, err error) {
	links, filters := tcx{h.pins.linksDir(), h.cfg.Step}, clsact{h.cfg.Step}
	mode := h.cfg.Attach
	if mode == AttachAuto || mode == "" {
		have, err := haveTCX(h.set.Progs[iom.ProgVIFOut])
		if err != nil {
			return nil, nil, err
		}
		mode = AttachClsact
		if have {
			mode = AttachTCX
		}
	}
	h.cfg.Attach = mode
	if mode == AttachTCX {
		return links, filters, nil
	}
	return filters, links, nil
}

// Attach is the way programs are attached in fact.
func (h *Hover) Attach() AttachMode { return h.cfg.Attach }

// Release names the programs in use.
func (h *Hover) Release() string { return h.spec.Release }

// Apply implements netstate.Applier.
func (h *Hover) Apply(ctx context.Context, want *netstate.State) (_ netstate.Result, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { err = errors.Join(err, h.flows.resume()) }()
	plan := netstate.Diff(h.have, want)
	live := copyState(want)
	var failures []netstate.Failure
	for _, a := range plan {
		if err := ctx.Err(); err != nil {
			return netstate.Result{}, err
		}
		h.cfg.Log.Debug("apply", "action", a)
		if f := h.act(a); f != nil {
			failures = append(failures, *f)
			keepFailed(live, a)
		}
	}
	h.have = live
	if err := h.flows.resume(); err != nil {
		return netstate.Result{}, err
	}
	hooks, err := h.syncHooks(want)
	if err != nil {
		return netstate.Result{}, err
	}
	if hooks.more {
		return netstate.Result{Failures: sortFailures(append(failures, hooks.failures...)), Pending: hooks.pending, Unfinished: true}, nil
	}
	if !h.settled && !h.adoptedFail(failures) {
		if err := h.settle(); err != nil {
			return netstate.Result{}, err
		}
	}
	return netstate.Result{Failures: sortFailures(append(failures, hooks.failures...))}, nil
}

// copyState copies a state down to its objects, which are immutable.
func copyState(s *netstate.State) *netstate.State {
	return &netstate.State{Modules: maps.Clone(s.Modules), Nodes: maps.Clone(s.Nodes), Tunnel: s.Tunnel, FloodLimit: s.FloodLimit, FlowCache: s.FlowCache}
}

// keepFailed makes live differ from what was wanted where an action failed, so that the next Apply tries again.
func keepFailed(live *netstate.State, a netstate.Action) {
	switch a.Verb {
	case netstate.SetModule:
		live.Modules[a.Module.ID] = &netstate.Module{ID: a.Module.ID, Key: a.Module.Key}
	case netstate.DelModule:
		live.Modules[a.Module.ID] = a.Module
	case netstate.SetNode:
		live.Nodes[a.Node.Name] = &netstate.Node{Name: a.Node.Name}
	case netstate.DelNode:
		live.Nodes[a.Node.Name] = a.Node
	case netstate.SetTunnel:
		live.Tunnel = &netstate.Tunnel{}
	case netstate.DelTunnel:
		live.Tunnel = a.Tunnel
	case netstate.SetFloodLimit:
		live.FloodLimit = ^a.FloodLimit
	case netstate.SetFlowCache:
		live.FlowCache = netstate.FlowCache{Off: !a.FlowCache.Off}
	}
}

// act carries one action out.
func (h *Hover) act(a netstate.Action) *netstate.Failure {
	var err error
	switch a.Verb {
	case netstate.SetModule:
		if err = h.setModule(a.Module); err != nil {
			return &netstate.Failure{Module: a.Module.ID, Err: err, Former: h.former(a.Module)}
		}
	case netstate.DelModule:
		if err = h.delModule(a.Module.ID); err != nil {
			return &netstate.Failure{Module: a.Module.ID, Err: err}
		}
	case netstate.SetFloodLimit:
		err = h.tables.set("flood limit", floodRows(a.FloodLimit))
	case netstate.SetFlowCache:
		err = h.tables.set("flow cache", flowRows(a.FlowCache))
	case netstate.SetTunnel:
		err = h.tables.set("tunnel", tunnelRows(a.Tunnel))
	case netstate.DelTunnel:
		err = h.tables.set("tunnel", nil)
	case netstate.SetNode:
		err = h.setNode(a.Node)
	case netstate.DelNode:
		err = h.delNode(a.Node)
	}
	if err != nil {
		return &netstate.Failure{Err: err}
	}
	return nil
}

func (h *Hover) setModule(m *netstate.Module) error {
	kind, ok := h.kinds[m.Kind]
	if !ok {
		return fmt.Errorf("set module %q: kind %q is not loaded", m.Name, m.Kind)
	}
	p, err := h.numbers.locate(m, kind, h.now())
	if err != nil {
		return fmt.Errorf("set module %q: %w", m.Name, err)
	}
	was, known := h.placed[m.ID]
	delete(h.placed, m.ID)
	if known {
		err = h.changeModule(was, p)
	} else {
		err = h.writeModule(p)
	}
	if err != nil {
		return fmt.Errorf("set module %q: %w", m.Name, err)
	}
	h.freed(h.numbers.freePorts(p, h.now()))
	p.inst.Local = maps.Clone(p.inst.Local) // the numbers go on with theirs
	h.placed[m.ID] = p
	return nil
}

func (h *Hover) delModule(id string) error {
	delete(h.placed, id)
	if err := h.tables.set(moduleOwner(id), nil); err != nil {
		return fmt.Errorf("remove module %q: %w", id, err)
	}
	h.freed(h.numbers.freeInstance(instanceID(id), h.now()))
	return nil
}

func (h *Hover) setNode(n *netstate.Node) error {
	addr := n.Addr.String()
	slot, err := h.numbers.nodes.get(addr, h.now())
	if err != nil {
		return fmt.Errorf("set tunnel peer %q: %w", n.Name, err)
	}
	was := h.numbers.nodeOf[n.Name]
	h.numbers.nodeOf[n.Name] = addr
	t := &iom.Tables{}
	iom.Put(t, "iom_nodes", slot, nodeRow(n))
	putName(t, wire.NameKey{Number: slot}, peerName(n))
	iom.Put(t, "iom_node_addrs", wire.Addr{A: iom.Addr(n.Addr)}, slot)
	if err := h.tables.set("node "+n.Name, t); err != nil {
		return fmt.Errorf("set tunnel peer %q: %w", n.Name, err)
	}
	if was != "" && was != addr {
		return h.moveNode(n.Name, was)
	}
	return nil
}

func nodeRow(n *netstate.Node) wire.Node {
	row := wire.Node{Addr: wire.Addr{A: iom.Addr(n.Addr)}, Ifindex: uint32(n.Ifindex), Mtu: uint32(n.MTU)}
	if n.Local.IsValid() {
		row.Local.A = iom.Addr(n.Local)
	}
	if n.NextHop.IsValid() {
		row.Nexthop.A = iom.Addr(n.NextHop)
	}
	return row
}

// moveNode points the modules at a peer's new address.
func (h *Hover) moveNode(name, was string) error {
	h.numbers.freeNode(was, h.now())
	for _, m := range h.have.Modules {
		if slices.ContainsFunc(m.Ports, func(p netstate.Port) bool { return slices.Contains(p.Nodes, name) }) {
			if err := h.setModule(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Hover) delNode(n *netstate.Node) error {
	if err := h.tables.set("node "+n.Name, nil); err != nil {
		return fmt.Errorf("remove tunnel peer %q: %w", n.Name, err)
	}
	addr := h.numbers.nodeOf[n.Name]
	delete(h.numbers.nodeOf, n.Name)
	h.numbers.freeNode(addr, h.now())
	return nil
}

func floodRows(limit uint32) *iom.Tables {
	t := &iom.Tables{}
	iom.Put(t, "iom_flood_rate", uint32(0), limit)
	return t
}

func tunnelRows(tun *netstate.Tunnel) *iom.Tables {
	t := &iom.Tables{}
	row := wire.Tunnel{Relay: uint32(tun.RelayOut.Ifindex), Tos: uint32(tun.TOS)}
	if tun.InheritTOS {
		row.Flags |= wire.TunnelInheritTOS
	}
	if tun.MayFragment {
		row.Flags |= wire.TunnelMayFragment
	}
	iom.Put(t, "iom_tunnel_end", uint32(0), row)
	for _, a := range tun.Addrs {
		iom.Put(t, "iom_own_addrs", wire.Addr{A: iom.Addr(a)}, uint32(1))
	}
	return t
}

// Close lets go of the data plane, which goes on.
func (h *Hover) Close() { h.set.Close() }

// Cleanup takes everything of a node's data plane out of the kernel: hooks, then pins. bpffs is its directory.
func Cleanup(bpffs string) error {
	p := &pins{root: fmt.Sprintf("%s/v%d", bpffs, iom.ABI)}
	var errs []error
	attachers := []attacher{clsact{}}
	if _, err := os.Stat(p.linksDir()); err == nil {
		attachers = append(attachers, tcx{dir: p.linksDir()})
	}
	for _, a := range attachers {
		have, err := a.list()
		errs = append(errs, err)
		for k := range have {
			errs = append(errs, a.detach(k))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(p.root))...)
}

func sortFailures(list []netstate.Failure) []netstate.Failure {
	slices.SortFunc(list, func(a, b netstate.Failure) int {
		if c := strings.Compare(a.Module, b.Module); c != 0 {
			return c
		}
		return strings.Compare(a.Port, b.Port)
	})
	return list
}
