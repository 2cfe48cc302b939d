package hover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// maxName is how much of a name is kept, in bytes.
const maxName = 1024

// nameRows are the rows of iom_names for what the tables of a module hold under numbers: the instance, all its ports and its groups, and what
// decides in it and in its services. kinds are the numbers of kinds by name.
func nameRows(t *iom.Tables, m *netstate.Module, slot uint32, kinds map[string]uint32) {
	putName(t, wire.NameKey{Dp: slot}, m.Name)
	for _, p := range m.Ports {
		putName(t, wire.NameKey{Dp: slot, Number: uint32(p.Key)}, p.Name)
	}
	for _, g := range m.Groups {
		putName(t, wire.NameKey{Dp: slot, Number: uint32(g.Key)}, g.Name)
	}
	putObjects := func(kind string, objects map[uint32]string) {
		for number, name := range objects {
			putName(t, wire.NameKey{Dp: slot, Number: number, Kind: uint16(kinds[kind])}, name)
		}
	}
	putObjects(m.Kind, m.Objects)
	for _, s := range m.Services {
		putObjects(s.Kind, s.Objects)
	}
}

// peerName is the name of a tunnel peer: its chassis', without the address that tells its ends apart.
func peerName(n *netstate.Node) string { return strings.TrimSuffix(n.Name, "@"+n.Addr.String()) }

// putName writes a name, in as many rows as it needs.
func putName(t *iom.Tables, key wire.NameKey, name string) {
	name = name[:min(len(name), maxName)]
	for {
		var row wire.NameRow
		n := min(len(name), len(row.Name))
		for i := range n {
			row.Name[i] = int8(name[i])
		}
		iom.Put(t, "iom_names", key, row)
		if name = name[n:]; name == "" {
			return
		}
		key.Part++
	}
}

// names are the names in iom_names by key, of part 0.
type names map[wire.NameKey]string

// readNames reads them back.
func readNames(m *ebpf.Map) (names, error) {
	rows, err := readBack(m)
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	parts := map[wire.NameKey]string{}
	var keys []wire.NameKey
	for k, r := range rows {
		key, err := iom.Get[wire.NameKey](k)
		if err != nil {
			return nil, fmt.Errorf("read names: %w", err)
		}
		parts[key] = strings.TrimRight(r.value, "\x00")
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b wire.NameKey) int { return int(a.Part) - int(b.Part) })
	out := names{}
	for _, key := range keys {
		part := parts[key]
		key.Part = 0
		out[key] += part
	}
	return out, nil
}

// of is the name of what has a number in an instance; one that has no name has its number.
func (n names) of(dp, number uint32) string {
	return n.at(wire.NameKey{Dp: dp, Number: number})
}

// ofObject is the name of what a kind decides by in an instance.
func (n names) ofObject(dp, number, kind uint32) string {
	key := wire.NameKey{Dp: dp, Number: number}
	if number >= netstate.FirstObject {
		key.Kind = uint16(kind)
	}
	return n.at(key)
}

func (n names) at(key wire.NameKey) string {
	if name := n[key]; name != "" {
		return name
	}
	return fmt.Sprintf("#%d", key.Number)
}
