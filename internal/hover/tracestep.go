package hover

import (
	"fmt"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
)

// TraceStep is a step with the names of what it is about.
type TraceStep struct {
	// What is enter, decide, drop, output, tunnel, flood, copy, rewrite, punt or learn.
	What string
	// Module is the kind that took the step, "iom" the platform; of a drop, the one whose reason it is.
	Module string
	// Instance and ID are the name and the UUID of the instance that has the packet; "": none has it yet.
	Instance, ID string
	// Port is the logical port that an output, a tunnel or a copy leads to, that a drop counts for, or that an address was learned on.
	Port string
	// Group is the multicast group of a flood, or of a tunnel or copy that serves several ports.
	Group string
	// Peer and Addr are the name and the address of the other end of a tunnel, VNI and Key what names the port or group there.
	Peer     string
	Addr     netip.Addr
	VNI, Key uint32
	// Reason is the module's word for a drop, a decision or a punt, Text says what it means. Object is the name of what a decision goes by; Rows are
	// the rows that it is, if it is such.
	Reason, Text, Object string
	Rows                 []netstate.Row
	// Offset and Len are where a rewrite was, in bytes.
	Offset, Len uint32
	// Frame is what an output sends.
	Frame []byte
	// Copy are the steps of a flood copy on its way out.
	Copy []TraceStep
}

var stepWords = map[iom.StepKind]string{
	iom.StepEnter: "enter", iom.StepDecide: "decide", iom.StepDrop: "drop", iom.StepOutput: "output", iom.StepTunnel: "tunnel",
	iom.StepFlood: "flood", iom.StepCopy: "copy", iom.StepRewrite: "rewrite", iom.StepPunt: "punt", iom.StepLearn: "learn",
}

// words puts steps into words, and follows flood copies on their way out. in is the slot of the port by which the packet came.
func (t *Tracer) words(trace iom.Trace, in uint32) ([]TraceStep, error) {
	var out []TraceStep
	for _, s := range trace.Steps {
		w := t.word(s)
		if s.Kind == iom.StepOutput {
			w.Frame = trace.Packet
		}
		if s.Kind == iom.StepCopy {
			e := iom.Entry{At: s.Ref, Leaves: true, In: iom.Ref(in), InKey: t.ports[in].Key, Instance: s.Instance}
			copied, err := t.spec.Trace(t.set, e, trace.Packet)
			if err != nil {
				return nil, fmt.Errorf("trace copy: %w", err)
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
	w := TraceStep{What: stepWords[s.Kind], Module: s.Module, Reason: s.Reason, Text: s.Text, VNI: s.VNI, Offset: s.Offset, Len: s.Len}
	if s.Instance != 0 {
		w.Instance, w.ID = t.names.of(s.Instance, 0), uuidText(t.instances[s.Instance].Id)
	}
	switch s.Kind {
	case iom.StepDrop:
		w.Port = t.portName(s.Port)
	case iom.StepDecide:
		if s.Object != 0 {
			w.Object = t.names.ofObject(s.Instance, s.Object, t.kindNumber(s.Module))
			w.Rows = netstate.ParseRows(w.Object)
		}
	case iom.StepOutput, iom.StepTunnel, iom.StepCopy, iom.StepLearn:
		t.destination(&w, s)
	case iom.StepFlood:
		w.name(t.names.of(s.Instance, uint32(s.Group)), uint32(s.Group))
	}
	return w
}

// kindNumber is the number of a loaded kind; 0 of the platform.
func (t *Tracer) kindNumber(name string) uint32 {
	return uint32(slices.IndexFunc(t.spec.Kinds, func(k iom.Kind) bool { return k.Name == name }) + 1)
}

// destination says where a step's Ref leads.
func (t *Tracer) destination(w *TraceStep, s iom.Step) {
	node, key, remote := s.Ref.Remote()
	if !remote {
		w.Port = t.portName(uint32(s.Ref))
		return
	}
	w.Peer, w.Addr = t.names.of(0, node), iom.NetipAddr(t.nodes[node].Addr.A)
	w.name(t.names.of(s.Instance, uint32(key)), uint32(key))
}

// firstGroupKey is the least tunnel key of multicast groups (ovn-architecture(7)); those below are ports'.
const firstGroupKey = 32768

// name is the port or the group that has a key.
func (w *TraceStep) name(name string, key uint32) {
	w.Key = key
	if key < firstGroupKey {
		w.Port = name
	} else {
		w.Group = name
	}
}

// uuidText writes the 16 bytes of a UUID.
func uuidText(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
