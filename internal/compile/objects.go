package compile

import (
	"hash/fnv"

	"woven.dev/woven/internal/netstate"
)

// objects names what decides in a module or service, by number: netstate.Module.Objects.
type objects map[uint32]string

// add gives an object a number. That depends on its identity and, where two numbers would be the same, on what was added before.
func (o objects) add(identity, name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(identity))
	n := max(h.Sum32(), netstate.FirstObject)
	for o[n] != "" {
		n = max(n+1, netstate.FirstObject)
	}
	o[n] = name
	return n
}
