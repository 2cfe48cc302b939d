// A stand-in for modules/std/std.go: the kinds of a later release.
package std

import (
	"strings"

	"github.com/cilium/ebpf"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
)

// Kinds are a new one, which takes the first number, and l2switch, one of whose tables has another size.
func Kinds() []iom.Kind {
	second := l2switch.Kind()
	second.Load = loadSwitch
	return []iom.Kind{{Name: "other", Load: loadOther}, second}
}

func loadSwitch() (*ebpf.CollectionSpec, error) {
	spec, err := l2switch.LoadL2switch()
	if err == nil {
		spec.Maps["l2switch_fdbs"].MaxEntries /= 2
	}
	return spec, err
}

// loadOther makes a kind of l2switch's object by giving its programs and its table of drops other names.
func loadOther() (*ebpf.CollectionSpec, error) {
	spec, err := loadSwitch()
	if err != nil {
		return nil, err
	}
	progs := map[string]*ebpf.ProgramSpec{}
	for name, prog := range spec.Programs {
		progs[strings.Replace(name, "l2switch", "other", 1)] = prog
		for i, ins := range prog.Instructions {
			if ins.Reference() == "l2switch_drops" {
				prog.Instructions[i] = ins.WithReference("other_drops")
			}
		}
	}
	spec.Programs = progs
	drops := spec.Maps["l2switch_drops"]
	drops.Name = "other_drops"
	spec.Maps[drops.Name] = drops
	delete(spec.Maps, "l2switch_drops")
	return spec, nil
}
