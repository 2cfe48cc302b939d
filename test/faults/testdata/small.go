// A stand-in for modules/std/std.go: l2switch with a table that is soon full.
package std

import (
	"github.com/cilium/ebpf"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
)

// Kinds are those of every release.
func Kinds() []iom.Kind {
	kind := l2switch.Kind()
	kind.Load = func() (*ebpf.CollectionSpec, error) {
		spec, err := l2switch.LoadL2switch()
		if err == nil {
			spec.Maps["l2switch_fdbs"].MaxEntries = 16
		}
		return spec, err
	}
	return []iom.Kind{kind}
}
