package slowpath

import (
	"log/slog"
	"sync"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/icmperr"
	"woven.dev/woven/sdk/iom/wire"
)

// Place is the slots of a port of this node and of its instance.
type Place struct{ Instance, Port uint32 }

// Rejecter tells the senders of packets that ACLs reject so. Its methods may be called from any goroutine.
type Rejecter struct {
	send Resumer
	log  *slog.Logger

	mu    sync.Mutex
	relay int
	ports map[punt.Port]Place
}

// NewRejecter returns one that knows no port.
func NewRejecter(send Resumer, log *slog.Logger) *Rejecter { return &Rejecter{send: send, log: log} }

// Configure says where ports are; relay is as for Routers. The map must not be changed afterwards.
func (r *Rejecter) Configure(relay int, ports map[punt.Port]Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relay, r.ports = relay, ports
}

// Reject answers a packet as whom it was for (ovn-sb(5), action reject), past all ACLs of this node: out of the port that it came in by or,
// when it was rejected on the way out (toLport), into the switch by the port that it was to leave by, so that it goes to the sender wherever
// that is.
func (r *Rejecter) Reject(p punt.Punt, toLport bool) {
	at, resume := p.Port, wire.Resume{Leaves: 1}
	if toLport {
		at, resume.Leaves = p.Out, 0
	}
	r.mu.Lock()
	place, here := r.ports[at]
	relay := r.relay
	r.mu.Unlock()
	if !here {
		return
	}
	reply, why := icmperr.Reject(p.Data)
	r.log.Debug("packet that an ACL rejects", "switch", at.Module, "port", at.Key, "answer", why)
	if reply == nil {
		return
	}
	resume.Dp, resume.Port = place.Instance, place.Port
	if err := r.send.Resume(relay, resume, reply); err != nil {
		r.log.Debug("answer is lost", "switch", at.Module, "port", at.Key, "error", err)
	}
}
