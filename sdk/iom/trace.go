package iom

import (
	"fmt"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom/wire"
)

// StepKind is what a step of a trace is.
type StepKind = wire.WireIomTraceWhat

// Kinds of steps.
const (
	StepDrop    = wire.TraceDrop
	StepOutput  = wire.TraceOutput
	StepTunnel  = wire.TraceTunnel
	StepFlood   = wire.TraceFlood
	StepCopy    = wire.TraceCopy
	StepRewrite = wire.TraceRewrite
	StepEnter   = wire.TraceEnter
	StepPunt    = wire.TracePunt
	StepLearn   = wire.TraceLearn
)

// Step is one thing that happened to a traced packet.
type Step struct {
	Kind StepKind
	// Module is the kind that dropped or got the packet; "iom" is the platform. Reason and Text are the drop's.
	Module, Reason, Text string
	// Ref is the port of an output or copy, or the port and peer of a tunnel.
	Ref Ref
	// VNI of a tunnel, Group of a flood, Slot of the instance entered, Offset and Len of a rewrite, Punt's reason by the module's number.
	VNI         uint32
	Punt        uint32
	Group       uint16
	Slot        uint32
	Offset, Len uint32
}

// Entry says where a traced packet is.
type Entry struct {
	// Port is the slot of the port of this node by which it comes in, or, if Leaves, is about to go out.
	Port   uint32
	Leaves bool
	// In and InKey are the port that a leaving packet came in by.
	In    Ref
	InKey uint16
}

// Trace is the result of a traced packet.
type Trace struct {
	Steps []Step
	// Packet as the last program left it.
	Packet []byte
}

// Trace sends a packet (an Ethernet frame) through the loaded programs by test-run. Nothing is sent, counted or
// learned. One trace at a time on one Set: the caller takes turns.
func (s *Spec) Trace(set *Set, e Entry, packet []byte) (Trace, error) {
	log := set.Maps["iom_trace_log"]
	if err := log.Put(uint32(0), wire.TraceRec{}); err != nil {
		return Trace{}, fmt.Errorf("start trace: %w", err)
	}
	ctx := traceCtx{Cb: [5]uint32{e.Port, 0, uint32(e.In), uint32(e.InKey)}}
	if e.Leaves {
		ctx.Cb[1] = 1
	}
	out := make([]byte, len(packet)+256)
	opts := &ebpf.RunOptions{Data: packet, DataOut: out, Context: ctx}
	if _, err := set.Progs[ProgTrace].Run(opts); err != nil {
		return Trace{}, fmt.Errorf("run trace: %w", err)
	}
	steps, err := s.steps(log)
	return Trace{Steps: steps, Packet: opts.DataOut}, err
}

// traceCtx is struct __sk_buff up to what a trace sets.
type traceCtx struct {
	_  [12]uint32
	Cb [5]uint32
}

func (s *Spec) steps(log *ebpf.Map) ([]Step, error) {
	var head wire.TraceRec
	if err := log.Lookup(uint32(0), &head); err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	var steps []Step
	for i := uint32(1); i <= min(head.A, log.MaxEntries()-1); i++ {
		var rec wire.TraceRec
		if err := log.Lookup(i, &rec); err != nil {
			return nil, fmt.Errorf("read trace: %w", err)
		}
		step, err := s.step(rec)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func (s *Spec) step(rec wire.TraceRec) (Step, error) {
	step := Step{Kind: rec.What}
	switch step.Kind {
	case StepDrop:
		step.Module = s.kindName(rec.A)
		reasons, err := s.Drops(step.Module)
		if err != nil {
			return step, err
		}
		if int(rec.B) >= len(reasons) {
			return step, fmt.Errorf("read trace: %s has no drop reason %d", step.Module, rec.B)
		}
		step.Reason, step.Text = reasons[rec.B].Name, reasons[rec.B].Text
	case StepPunt:
		step.Module, step.Punt = s.kindName(rec.A), rec.B
	case StepOutput, StepCopy, StepLearn:
		step.Ref = Ref(rec.A)
	case StepTunnel:
		step.Ref, step.VNI = Ref(rec.A), rec.B
	case StepFlood:
		step.Group = uint16(rec.A)
	case StepRewrite:
		step.Offset, step.Len = rec.A, rec.B
	case StepEnter:
		step.Module, step.Slot = s.kindName(rec.A), rec.B
	default:
		return step, fmt.Errorf("read trace: unknown step %d", rec.What)
	}
	return step, nil
}

// kindName is the name of a kind number; 0 is the platform.
func (s *Spec) kindName(kind uint32) string {
	if kind == 0 || int(kind) > len(s.Kinds) {
		return "iom"
	}
	return s.Kinds[kind-1].Name
}
