package acl_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/match"
)

func TestChanges(t *testing.T) {
	tell(t, []story{
		{name: "a connection is cut, another stays", run: storyCut},
		{name: "the reply is the first to come", run: storyCutByReply},
		{name: "allowed again", run: storyUnblocked, once: true},
		{name: "members of sets", run: storyMembers},
		{name: "members of groups", run: storyMembersOfGroup, once: true},
		{name: "nothing has changed", run: storySameAgain, once: true},
		{name: "related after a change", run: storyRelatedAfterChange},
		{name: "ACLs go", run: storyNone, once: true},
		{name: "default", run: storyDefaultComes, once: true},
	})
}

// allowing is a stateful switch where b may be asked by TCP at some ports, and nothing else is allowed in.
func allowing(ports ...uint16) *config.Config {
	cfg := oneWay()
	cfg.ToLport = nil
	for i, port := range ports {
		cfg.ToLport = append(cfg.ToLport, entry(10+i, config.Allow, to(b), proto(layers.IPProtocolTCP), dport(port)))
	}
	cfg.ToLport = append(cfg.ToLport, entry(3, config.Drop, isIP()))
	return cfg
}

// connect opens a TCP connection from a to b.
func (p *place) connect(family int, port uint16) {
	p.t.Helper()
	p.sends("SYN", a, p.tcp(a, b, family, 1000, port, "S"), "passes")
	p.sends("SYN+ACK", b, p.tcp(b, a, family, port, 1000, "SA"), "passes")
	p.sends("ACK", a, p.tcp(a, b, family, 1000, port, "A"), "passes")
}

func storyCut(w *world, family int) {
	p := w.add(allowing(80, 443))
	p.connect(family, 80)
	p.connect(family, 443)
	p.change(allowing(443))
	p.sends("data to 80", a, w.tcp(a, b, family, 1000, 80, "AP"), "denied")
	p.sends("data from 80", b, w.tcp(b, a, family, 80, 1000, "AP"), "blocked")
	p.sends("more data to 80", a, w.tcp(a, b, family, 1000, 80, "AP"), "blocked")
	p.sends("data to 443", a, w.tcp(a, b, family, 1000, 443, "AP"), "passes")
	p.sends("data from 443", b, w.tcp(b, a, family, 443, 1000, "AP"), "passes")
	p.want("443 as before, 80 blocked", b, fmt.Sprintf("cts 6 %d\ncts 6 %d blocked", established, established))
}

// The connection is decided on by its first packet's addresses and ports, whoever is the next to say something.
func storyCutByReply(w *world, family int) {
	p := w.add(allowing(80, 443))
	p.connect(family, 80)
	p.connect(family, 443)
	p.change(allowing(443))
	p.sends("data from 443", b, w.tcp(b, a, family, 443, 1000, "AP"), "passes")
	p.sends("data from 80", b, w.tcp(b, a, family, 80, 1000, "AP"), "blocked")
	p.sends("data to 80", a, w.tcp(a, b, family, 1000, 80, "AP"), "blocked")
}

func storyUnblocked(w *world, _ int) {
	p := w.add(allowing(80))
	p.connect(4, 80)
	p.change(allowing())
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "denied")
	p.change(allowing(80))
	p.sends("data back", b, w.tcp(b, a, 4, 80, 1000, "AP"), "passes")
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "passes")
}

// clients lets those of a named set ask b.
func clients(hosts ...host) *config.Config {
	var members []match.Prefix
	for _, h := range hosts {
		for _, family := range []int{4, 6} {
			p, _ := h.ip(family).Prefix(h.ip(family).BitLen())
			members = append(members, match.IP(p))
		}
	}
	cfg := oneWay()
	set := match.Term{Dim: match.Src, Sets: []*match.Set{match.NewSet("$clients", members)}}
	cfg.ToLport = []config.ACL{entry(2, config.Allow, to(b), set), entry(3, config.Drop, isIP())}
	return cfg
}

func storyMembers(w *world, family int) {
	p := w.add(clients(r))
	p.sends("a is no client", a, w.udp(a, b, family, 1, 2), "denied")
	p.change(clients(a, r))
	p.sends("a is one", a, w.udp(a, b, family, 1, 2), "passes")
	p.sends("the answer", b, w.udp(b, a, family, 2, 1), "passes")
	p.change(clients(r))
	p.sends("a is none", a, w.udp(a, b, family, 1, 2), "denied")
	p.sends("the answer", b, w.udp(b, a, family, 2, 1), "blocked")
	p.sends("r is one all the time", r, w.udp(r, b, family, 1, 2), "passes")
}

// group lets the members of a named port group send.
func group(hosts ...host) *config.Config {
	var members []match.Prefix
	for _, h := range hosts {
		members = append(members, match.Key(h.key))
	}
	set := match.Term{Dim: match.InPort, Sets: []*match.Set{match.NewSet("@group", members)}}
	return &config.Config{Stateful: true, FromLport: []config.ACL{entry(1, config.Allow, set, isIP()), entry(2, config.Drop, isIP())}}
}

func storyMembersOfGroup(w *world, _ int) {
	p := w.add(group(b))
	p.sends("a is no member", a, w.udp(a, b, 4, 1, 2), "denied")
	p.change(group(a))
	p.sends("a is one", a, w.udp(a, b, 4, 1, 2), "passes")
	p.sends("b's answer, b being none", b, w.udp(b, a, 4, 2, 1), "passes")
	p.sends("b asks", b, w.udp(b, a, 4, 3, 1), "denied")
}

// Applying the same again has nothing decided anew.
func storySameAgain(w *world, _ int) {
	p := w.add(allowing(80))
	p.connect(4, 80)
	hits := func() uint64 {
		var n uint64
		if err := p.k.Set().Maps["acl_hits"].Lookup(hitKey(p, 10), &n); err != nil {
			w.t.Fatal(err)
		}
		return n
	}
	before := hits()
	p.change(allowing(80))
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "passes")
	if after := hits(); after != before {
		w.t.Errorf("the ACL decided %d times, want %d", after, before)
	}
	p.change(allowing(80, 81))
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "passes")
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "passes")
	if after := hits(); after != before+1 {
		w.t.Errorf("after a change the ACL decided %d times, want %d", after, before+1)
	}
}

func storyRelatedAfterChange(w *world, family int) {
	cfg := oneWay()
	p := w.add(cfg)
	p.sends("question", a, w.udp(a, b, family, 1000, 53), "passes")
	cut := *cfg
	cut.ToLport = []config.ACL{entry(3, config.Drop, isIP())}
	p.change(&cut)
	p.sends("an error about it", b, w.unreachable(b, a, family, w.udp(a, b, family, 1000, 53)), "blocked")
	p.change(cfg)
	p.sends("an error about it", b, w.unreachable(b, a, family, w.udp(a, b, family, 1000, 53)), "passes")
}

// Without rules everything passes, also what was blocked.
func storyNone(w *world, _ int) {
	p := w.add(allowing(80))
	p.connect(4, 80)
	p.change(allowing())
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "denied")
	p.change(&config.Config{Stateful: true})
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "passes")
}

func storyDefaultComes(w *world, _ int) {
	cfg := &config.Config{Stateful: true, FromLport: []config.ACL{entry(1, config.Drop, dport(5))}}
	p := w.add(cfg)
	p.connect(4, 80)
	drop := *cfg
	drop.DefaultDrop = true
	p.change(&drop)
	p.sends("data", a, w.tcp(a, b, 4, 1000, 80, "AP"), "default_drop")
	p.sends("data back", b, w.tcp(b, a, 4, 80, 1000, "AP"), "blocked")
}

// TestRowsOfMembers: a member more writes few rows, however large the set.
func TestRowsOfMembers(t *testing.T) {
	p := &place{world: &world{t: t}, dp: 1, slots: map[uint16]uint32{a.key: 1, b.key: 2}}
	rows := func(hosts ...host) map[string]map[string]string { return p.entries(clients(hosts...)).Rows }
	var many []host
	for key := range uint16(1000) {
		many = append(many, host{"", 100 + key})
	}
	before, after := rows(many...), rows(append(slices.Clone(many), a)...)
	changed := 0
	for table, now := range after {
		for key, value := range now {
			if before[table][key] != value {
				changed++
			}
		}
	}
	// An address row in each family, and the generation.
	if changed == 0 || changed > 3 {
		t.Errorf("%d rows changed, want at most 3", changed)
	}
}
