package differential

import (
	"fmt"
	"slices"
	"strings"

	"woven.dev/woven/internal/hover/hovertest"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/modules/std"
)

// unlikeFresh tells what the data plane has otherwise than that of a node that begins with the same rows, a row a line: "- " what it lacks, "+ "
// what it has more; and whether the databases have gone on since. Nothing: what a packet became does not come from what was before.
func (b *bench) unlikeFresh(vifs []string) string {
	var text strings.Builder
	north, south := b.central.north.Rows(), b.central.south.Rows()
	if !sameRows(north, b.node.north) || !sameRows(south, b.node.south) {
		text.WriteString("the databases have changed since the rows were applied\n")
	}
	lines, err := b.node.unlike(newNode(b.t), north, south, vifs)
	if err != nil {
		fmt.Fprintf(&text, "compare with a fresh node: %v\n", err)
	}
	for _, line := range lines {
		fmt.Fprintf(&text, "%s\n", line)
	}
	return text.String()
}

func sameRows[R nb.Rows | sb.Rows](a, b *R) bool { return a == b }

// unlike applies rows to a fresh node, and compares the tables.
func (n *node) unlike(fresh *node, north *nb.Rows, south *sb.Rows, vifs []string) (lines []string, err error) {
	if err := fresh.apply(north, south, vifs); err != nil {
		return nil, err
	}
	have, err := hovertest.Dump(n.bpffs, std.Kinds())
	if err != nil {
		return nil, err
	}
	want, err := hovertest.Dump(fresh.bpffs, std.Kinds())
	if err != nil {
		return nil, err
	}
	for _, line := range want {
		if _, found := slices.BinarySearch(have, line); !found {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range have {
		if _, found := slices.BinarySearch(want, line); !found {
			lines = append(lines, "+ "+line)
		}
	}
	return lines, nil
}
