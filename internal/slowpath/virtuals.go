package slowpath

import (
	"maps"
	"net/netip"
	"sync"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/neigh"
)

// Virtuals hears which parents have the addresses of virtual ports (ovn-nb(5), type virtual). Its methods may be called from any goroutine.
type Virtuals struct {
	changed func()

	mu    sync.Mutex
	ports map[punt.Port]map[netip.Addr]string
	heard map[string]punt.Port
}

// NewVirtuals returns one that knows no port. changed is called from any goroutine when Heard has something new; it must not call the Virtuals.
func NewVirtuals(changed func()) *Virtuals {
	return &Virtuals{changed: changed, heard: map[string]punt.Port{}}
}

// Configure says which virtual ports each parent of this node may have, by their addresses. The map must not be changed afterwards.
func (v *Virtuals) Configure(ports map[punt.Port]map[netip.Addr]string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ports = ports
}

// Handle takes in what a parent announces.
func (v *Virtuals) Handle(p punt.Punt) {
	addr, err := neigh.Announced(p.Data)
	if err != nil {
		return
	}
	v.mu.Lock()
	name := v.ports[p.Port][addr]
	news := name != "" && v.heard[name] != p.Port
	if news {
		v.heard[name] = p.Port
	}
	v.mu.Unlock()
	if news {
		v.changed()
	}
}

// Heard takes out the virtual ports that were announced since the last call, with the parents that did it last.
func (v *Virtuals) Heard() map[string]punt.Port {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := maps.Clone(v.heard)
	clear(v.heard)
	return out
}
