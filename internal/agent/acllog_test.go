package agent

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
)

// guarded is a node with switch sw, whose ports are web (key 1), a link (key 2) and far (key 3) on another node, and its log.
func guarded(acls ...*logical.ACL) (s *served, log *bytes.Buffer, instances []hover.Instance) {
	s = newServed(&logical.Network{
		Switches: map[string]*logical.Switch{
			"sw":   {UUID: "sw", Name: "net", ACLs: acls, Ports: []*logical.Port{{Name: "web", Key: 1}, {Name: "link", Key: 2}, {Name: "far", Key: 3}}},
			"open": {UUID: "open", Name: "open", Ports: []*logical.Port{{Name: "any", Key: 1}}}},
		Meters: map[string]*logical.Meter{"m": {Name: "m", Rate: 2, Fair: true}, "bandless": {Name: "bandless"}}})
	log = &bytes.Buffer{}
	s.aclLog = slowpath.NewACLLog(func() time.Time { return s.now }, slog.New(slog.NewTextHandler(log, nil)))
	return s, log, []hover.Instance{
		{Module: &netstate.Module{ID: "sw"}, Slot: 4, Ports: map[uint16]uint32{1: 41, 2: 42}},
		{Module: &netstate.Module{ID: "open"}, Slot: 6, Ports: map[uint16]uint32{1: 61}}, {Module: &netstate.Module{ID: "r1"}, Slot: 5}}
}

// told is a punt of the acl module: a datagram that came in by port in, or from elsewhere (0), and was to leave by port out.
func told(t *testing.T, module string, in, out uint16, uuid string, egress, verdict uint32) punt.Punt {
	b := frametest.UDP(t, "02:00:00:00:00:05", "02:00:00:00:00:06", "10.0.1.5", "10.0.1.6", 4000, 53, nil)
	number := config.Number(uuid)
	p := punt.Punt{Data: b, Length: len(b), About: [4]uint32{uint32(number), uint32(number >> 32), egress, verdict}}
	if in != 0 {
		p.Port = punt.Port{Module: module, Key: in}
	}
	if out != 0 {
		p.Out = punt.Port{Module: module, Key: out}
	}
	return p
}

func handlersOf(s *served) map[puntKind]punt.Handler {
	p := &fakePunts{handlers: map[puntKind]punt.Handler{}}
	s.handleACLs(p)
	return p.handlers
}

// What a program says of a packet becomes a line with the ACL's and the port's names, as far as its meter lets it.
func TestACLLog(t *testing.T) {
	s, log, instances := guarded(
		&logical.ACL{UUID: "aaaaaaaa-0000-4000-8000-000000000001", Name: "no web", Log: &logical.ACLLog{Severity: "alert", Meter: "m"}},
		&logical.ACL{UUID: "quiet"},
		&logical.ACL{UUID: "unmetered", Log: &logical.ACLLog{Severity: "info"}},
		&logical.ACL{UUID: "gone", Log: &logical.ACLLog{Severity: "info", Meter: "gone"}},
		&logical.ACL{UUID: "bandless", Log: &logical.ACLLog{Severity: "info", Meter: "bandless"}})
	r := &round{now: s.now}
	s.keepACLs(r, instances)
	want := []logical.Problem{
		{Object: "acl bandless", Reason: `there is no meter "bandless" with a rate: the built-in limit of its log holds`},
		{Object: "acl gone", Reason: `there is no meter "gone" with a rate: the built-in limit of its log holds`}}
	if d := cmp.Diff(want, r.problems.Sorted()); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	handle := handlersOf(s)[puntKind{config.Kind, acl.PuntLog}]
	for _, c := range []struct {
		name, uuid      string
		egress, verdict uint32
		times           int
		want            string // in each line
		lines           int
	}{
		{"dropped, metered", "aaaaaaaa-0000-4000-8000-000000000001", 0, 2, 5, `name="no web" verdict=drop severity=alert direction=from-lport`, 2},
		{"without a meter", "unmetered", 1, 1, 5, "verdict=allow severity=info direction=to-lport acl=unmetered switch=net port=link", 5},
		{"meter that is gone", "gone", 0, 3, 5, "verdict=reject severity=info direction=from-lport acl=gone switch=net port=web", 5},
		{"not to be logged", "quiet", 0, 2, 5, "", 0},
	} {
		log.Reset()
		for range c.times {
			handle(told(t, "sw", 1, 2, c.uuid, c.egress, c.verdict))
		}
		if got := log.String(); strings.Count(got, "\n") != c.lines || strings.Count(got, c.want) < c.lines {
			t.Errorf("%s: want %d lines with %s:\n%s", c.name, c.lines, c.want, got)
		}
	}
}

// What an ACL rejects where it comes in is answered out of that port; what one rejects on its way out, from the port that it was to leave by.
func TestReject(t *testing.T) {
	s, _, instances := guarded(&logical.ACL{UUID: "no"})
	s.keepACLs(&round{now: s.now}, instances)
	handle := handlersOf(s)[puntKind{config.Kind, acl.PuntReject}]
	for _, c := range []struct {
		name, module string
		in, out      uint16
		egress       uint32
		want         string
	}{
		{"from-lport", "sw", 1, 0, 0, "relay 9 instance 4 port 41 leaves 1"},
		{"from-lport, of a link", "sw", 2, 1, 0, "relay 9 instance 4 port 42 leaves 1"},
		{"to-lport", "sw", 1, 2, 1, "relay 9 instance 4 port 42 leaves 0"},
		{"to-lport, from elsewhere", "sw", 0, 1, 1, "relay 9 instance 4 port 41 leaves 0"},
		{"port of another node", "sw", 3, 0, 0, ""},
		{"switch without ACLs", "open", 1, 0, 0, ""},
	} {
		handle(told(t, c.module, c.in, c.out, "no", c.egress, 3))
		if got := s.take(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
