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
	StepDecide  = wire.TraceDecide
)

// Step is one thing that happened to a traced packet.
type Step struct {
	Kind StepKind
	// Module is the kind that took the step; "iom" is the platform. Of a drop it is the one that has the reason.
	Module string
	// Instance and Port are the slots of the instance and of the port that had the packet; 0: none.
	Instance, Port uint32
	// Reason is the module's word for a drop, a decision or a punt; Text what it means, of a drop and a decision.
	Reason, Text string
	// Object is the number of what a decision goes by, see iom_decide in <iom/trace.h>.
	Object uint32
	// Ref is the port of an output, a copy or a learned address, or the port and peer of a tunnel.
	Ref Ref
	// VNI of a tunnel, Group of a flood, Offset and Len of a rewrite.
	VNI         uint32
	Group       uint16
	Offset, Len uint32
}

// Entry says where a traced packet is.
type Entry struct {
	// At is the port of this node by which it comes in, or, if Leaves, the port, or the peer, to which it is about to go out.
	At     Ref
	Leaves bool
	// Answers: it is the reply to a packet that passed, though no connection tells so.
	Answers bool
	// In and InKey are the port that a leaving packet came in by, Instance is the slot of the instance that it leaves.
	In       Ref
	InKey    uint16
	Instance uint32
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
	ctx := traceCtx{Cb: [5]uint32{uint32(e.At), 0, uint32(e.In), uint32(e.InKey), e.Instance}}
	if e.Leaves {
		ctx.Cb[1] |= 1
	}
	if e.Answers {
		ctx.Cb[1] |= 2
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
	if head.A >= log.MaxEntries() {
		return nil, fmt.Errorf("read trace: it has %d steps, of which only %d were recorded", head.A, log.MaxEntries()-1)
	}
	var steps []Step
	for i := uint32(1); i <= head.A; i++ {
		var rec wire.TraceRec
		if err := log.Lookup(i, &rec); err != nil {
			return nil, fmt.Errorf("read trace: %w", err)
		}
		step, err := s.step(rec)
		if err != nil {
			return nil, fmt.Errorf("read trace: %w", err)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func (s *Spec) step(rec wire.TraceRec) (Step, error) {
	step := Step{Kind: rec.What, Module: s.kindName(rec.Kind), Instance: rec.Dp, Port: rec.Port}
	switch step.Kind {
	case StepDrop:
		step.Module = s.kindName(rec.A)
		reasons, err := s.Drops(step.Module)
		if err != nil {
			return step, err
		}
		return step, step.because(reasons, rec.B)
	case StepDecide:
		decisions, err := s.Decisions(step.Module)
		if err != nil {
			return step, err
		}
		step.Object = rec.B
		return step, step.because(decisions, rec.A)
	case StepPunt:
		step.Reason = s.PuntReason(step.Module, rec.A)
	case StepOutput, StepCopy, StepLearn:
		step.Ref = Ref(rec.A)
	case StepTunnel:
		step.Ref, step.VNI = Ref(rec.A), rec.B
	case StepFlood:
		step.Group = uint16(rec.A)
	case StepRewrite:
		step.Offset, step.Len = rec.A, rec.B
	case StepEnter:
	default:
		return step, fmt.Errorf("unknown step %d", rec.What)
	}
	return step, nil
}

// because gives the step the reason that has an index among the module's.
func (s *Step) because(reasons []Member, index uint32) error {
	if int(index) >= len(reasons) {
		return fmt.Errorf("%s has no reason %d", s.Module, index)
	}
	s.Reason, s.Text = reasons[index].Name, reasons[index].Text
	return nil
}

// kindName is the name of a kind number; 0 is the platform.
func (s *Spec) kindName(kind uint32) string {
	if kind == 0 || int(kind) > len(s.Kinds) {
		return "iom"
	}
	return s.Kinds[kind-1].Name
}
