package flows

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	aclmodule "woven.dev/woven/modules/acl"
	acl "woven.dev/woven/modules/acl/config"
	l2switch "woven.dev/woven/modules/l2switch/config"
	router "woven.dev/woven/modules/router/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

// The ways that tests send.
func inSwitch(family int) way { return way{family, [2]byte{0, keyVM}, [2]byte{0, keyMate}} }
func toPeer(family int) way   { return way{family, [2]byte{0, keyVM}, [2]byte{0, keyFar}} }
func routed(family int) way   { return way{family, [2]byte{0, keyVM}, [2]byte{1, keyVM}} }
func routedToPeer(family int) way {
	return way{family, [2]byte{0, keyVM}, [2]byte{2, keyVM}}
}

// all is an ACL about all that workloads send or, by OutPort, receive.
func all(port match.Dim) []acl.ACL {
	workloads := match.NewSet("workloads", []match.Prefix{match.Key(keyVM), match.Key(keyMate)})
	return []acl.ACL{{ID: "all", Action: acl.Allow, Rules: []match.Rule{{Terms: []match.Term{{Dim: port, Sets: []*match.Set{workloads}}}}}}}
}

// allowAll tracks connections and allows all, from either end.
func allowAll() *acl.Config {
	return &acl.Config{Stateful: true, FromLport: all(match.InPort), ToLport: all(match.OutPort), Untracked: []uint16{keyRouter}}
}

func destination(port uint16) match.Rule {
	return match.Rule{Terms: []match.Term{{Dim: match.DstPort, Sets: []*match.Set{match.NewSet("", []match.Prefix{match.Key(port)})}}}}
}

// is tests a field that flows are not told apart by.
func is(f match.Field, v uint64) match.Rule {
	u := match.Uint128{Lo: v}
	return match.Rule{Checks: []match.Check{{Field: f, Mask: match.Ones(f.Bits()), Low: u, High: u}}}
}

// policies are routing policies of which each allows what its rule matches.
func policies(rules ...match.Rule) func(*router.Config) {
	return func(c *router.Config) {
		for i, r := range rules {
			c.Policies = append(c.Policies, router.Policy{Action: router.Allow, Rules: []match.Rule{r}, Object: router.FirstObject + uint32(i), Mark: 1})
		}
	}
}

// talk establishes a connection, of which it returns a segment or datagram of the originator.
func (n *node) talk(w way, proto layers.IPProtocol) []byte {
	n.t.Helper()
	back := w.back()
	if w.to[1] == keyFar || w.to[0] == 2 { // on another node
		back = w
	}
	if proto == layers.IPProtocolUDP {
		for range 3 {
			n.send(w.port(), w.udp(n.t, 1000, 2000))
			n.send(back.port(), back.udp(n.t, 2000, 1000))
		}
		return w.udp(n.t, 1000, 2000)
	}
	n.send(w.port(), w.tcp(n.t, 1000, 2000, "S"))
	n.send(back.port(), back.tcp(n.t, 2000, 1000, "SA"))
	n.send(w.port(), w.tcp(n.t, 1000, 2000, "A"))
	n.send(back.port(), back.tcp(n.t, 2000, 1000, "AP"))
	return w.tcp(n.t, 1000, 2000, "AP")
}

// What is sent on at once fares as what passed all modules, and as the trace says.
func TestAtOnce(t *testing.T) {
	unmet := allowAll()
	unmet.ToLport = append(unmet.ToLport, acl.ACL{ID: "unmet", Action: acl.Drop, Rules: []match.Rule{destination(443)}})
	for name, c := range map[string]cloud{"connections": {acls: allowAll()}, "no connections": {}, "an ACL that does not match": {acls: unmet},
		"policies": {router: policies(destination(443), destination(2000), is(match.FieldTTL, 5))}} {
		n := newNode(t, c)
		for _, tt := range []struct {
			name string
			way  func(family int) way
			to   string
		}{{"in a switch", inSwitch, "mate0"}, {"into a tunnel", toPeer, ""}, {"routed", routed, "vm1"}, {"routed into a tunnel", routedToPeer, ""}} {
			if c.acls != nil && tt.to == "" {
				continue // nobody here answers
			}
			for _, family := range []int{4, 6} {
				for _, proto := range []layers.IPProtocol{layers.IPProtocolUDP, layers.IPProtocolTCP} {
					t.Run(fmt.Sprintf("%s, %s, IPv%d, %s", name, tt.name, family, proto), func(t *testing.T) { n.atOnce(t, tt.way(family), proto, tt.to) })
				}
			}
		}
	}
}

// atOnce sends packets of a flow, which go to a port of this node, "" for none.
func (n *node) atOnce(t *testing.T, w way, proto layers.IPProtocol, to string) {
	frame := n.talk(w, proto)
	n.changed() // what was noted by now
	first := n.send(w.port(), frame)
	if first.Verdict != redirected || first.To != to {
		t.Fatalf("the first one: %+v", first)
	}
	if traced := n.Send(w.port(), frame); to != "" && !bytes.Equal(traced.Packet.Data(), first.Packet) {
		t.Errorf("the trace has another packet:\n%s", hex.Dump(traced.Packet.Data()))
	}
	for range 2 {
		if !n.hits(w.port(), frame, first) {
			t.Error("the next one passed all modules")
		}
	}
}

// What does not follow from the flow, or changes something, is for the modules.
func TestAllModules(t *testing.T) {
	logs := allowAll()
	logs.FromLport[0].LogReplies = true
	stateless := allowAll()
	stateless.FromLport[0].Action, stateless.ToLport[0].Action = acl.AllowStateless, acl.AllowStateless
	everything := allowAll()
	everything.ToLport[0].Rules = []match.Rule{{}}
	denies := allowAll()
	denies.ToLport[0].Action = acl.Drop
	to := func(f func(way) []byte) func(*testing.T, *node) (string, []byte) {
		return func(t *testing.T, n *node) (string, []byte) { return "vm0", f(routed(4)) }
	}
	common := newNode(t, cloud{})
	for _, tt := range []struct {
		name  string
		cloud *cloud // nil: of the simplest kind
		frame func(*testing.T, *node) (port string, frame []byte)
		want  uint32
	}{
		{"SYN", nil, to(func(w way) []byte { return w.tcp(t, 1, 2, "S") }), redirected},
		{"FIN", nil, to(func(w way) []byte { return w.tcp(t, 1, 2, "FA") }), redirected},
		{"RST", nil, to(func(w way) []byte { return w.tcp(t, 1, 2, "R") }), redirected},
		{"a fragment", nil, to(func(way) []byte { return fragment(t) }), redirected},
		{"an option", nil, to(func(way) []byte { return option(t) }), redirected},
		{"an echo", nil, to(func(way) []byte { return echo(t) }), redirected},
		{"for the router itself", nil, func(t *testing.T, _ *node) (string, []byte) {
			w := routed(4)
			w.to = [2]byte{1, 254}
			return "vm0", w.udp(t, 1, 2)
		}, 2},
		{"a broadcast", nil, func(t *testing.T, _ *node) (string, []byte) {
			frame := inSwitch(4).udp(t, 1, 2)
			copy(frame, bytes.Repeat([]byte{0xff}, 6))
			return "vm0", frame
		}, 2},
		{"to nobody known", nil, func(t *testing.T, _ *node) (string, []byte) {
			frame := inSwitch(4).udp(t, 1, 2)
			frame[5] = 77
			return "vm0", frame
		}, 2},
		{"from whom is learned", &cloud{port: func(p *l2switch.Port) { p.Learn = true }}, func(t *testing.T, _ *node) (string, []byte) {
			return "vm0", inSwitch(4).udp(t, 1, 2)
		}, redirected},
		{"to whom was learned", &cloud{port: func(p *l2switch.Port) { p.Learn = true }}, func(t *testing.T, n *node) (string, []byte) {
			teach := inSwitch(4).udp(t, 1, 2)
			teach[11] = 66
			n.send("vm0", teach)
			frame := inSwitch(4).back().udp(t, 1, 2)
			frame[5] = 66
			return "mate0", frame
		}, redirected},
		{"a policy about the time to live", &cloud{router: policies(is(match.FieldTTL, 5))}, to(func(w way) []byte { return w.udp(t, 1, 2) }), redirected},
		{"a route that is answered the same way", &cloud{router: func(c *router.Config) {
			c.Routes = []router.Route{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Object: router.FirstObject,
				Hops: []router.Hop{{Port: 2, Addr: addr(4, 1, keyVM), Symmetric: true}}}}
		}}, to(func(w way) []byte { return w.udp(t, 1, 2) }), redirected},
		{"first of a connection", &cloud{acls: allowAll()}, to(func(w way) []byte { return w.udp(t, 1, 2) }), redirected},
		{"an ACL about all that a router sends", &cloud{acls: everything}, func(t *testing.T, n *node) (string, []byte) {
			return "vm0", n.talk(routed(4), layers.IPProtocolUDP)
		}, redirected},
		{"without connections", &cloud{acls: stateless}, to(func(w way) []byte { return w.udp(t, 1, 2) }), redirected},
		{"whose replies are told", &cloud{acls: logs}, func(t *testing.T, n *node) (string, []byte) {
			n.talk(inSwitch(4), layers.IPProtocolUDP)
			return "mate0", inSwitch(4).back().udp(t, 2000, 1000)
		}, redirected},
		{"denied", &cloud{acls: denies}, to(func(w way) []byte { return w.udp(t, 1, 2) }), 2},
		{"a service that knows of no cache", &cloud{services: []iomtest.Service{{Kind: "stranger"}}}, to(func(w way) []byte { return w.udp(t, 1, 2) }), redirected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := common
			if tt.cloud != nil {
				n = newNode(t, *tt.cloud)
			}
			port, frame := tt.frame(t, n)
			n.changed()
			before := n.counts()
			for range 3 {
				if got := n.send(port, frame); got.Verdict != tt.want {
					t.Errorf("verdict %d, want %d", got.Verdict, tt.want)
				}
			}
			if after := n.counts(); after != before {
				t.Errorf("the cache counts %+v, before %+v", after, before)
			}
		})
	}
}

// What was noted does not count for another packet, or any more.
func TestForgets(t *testing.T) {
	common := newNode(t, cloud{})
	for _, tt := range []struct {
		name  string
		cloud *cloud                                                      // nil: of the simplest kind
		do    func(*testing.T, *node, way) (frame []byte, verdict uint32) // nil: what was sent before
	}{
		{"tables changed", nil, func(t *testing.T, n *node, _ way) ([]byte, uint32) { n.changed(); return nil, redirected }},
		{"tables are being written", nil, func(t *testing.T, n *node, _ way) ([]byte, uint32) {
			n.stamp = ^uint64(0)
			n.changed()
			return nil, redirected
		}},
		{"off", nil, func(t *testing.T, n *node, _ way) ([]byte, uint32) {
			n.use(wire.FlowConfig{Off: 1})
			return nil, redirected
		}},
		{"time is up", nil, func(t *testing.T, n *node, _ way) ([]byte, uint32) {
			n.poke(func(f *wire.Flow) { f.Until -= 20 })
			return nil, redirected
		}},
		{"another port of the sender", nil, func(t *testing.T, n *node, w way) ([]byte, uint32) {
			return w.frame(t, 64, &layers.UDP{SrcPort: 1001, DstPort: 2000}, gopacket.Payload("payload")), redirected
		}},
		{"another sender", nil, func(t *testing.T, n *node, w way) ([]byte, uint32) {
			frame := w.udp(t, 1000, 2000)
			frame[11] = 55
			return frame, redirected
		}},
		{"the last hop", nil, func(t *testing.T, n *node, w way) ([]byte, uint32) {
			return w.frame(t, 1, &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("payload")), 2
		}},
		{"too big for the way out", &cloud{router: func(c *router.Config) {
			p := c.Ports[2]
			p.MTU = 600
			c.Ports[2] = p
		}}, func(t *testing.T, n *node, w way) ([]byte, uint32) {
			return w.frame(t, 64, &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload(make([]byte, 700))), 2
		}},
		{"ACLs deny", &cloud{acls: allowAll()}, func(t *testing.T, n *node, w way) ([]byte, uint32) {
			n.write(acl.Drop)
			n.changed()
			return nil, 2
		}},
	} {
		n := common
		if tt.cloud != nil {
			n = newNode(t, *tt.cloud)
		}
		for _, family := range []int{4, 6} {
			t.Run(fmt.Sprintf("%s, IPv%d", tt.name, family), func(t *testing.T) {
				n.use(wire.FlowConfig{})
				n.changed()
				w := routed(family)
				if tt.cloud != nil && tt.cloud.acls != nil {
					n.write(acl.Allow)
				}
				noted := n.talk(w, layers.IPProtocolUDP)
				n.send("vm0", noted)
				if !n.hits("vm0", noted, n.send("vm0", noted)) {
					t.Fatal("nothing was noted")
				}
				frame, verdict := tt.do(t, n, w)
				if frame == nil {
					frame = noted
				}
				before := n.counts().Hits
				if got := n.send("vm0", frame); got.Verdict != verdict {
					t.Errorf("verdict %d, want %d", got.Verdict, verdict)
				}
				if n.counts().Hits != before {
					t.Error("it was sent on at once")
				}
			})
		}
	}
}

// A segment that ends something makes that seen by all modules, and the next one, too.
func TestEnds(t *testing.T) {
	n := newNode(t, cloud{acls: allowAll()})
	for i, flags := range []string{"FA", "RA", "S"} {
		w := routed([]int{4, 6, 4}[i])
		w.from[1], w.to[1] = []byte{keyVM, keyVM, keyMate}[i], keyVM
		segment := n.talk(w, layers.IPProtocolTCP)
		first := n.send(w.port(), segment)
		if !n.hits(w.port(), segment, first) {
			t.Fatal("nothing was noted")
		}
		n.send(w.port(), w.tcp(t, 1000, 2000, flags))
		if n.hits(w.port(), segment, first) {
			t.Errorf("after %s it was sent on at once", flags)
		}
	}
}

// poke changes what is noted.
func (n *node) poke(change func(*wire.Flow)) {
	n.t.Helper()
	m := n.Set().Maps["iom_flows"]
	poked := 0
	for place := range m.MaxEntries() {
		var perCPU []wire.Flow
		if err := m.Lookup(place, &perCPU); err != nil {
			n.t.Fatal(err)
		}
		if perCPU[0].Stamp == 0 {
			continue
		}
		change(&perCPU[0])
		if err := m.Put(place, perCPU); err != nil {
			n.t.Fatal(err)
		}
		poked++
	}
	if poked == 0 {
		n.t.Fatal("nothing is noted")
	}
}

// write gives the first two switches other ACLs about all.
func (n *node) write(action acl.Action) {
	n.t.Helper()
	cfg := allowAll()
	cfg.FromLport[0].Action, cfg.ToLport[0].Action = action, action
	for sw, local := range []map[uint16]uint32{
		{keyVM: n.Slot("vm0"), keyMate: n.Slot("mate0"), keyRouter: n.Slot("lr0")}, {keyVM: n.Slot("vm1"), keyMate: n.Slot("mate1"), keyRouter: n.Slot("lr1")},
	} {
		t := &iom.Tables{}
		if err := aclmodule.Entries(iom.Instance{Slot: uint32(sw + 1), Local: local, Config: cfg}, t); err != nil {
			n.t.Fatal(err)
		}
		n.Write(t)
	}
}

// A share of the packets that would be sent on at once is compared with what is noted, and a difference is counted.
func TestChecks(t *testing.T) {
	n, w := newNode(t, cloud{}), routed(6)
	frame := w.udp(t, 1000, 2000)
	for _, tt := range []struct {
		name   string
		spoil  func(*wire.Flow)
		differ uint64
	}{
		{"as noted", func(*wire.Flow) {}, 0},
		{"another port", func(f *wire.Flow) { f.Out++ }, 1},
		{"another MAC address", func(f *wire.Flow) { f.Dmac[5]++ }, 1},
		{"another time to live", func(f *wire.Flow) { f.Hops++ }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n.changed()
			first, before := n.send("vm0", frame), n.counts()
			n.use(wire.FlowConfig{Check: 1})
			n.poke(func(f *wire.Flow) {
				if f.Stamp == n.stamp {
					tt.spoil(f)
				}
			})
			for range 2 { // the first of them has the note right
				if n.hits("vm0", frame, first) {
					t.Error("it was sent on at once")
				}
			}
			if got := n.counts(); got.Checks-before.Checks != 2 || got.Differences-before.Differences != tt.differ {
				t.Errorf("counted %+v, before %+v, want 2 checks and %d differences", got, before, tt.differ)
			}
		})
	}
}

// What is dropped now is a difference, unless tables have changed.
func TestChecksDrops(t *testing.T) {
	for _, told := range []bool{false, true} {
		n := newNode(t, cloud{acls: allowAll()})
		frame := n.talk(routed(4), layers.IPProtocolUDP)
		n.send("vm0", frame)
		n.use(wire.FlowConfig{Check: 1})
		n.write(acl.Drop)
		want := uint64(1)
		if told {
			n.changed()
			want = 0
		}
		if got := n.send("vm0", frame); got.Verdict == redirected {
			t.Error("it passed")
		}
		if got := n.counts().Differences; got != want {
			t.Errorf("%d differences, want %d (told of the change: %t)", got, want, told)
		}
	}
}

// A quarter of the places have room for nearly all flows. Another attempt is made if notes may have ended meanwhile.
func TestManyFlows(t *testing.T) {
	n, frame := newNode(t, cloud{}), inSwitch(6).udp(t, 0, 2000)
	n.send("vm0", frame) // from where the next ones come
	const flows = 4096
	round := func() uint64 {
		before := n.counts().Hits
		n.onFirstCPU(func() {
			for i := range uint16(flows) {
				frame[54], frame[55] = byte(i>>8), byte(i)
				n.Run(iom.ProgVIFIn, loopback, 0, frame)
			}
		})
		return n.counts().Hits - before
	}
	for range 20 {
		n.changed()
		began := time.Now()
		if round() != 0 {
			t.Fatal("the first packet of a flow was sent on at once")
		}
		round()
		hits := round()
		if time.Since(began) > 600*time.Millisecond {
			continue
		}
		if hits < flows*98/100 {
			t.Errorf("%d of %d flows found their place", hits, flows)
		}
		return
	}
	t.Error("the machine is too slow to see")
}

// Frames of other kinds.

func fragment(t *testing.T) []byte {
	src, dst := addr(4, 0, keyVM), addr(4, 1, keyVM)
	ip := iomtest.IP(src, dst, layers.IPProtocolUDP).(*layers.IPv4)
	ip.Flags = layers.IPv4MoreFragments
	return iomtest.Frame(t, iomtest.Eth(mac(0, keyVM), mac(0, keyRouter), layers.EthernetTypeIPv4), ip,
		&layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload("payload1"))
}

func option(t *testing.T) []byte {
	ip := iomtest.IP(addr(4, 0, keyVM), addr(4, 1, keyVM), layers.IPProtocolUDP).(*layers.IPv4)
	ip.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
	return iomtest.Frame(t, iomtest.Eth(mac(0, keyVM), mac(0, keyRouter), layers.EthernetTypeIPv4), ip,
		&layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload("payload"))
}

func echo(t *testing.T) []byte {
	return iomtest.Frame(t, iomtest.Eth(mac(0, keyVM), mac(0, keyRouter), layers.EthernetTypeIPv4), iomtest.IP(addr(4, 0, keyVM), addr(4, 1, keyVM), layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 1}, gopacket.Payload("payload"))
}
