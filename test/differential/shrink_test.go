package differential

import "slices"

// shrink leaves out rows, and terms of the packet, as long as there is a disagreement of the same kind.
func (b *bench) shrink(rows []row, vifs []string, d *disagreement) ([]row, *disagreement) {
	try := func(rows []row, s sending) bool {
		left, err := b.try(rows, vifs, []sending{s}, nil)
		if err != nil || left == nil || kindOf(left.got) != kindOf(d.got) || kindOf(left.want) != kindOf(d.want) {
			return false
		}
		d = left
		return true
	}
	for again := true; again; {
		again = false
		for i := len(rows) - 1; i >= 0; i-- {
			for _, fewer := range smaller(rows, i) {
				if try(fewer, d.sending) {
					rows, again = fewer, true
					break
				}
			}
		}
	}
	for i := len(d.packet) - 1; i > 0 && d.first == nil; i-- {
		if fewer := slices.Delete(slices.Clone(d.packet), i, i+1); sameHeaders(fewer, d.packet) {
			try(rows, sending{packet: fewer, state: unknown(fewer)})
		}
	}
	return rows, d
}

// smaller are rows without row i, and, if it makes a group, without one of its members.
func smaller(rows []row, i int) [][]row {
	list := [][]row{slices.Delete(slices.Clone(rows), i, i+1)}
	if r := rows[i]; r[0] == "pg-add" && len(r) > 3 {
		for k := 2; k < len(r); k++ {
			fewer := slices.Clone(rows)
			fewer[i] = slices.Delete(slices.Clone(r), k, k+1)
			list = append(list, fewer)
		}
	}
	return list
}

// sameHeaders says whether two packets have the same addresses and protocol.
func sameHeaders(a, b microflow) bool {
	fa, err := fieldsOf(a.String())
	if err != nil {
		return false
	}
	fb, err := fieldsOf(b.String())
	if err != nil {
		return false
	}
	for _, name := range []string{"eth.src", "eth.dst", "eth.type", "ip4.src", "ip4.dst", "ip6.src", "ip6.dst", "ip.proto", "ip.ttl", "arp.op"} {
		if fa.Int(name) != fb.Int(name) {
			return false
		}
	}
	return true
}
