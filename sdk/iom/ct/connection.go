package ct

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Connection is one as a zone sees it.
type Connection struct {
	Zone  Zone
	Proto Protocol
	// From is who began it. Ports are 0 for protocols that have none; of an echo both are its identifier.
	From, To netip.AddrPort
	// Progress is "asked", "answered", "established", "closing" or "closed".
	Progress string
	// Established ones are safe from others that begin.
	Established bool
	// Blocked: nothing of it passes. Egress: it began on its way out by the zone's port, not in.
	Blocked, Egress bool
	// Left is the time until it is forgotten, if nothing comes.
	Left time.Duration
	// Rule is the number of what decided on it last, Label what that gave it.
	Rule  uint64
	Label uint32
}

var progress = map[wire.CtProgress]string{
	wire.CtAsked: "asked", wire.CtAnswered: "answered", wire.CtEstablished: "established", wire.CtClosing: "closing", wire.CtClosed: "closed",
}

// Tables are the tables of a node.
type Tables struct {
	begins, brief, established    *ebpf.Map
	zones, removed, limits, paces *ebpf.Map
	turn                          Turn
}

func (c Connection) compare(o Connection) int {
	return cmp.Or(c.Zone.Compare(o.Zone), cmp.Compare(c.Proto, o.Proto), c.From.Compare(o.From), c.To.Compare(o.To))
}

func (t *Tables) connection(key wire.CtKey, row wire.Ct, now uint32, table *ebpf.Map) Connection {
	from := 0
	if row.Flags&wire.CtFrom1 != 0 {
		from = 1
	}
	end := func(i int) netip.AddrPort {
		port := key.L4[i]
		if Protocol(key.Proto).isICMP() {
			port = key.L4[from]
		}
		return netip.AddrPortFrom(iom.NetipAddr(key.Addr[i].A), port)
	}
	return Connection{Zone: zoneOf(key.Zone), Proto: Protocol(key.Proto), From: end(from), To: end(1 - from), Progress: progress[row.Progress],
		Established: table == t.established, Blocked: row.Flags&wire.CtBlocked != 0, Egress: row.Flags&wire.CtEgress != 0,
		Left: time.Duration(row.Expires-min(now, row.Expires)) * time.Second, Rule: row.Rule, Label: row.Label}
}
