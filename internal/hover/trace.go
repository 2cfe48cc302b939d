package hover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

	ports, instances map[uint32]string // names by slot
	rows             map[uint32]wire.Port
	nodes            map[uint32]wire.Node
}

// TraceStep is a step in words, with what it refers to.
type TraceStep struct {
	// What is enter, drop, output, tunnel, flood, copy, rewrite, punt or learn.
	What string
	// Module is the kind, Instance the name of the instance that has the packet.
	Module, Instance string
	// Port is the logical port of an output or a copy; Peer the address of a tunnel's other end.
	Port, Peer string
	// Reason and Text of a drop.
	Reason, Text string
	// Detail says the rest: keys, offsets.
	Detail string
	// Copy are the steps of a flood copy in its egress pipeline.
	Copy []TraceStep
}

// TraceResult is what became of a packet.
type TraceResult struct {
	Steps []TraceStep
	// Packet as the last program left it, an Ethernet frame.
	Packet []byte
}

// OpenTracer opens the pins under bpffs. kinds must be those of the release that is there.
func OpenTracer(bpffs string, kinds []iom.Kind) (*Tracer, error) {
	spec, err := iom.NewSpec(kinds)
	if err != nil {
		return nil, err
	}
	p := &pins{root: filepath.Join(bpffs, fmt.Sprintf("v%d", iom.ABI)), spec: spec}
	if _, err := os.Stat(p.releaseDir()); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open data plane under %q: no programs of this build (release %s) are pinned there: is it the agent's --bpffs, and the same woven?", bpffs, spec.Release)
	}
	state := map[string]*ebpf.Map{}
	for name := range spec.Maps {
		if !spec.IsState(name) {
			continue
		}
		if state[name], err = ebpf.LoadPinnedMap(filepath.Join(p.mapsDir(), name), nil); err != nil {
			return nil, errors.Join(fmt.Errorf("open table %q: %w", name, err), closeMaps(state))
		}
	}
	set, err := p.adoptRelease(state)
	if err != nil {
		return nil, errors.Join(err, closeMaps(state))
	}
	t := &Tracer{spec: spec, set: set}
	if err := errors.Join(t.takeTurn(p.releaseDir()), t.readNames()); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// takeTurn waits until no other trace runs on this node.
func (t *Tracer) takeTurn(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("lock traces: %w", err)
	}
	t.lock = f
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock traces: %w", err)
	}
	return nil
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
	if t.ports, err = names(t.set.Maps["iom_port_names"]); err != nil {
		return err
	}
	if t.instances, err = names(t.set.Maps["iom_dp_names"]); err != nil {
		return err
	}
	if t.rows, err = rowsBySlot[wire.Port](t.set.Maps["iom_ports"]); err != nil {
		return err
	}
	t.nodes, err = rowsBySlot[wire.Node](t.set.Maps["iom_nodes"])
	return err
}

func names(m *ebpf.Map) (map[uint32]string, error) {
	rows, err := rowsBySlot[wire.WireIomName](m)
	out := map[uint32]string{}
	for slot, name := range rows {
		out[slot] = name.String()
	}
	return out, err
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
			return nil, err
		}
		out[slotOf(key)] = v
	}
	return out, nil
}

// Trace sends a frame into the network by a logical port of this node.
func (t *Tracer) Trace(port string, frame []byte) (TraceResult, error) {
	var slots []uint32
	for slot, name := range t.ports {
		if name == port {
			slots = append(slots, slot)
		}
	}
	if len(slots) == 0 {
		return TraceResult{}, fmt.Errorf("trace from port %q: it is not plugged on this node: %w", port, ErrUnknown)
	}
	slot := slices.Min(slots)
	trace, err := t.spec.Trace(t.set, iom.Entry{Port: slot}, frame)
	if err != nil {
		return TraceResult{}, err
	}
	steps, err := t.words(trace, slot)
	return TraceResult{Steps: steps, Packet: trace.Packet}, err
}

// words puts steps into words, and follows flood copies to ports of this node through their egress pipelines.
func (t *Tracer) words(trace iom.Trace, in uint32) ([]TraceStep, error) {
	var out []TraceStep
	instance := t.instances[t.rows[in].Dp]
	for _, s := range trace.Steps {
		w := t.word(s)
		w.Instance = instance
		if _, _, remote := s.Ref.Remote(); s.Kind == iom.StepCopy && !remote {
			copied, err := t.spec.Trace(t.set, iom.Entry{Port: uint32(s.Ref), Leaves: true, In: iom.Ref(in), InKey: t.rows[in].Key}, trace.Packet)
			if err != nil {
				return nil, err
			}
			if w.Copy, err = t.words(copied, in); err != nil {
				return nil, err
			}
		}
		out = append(out, w)
	}
	return out, nil
}

func (t *Tracer) word(s iom.Step) TraceStep {
	w := TraceStep{Module: s.Module, Reason: s.Reason, Text: s.Text}
	switch s.Kind {
	case iom.StepEnter:
		w.What = "enter"
	case iom.StepDrop:
		w.What = "drop"
	case iom.StepOutput, iom.StepCopy, iom.StepTunnel, iom.StepLearn:
		w.What = map[iom.StepKind]string{iom.StepOutput: "output", iom.StepCopy: "copy", iom.StepTunnel: "tunnel", iom.StepLearn: "learn"}[s.Kind]
		if node, key, remote := s.Ref.Remote(); remote {
			w.Peer = iom.NetipAddr(t.nodes[node].Addr.A).String()
			w.Detail = fmt.Sprintf("key %d", key)
			if s.Kind == iom.StepTunnel {
				w.Detail = fmt.Sprintf("vni %d key %d", s.VNI, key)
			}
		} else {
			w.Port = t.ports[uint32(s.Ref)]
		}
	case iom.StepFlood:
		w.What, w.Detail = "flood", fmt.Sprintf("group %d", s.Group)
	case iom.StepPunt:
		w.What, w.Detail = "punt", fmt.Sprintf("reason %d", s.Punt)
	default:
		w.What, w.Detail = "rewrite", fmt.Sprintf("%d bytes at %d", s.Len, s.Offset)
	}
	return w
}

// String is the step as a line, its copy's steps indented below.
func (s TraceStep) String() string {
	words := []string{s.What}
	add := func(format, value string) {
		if value != "" {
			words = append(words, fmt.Sprintf(format, value))
		}
	}
	switch s.What {
	case "enter":
		add("%s", s.Module)
		add("%q", s.Instance)
	case "drop":
		words = append(words, s.Module+"."+s.Reason+":", s.Text)
	default:
		add("%q", s.Port)
		add("to %s", s.Peer)
		add("%s", s.Detail)
	}
	line := strings.Join(words, " ")
	for _, c := range s.Copy {
		line += "\n  " + strings.ReplaceAll(c.String(), "\n", "\n  ")
	}
	return line
}
