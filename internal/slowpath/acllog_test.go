package slowpath_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/sdk/iom/meter"
)

const (
	macA = "0a:00:00:00:00:01"
	macB = "0a:00:00:00:00:02"
)

var (
	portA = punt.Port{Module: "sw", Key: 1}
	portB = punt.Port{Module: "sw", Key: 2}
)

// acllog is a log with a clock of its own.
type acllog struct {
	*slowpath.ACLLog
	clock time.Time
	out   strings.Builder
}

func newACLLog(acls map[uint64]slowpath.LoggedACL) *acllog {
	l := &acllog{clock: time.Unix(1000, 0)}
	handler := slog.NewTextHandler(&l.out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	l.ACLLog = slowpath.NewACLLog(func() time.Time { return l.clock }, slog.New(handler))
	l.configure(acls)
	return l
}

func (l *acllog) configure(acls map[uint64]slowpath.LoggedACL) {
	l.Configure(acls, map[punt.Port]slowpath.PortName{portA: {Switch: "sw0", Port: "vm a"}, portB: {Switch: "sw0", Port: "vmb"}})
}

// lines are those written since the last call.
func (l *acllog) lines() []string {
	text := strings.TrimSuffix(l.out.String(), "\n")
	l.out.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// send has n packets of length bytes decided on by an ACL, and returns how many were logged and what the last line says of others.
func (l *acllog) send(acl uint64, n, length int) (logged int, suppressed string) {
	for range n {
		l.Log(punt.Punt{Port: portA, Length: length}, slowpath.ACLDecision{ACL: acl, Verdict: "drop"})
	}
	lines := l.lines()
	if len(lines) > 0 {
		_, suppressed, _ = strings.Cut(lines[len(lines)-1], "suppressed=")
	}
	return len(lines), suppressed
}

// The line of each kind of packet.
func TestACLLogLines(t *testing.T) {
	l := newACLLog(map[uint64]slowpath.LoggedACL{7: {UUID: "u7", Name: "no \"web\"", Severity: "alert"}})
	icmp6 := append(frametest.IP(t, macA, macB, "fd00::1", "fd00::2", layers.IPProtocolICMPv6),
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, gopacket.Payload(make([]byte, 4)))
	gre := append(frametest.IP(t, macA, macB, "10.0.0.1", "10.0.0.2", layers.IPProtocolGRE), gopacket.Payload(make([]byte, 8)))
	udp := frametest.UDP(t, macA, macB, "10.0.0.1", "10.0.0.2", 1000, 53, nil)
	later := append([]byte(nil), udp...)
	later[21] = 9
	arp := append(append([]byte(nil), udp[:12]...), 8, 6, 0, 1)
	const head, macs = `level=INFO msg=acl_log name="no \"web\"" verdict=drop severity=alert direction=`, ` smac=0a:00:00:00:00:01 dmac=0a:00:00:00:00:02 `
	const from, to = head + `from-lport acl=u7 switch=sw0 port="vm a"` + macs, head + `to-lport acl=u7 switch=sw0 port=vmb` + macs
	for _, c := range []struct {
		name    string
		frame   []byte
		toLport bool
		want    string
	}{
		{"UDP", udp, false, from + "protocol=udp src=10.0.0.1 dst=10.0.0.2 ttl=64 sport=1000 dport=53"},
		{"receiving", udp, true, to + "protocol=udp src=10.0.0.1 dst=10.0.0.2 ttl=64 sport=1000 dport=53"},
		{"ICMPv6", frametest.Build(t, icmp6...), false, from + "protocol=icmp6 src=fd00::1 dst=fd00::2 ttl=255 type=128 code=0"},
		{"no ports", frametest.Build(t, gre...), false, from + "protocol=47 src=10.0.0.1 dst=10.0.0.2 ttl=64"},
		{"later fragment", later, false, from + "protocol=udp src=10.0.0.1 dst=10.0.0.2 ttl=64"},
		{"ports cut", udp[:36], false, from + "protocol=udp src=10.0.0.1 dst=10.0.0.2 ttl=64"},
		{"ARP", arp, false, from + "ethertype=0x0806"},
		{"IP header cut", udp[:30], false, from + "ethertype=0x0800"},
		{"no frame", udp[:13], false, strings.TrimSuffix(from, macs)},
	} {
		l.Log(punt.Punt{Port: portA, Out: portB, Length: 60, Data: c.frame}, slowpath.ACLDecision{ACL: 7, ToLport: c.toLport, Verdict: "drop"})
		if d := cmp.Diff([]string{c.want}, l.lines()); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	l.Log(punt.Punt{Port: portA}, slowpath.ACLDecision{ACL: 8, Verdict: "drop"})
	if lines := l.lines(); lines != nil {
		t.Errorf("of an ACL that is not logged: %q", lines)
	}
}

// A meter lets its burst through and then its rate; the next line says how many are missing.
func TestACLLogMeter(t *testing.T) {
	slow := &slowpath.LogMeter{Name: "slow", Meter: meter.Meter{Rate: 2, Burst: 5}}
	bits := &slowpath.LogMeter{Name: "bits", Meter: meter.Meter{Rate: 8, Bits: true}}
	l := newACLLog(map[uint64]slowpath.LoggedACL{1: {UUID: "u1", Meter: slow}, 2: {UUID: "u2"}, 3: {UUID: "u3", Meter: bits}})
	for _, step := range []struct {
		name       string
		passed     time.Duration
		acl        uint64
		n, length  int
		logged     int
		suppressed string
	}{
		{"the burst", 0, 1, 20, 100, 5, ""},
		{"without a meter", 0, 2, 20, 100, 20, ""},
		{"too early", 499 * time.Millisecond, 1, 1, 100, 0, ""},
		{"one more", time.Millisecond, 1, 3, 100, 1, "16"},
		{"long after, no more than the burst", time.Hour, 1, 20, 100, 5, ""},
		{"the clock goes back", -time.Hour, 1, 1, 100, 0, ""},
		{"1 kB", 0, 3, 20, 100, 10, ""},
		{"half of it", 500 * time.Millisecond, 3, 20, 100, 5, ""},
		{"a packet larger than the burst", time.Hour, 3, 1, 1001, 0, ""},
		{"and one that fits", 0, 3, 1, 1000, 1, "16"},
	} {
		l.clock = l.clock.Add(step.passed)
		logged, suppressed := l.send(step.acl, step.n, step.length)
		if logged != step.logged || step.logged == 1 && suppressed != step.suppressed {
			t.Errorf("%s: %d lines, suppressed %q, want %d, %q", step.name, logged, suppressed, step.logged, step.suppressed)
		}
	}
}

// ACLs share a meter unless it is fair.
func TestACLLogFair(t *testing.T) {
	for fair, want := range map[bool]int{false: 0, true: 3} {
		m := &slowpath.LogMeter{Name: "m", Meter: meter.Meter{Rate: 3}, Fair: fair}
		l := newACLLog(map[uint64]slowpath.LoggedACL{1: {UUID: "u1", Meter: m}, 2: {UUID: "u2", Meter: m}})
		if n, _ := l.send(1, 10, 100); n != 3 {
			t.Errorf("fair %v: %d lines of the first ACL, want 3", fair, n)
		}
		if n, _ := l.send(2, 10, 100); n != want {
			t.Errorf("fair %v: %d lines of the second ACL, want %d", fair, n, want)
		}
	}
}

// A meter that changes holds at once; an ACL that comes again begins anew.
func TestACLLogConfigure(t *testing.T) {
	with := func(rate uint32) map[uint64]slowpath.LoggedACL {
		return map[uint64]slowpath.LoggedACL{1: {UUID: "u1", Meter: &slowpath.LogMeter{Name: "m", Meter: meter.Meter{Rate: rate}}}}
	}
	l := newACLLog(with(100))
	l.send(1, 1, 100)
	l.configure(with(2))
	if n, _ := l.send(1, 10, 100); n != 2 {
		t.Errorf("%d lines after the meter went from 100 to 2, want 2", n)
	}
	l.configure(nil)
	l.configure(with(1))
	if n, suppressed := l.send(1, 1, 100); n != 1 || suppressed != "" {
		t.Errorf("ACL that came again: %d lines, suppressed %q, want 1 and none", n, suppressed)
	}
}
