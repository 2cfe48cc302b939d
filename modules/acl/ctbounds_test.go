package acl_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/sdk/iom/ct"
)

// How many connections there may be, and what becomes of those that are too many.
func TestBounds(t *testing.T) {
	tell(t, []story{
		{name: "limit", run: storyZoneLimit, once: true},
		{name: "configured limit", run: storyConfiguredLimit, once: true},
		{name: "too many begin", run: storyHurry, once: true},
		{name: "brief", run: storyBrief, once: true},
		{name: "flood and an established connection", run: storyFloodOfConnections, once: true},
		{name: "flood and a handshake elsewhere", run: storyFloodOfAnotherZone, once: true},
	})
}

// refused is how many connections of a port found no room among the established ones.
func (p *place) refused(h host) uint32 {
	p.t.Helper()
	var count acl.AclIomCtZoneCount
	if err := p.k.Set().Maps["iom_ct_zones"].Lookup(p.dp<<16|uint32(h.key), &count); err != nil {
		p.t.Fatal(err)
	}
	return count.Refused
}

// Without room among the established ones a connection works on, and is counted.
func storyZoneLimit(w *world, _ int) {
	p := w.add(oneWay())
	zones := p.k.Set().Maps["iom_ct_zones"]
	zone := p.dp<<16 | uint32(a.key)
	if err := zones.Put(zone, acl.AclIomCtZoneCount{Established: ct.DefaultLimit + 10}); err != nil {
		p.t.Fatal(err)
	}
	if err := p.k.Set().Maps["iom_ct_removed"].Put(zone, uint32(10)); err != nil {
		p.t.Fatal(err)
	}
	p.sends("a asks", a, p.udp(a, b, 4, 1000, 53), "passes")
	p.sends("b answers", b, p.udp(b, a, 4, 53, 1000), "passes")
	p.want("there is no room", a, fmt.Sprintf("cts_new 17 %d", established))
	p.sends("a asks again", a, p.udp(a, b, 4, 1000, 53), "passes")
	if got := p.refused(a); got != 1 {
		p.t.Errorf("%d connections were refused, want 1", got)
	}
	if err := p.k.Set().Maps["iom_ct_removed"].Put(zone, uint32(11)); err != nil {
		p.t.Fatal(err)
	}
	p.sends("a asks by another port", a, p.udp(a, b, 4, 1001, 53), "passes")
	p.sends("b answers", b, p.udp(b, a, 4, 53, 1001), "passes")
	p.want("one was removed", a, fmt.Sprintf("cts 17 %d\ncts_new 17 %d", established, established))
}

// A port's own limit is in force from the next connection on, and so is its end.
func storyConfiguredLimit(w *world, _ int) {
	cfg := oneWay()
	p := w.add(cfg)
	dialogue := func(port uint16) {
		p.sends("a asks", a, p.udp(a, b, 4, port, 53), "passes")
		p.sends("b answers", b, p.udp(b, a, 4, 53, port), "passes")
	}
	dialogue(1000)
	limited := *cfg
	limited.ConnectionLimits = map[uint16]uint32{a.key: 1}
	p.change(&limited)
	dialogue(1001)
	p.want("a is limited", a, fmt.Sprintf("cts 17 %d\ncts_new 17 %d", established, established))
	p.want("b is not", b, fmt.Sprintf("cts 17 %d\ncts 17 %d", established, established))
	limited.ConnectionLimits = map[uint16]uint32{a.key: 2}
	p.change(&limited)
	dialogue(1002)
	dialogue(1003)
	p.want("a larger limit", a, fmt.Sprintf("cts 17 %d\ncts 17 %d\ncts_new 17 %d\ncts_new 17 %d", established, established, established, established))
	p.change(cfg)
	dialogue(1004)
	p.want("none", a, fmt.Sprintf("cts 17 %d\ncts 17 %d\ncts 17 %d\ncts_new 17 %d\ncts_new 17 %d", established, established, established, established, established))
	if got := p.refused(a); got != 2 {
		p.t.Errorf("%d connections were refused, want 2", got)
	}
}

// flood sends n SYNs from a to b, each from an address and a port of its own, which a, not being secured, may use.
func (p *place) flood(n int) {
	p.t.Helper()
	const addr, port = 14 + 12, 14 + 20
	frame := p.tcp(a, b, 4, 0, 80, "S")
	for i := range n {
		binary.BigEndian.PutUint16(frame[addr+2:], uint16(i>>8))
		binary.BigEndian.PutUint16(frame[port:], uint16(i))
		p.run(a, frame)
	}
}

// A flood of connections that nobody answers leaves the established ones alone.
func storyFloodOfConnections(w *world, _ int) {
	p := w.add(oneWay())
	p.connect(4, 80)
	p.flood(int(p.k.Set().Maps["iom_cts_brief"].MaxEntries()))
	p.sends("the established connection", b, p.tcp(b, a, 4, 80, 1000, "A"), "passes")
	if got := p.zone(a); got != 1 {
		p.t.Errorf("%d connections are established, want 1", got)
	}
}

// A flood by a port does not make the handshakes of others be forgotten: what began before it, and what begins meanwhile, is established after it.
func storyFloodOfAnotherZone(w *world, _ int) {
	flooded, other := w.add(oneWay()), w.add(oneWay())
	room := int(w.k.Set().Maps["iom_cts_new"].MaxEntries())
	other.sends("SYN before", a, w.tcp(a, b, 4, 1000, 80, "S"), "passes")
	flooded.flood(room)
	other.sends("SYN meanwhile", a, w.tcp(a, b, 4, 1001, 80, "S"), "passes")
	flooded.flood(room)
	for _, port := range []uint16{1000, 1001} {
		other.sends("SYN+ACK", b, w.tcp(b, a, 4, 80, port, "SA"), "passes")
		other.sends("ACK", a, w.tcp(a, b, 4, port, 80, "A"), "passes")
	}
	other.want("both", a, fmt.Sprintf("cts 6 %d\ncts 6 %d", established, established))
}

// What begins in a zone beyond its pace is with the brief ones. It takes far less than a second to be so many.
func storyHurry(w *world, _ int) {
	p := w.add(oneWay())
	p.flood(3 * int(ct.Pace))
	tables := map[string]int{}
	p.eachOf(a, func(table string, _ acl.AclIomCtKey, _ acl.AclIomCt) { tables[table]++ })
	if tables["iom_cts_new"] < int(ct.Pace) || tables["iom_cts_brief"] == 0 || tables["iom_cts_new"]+tables["iom_cts_brief"] != 3*int(ct.Pace) {
		p.t.Errorf("%d connections are in %v", 3*ct.Pace, tables)
	}
}

// A brief connection is one like others.
func storyBrief(w *world, _ int) {
	p := w.add(oneWay())
	p.sends("SYN", a, p.tcp(a, b, 4, 1000, 80, "S"), "passes")
	p.makeBrief()
	p.want("it hurries", a, fmt.Sprintf("cts_brief 6 %d", asked))
	p.sends("SYN+ACK", b, p.tcp(b, a, 4, 80, 1000, "SA"), "passes")
	p.want("answered", a, fmt.Sprintf("cts_brief 6 %d", answered))
	p.sends("ACK", a, p.tcp(a, b, 4, 1000, 80, "A"), "passes")
	p.want("established", a, fmt.Sprintf("cts 6 %d", established))
	p.sends("a ping", a, p.echo(a, b, 4, 7, false), "passes")
	p.makeBrief()
	p.sends("its answer", b, p.echo(b, a, 4, 7, true), "passes")
}

// makeBrief moves what begins to the brief ones.
func (p *place) makeBrief() {
	p.t.Helper()
	tables := p.k.Set().Maps
	moved := map[acl.AclIomCtKey]acl.AclIomCt{}
	p.each(func(table string, _ *ebpf.Map, key acl.AclIomCtKey, row acl.AclIomCt) {
		if table == "iom_cts_new" && key.Zone>>16 == p.dp {
			moved[key] = row
		}
	})
	for key, row := range moved {
		if err := errors.Join(tables["iom_cts_brief"].Put(key, row), tables["iom_cts_new"].Delete(key)); err != nil {
			p.t.Fatal(err)
		}
	}
}
