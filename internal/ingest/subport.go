package ingest

import (
	"fmt"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// maxTag is the largest VLAN that frames can have; 4095 is reserved (IEEE 802.1Q).
const maxTag = 4094

// addSubPorts adds the sub-ports of a plug's port, ovn-nb(5) parent_name and tag. They are where their parent is, and of two
// with one tag the first by name has it.
func (in *plugger) addSubPorts(parent *Plug) {
	bindings := in.subPorts[parent.Port]
	slices.SortFunc(bindings, func(a, b *sb.PortBinding) int { return strings.Compare(a.LogicalPort, b.LogicalPort) })
	tags := map[uint16]string{}
	for _, pb := range bindings {
		p := Plug{Interface: parent.Interface, Port: pb.LogicalPort, Parent: parent.Port, Binding: pb, Device: parent.Device, Role: parent.Role}
		if pb.Tag != nil {
			p.Tag = uint16(*pb.Tag)
		}
		p.Refusal = in.subPortRefusal(parent, &p, tags[p.Tag])
		if p.Refusal == "" {
			tags[p.Tag] = p.Port
		}
		in.plugs = append(in.plugs, p)
		for _, inner := range in.subPorts[p.Port] {
			in.problems.Add("logical_switch_port", inner.LogicalPort,
				"its parent %s is a sub-port itself: it is not bound, what is sent to it is dropped", logical.Quote(p.Port))
		}
	}
}

// noteOrphans notes the sub-ports of switches with a port here whose parent is no port at all.
func (in *plugger) noteOrphans() {
	if len(in.subPorts) == 0 {
		return
	}
	here, known := map[string]bool{}, make(map[string]bool, len(in.SB.PortBinding))
	for _, p := range in.plugs {
		if p.Binding != nil {
			here[p.Binding.Datapath] = true
		}
	}
	for _, pb := range in.SB.PortBinding {
		known[pb.LogicalPort] = true
	}
	for parent, bindings := range in.subPorts {
		for _, pb := range bindings {
			if !known[parent] && here[pb.Datapath] {
				in.problems.Add("logical_switch_port", pb.LogicalPort, "its parent %s does not exist: it is not bound, what is sent to it is dropped", logical.Quote(parent))
			}
		}
	}
}

// subPortRefusal says why a sub-port is not held; "" when it is. taken is the sub-port that has the tag already.
func (in *plugger) subPortRefusal(parent, p *Plug, taken string) string {
	if parent.Refusal != "" {
		return fmt.Sprintf("its parent %s is not held here: %s", logical.Quote(parent.Port), parent.Refusal)
	}
	if reason := in.datapathRefusal(p.Binding); reason != "" {
		return reason
	}
	reason := ""
	switch {
	case parent.Role == Everywhere:
		reason = fmt.Sprintf("its parent %s is a localport", logical.Quote(parent.Port))
	case p.Tag == 0 || p.Tag > maxTag:
		reason = fmt.Sprintf("its tag is %d, not one of 1 to %d", p.Tag, maxTag)
	case taken != "":
		reason = fmt.Sprintf("its tag %d is that of sub-port %s", p.Tag, logical.Quote(taken))
	default:
		_, reason := placement(p.Binding, in.self, in.Chassis)
		return reason
	}
	in.problems.Add("logical_switch_port", p.Port, "%s: it is not bound, what is sent to it is dropped", reason)
	return reason
}
