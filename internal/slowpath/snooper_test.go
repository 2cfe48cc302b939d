package slowpath

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"woven.dev/woven/internal/hover/punt"
)

// line is a snooper with two switches, what it sent, and how often it said that something changed.
type line struct {
	*Snooper
	mu      sync.Mutex
	sent    []string // ifindex and family
	changes int
}

func (l *line) Send(ifindex int, frame []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, fmt.Sprintf("%d/%02x%02x", ifindex, frame[0], frame[1]))
	return errors.New("device is gone")
}

// take returns what was sent since the last call.
func (l *line) take() int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.sent)
	l.sent = nil
	return n
}

func (l *line) report(port uint16, frame []byte) {
	l.Handle(punt.Punt{Port: punt.Port{Module: "sw", Key: port}, Data: frame, Length: len(frame)})
}

func (l *line) text() string {
	var list []string
	for _, g := range l.Groups() {
		list = append(list, fmt.Sprintf("%s %s %s %v", g.Module, g.Addr, g.Protocol, g.Ports))
	}
	return strings.Join(list, "\n")
}

func switches(change ...func(*Switch)) map[string]Switch {
	sw := Switch{Idle: 100 * time.Second, Size: 2, Ports: map[uint16]Port{1: {Ifindex: 11}, 2: {Ifindex: 12}}}
	for _, f := range change {
		f(&sw)
	}
	return map[string]Switch{"sw": sw}
}

func asks(sw *Switch) {
	sw.Querier = &Querier{Interval: 30 * time.Second, MaxResponse: time.Second, IP4: netip.MustParseAddr("10.0.0.9"), IP6: netip.MustParseAddr("fe80::9")}
}

// inTime runs a story by a clock of its own.
func inTime(t *testing.T, story func(t *testing.T, l *line)) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		l.Snooper = NewSnooper(l, func() { l.changes++ }, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		story(t, l)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (l *line) want(t *testing.T, when, want string) {
	t.Helper()
	synctest.Wait()
	if got := l.text(); got != want {
		t.Errorf("%s:\n%s\nwant\n%s", when, got, want)
	}
}

var (
	joinA  = report3(record4(4, 0, 239, 1, 1, 1))
	leaveA = igmpFrame(0x17, 0, 0, 0, 239, 1, 1, 1)
	joinB  = reportMLD2(record6(4, 0, "ff05::1"))
	joinC  = igmpFrame(0x16, 0, 0, 0, 239, 1, 1, 3)
)

func TestMembership(t *testing.T) {
	inTime(t, func(t *testing.T, l *line) {
		l.report(1, joinA)
		l.want(t, "a switch that isn't snooped on", "")
		l.Configure(switches())
		l.report(1, joinA)
		l.report(2, joinA)
		l.report(3, joinA)
		l.want(t, "joined", "sw 239.1.1.1 IGMPv3 [1 2]")
		l.report(1, leaveA)
		l.report(1, leaveA)
		l.report(2, []byte("nonsense that is no frame at all"))
		l.report(1, joinB)
		l.want(t, "left one, joined another", "sw 239.1.1.1 IGMPv3 [2]\nsw ff05::1 MLDv2 [1]")
		changes := l.changes
		l.report(1, joinB)
		if l.changes != changes {
			t.Error("hearing the same again is a change")
		}
		l.report(1, joinC)
		if got := l.Full(); len(got) != 1 || got[0] != "sw" {
			t.Errorf("full: %v", got)
		}
		time.Sleep(99 * time.Second)
		if got := l.Full(); len(got) != 0 {
			t.Errorf("full, long ago: %v", got)
		}
		l.report(1, joinB)
		time.Sleep(time.Second)
		l.want(t, "one is idle", "sw ff05::1 MLDv2 [1]")
		time.Sleep(100 * time.Second)
		l.want(t, "both are", "")
		if l.take() != 0 {
			t.Error("asked without a querier")
		}
	})
}

func TestConfigure(t *testing.T) {
	both := "sw 239.1.1.1 IGMPv3 [1 2]"
	for _, tt := range []struct {
		name string
		next map[string]Switch
		want string
	}{
		{"the same", switches(), both},
		{"a port goes", switches(func(sw *Switch) { delete(sw.Ports, 1) }), "sw 239.1.1.1 IGMPv3 [2]"},
		{"flush", switches(func(sw *Switch) { sw.Flush++ }), ""},
		{"the switch goes", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(t *testing.T, l *line) {
				l.Configure(switches())
				l.Restore([]Group{{"sw", netip.MustParseAddr("239.1.1.1"), IGMPv3, []uint16{1, 2, 3}}, {"gone", netip.MustParseAddr("239.1.1.1"), IGMPv3, []uint16{1}}})
				l.want(t, "restored", both)
				changes := l.changes
				l.Configure(tt.next)
				l.want(t, "configured", tt.want)
				if changed := l.changes > changes; changed != (tt.want != both) {
					t.Errorf("said that it changed: %v", changed)
				}
			})
		})
	}
}

func TestQuerier(t *testing.T) {
	inTime(t, func(t *testing.T, l *line) {
		l.Configure(switches(asks))
		if n := l.take(); n != 4 {
			t.Errorf("first: %d frames, want 2 to each port", n)
		}
		time.Sleep(29 * time.Second)
		if n := l.take(); n != 0 {
			t.Errorf("%d frames before it is time", n)
		}
		l.Configure(switches(asks, func(sw *Switch) { sw.Ports[3] = Port{Ifindex: 13} }))
		if n := l.take(); n != 2 {
			t.Errorf("a new port got %d frames", n)
		}
		time.Sleep(time.Second)
		if n := l.take(); n != 4 {
			t.Errorf("%d frames after the interval", n)
		}
		l.Configure(switches())
		time.Sleep(time.Minute)
		if n := l.take(); n != 0 {
			t.Errorf("%d frames with no querier", n)
		}
	})
}

// Many ports are not asked at once: their answers would be too many.
func TestManyPorts(t *testing.T) {
	inTime(t, func(t *testing.T, l *line) {
		l.Configure(switches(asks, func(sw *Switch) {
			for port := range uint16(100) {
				sw.Ports[port] = Port{Ifindex: int(port)}
			}
		}))
		for second, want := range []int{80, 80, 40, 0} {
			if n := l.take(); n != want {
				t.Errorf("second %d: %d frames, want %d", second, n, want)
			}
			time.Sleep(time.Second)
		}
	})
}
