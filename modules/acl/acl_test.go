package acl_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iomtest"
)

func TestLists(t *testing.T) {
	tell(t, []story{
		{name: "no ACL matches", run: storyNoMatch},
		{name: "stateless switch", run: storyStatelessSwitch},
		{name: "default drop", run: storyDefaultDrop},
		{name: "first match", run: storyFirstMatch, once: true},
		{name: "tiers", run: storyTiers, once: true},
		{name: "after load balancing", run: storyAfterLB, once: true},
		{name: "allow-stateless", run: storyAllowStateless},
		{name: "discovery", run: storyDiscovery, once: true},
		{name: "groups", run: storyGroups, once: true},
		{name: "router port", run: storyRouterPort},
		{name: "invalid allowed", run: storyAllowInvalid, once: true},
		{name: "per packet", run: storyPerPacket, once: true},
		{name: "port's own address", run: storyOwnAddress, once: true},
		{name: "remote port", run: storyRemotePort, once: true},
		{name: "too many pass", run: storyTooManyPass, once: true},
		{name: "punts", run: storyPunts},
		{name: "hits", run: storyHits, once: true},
	})
}

func storyNoMatch(w *world, family int) {
	p := w.add(&config.Config{FromLport: []config.ACL{entry(1, config.Drop, from(b))}})
	p.sends("a", a, w.udp(a, b, family, 1, 2), "passes")
	p.sends("b", b, w.udp(b, a, family, 1, 2), "denied")
}

// Without allow-related nothing is tracked: each direction needs its ACL.
func storyStatelessSwitch(w *world, family int) {
	p := w.add(&config.Config{ToLport: []config.ACL{entry(1, config.Allow, to(b), isIP()), entry(2, config.Drop, isIP())}})
	p.sends("question", a, w.udp(a, b, family, 1000, 53), "passes")
	p.sends("answer", b, w.udp(b, a, family, 53, 1000), "denied")
	p.sends("a segment of no connection", a, w.tcp(a, b, family, 1, 2, "FA"), "passes")
	p.want("nothing is tracked", b, "")
}

func storyDefaultDrop(w *world, family int) {
	allow := []config.ACL{entry(1, config.Allow, from(a), isIP())}
	p := w.add(&config.Config{Stateful: true, DefaultDrop: true, FromLport: allow, AfterLB: allow, ToLport: []config.ACL{entry(2, config.Allow, to(b), isIP())}})
	p.sends("question", a, w.udp(a, b, family, 1000, 53), "passes")
	p.sends("answer", b, w.udp(b, a, family, 53, 1000), "passes")
	p.sends("question of b's", b, w.udp(b, a, family, 54, 1000), "default_drop")
	p.sends("ARP", a, iomtest.ARP(w.t, 1, a.mac(), b.mac(), a.mac(), a.ip(4), b.ip(4)), "default_drop")
	p = w.add(&config.Config{Stateful: true, DefaultDrop: true, FromLport: allow, ToLport: allow})
	p.sends("as in OVN 23.03 the after-lb list has to allow it, too", a, w.udp(a, b, family, 1000, 53), "default_drop")
}

func storyFirstMatch(w *world, _ int) {
	p := w.add(&config.Config{Stateful: true, FromLport: []config.ACL{entry(1, config.Allow, proto(layers.IPProtocolUDP), dport(53)),
		entry(2, config.Drop, proto(layers.IPProtocolUDP)), entry(3, config.Reject, isIP()), entry(4, config.Allow, isIP())}})
	p.sends("port 53", a, w.udp(a, b, 4, 1, 53), "passes")
	p.sends("port 54", a, w.udp(a, b, 4, 1, 54), "denied")
	p.sends("no UDP", a, w.tcp(a, b, 4, 1, 54, "S"), "rejected")
}

func storyTiers(w *world, _ int) {
	tier := func(n int, e config.ACL) config.ACL {
		e.Tier = n
		return e
	}
	p := w.add(&config.Config{Stateful: true, FromLport: []config.ACL{
		tier(0, entry(1, config.Pass, dport(1))), tier(0, entry(2, config.Pass, dport(2))), tier(0, entry(3, config.Drop, dport(3))),
		tier(1, entry(4, config.Allow, dport(1))), tier(1, entry(5, config.Pass, dport(2))),
		tier(3, entry(6, config.Drop, isIP())),
	}})
	for port, want := range map[uint16]string{1: "passes", 2: "denied", 3: "denied", 4: "denied"} {
		p.sends(fmt.Sprint("port ", port), a, w.udp(a, b, 4, 9, port), want)
	}
	got := p.k.Send(p.port(a), w.udp(a, b, 4, 9, 2)).Text
	if want := "enter l2switch\nenter acl\ndecide acl.denied 65542\ndrop acl.denied"; got != want {
		w.t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
}

func storyAfterLB(w *world, _ int) {
	label := entry(1, config.Allow, isIP())
	label.Label = 7
	p := w.add(&config.Config{Stateful: true, FromLport: []config.ACL{label}, AfterLB: []config.ACL{entry(2, config.Drop, dport(3)), entry(3, config.Allow, isIP())}})
	p.sends("allowed by both", a, w.udp(a, b, 4, 1, 2), "passes")
	p.sends("dropped by the second", a, w.udp(a, b, 4, 1, 3), "denied")
	p.sends("answer, which is not asked about", b, w.udp(b, a, 4, 2, 1), "passes")
	if got := p.labels(a); got != "7" {
		w.t.Errorf("connections have labels %s, want 7", got)
	}
}

// labels are those of the connections in a zone.
func (p *place) labels(h host) string {
	p.t.Helper()
	var labels []string
	p.eachOf(h, func(_ string, _ acl.AclIomCtKey, ct acl.AclIomCt) { labels = append(labels, fmt.Sprint(ct.Label)) })
	slices.Sort(labels)
	return strings.Join(labels, " ")
}

func storyAllowStateless(w *world, family int) {
	p := w.add(&config.Config{Stateful: true, FromLport: []config.ACL{entry(1, config.Drop, dport(5)), entry(2, config.AllowStateless, proto(layers.IPProtocolUDP)),
		entry(3, config.Allow, isIP())},
		ToLport: []config.ACL{entry(4, config.AllowStateless, to(b), proto(layers.IPProtocolUDP)), entry(5, config.Drop, isIP())}})
	p.sends("question", a, w.udp(a, b, family, 1000, 53), "passes")
	p.want("it is not tracked", a, "")
	p.want("it is not tracked", b, "")
	p.sends("the answer has no connection", b, w.udp(b, a, family, 53, 1000), "denied")
	p.sends("a drop that comes before", a, w.udp(a, b, family, 1000, 5), "denied")
}

// Neighbour and router discovery and MLD pass whatever ACLs say, but only those.
func storyDiscovery(w *world, _ int) {
	p := w.add(&config.Config{FromLport: []config.ACL{entry(1, config.Drop)}})
	sll, group := a.mac(), []byte{0x33, 0x33, 0, 0, 0, 0x16}
	icmp6 := func(dst string, limit uint8, kind, code uint8) []byte {
		ip := iomtest.IP(a.ip(6), addr(dst), layers.IPProtocolICMPv6).(*layers.IPv6)
		ip.HopLimit = limit
		if kind >= 130 && kind <= 132 {
			ip.SrcIP = addr("fe80::1").AsSlice()
		}
		return iomtest.Frame(w.t, iomtest.Eth(sll, group, layers.EthernetTypeIPv6), ip,
			&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, code)}, gopacket.Payload(make([]byte, 24)))
	}
	const flooded = "verdict 2"
	for _, tt := range []struct {
		dst         string
		limit       uint8
		kind, code  uint8
		what, wants string
	}{
		{"ff02::1", 255, 133, 0, "RS", flooded}, {"ff02::1", 255, 134, 0, "RA", flooded}, {"ff02::1", 255, 135, 0, "NS", flooded},
		{"ff02::1", 255, 136, 0, "NA", flooded}, {"ff02::16", 1, 143, 0, "MLDv2 report", flooded}, {"ff02::1", 1, 131, 0, "MLD report", flooded},
		{"ff02::1", 254, 135, 0, "NS from afar", "denied"}, {"ff02::1", 255, 135, 1, "NS with a code", "denied"},
		{"ff02::1", 255, 143, 0, "MLDv2 report to another group", "denied"}, {"ff02::1", 255, 137, 0, "redirect", "denied"},
	} {
		p.sends(tt.what, a, icmp6(tt.dst, tt.limit, tt.kind, tt.code), tt.wants)
	}
	p.sends("ARP", a, iomtest.ARP(w.t, 1, a.mac(), []byte{255, 255, 255, 255, 255, 255}, a.mac(), a.ip(4), b.ip(4)), "denied")
}

// What goes to a group is not tracked, but ACLs decide on it.
func storyGroups(w *world, _ int) {
	cfg := oneWay()
	cfg.FromLport = []config.ACL{entry(1, config.Drop, dport(5)), entry(2, config.Allow, isIP())}
	p := w.add(cfg)
	broadcast := func(port uint16) []byte {
		return iomtest.UDP(w.t, a.mac(), []byte{255, 255, 255, 255, 255, 255}, a.ip(4), addr("255.255.255.255"), 9, port)
	}
	p.sends("port 5", a, broadcast(5), "denied")
	p.sends("port 6", a, broadcast(6), "verdict 2") // flooded
	p.want("it is not tracked", a, "")
	dhcp6 := iomtest.UDP(w.t, a.mac(), b.mac(), a.ip(6), b.ip(6), 546, 547)
	p.sends("a DHCPv6 request", a, dhcp6, "passes")
	p.want("it is not tracked", a, "")
}

// A port that leads to a router has no connections: what the network behind it says is decided on by itself; what goes there as its sender's zone has it.
func storyRouterPort(w *world, family int) {
	cfg := oneWay()
	cfg.ToLport = []config.ACL{entry(2, config.Allow, to(b), dport(80)), entry(3, config.Drop, isIP())}
	p := w.add(cfg)
	p.sends("request from behind the router", r, w.tcp(r, b, family, 1000, 80, "S"), "passes")
	p.want("the router port has no connections", r, "")
	p.sends("answer to behind the router", b, w.tcp(b, r, family, 80, 1000, "SA"), "passes")
	p.sends("another request", r, w.tcp(r, b, family, 1000, 81, "S"), "denied")
	p.sends("request to behind the router", b, w.tcp(b, r, family, 1000, 81, "S"), "denied")
	p.sends("segment without connection from there", r, w.tcp(r, b, family, 1000, 80, "FA"), "passes") // b has the connection
	p.sends("segment of none", r, w.tcp(r, b, family, 1001, 80, "FA"), "invalid")
}

func storyAllowInvalid(w *world, _ int) {
	p := w.add(&config.Config{Stateful: true, AllowInvalid: true, FromLport: []config.ACL{entry(1, config.Allow, dport(5)), entry(2, config.Drop, dport(5)),
		entry(3, config.Drop, dport(6))}})
	p.sends("no ACL forbids it", a, w.tcp(a, b, 4, 1, 4, "FA"), "passes")
	p.sends("an ACL that allows doesn't count", a, w.tcp(a, b, 4, 1, 5, "FA"), "denied")
	p.sends("an ACL forbids it", a, w.tcp(a, b, 4, 1, 6, "FA"), "denied")
	p.want("nothing is tracked", a, "")
}

// A rule that looks at the packet decides on each one of the originator, as in OVN: here by the time to live.
func storyPerPacket(w *world, _ int) {
	near := match.Rule{Checks: []match.Check{{Field: match.FieldTTL, Mask: match.Ones(8), Low: match.Uint128{Lo: 2}, High: match.Uint128{Lo: 2}}}}
	p := w.add(&config.Config{Stateful: true, FromLport: []config.ACL{{ID: uuid(1), Rules: []match.Rule{near}, Action: config.Drop}, entry(2, config.Allow, isIP())}})
	far := w.udp(a, b, 4, 1000, 53)
	low := slices.Clone(far)
	low[22] = 2
	p.sends("from afar", a, far, "passes")
	p.sends("the answer", b, w.udp(b, a, 4, 53, 1000), "passes")
	p.sends("a near one", a, low, "denied")
	p.want("the connection is blocked", a, fmt.Sprintf("cts 17 %d blocked", established))
	p.sends("the answer", b, w.udp(b, a, 4, 53, 1000), "blocked")
	p.sends("from afar", a, far, "passes")
	p.sends("the answer", b, w.udp(b, a, 4, 53, 1000), "passes")
}

// Somebody who sends from a port's own address to that port does not get in by the port's connections.
func storyOwnAddress(w *world, _ int) {
	cfg := oneWay()
	cfg.ToLport = []config.ACL{entry(2, config.Allow, to(b), dport(80)), entry(3, config.Drop, isIP())}
	p := w.add(cfg)
	mine := w.udp(b, r, 4, 1000, 2000)
	p.sends("b asks", b, mine, "denied") // by the router port's list; b has the connection
	p.want("b has it", b, fmt.Sprintf("cts_new 17 %d", asked))
	forged := slices.Clone(mine)
	copy(forged, b.mac())
	copy(forged[6:], a.mac())
	p.sends("the same from a, to b", a, forged, "denied")
}

// What goes to another node meets the ACLs of its sender only.
func storyRemotePort(w *world, _ int) {
	p := w.add(oneWay())
	got := p.k.Send(p.port(a), w.udp(a, c, 4, 1, 2)).Text
	if want := fmt.Sprintf("enter l2switch\nenter acl\ndecide acl.allowed 65537\ntunnel node 1 key 3 vni %d", p.dp); got != want {
		w.t.Errorf("to another node:\n%s\nwant:\n%s", got, want)
	}
	got = p.k.Leave(p.port(a), c.key, w.udp(c, a, 4, 1, 2)).Text
	if want := "enter acl\ndecide acl.denied 65539\ndrop acl.denied"; got != want {
		w.t.Errorf("from another node:\n%s\nwant:\n%s", got, want)
	}
}

func storyTooManyPass(w *world, _ int) {
	cfg := &config.Config{Stateful: true, AllowInvalid: true}
	for i := range 40 {
		cfg.FromLport = append(cfg.FromLport, entry(i+1, config.Allow, isIP()))
	}
	p := w.add(cfg)
	p.sends("an invalid segment that 40 ACLs allow", a, w.tcp(a, b, 4, 1, 5, "FA"), "undecided")
}

// What user space is told: which ACL, direction and verdict, and enough of the packet.
func storyPunts(w *world, family int) {
	logged := entry(3, config.Drop, to(b), dport(6))
	logged.Log = true
	p := w.add(&config.Config{FromLport: []config.ACL{entry(1, config.Reject, from(a), dport(5))}, ToLport: []config.ACL{entry(2, config.Reject, to(b), dport(7)), logged}})
	p.k.Punts() // of other stories
	for _, tt := range []struct {
		port          uint16
		reason        uint32
		acl           int
		toLport       bool
		want, verdict string
	}{
		{5, acl.PuntReject, 1, false, "rejected", "reject"}, {7, acl.PuntReject, 2, true, "rejected", "reject"}, {6, acl.PuntLog, 3, true, "denied", "drop"},
	} {
		frame := w.udp(a, b, family, 9, tt.port)
		p.sends(fmt.Sprint("port ", tt.port), a, frame, tt.want)
		punts := p.k.Punts()
		if len(punts) != 1 || punts[0].Reason != tt.reason || string(punts[0].Data) != string(frame) {
			w.t.Errorf("port %d: punts %v, want one of reason %d with the frame", tt.port, punts, tt.reason)
			continue
		}
		got, err := acl.ReadTold(punts[0].About)
		if want := (acl.Told{ACL: config.Number(uuid(tt.acl)), ToLport: tt.toLport, Verdict: tt.verdict}); got != want || err != nil {
			w.t.Errorf("port %d: told %v (%v), want %v", tt.port, got, err, want)
		}
	}
}

func storyHits(w *world, _ int) {
	p := w.add(oneWay())
	for range 3 {
		p.sends("a", a, w.udp(a, b, 4, 1, 2), "passes")
		p.sends("b", b, w.udp(b, a, 4, 3, 4), "denied")
	}
	rows := map[string]string{}
	if err := iom.EachRow(p.k.Set().Maps[acl.HitsTable], func(key, value string) { rows[key] = value }); err != nil {
		w.t.Fatal(err)
	}
	hits, err := acl.ReadHits(rows)
	if err != nil {
		w.t.Fatal(err)
	}
	for n, want := range map[int]uint64{1: 2, 2: 1, 3: 3} { // the first of each connection, the first, each
		hit := acl.Hit{Instance: p.dp, ACL: config.Number(uuid(n))}
		if _, there := rows[hit.Row()]; !there || hits[hit] != want {
			w.t.Errorf("ACL %d has decided %d times, want %d", n, hits[hit], want)
		}
	}
	for _, bad := range []map[string]string{{"key": iom.Bytes(uint64(1))}, {acl.Hit{}.Row(): "value"}} {
		if _, err := acl.ReadHits(bad); err == nil {
			w.t.Errorf("%q are read as hits", bad)
		}
	}
}

func TestMayMatch(t *testing.T) {
	for _, tt := range []struct {
		rules        []match.Rule
		own          match.Dim
		port1, port2 bool
	}{
		{nil, match.InPort, false, false},
		{rule(isIP()), match.InPort, true, true},
		{rule(from(a)), match.InPort, true, false},
		{rule(from(a)), match.OutPort, true, true},
		{append(rule(to(a)), rule(to(b), isIP())...), match.OutPort, true, true},
	} {
		if got1, got2 := acl.MayMatch(tt.rules, tt.own, 1), acl.MayMatch(tt.rules, tt.own, 2); got1 != tt.port1 || got2 != tt.port2 {
			t.Errorf("%v: %v, %v", tt, got1, got2)
		}
	}
}

// TestEntriesRefuse: what can't be held.
func TestEntriesRefuse(t *testing.T) {
	for name, cfg := range map[string]any{
		"no config":          nil,
		"unknown action":     &config.Config{FromLport: []config.ACL{entry(1, 99)}},
		"wrong tier":         &config.Config{ToLport: []config.ACL{{ID: "x", Tier: 4, Action: config.Drop}}},
		"tiers in disorder":  &config.Config{ToLport: []config.ACL{{ID: "x", Tier: 1, Action: config.Drop}, {ID: "y", Action: config.Drop}}},
		"a field of no bits": &config.Config{ToLport: []config.ACL{{ID: "x", Action: config.Drop, Rules: []match.Rule{{Checks: []match.Check{{}}}}}}},
		"ports in disorder":  &config.Config{Untracked: []uint16{2, 1}},
	} {
		if err := acl.Entries(iom.Instance{Config: cfg}, &iom.Tables{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
