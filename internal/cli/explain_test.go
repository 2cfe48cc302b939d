package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// TestExplain runs the operator's sessions under testdata/explain. Beside TestSessions' serve and exit they have:
//
//	plane FILE     the data plane answers requests with the steps in FILE, and replies and what arrives with those of their own (see explainedPlane)
//	explain ARGS   run `woven explain`; stdout, stderr and cmp see its output
func TestExplain(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/explain",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":   serve,
			"plane":   func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv("PLANE", ts.MkAbs(args[0])) },
			"explain": explainSession,
			"exit":    exit,
		},
	})
}

// explainedPlane is a Tracer that answers what a session's file says.
type explainedPlane struct {
	PortNames []string    `json:"ports"`
	Request   []TraceStep `json:"request"`
	Reply     []TraceStep `json:"reply"`
	Arrival   []TraceStep `json:"arrival"`

	log *bytes.Buffer
}

func (p *explainedPlane) Ports() []string { return p.PortNames }
func (p *explainedPlane) Close() error    { return nil }

func (p *explainedPlane) Trace(probe Probe) ([]TraceStep, []byte, error) {
	fmt.Fprintf(p.log, "traced at %s: arrives %v by %d, answers %v\n", probe.Port, probe.Arrives, probe.InKey, probe.Answers)
	switch {
	case probe.Arrives:
		return p.Arrival, probe.Frame, nil
	case probe.Answers:
		return p.Reply, probe.Frame, nil
	}
	return p.Request, probe.Frame, nil
}

func explainSession(ts *testscript.TestScript, _ bool, args []string) {
	var stdout, stderr bytes.Buffer
	plane := &explainedPlane{log: &stderr}
	if file := ts.Getenv("PLANE"); file != "" {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), plane))
	}
	frame, _ := hex.DecodeString("0a00000000020a000000000188b5")
	trace := Trace{
		Microflow: func(string, string) ([]byte, string, error) { return frame, "", nil },
		Open:      func(string, string) (Tracer, error) { return plane, nil },
	}
	env := Env{Stdout: &stdout, Stderr: &stderr, RunDir: runDir(ts), Now: time.Now}
	env.Commands = []*cobra.Command{ExplainCommand(env, trace)}
	ts.Setenv("CODE", fmt.Sprint(Execute(context.Background(), env, append([]string{"explain"}, args...))))
	clean := strings.NewReplacer(runDir(ts), "RUN-DIR")
	_, _ = clean.WriteString(ts.Stdout(), stdout.String())
	_, _ = clean.WriteString(ts.Stderr(), stderr.String())
}

// town is a node with switches a (a1, a2, and the router ra) and b (b1, rb), and c without a router (c1, c2).
var town = crowd{
	{Name: "a1", Switch: "a", Key: 1, MAC: "0a:00:00:00:00:a1", Addresses: []string{"10.0.1.1", "fd00:1::1"}},
	{Name: "a2", Switch: "a", Key: 2, MAC: "0a:00:00:00:00:a2", Addresses: []string{"10.0.1.2"}},
	{Name: "ra", Switch: "a", Key: 9, MAC: "0a:00:00:00:00:fa", Networks: []string{"10.0.1.254/24", "fd00:1::ff/64"}},
	{Name: "b1", Switch: "b", Key: 1, MAC: "0a:00:00:00:00:b1", Addresses: []string{"10.0.2.1", "fd00:2::1", "10.9.0.0/24"}},
	{Name: "rb", Switch: "b", Key: 8, MAC: "0a:00:00:00:00:fb", Networks: []string{"10.0.2.254/24", "fd00:2::ff/64"}},
	{Name: "c1", Switch: "c", Key: 1, MAC: "0a:00:00:00:00:c1", Addresses: []string{"10.0.3.1"}},
	{Name: "c2", Switch: "c", Key: 2, MAC: "0a:00:00:00:00:c2", Addresses: []string{"172.16.0.2"}},
	{Name: "mute", Switch: "a", Key: 3, MAC: "0a:00:00:00:00:a3"},
	{Name: "only6", Switch: "a", Key: 4, MAC: "0a:00:00:00:00:a4", Addresses: []string{"fd00:1::4"}},
}

func TestExplainedPackets(t *testing.T) {
	for _, tt := range []struct {
		name, from, to string
		ip6            bool
		words          string
		want           string // the request's microflow, that of the reply, and the error, as far as there are
	}{
		{"same switch", "a1", "a2", false, "tcp 80",
			`inport == "a1" && eth.src == 0a:00:00:00:00:a1 && eth.dst == 0a:00:00:00:00:a2 && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.2 && ip.ttl == 64 && tcp.src == 49152 && tcp.dst == 80 && tcp.flags == 2
inport == "a2" && eth.src == 0a:00:00:00:00:a2 && eth.dst == 0a:00:00:00:00:a1 && ip4.src == 10.0.1.2 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && tcp.src == 80 && tcp.dst == 49152 && tcp.flags == 18`},
		{"by a router", "a1", "b1", true, "icmp",
			`inport == "a1" && eth.src == 0a:00:00:00:00:a1 && eth.dst == 0a:00:00:00:00:fa && ip6.src == fd00:1::1 && ip6.dst == fd00:2::1 && ip.ttl == 64 && icmp6.type == 128 && icmp6.code == 0
inport == "b1" && eth.src == 0a:00:00:00:00:b1 && eth.dst == 0a:00:00:00:00:fb && ip6.src == fd00:2::1 && ip6.dst == fd00:1::1 && ip.ttl == 64 && icmp6.type == 129 && icmp6.code == 0`},
		{"to an address of a port", "a1", "10.0.2.1", false, "udp 53",
			`inport == "a1" && eth.src == 0a:00:00:00:00:a1 && eth.dst == 0a:00:00:00:00:fa && ip4.src == 10.0.1.1 && ip4.dst == 10.0.2.1 && ip.ttl == 64 && udp.src == 49152 && udp.dst == 53
inport == "b1" && eth.src == 0a:00:00:00:00:b1 && eth.dst == 0a:00:00:00:00:fb && ip4.src == 10.0.2.1 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && udp.src == 53 && udp.dst == 49152`},
		{"to nobody known", "a1", "192.0.2.1", false, "icmp",
			`inport == "a1" && eth.src == 0a:00:00:00:00:a1 && eth.dst == 0a:00:00:00:00:fa && ip4.src == 10.0.1.1 && ip4.dst == 192.0.2.1 && ip.ttl == 64 && icmp4.type == 8 && icmp4.code == 0`},
		{"to the router", "a1", "10.0.1.254", false, "icmp",
			`inport == "a1" && eth.src == 0a:00:00:00:00:a1 && eth.dst == 0a:00:00:00:00:fa && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.254 && ip.ttl == 64 && icmp4.type == 8 && icmp4.code == 0`},
		{"without a router", "c1", "c2", false, "sctp 9",
			`inport == "c1" && eth.src == 0a:00:00:00:00:c1 && eth.dst == 0a:00:00:00:00:c2 && ip4.src == 10.0.3.1 && ip4.dst == 172.16.0.2 && ip.ttl == 64 && sctp.src == 49152 && sctp.dst == 9
inport == "c2" && eth.src == 0a:00:00:00:00:c2 && eth.dst == 0a:00:00:00:00:c1 && ip4.src == 172.16.0.2 && ip4.dst == 10.0.3.1 && ip.ttl == 64 && sctp.src == 9 && sctp.dst == 49152`},
		{"the family that both have", "a1", "only6", false, "icmp",
			`inport == "a1" && eth.src == 0a:00:00:00:00:a1 && eth.dst == 0a:00:00:00:00:a4 && ip6.src == fd00:1::1 && ip6.dst == fd00:1::4 && ip.ttl == 64 && icmp6.type == 128 && icmp6.code == 0
inport == "only6" && eth.src == 0a:00:00:00:00:a4 && eth.dst == 0a:00:00:00:00:a1 && ip6.src == fd00:1::4 && ip6.dst == fd00:1::1 && ip.ttl == 64 && icmp6.type == 129 && icmp6.code == 0`},
		{"nobody in the subnet", "a1", "10.0.1.77", false, "icmp", `no port of switch "a" has the address 10.0.1.77, which is in the subnet of "a1": nobody answers when it asks for the MAC address`},
		{"no way out", "c1", "10.0.1.1", false, "icmp", `switch "c" has no port with the address 10.0.1.1 and no router in the subnet of 10.0.3.1`},
		{"no address", "mute", "a1", false, "icmp", `"mute" and "a1" have no addresses of one family: none, and 10.0.1.1, fd00:1::1`},
		{"no IPv6 address", "a2", "a1", true, "icmp", `"a2" and "a1" have no addresses of one family: 10.0.1.2, and 10.0.1.1, fd00:1::1`},
		{"unknown sender", "a", "a1", false, "icmp", `--from: no port "a" on this node; did you mean "a1" or "a2" or "ra"?`},
		{"unknown receiver", "a1", "zebra-7", false, "icmp", "--to: no port \"zebra-7\" on this node; `woven port ls` lists those there are"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parseService(strings.Fields(tt.words))
			if err != nil {
				t.Fatal(err)
			}
			if got := town.explained(tt.from, tt.to, tt.ip6, s); got != tt.want {
				t.Errorf("-want +got:\n%s", cmp.Diff(tt.want, got))
			}
		})
	}
}

func (c crowd) explained(fromName, toName string, ip6 bool, s service) string {
	from, to, err := c.ends(fromName, toName, ip6)
	if err != nil {
		return err.Error()
	}
	text, err := c.microflow(packet{from: from, to: to, service: s})
	if err != nil {
		return err.Error()
	}
	if to.port == nil || to.isRouter() {
		return text
	}
	reply, err := c.microflow(packet{from: to, to: from, service: s, answers: true})
	if err != nil {
		return text + "\n" + err.Error()
	}
	return text + "\n" + reply
}

// What comes from another node has been routed there already.
func TestExplainedArrivals(t *testing.T) {
	at := func(name string) end {
		p := town.named(name)
		return end{p, addressesOf(p)[0]}
	}
	for _, tt := range []struct {
		from, to, want string
		by             uint16
	}{
		{"a2", "a1", `inport == "a2" && eth.src == 0a:00:00:00:00:a2 && eth.dst == 0a:00:00:00:00:a1 && ip4.src == 10.0.1.2 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && icmp4.type == 8 && icmp4.code == 0`, 2},
		{"a2", "b1", `inport == "rb" && eth.src == 0a:00:00:00:00:fb && eth.dst == 0a:00:00:00:00:b1 && ip4.src == 10.0.1.2 && ip4.dst == 10.0.2.1 && ip.ttl == 63 && icmp4.type == 8 && icmp4.code == 0`, 8},
	} {
		got, by, err := town.arrival(packet{from: at(tt.from), to: at(tt.to), service: service{protocol: "icmp"}})
		if got != tt.want || err != nil || by.Key != tt.by {
			t.Errorf("%s to %s: by %v, %v\n%s\nwant\n%s", tt.from, tt.to, by, err, got, tt.want)
		}
	}
	if _, _, err := town.arrival(packet{from: at("a2"), to: at("c1")}); err == nil {
		t.Error("no router leads to c1")
	}
}

// Two tenants may have one address: nobody knows who is meant.
func TestAmbiguousAddress(t *testing.T) {
	c := append(crowd{{Name: "b2", Switch: "other", Addresses: []string{"10.0.2.1"}}}, town...)
	addr := netip.MustParseAddr("10.0.2.1")
	if p := c.owner(addr, "a"); p != nil {
		t.Errorf("owner is %v", p)
	}
	if p := c.owner(addr, "b"); p == nil || p.Name != "b1" {
		t.Errorf("owner in switch b is %v", p)
	}
}

func TestParseService(t *testing.T) {
	for words, want := range map[string]string{
		"": "icmp", "icmp": "icmp", "tcp 80": "tcp port 80", "udp 65535": "udp port 65535",
		"icmp 8": "icmp has no ports", "tcp": "after tcp comes one destination port", "tcp 80 81": "after tcp comes one destination port",
		"tcp 0": `destination port is "0": it must be 1 to 65535`, "udp 65536": `destination port is "65536": it must be 1 to 65535`,
		"gre": `protocol is "gre": it must be tcp, udp, sctp or icmp`,
	} {
		s, err := parseService(strings.Fields(words))
		got := s.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	p := packet{from: end{port: &v1.Port{Name: "vm1"}}, to: end{port: &v1.Port{Name: "vm2"}}, service: service{"tcp", 80}}
	outside := p
	outside.to = end{addr: netip.MustParseAddr("192.0.2.1")}
	reply := packet{from: p.to, to: p.from, service: p.service, answers: true}
	enter := TraceStep{What: "enter", Module: "l2switch", Instance: "sw0"}
	rows := []TraceRow{{Table: "acl", Columns: map[string]string{"uuid": "u1"}}}
	denied := TraceStep{What: "decide", Module: "acl", Instance: "sw0", Object: "acl uuid=u1", Rows: rows}
	drop := TraceStep{What: "drop", Module: "acl", Instance: "sw0", Text: "an ACL says drop"}
	service := TraceStep{What: "enter", Module: "acl", Instance: "sw0"}
	noMatch := TraceStep{What: "decide", Module: "acl", Instance: "sw0"}
	for _, tt := range []struct {
		name  string
		p     packet
		steps []TraceStep
		want  Verdict
	}{
		{"delivered", p, []TraceStep{enter, {What: "output", Port: "vm2"}}, Verdict{Reaches, `a request of "vm1" reaches "vm2" by tcp port 80`, nil}},
		{"delivered by a flood", p, []TraceStep{enter, {What: "flood"}, {What: "copy", Copy: []TraceStep{drop}}, {What: "copy", Copy: []TraceStep{{What: "output", Port: "vm2"}}}},
			Verdict{Reaches, `a request of "vm1" reaches "vm2" by tcp port 80`, nil}},
		{"reply", reply, []TraceStep{enter, {What: "output", Port: "vm1"}}, Verdict{Reaches, `the reply of "vm2" reaches "vm1" by tcp port 80`, nil}},
		{"ACL", p, []TraceStep{enter, service, denied, {What: "punt"}, drop},
			Verdict{Dropped, `a request of "vm1" does not reach "vm2" by tcp port 80: ACLs of switch "sw0": an ACL says drop: acl uuid=u1`, rows}},
		{"another ACL allowed it before", p, []TraceStep{enter, service, denied, {What: "enter", Module: "router", Instance: "lr0"}, {What: "drop", Text: "no route", Instance: "lr0"}},
			Verdict{Dropped, `a request of "vm1" does not reach "vm2" by tcp port 80: router "lr0": no route`, nil}},
		{"default", p, []TraceStep{enter, service, denied, service, noMatch, drop}, Verdict{Dropped, `a request of "vm1" does not reach "vm2" by tcp port 80: ACLs of switch "sw0": an ACL says drop`, nil}},
		{"before any module", p, []TraceStep{{What: "drop", Text: "interface is in no logical port"}},
			Verdict{Dropped, `a request of "vm1" does not reach "vm2" by tcp port 80: this node: interface is in no logical port`, nil}},
		{"nothing", p, []TraceStep{enter}, Verdict{Dropped, `a request of "vm1" does not reach "vm2" by tcp port 80: nothing comes of it`, nil}},
		{"tunnel", p, []TraceStep{enter, {What: "tunnel", Port: "vm2", Chassis: "hv2"}},
			Verdict{Leaves, `a request of "vm1" for "vm2" by tcp port 80 leaves for chassis "hv2", which decides whether it is let in`, nil}},
		{"tunnel to where nobody is known", outside, []TraceStep{enter, {What: "tunnel", Port: "gw", Chassis: "hv2"}},
			Verdict{Leaves, `a request of "vm1" for 192.0.2.1 by tcp port 80 leaves for chassis "hv2", which decides whether it is let in`, nil}},
		{"answered", p, []TraceStep{enter, {What: "enter", Module: "router", Instance: "lr0"}, {What: "output", Port: "vm1"}},
			Verdict{Answered, `a request of "vm1" to "vm2" by tcp port 80 is answered by router "lr0"`, nil}},
		{"astray", p, []TraceStep{enter, {What: "output", Port: "vm3"}}, Verdict{Astray, `a request of "vm1" for "vm2" by tcp port 80 goes to port "vm3"`, nil}},
	} {
		if d := cmp.Diff(tt.want, judge(tt.p, tt.steps)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}
