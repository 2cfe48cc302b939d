package explain

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/cli"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// patience bounds the wait for what should come.
const patience = 20 * time.Second

// network is switch a with ask and near on hv1, and switch b with web on hv1 and far on hv2, behind a router.
type network struct {
	t                   *testing.T
	a, b                *labtest.Switch
	router              *labtest.Router
	ask, near, web, far *labtest.VM
}

// TestExplain: what decides is named, and what really happens is what was foretold.
func TestExplain(t *testing.T) {
	l := labtest.Up(t, "explain", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	n := &network{t: t, a: labtest.NewSubnet(t, l, "expa", 81), b: labtest.NewSubnet(t, l, "expb", 82), router: labtest.NewRouter(t, l, "exp")}
	n.router.Attach(n.a)
	n.router.Attach(n.b)
	n.ask, n.near, n.web, n.far = n.a.Add(1, "hv1"), n.a.Add(2, "hv1"), n.b.Add(1, "hv1"), n.b.Add(2, "hv2")
	n.policies()
	n.a.Sync()
	for _, f := range []struct {
		name string
		test func(*testing.T, *network)
	}{{"ACLs", acls}, {"connection", connection}, {"two nodes", twoNodes}, {"routes and policies", routes}, {"nobody", nobody}, {"list", list}} {
		t.Run(f.name, func(t *testing.T) { f.test(t, n) })
	}
}

// policies: the group web lets tcp 80 in and else nothing; ask may not ask for names; exp sends 192.0.2.0/24 by far, and no SCTP to b.
func (n *network) policies() {
	n.b.NB("pg-add", "expweb", n.web.Port)
	n.b.NB("--name=web-in", "--label=7", "acl-add", "expweb", "to-lport", "1002", "outport == @expweb && tcp.dst == 80", "allow-related")
	n.b.NB("acl-add", "expweb", "to-lport", "1001", "outport == @expweb && ip", "drop")
	n.b.NB("--name=chat", "acl-add", "expweb", "to-lport", "1003", "outport == @expweb && udp.dst == 4000", "allow-related")
	n.a.NB("--name=no dns", "acl-add", n.a.Name, "from-lport", "900", fmt.Sprintf("inport == %q && udp.dst == 53", n.ask.Port), "reject")
	n.router.NB("lr-route-add", n.router.Name, "192.0.2.0/24", n.far.IP4.String())
	n.router.NB("lr-policy-add", n.router.Name, "300", "ip.proto == 132 && ip4.dst == "+n.web.IP4.String(), "drop")
}

// explain asks hv about a request of ask.
func (n *network) explain(t *testing.T, hv string, args ...string) (e cli.Explanation) {
	t.Helper()
	out, err := n.a.Lab.Woven(t.Context(), hv, append([]string{"explain", "-o", "json", "--from", n.ask.Port}, args...)...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &e)
	}
	if err != nil {
		t.Fatalf("explain %s on %s: %v\n%s", args, hv, err, out)
	}
	return e
}

// expect compares a verdict; row has columns that its first row must have.
func expect(t *testing.T, what string, v cli.Verdict, want cli.Outcome, row map[string]string) {
	t.Helper()
	if v.Outcome != want || len(row) > 0 && len(v.Rows) != 1 {
		t.Errorf("%s: %+v, want that it %s", what, v, want)
		return
	}
	for column, value := range row {
		if got := v.Rows[0].Columns[column]; got != value {
			t.Errorf("%s: %s of the row is %q, want %q", what, column, got, value)
		}
	}
}

// decided is the row of a table by which a step of a trace was decided.
func decided(t *testing.T, j *cli.Journey, reason string) map[string]string {
	t.Helper()
	for _, s := range j.Trace.Steps {
		if s.Reason == reason && len(s.Rows) == 1 {
			return s.Rows[0].Columns
		}
	}
	t.Errorf("nothing in the trace says %q with a row: %+v", reason, j.Trace.Steps)
	return nil
}

func (n *network) uuid(table, condition string) string {
	return strings.TrimSpace(n.a.NB("--bare", "--columns=_uuid", "find", table, condition))
}

func acls(t *testing.T, n *network) {
	for _, ip6 := range [][]string{nil, {"-6"}} {
		to := func(vm *labtest.VM, rest ...string) []string {
			return append(append([]string{"--to", vm.Port}, ip6...), rest...)
		}
		open := n.explain(t, "hv1", to(n.web, "tcp", "80")...)
		expect(t, "tcp 80", open.Request.Verdict, cli.Reaches, nil)
		if open.Reply == nil {
			t.Fatalf("no reply: %s", open.NoReply)
		}
		expect(t, "reply of tcp 80", open.Reply.Verdict, cli.Reaches, nil)
		if row := decided(t, &open.Request, "allowed"); row["name"] != "web-in" || row["label"] != "7" || row["uuid"] != n.uuid("ACL", "name=web-in") {
			t.Errorf("tcp 80 is allowed by %v", row)
		}
		expect(t, "tcp 81", n.explain(t, "hv1", to(n.web, "tcp", "81")...).Request.Verdict, cli.Dropped, map[string]string{"uuid": n.uuid("ACL", "priority=1001"),
			"direction": "to-lport", "priority": "1001", "tier": "0", "action": "drop", "port_group": "expweb", "match": "outport == @expweb && ip"})
		expect(t, "udp 53", n.explain(t, "hv1", to(n.near, "udp", "53")...).Request.Verdict, cli.Dropped, map[string]string{"name": "no dns", "action": "reject",
			"direction": "from-lport", "port_group": ""})
		expect(t, "ping", n.explain(t, "hv1", to(n.near)...).Request.Verdict, cli.Reaches, nil)
		if blocked := n.explain(t, "hv1", to(n.web)...); blocked.Request.Verdict.Outcome != cli.Dropped || blocked.Reply != nil {
			t.Errorf("ping of web: %+v", blocked)
		}
	}
	if err := n.ask.Ping(3, n.near.IP4); err != nil {
		t.Error(err)
	}
	if err := n.ask.NoPing(n.web.IP4); err != nil {
		t.Error(err)
	}
}

// connection: a packet of one that there is passes by the ACL that has allowed it, the reply too; another one begins its own.
func connection(t *testing.T, n *network) {
	const from, to = 5000, 4000
	heard := make(chan error, 1)
	conn := listen(t, n.web, to)
	go func() {
		_, _, err := conn.ReadFromUDPAddrPort(make([]byte, 9))
		heard <- err
	}()
	send(t, n.ask, from, netip.AddrPortFrom(n.web.IP4, to))
	if err := <-heard; err != nil {
		t.Fatal(err)
	}
	trace := func(vm, peer *labtest.VM, sport, dport uint16) string {
		gateway := fmt.Sprintf("0a:00:00:01:%02x:fe", vm.Switch.Subnet)
		return n.a.Woven("hv1", "trace", fmt.Sprintf("inport == %q && eth.src == %s && eth.dst == %s && ip4.src == %s && ip4.dst == %s && udp.src == %d && udp.dst == %d",
			vm.Port, vm.Show().MAC, gateway, vm.IP4, peer.IP4, sport, dport))
	}
	const settled, fresh = "the ACL, or the default, has allowed its connection: acl uuid=", "the ACL allows it: acl uuid="
	for _, tt := range []struct{ what, got, want string }{
		{"the same", trace(n.ask, n.web, from, to), settled}, {"the reply", trace(n.web, n.ask, to, from), settled}, {"another", trace(n.ask, n.web, from+1, to), fresh},
	} {
		if !strings.Contains(tt.got, tt.want) || !strings.Contains(tt.got, " name=chat direction=to-lport tier=0 priority=1003 action=allow-related port_group=expweb match=") {
			t.Errorf("%s: want %q by the ACL chat:\n%s", tt.what, tt.want, tt.got)
		}
	}
}

// listen waits for datagrams in a VM.
func listen(t *testing.T, vm *labtest.VM, port int) (conn *net.UDPConn) {
	t.Helper()
	if err := vm.In(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send sends a datagram from a VM.
func send(t *testing.T, vm *labtest.VM, from int, to netip.AddrPort) {
	t.Helper()
	if err := vm.In(func() error {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{Port: from}, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("hello"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// twoNodes: each node tells its half.
func twoNodes(t *testing.T, n *network) {
	n.b.NB("acl-add", n.b.Name, "to-lport", "800", fmt.Sprintf("outport == %q && tcp.dst == 23", n.far.Port), "drop")
	n.b.Sync()
	for _, ip6 := range [][]string{nil, {"-6"}} {
		for _, tt := range []struct {
			port             string
			sender, receiver cli.Outcome
		}{{"80", cli.Leaves, cli.Reaches}, {"23", cli.Leaves, cli.Dropped}} {
			args := append([]string{"--to", n.far.Port, "tcp", tt.port}, ip6...)
			here, there := n.explain(t, "hv1", args...), n.explain(t, "hv2", args...)
			expect(t, "sender's half of tcp "+tt.port, here.Request.Verdict, tt.sender, nil)
			expect(t, "receiver's half of tcp "+tt.port, there.Request.Verdict, tt.receiver, nil)
			if here.Request.Arrives || !there.Request.Arrives || here.Reply == nil || here.Reply.Verdict.Outcome != cli.Reaches || !here.Reply.Arrives {
				t.Errorf("tcp %s: on hv1 %+v\non hv2 %+v", tt.port, here, there)
			}
			if (there.Reply != nil) != (tt.receiver == cli.Reaches) || there.Reply != nil && there.Reply.Verdict.Outcome != cli.Leaves {
				t.Errorf("tcp %s: reply on hv2 %+v", tt.port, there.Reply)
			}
		}
	}
	if err := n.ask.Ping(3, n.far.IP4); err != nil {
		t.Error(err)
	}
}

func routes(t *testing.T, n *network) {
	routed := n.explain(t, "hv1", "--to", "192.0.2.9", "udp", "9")
	expect(t, "by the static route", routed.Request.Verdict, cli.Leaves, nil)
	if row := decided(t, &routed.Request, "routed"); row["ip_prefix"] != "192.0.2.0/24" || row["nexthop"] != n.far.IP4.String() || row["policy"] != "dst-ip" ||
		row["uuid"] != n.uuid("Logical_Router_Static_Route", "ip_prefix=192.0.2.0/24") {
		t.Errorf("routed by %v", row)
	}
	expect(t, "forbidden by the policy", n.explain(t, "hv1", "--to", n.web.Port, "sctp", "9").Request.Verdict, cli.Dropped,
		map[string]string{"uuid": n.uuid("Logical_Router_Policy", "priority=300"), "priority": "300", "action": "drop"})
	expect(t, "no route", n.explain(t, "hv1", "--to", "198.51.100.1").Request.Verdict, cli.Dropped, nil)
	router := n.explain(t, "hv1", "--to", "to-"+n.router.Port(n.b))
	expect(t, "ping of the router", router.Request.Verdict, cli.Answered, nil)
}

// nobody: what there is not, or not here.
func nobody(t *testing.T, n *network) {
	for _, tt := range []struct {
		hv, to, want string
	}{
		{"hv1", "expb-3", "did you mean"},
		{"hv1", "10.0.81.99", "nobody answers"},
		{"hv2", n.near.Port, `is on chassis "hv1": ask there`},
	} {
		out, err := n.a.Lab.Woven(t.Context(), tt.hv, "explain", "--from", n.ask.Port, "--to", tt.to)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("to %s on %s: %v, want %q; %s", tt.to, tt.hv, err, tt.want, out)
		}
	}
}

// list: woven acl ls counts what was decided, and has an ACL only as long as it is there.
func list(t *testing.T, n *network) {
	if err := n.ask.NoPing(n.web.IP4); err != nil {
		t.Error(err)
	}
	drop := n.uuid("ACL", "priority=1001")
	count := func() (hits uint64, found bool) {
		var list []struct {
			UUID string `json:"uuid"`
			Hits uint64 `json:"hits"`
		}
		if err := json.Unmarshal([]byte(n.b.Woven("hv1", "acl", "ls", "--port", n.web.Port, "-o", "json")), &list); err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if a.UUID == drop {
				return a.Hits, true
			}
		}
		return 0, false
	}
	if hits, found := count(); !found || hits < 3 {
		t.Errorf("the ACL that dropped three requests is listed: %v, with %d hits", found, hits)
	}
	n.b.NB("acl-del", "expweb", "to-lport", "1001", "outport == @expweb && ip")
	n.b.Sync()
	if _, found := count(); found {
		t.Error("an ACL that was removed is listed")
	}
}
