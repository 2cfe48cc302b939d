package slowpath

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strconv"
	"sync"
	"time"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/sdk/iom/meter"
)

// ACLDecision is what an ACL did to a packet.
type ACLDecision struct {
	// ACL is its number, by which LoggedACL is found.
	ACL uint64
	// ToLport: it was looked up for the port that the packet was to leave by; else for the one that it came in by.
	ToLport bool
	// Verdict is "allow", "drop" or "reject".
	Verdict string
}

// LoggedACL is an ACL with log=true, ovn-nb(5).
type LoggedACL struct {
	UUID, Name, Severity string
	// Meter limits its log; nil: only the rate of punts does.
	Meter *LogMeter
}

// LogMeter is a row of Meter.
type LogMeter struct {
	Name string
	meter.Meter
	// Fair: each ACL has the rate for itself; else those with this meter share it.
	Fair bool
}

// PortName is how people know a port.
type PortName struct{ Switch, Port string }

// ACLLog writes down what ACLs with log=true decide, as ovn-controller's module acl_log does: a line for each packet, at level info whatever
// the severity. Its methods may be called from any goroutine.
type ACLLog struct {
	log *slog.Logger
	now func() time.Time

	mu         sync.Mutex
	acls       map[uint64]LoggedACL
	ports      map[punt.Port]PortName
	buckets    map[bucketOf]*bucket
	suppressed map[uint64]int // packets by ACL, since its last line
}

// bucketOf names a bucket: of a meter and, if that is fair, of an ACL.
type bucketOf struct {
	meter string
	acl   uint64
}

// NewACLLog returns one that knows no ACL.
func NewACLLog(now func() time.Time, log *slog.Logger) *ACLLog {
	return &ACLLog{log: log, now: now, buckets: map[bucketOf]*bucket{}, suppressed: map[uint64]int{}}
}

// Configure says which ACLs are logged, by number, and the names of their switches' ports. The maps must not be changed afterwards.
func (l *ACLLog) Configure(acls map[uint64]LoggedACL, ports map[punt.Port]PortName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acls, l.ports = acls, ports
	used := make(map[bucketOf]bool, len(acls))
	for number, a := range acls {
		used[a.bucket(number)] = true
	}
	maps.DeleteFunc(l.buckets, func(of bucketOf, _ *bucket) bool { return !used[of] })
	maps.DeleteFunc(l.suppressed, func(number uint64, _ int) bool { return acls[number].UUID == "" })
}

// bucket is the one of the ACL with a number.
func (a LoggedACL) bucket(number uint64) bucketOf {
	if a.Meter == nil {
		return bucketOf{}
	}
	of := bucketOf{meter: a.Meter.Name}
	if a.Meter.Fair {
		of.acl = number
	}
	return of
}

// Log writes a packet down, unless its ACL's meter forbids that or the ACL is logged no more. The ACL's next line says how many were left out so.
func (l *ACLLog) Log(p punt.Punt, d ACLDecision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, known := l.acls[d.ACL]
	if !known {
		return
	}
	if !l.allowed(a, d.ACL, p.Length) {
		l.suppressed[d.ACL]++
		return
	}
	at, direction := p.Port, "from-lport"
	if d.ToLport {
		at, direction = p.Out, "to-lport"
	}
	name := l.ports[at]
	attrs := []slog.Attr{slog.String("name", a.Name), slog.String("verdict", d.Verdict), slog.String("severity", a.Severity),
		slog.String("direction", direction), slog.String("acl", a.UUID), slog.String("switch", name.Switch), slog.String("port", name.Port)}
	attrs = append(attrs, flow(p.Data)...)
	if n := l.suppressed[d.ACL]; n > 0 {
		attrs = append(attrs, slog.Int("suppressed", n))
		delete(l.suppressed, d.ACL)
	}
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "acl_log", attrs...)
}

// allowed takes what a packet costs from its ACL's bucket.
func (l *ACLLog) allowed(a LoggedACL, number uint64, length int) bool {
	if a.Meter == nil {
		return true
	}
	of := a.bucket(number)
	b := l.buckets[of]
	if b == nil {
		b = &bucket{at: l.now(), tokens: full(a.Meter.Meter)}
		l.buckets[of] = b
	}
	return b.take(a.Meter.Meter, l.now(), length)
}

// bucket holds the tokens of a meter: thousandths of packets, or bits.
type bucket struct {
	at     time.Time
	tokens int64
}

func full(m meter.Meter) int64 { return int64(m.BurstSize()) * 1000 }

// take takes the tokens of a packet of length bytes; false: there are too few.
func (b *bucket) take(m meter.Meter, now time.Time, length int) bool {
	if since := now.Sub(b.at).Truncate(time.Millisecond); since > 0 {
		b.tokens += min(since.Milliseconds(), 1<<30) * int64(m.Rate)
		b.at = b.at.Add(since)
	}
	b.tokens = min(b.tokens, full(m))
	cost := int64(1000)
	if m.Bits {
		cost = int64(length) * 8
	}
	if b.tokens < cost {
		return false
	}
	b.tokens -= cost
	return true
}

var protocols = map[uint8]string{frame.ICMP: "icmp", frame.TCP: "tcp", frame.UDP: "udp", frame.ICMP6: "icmp6", frame.SCTP: "sctp"}

// flow is what a frame, of which only the beginning is there, says about who talks to whom.
func flow(b []byte) []slog.Attr {
	if len(b) < frame.EtherLength {
		return nil
	}
	attrs := []slog.Attr{slog.String("smac", net.HardwareAddr(b[6:12]).String()), slog.String("dmac", net.HardwareAddr(b[:6]).String())}
	p, err := frame.Head(b)
	if err != nil {
		return append(attrs, slog.String("ethertype", fmt.Sprintf("%#04x", binary.BigEndian.Uint16(b[12:]))))
	}
	protocol, known := protocols[p.Protocol]
	if !known {
		protocol = strconv.Itoa(int(p.Protocol))
	}
	attrs = append(attrs, slog.String("protocol", protocol), slog.String("src", p.Src.String()), slog.String("dst", p.Dst.String()), slog.Int("ttl", int(p.HopLimit)))
	switch {
	case p.Later || !known || len(p.Transport) < 4:
	case p.Protocol == frame.ICMP || p.Protocol == frame.ICMP6:
		attrs = append(attrs, slog.Int("type", int(p.Transport[0])), slog.Int("code", int(p.Transport[1])))
	default:
		attrs = append(attrs, slog.Int("sport", int(binary.BigEndian.Uint16(p.Transport))), slog.Int("dport", int(binary.BigEndian.Uint16(p.Transport[2:]))))
	}
	return attrs
}
