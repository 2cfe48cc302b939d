package cli

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// TraceStep is one thing that happened to a traced packet.
type TraceStep struct {
	// What is enter, decide, drop, output, tunnel, flood, copy, rewrite, punt or learn.
	What string `json:"what"`
	// Module is the kind that took the step, Instance and Datapath name its instance.
	Module   string `json:"module"`
	Instance string `json:"instance,omitempty"`
	Datapath string `json:"datapath,omitempty"`
	// Port is where the packet goes, or where it is dropped or its source is learned; Group a multicast group.
	Port  string `json:"port,omitempty"`
	Group string `json:"group,omitempty"`
	// Chassis and Address are the other end of a tunnel.
	Chassis string `json:"chassis,omitempty"`
	Address string `json:"address,omitempty"`
	VNI     uint32 `json:"vni,omitempty"`
	Key     uint32 `json:"key,omitempty"`
	// Reason is the module's word for what it does, Text its meaning, Object what it goes by: the name of a port, or Rows in one line.
	Reason string `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	Object string `json:"object,omitempty"`
	// Rows are the rows of the Northbound database by which it was decided: an ACL, a policy, static routes.
	Rows []TraceRow `json:"rows,omitempty"`
	// Offset and Length of a rewrite, in bytes.
	Offset uint32 `json:"offset,omitempty"`
	Length uint32 `json:"length,omitempty"`
	// Copy is what becomes of a flood copy.
	Copy []TraceStep `json:"copy,omitempty"`
}

// TraceRow is a row of a database, with the columns that people want to know of it.
type TraceRow struct {
	Table   string            `json:"table"`
	Columns map[string]string `json:"columns"`
}

// TraceResult is what becomes of a packet.
type TraceResult struct {
	Port    string        `json:"port"`
	Packet  TracePacket   `json:"packet"`
	Steps   []TraceStep   `json:"steps"`
	Result  TracePacket   `json:"result"`
	Changed []FieldChange `json:"changed"`
	Outputs []TraceOutput `json:"outputs"`
}

// TracePacket is a frame: its fields in the words of OVN's match language, and its bytes in hexadecimal.
type TracePacket struct {
	Length int    `json:"length"`
	Fields string `json:"fields"`
	Hex    string `json:"hex"`
}

// FieldChange is a field that the programs changed.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// TraceOutput is a place that the packet gets to: a port, here or on a chassis, or the ports of a group on a chassis.
type TraceOutput struct {
	Port    string `json:"port,omitempty"`
	Group   string `json:"group,omitempty"`
	Chassis string `json:"chassis,omitempty"`
}

func (o TraceOutput) String() string {
	var words []string
	if o.Port != "" {
		words = append(words, fmt.Sprintf("port %q", o.Port))
	}
	if o.Group != "" {
		words = append(words, fmt.Sprintf("group %q", o.Group))
	}
	if o.Chassis != "" {
		words = append(words, fmt.Sprintf("on chassis %q", o.Chassis))
	}
	return strings.Join(words, " ")
}

func newTraceResult(port string, before []byte, steps []TraceStep, after []byte) TraceResult {
	old, new := readPacket(before), readPacket(after)
	changed := changes(old, new)
	if len(changed) == 0 && !bytes.Equal(before, after) {
		changed = append(changed, FieldChange{Field: "bytes", Before: hex.EncodeToString(before), After: hex.EncodeToString(after)})
	}
	return TraceResult{
		Port:    port,
		Packet:  TracePacket{len(before), old.String(), hex.EncodeToString(before)},
		Steps:   steps,
		Result:  TracePacket{len(after), new.String(), hex.EncodeToString(after)},
		Changed: changed,
		Outputs: outputs([]TraceOutput{}, steps),
	}
}

// outputs adds to list where steps and their copies lead.
func outputs(list []TraceOutput, steps []TraceStep) []TraceOutput {
	for _, s := range steps {
		if s.What == "output" || s.What == "tunnel" {
			list = append(list, TraceOutput{Port: s.Port, Group: s.Group, Chassis: s.Chassis})
		}
		list = outputs(list, s.Copy)
	}
	return list
}
