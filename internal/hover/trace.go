package hover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Tracer sends packets through the pinned programs of a node without any effect. It needs no agent.
type Tracer struct {
	spec *iom.Spec
	set  *iom.Set
	lock *os.File // held: traces take turns

	names     names
	instances map[uint32]wire.Instance // by slot, as the next two
	ports     map[uint32]wire.Port
	nodes     map[uint32]wire.Node
}

// TraceResult is what became of a packet.
type TraceResult struct {
	Steps []TraceStep
	// Packet as the last program left it, an Ethernet frame.
	Packet []byte
}

// OpenTracer opens the pins under bpffs. kinds must be those of the release that is there.
func OpenTracer(bpffs string, kinds []iom.Kind) (*Tracer, error) {
	p, state, err := openState(bpffs, kinds)
	if err != nil {
		return nil, err
	}
	set, err := p.adoptRelease(state)
	if err != nil {
		return nil, errors.Join(err, closeMaps(state))
	}
	t := &Tracer{spec: p.spec, set: set}
	if err := errors.Join(t.takeTurn(p.releaseDir()), t.readNames()); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// openState opens the state tables under bpffs, which another process uses.
func openState(bpffs string, kinds []iom.Kind) (*pins, map[string]*ebpf.Map, error) {
	spec, err := iom.NewSpec(kinds)
	if err != nil {
		return nil, nil, err
	}
	p := &pins{root: filepath.Join(bpffs, fmt.Sprintf("v%d", iom.ABI)), spec: spec}
	if err := p.expectRelease(bpffs); err != nil {
		return nil, nil, fmt.Errorf("open data plane: %w", err)
	}
	state := map[string]*ebpf.Map{}
	for name := range spec.Maps {
		if !spec.IsState(name) {
			continue
		}
		m, err := ebpf.LoadPinnedMap(filepath.Join(p.mapsDir(), name), nil)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("open table %q: %w", name, err), closeMaps(state))
		}
		state[name] = m
	}
	return p, state, nil
}

// expectRelease says what to do where the release is not pinned.
func (p *pins) expectRelease(bpffs string) error {
	_, err := os.Stat(p.releaseDir())
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if others, err := os.ReadDir(filepath.Dir(p.releaseDir())); err == nil && len(others) > 0 {
		return fmt.Errorf("the programs under %s are of another build (release %s, this woven has %s): use the woven that the agent was started from",
			bpffs, others[0].Name(), p.spec.Release)
	}
	return fmt.Errorf("no programs are pinned under %s: name the agent's directory by --bpffs, or start an agent", bpffs)
}

// takeTurn waits until no other trace runs on this node.
func (t *Tracer) takeTurn(dir string) (err error) {
	t.lock, err = lockDir(dir)
	return err
}

// lockDir waits until no other process has a directory of pins locked, and locks it until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock pins: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock pins: %w", err), f.Close())
	}
	return f, nil
}

// Close lets go of the pins.
func (t *Tracer) Close() error {
	t.set.Close()
	if t.lock == nil {
		return nil
	}
	return t.lock.Close()
}

// readNames reads what the numbers in a trace stand for.
func (t *Tracer) readNames() (err error) {
	if t.names, err = readNames(t.set.Maps["iom_names"]); err != nil {
		return err
	}
	if t.instances, err = rowsBySlot[wire.Instance](t.set.Maps["iom_dps"]); err != nil {
		return err
	}
	if t.ports, err = rowsBySlot[wire.Port](t.set.Maps["iom_ports"]); err != nil {
		return err
	}
	t.nodes, err = rowsBySlot[wire.Node](t.set.Maps["iom_nodes"])
	return err
}

func rowsBySlot[V any](m *ebpf.Map) (map[uint32]V, error) {
	rows, err := readBack(m)
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	out := map[uint32]V{}
	for key, r := range rows {
		v, err := iom.Get[V](r.value)
		if err != nil {
			return nil, fmt.Errorf("read names: %w", err)
		}
		out[slotOf(key)] = v
	}
	return out, nil
}

// Ports are the names of the logical ports that are plugged on this node, sorted.
func (t *Tracer) Ports() []string {
	var out []string
	for slot := range t.ports {
		out = append(out, t.portName(slot))
	}
	slices.Sort(out)
	return out
}

// portName is the name of the port of this node that has a slot; "" for none.
func (t *Tracer) portName(slot uint32) string {
	if slot == 0 {
		return ""
	}
	p := t.ports[slot]
	return t.names.of(p.Dp, uint32(p.Key))
}

// Trace sends a frame into the network by a logical port of this node; ErrUnknown if it is not plugged here.
func (t *Tracer) Trace(port string, frame []byte) (TraceResult, error) {
	return t.TraceProbe(Probe{Port: port, Frame: frame})
}

// Probe is a frame at a logical port of this node.
type Probe struct {
	Port  string
	Frame []byte
	// Arrives: it does not come in by the port but leaves by it, and comes from another node; InKey is the key of the port by which it came into the
	// switch there.
	Arrives bool
	InKey   uint16
	// Answers: it is the reply to a frame that passed, and taken for one of that frame's connection.
	Answers bool
}

// TraceProbe tells what becomes of a frame; ErrUnknown if its port is not plugged here.
func (t *Tracer) TraceProbe(p Probe) (TraceResult, error) {
	var slots []uint32
	for slot := range t.ports {
		if t.portName(slot) == p.Port {
			slots = append(slots, slot)
		}
	}
	if len(slots) == 0 {
		return TraceResult{}, fmt.Errorf("trace at port %q: it is not plugged on this node: %w", p.Port, ErrUnknown)
	}
	in := slices.Min(slots)
	entry := iom.Entry{At: iom.Ref(in), Answers: p.Answers}
	if p.Arrives {
		entry.Leaves, entry.InKey, entry.Instance = true, p.InKey, t.ports[in].Dp
	}
	trace, err := t.spec.Trace(t.set, entry, p.Frame)
	if err != nil {
		return TraceResult{}, fmt.Errorf("trace packet of %d bytes: %w", len(p.Frame), err)
	}
	steps, err := t.words(trace, in)
	return TraceResult{Steps: steps, Packet: trace.Packet}, err
}
