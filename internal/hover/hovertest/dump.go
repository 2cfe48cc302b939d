// Package hovertest writes down what a node's data plane does, for tests that compare two of them.
package hovertest

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Dump lists the rows of the pinned tables under bpffs, a row a line, sorted. kinds must be those of the build that wrote them. Data planes that
// do the same give equal dumps: slots are replaced by what they stand for, Unknown if by nothing, and a group's members are a set. Rows that
// programs write are left out, but for those of unknown slots, which begin with "left:".
func Dump(bpffs string, kinds []iom.Kind) ([]string, error) {
	spec, err := iom.NewSpec(kinds)
	if err != nil {
		return nil, err
	}
	d := &dump{spec: spec, dir: filepath.Join(bpffs, fmt.Sprintf("v%d", iom.ABI), "maps", spec.Layout)}
	if err := d.readSlots(); err != nil {
		return nil, err
	}
	for name := range spec.Maps {
		if err := d.table(name); err != nil {
			return nil, fmt.Errorf("dump table %q: %w", name, err)
		}
	}
	slices.Sort(d.lines)
	return d.lines, nil
}

// dump is one under way.
type dump struct {
	spec  *iom.Spec
	dir   string // of the pinned maps
	lines []string

	instances, ports, nodes map[uint32]string        // what slots stand for
	counts                  map[wire.GroupKey]uint32 // places of groups that are looked at
}

// rows calls f for each row of a pinned table until it fails.
func (d *dump) rows(name string, f func(key, value string) error) error {
	m, err := ebpf.LoadPinnedMap(filepath.Join(d.dir, name), &ebpf.LoadPinOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer m.Close()
	var failed error
	err = iom.EachRow(m, func(key, value string) {
		if failed == nil {
			failed = f(key, value)
		}
	})
	return cmp.Or(failed, err)
}

// readSlots finds out what slots stand for.
func (d *dump) readSlots() error {
	d.instances, d.ports, d.nodes, d.counts = map[uint32]string{0: "none"}, map[uint32]string{0: "none"}, map[uint32]string{}, map[wire.GroupKey]uint32{}
	return cmp.Or(
		each(d, "iom_dps", func(slot uint32, row wire.Instance) { d.instances[slot] = fmt.Sprintf("%x", row.Id) }),
		each(d, "iom_ports", func(slot uint32, row wire.Port) {
			d.ports[slot] = fmt.Sprintf("%s/%d", d.instances[row.Dp], row.Key)
		}),
		each(d, "iom_nodes", func(slot uint32, row wire.Node) { d.nodes[slot] = iom.NetipAddr(row.Addr.A).String() }),
		each(d, "iom_groups", func(key wire.GroupKey, count uint32) { d.counts[key] = count }),
	)
}

// each calls f for the rows of a table.
func each[K, V any](d *dump, name string, f func(K, V)) error {
	return d.rows(name, func(key, value string) error {
		k, err := iom.Get[K](key)
		if err != nil {
			return err
		}
		v, err := iom.Get[V](value)
		if err == nil {
			f(k, v)
		}
		return err
	})
}

// table writes one table's rows down.
func (d *dump) table(name string) error {
	spec := d.spec.Maps[name]
	if !d.spec.IsState(name) || spec.Key == nil || spec.Value == nil {
		return nil
	}
	live := slices.ContainsFunc(spec.Tags, func(tag string) bool { return strings.HasPrefix(tag, "iom:live") })
	if live && spec.Type == ebpf.Array && !slices.Contains(spec.Tags, "iom:live-by-port") { // what is left is the next one's
		return nil
	}
	return d.rows(name, func(key, value string) error {
		if name == "iom_members" && !d.visited(key) {
			return nil
		}
		line, err := d.row(name, key, value)
		switch {
		case err != nil:
		case !live:
			d.lines = append(d.lines, line)
		case strings.Contains(line, Unknown):
			d.lines = append(d.lines, "left: "+line)
		}
		return err
	})
}

// visited says whether a row of iom_members is one that floods look at.
func (d *dump) visited(key string) bool {
	k, err := iom.Get[wire.GroupKey](key)
	index := k.Index
	k.Index = 0
	return err == nil && uint32(index) < d.counts[k]
}

// row is a row as text.
func (d *dump) row(name, key, value string) (string, error) {
	spec := d.spec.Maps[name]
	k, err := d.text(name, wholeKey, spec.Key, key)
	if err != nil {
		return "", err
	}
	v, err := d.text(name, wholeValue, spec.Value, value)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s: %s", name, k, v), nil
}

// text is a key or value as text.
func (d *dump) text(table, side string, t btf.Type, data string) (string, error) {
	if !isStruct(t) {
		return d.column(table, side, t, data)
	}
	value, err := iom.Decode(t, []byte(data))
	fields, ok := value.(iom.Fields)
	if err != nil || !ok {
		return fmt.Sprint(value), err
	}
	var words []string
	for _, m := range btf.UnderlyingType(t).(*btf.Struct).Members {
		if fields.Get(m.Name) == nil || table == "iom_members" && m.Name == "index" {
			continue
		}
		text := fmt.Sprint(fields.Get(m.Name))
		if table == "iom_names" && m.Name == "number" && fields.Get("dp") == uint64(0) { // of a peer, see there
			text = nameOf(d.nodes, uint32(fields.Get("number").(uint64)))
		} else if !isStruct(m.Type) {
			if text, err = d.column(table, m.Name, m.Type, data[m.Offset.Bytes():]); err != nil {
				return "", err
			}
		}
		words = append(words, m.Name+"="+text)
	}
	return strings.Join(words, " "), nil
}

func isStruct(t btf.Type) bool {
	_, ok := btf.UnderlyingType(t).(*btf.Struct)
	return ok
}

// column is a number, or what it stands for if it is a slot.
func (d *dump) column(table, name string, t btf.Type, data string) (string, error) {
	value, err := iom.Decode(t, []byte(data))
	size, _ := btf.Sizeof(t)
	switch v := value.(type) {
	case iom.Ref:
		return d.ref(v), nil
	case uint64:
		if size == 4 {
			return d.meaning(table, name, uint32(v)), nil
		}
	}
	return fmt.Sprint(value), err
}
