package hovertest

import (
	"fmt"
	"strings"

	"woven.dev/woven/sdk/iom"
)

// Unknown is in the text of a slot that nobody has.
const Unknown = "unknown slot"

// The columns of a key or value that is no struct.
const (
	wholeKey   = "(key)"
	wholeValue = "(value)"
)

// meaning is what a 32-bit number in a column stands for. Columns are members of structs, wholeKey and wholeValue.
func (d *dump) meaning(table, column string, number uint32) string {
	switch {
	case table == "iom_groups" && column == wholeValue: // places, of which some may be empty
		return "group"
	case column == "dp":
		return nameOf(d.instances, number)
	case column == "port", strings.Contains(table, "bindings") && column == wholeValue:
		return nameOf(d.ports, number)
	case table == "iom_node_addrs" && column == wholeValue:
		return nameOf(d.nodes, number)
	case column != wholeKey || strings.Contains(table, "bindings"):
		return fmt.Sprint(number)
	}
	return nameOf(d.slotsOf(table), number)
}

// slotsOf are what the keys of a table stand for that are only numbers: the table is as large as that of their slots.
func (d *dump) slotsOf(table string) map[uint32]string {
	switch d.spec.Maps[table].MaxEntries {
	case d.spec.Maps["iom_dps"].MaxEntries:
		return d.instances
	case d.spec.Maps["iom_ports"].MaxEntries:
		return d.ports
	case d.spec.Maps["iom_nodes"].MaxEntries:
		return d.nodes
	}
	return map[uint32]string{0: "the one"} // iom_tunnel_end
}

// ref is what an iom_ref names.
func (d *dump) ref(ref iom.Ref) string {
	if node, key, remote := ref.Remote(); remote {
		return fmt.Sprintf("%d at %s", key, nameOf(d.nodes, node))
	}
	if key, group := ref.Group(); group {
		return fmt.Sprintf("group %d", key)
	}
	return nameOf(d.ports, uint32(ref))
}

func nameOf(slots map[uint32]string, slot uint32) string {
	if name, ok := slots[slot]; ok {
		return name
	}
	return fmt.Sprintf("%s %d", Unknown, slot)
}
