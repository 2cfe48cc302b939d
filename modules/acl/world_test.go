package acl_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/modules/l2switch"
	l2config "woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iomtest"
)

// world is the node under test, with one switch after the other. Ports of a switch: a (key 1) and b (2) are here, r (9) is here and is said to
// lead to a router, c (3) is on another node.
type world struct {
	t   *testing.T
	k   *iomtest.Kit
	dps *uint32 // of the switches so far
}

// place is one switch.
type place struct {
	*world
	dp    uint32
	slots map[uint16]uint32
	rows  *iom.Tables // of its ACLs
}

// host is a port's owner.
type host struct {
	name string
	key  uint16
}

var (
	a = host{"a", 1}
	b = host{"b", 2}
	c = host{"c", 3}
	r = host{"r", 9}
)

func (h host) mac() net.HardwareAddr { return net.HardwareAddr{0x0a, 0, 0, 0, 0, byte(h.key)} }

// ip is an address of the host in family 4 or 6.
func (h host) ip(family int) netip.Addr {
	if family == 4 {
		return netip.AddrFrom4([4]byte{10, 0, 0, byte(h.key)})
	}
	return addr(fmt.Sprintf("fd00::%x", h.key))
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func newWorld(t *testing.T) *world {
	k := iomtest.New(t, l2switch.Kind(), acl.Kind())
	own := iom.Addr(addr("172.31.0.10"))
	k.Tunnel(own)
	k.Node(1, iom.Addr(addr("172.31.0.11")), own, 1500)
	return &world{t, k, new(uint32)}
}

// add makes a switch with ACLs.
func (w *world) add(cfg *config.Config) *place {
	w.t.Helper()
	*w.dps++
	p := &place{world: w, dp: *w.dps, slots: map[uint16]uint32{}}
	sw := &l2config.Config{FloodGroup: 32768, Ports: map[uint16]l2config.Port{}, FDB: map[[6]byte]uint16{}}
	in := iomtest.Instance{Kind: l2config.Kind, VNI: p.dp, Config: sw, Services: []iomtest.Service{{Kind: config.Kind, Config: cfg}},
		Groups: map[uint16][]uint16{32768: {1, 2, 9}}}
	for _, h := range []host{a, b, c, r} {
		sw.Ports[h.key] = l2config.Port{Enabled: true}
		sw.FDB[[6]byte(h.mac())] = h.key
		port := iomtest.Port{Name: p.port(h), Key: h.key}
		if h == c {
			port.Node = 1
		}
		in.Ports = append(in.Ports, port)
	}
	w.k.Add(in)
	for _, h := range []host{a, b, r} {
		p.slots[h.key] = w.k.Slot(p.port(h))
	}
	p.rows = p.entries(cfg)
	return p
}

func (p *place) port(h host) string { return fmt.Sprint(h.name, p.dp) }

// change gives the switch other ACLs as hover does: new rows in order, then removals in the reverse order.
func (p *place) change(cfg *config.Config) {
	p.t.Helper()
	t := p.entries(cfg)
	for _, table := range t.Order {
		p.k.Write(&iom.Tables{Rows: map[string]map[string]string{table: t.Rows[table]}})
	}
	for _, table := range slices.Backward(p.rows.Order) {
		for key := range p.rows.Rows[table] {
			if _, stays := t.Rows[table][key]; stays {
				continue
			}
			if err := p.k.Set().Maps[table].Delete([]byte(key)); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.rows = t
}

func (p *place) entries(cfg *config.Config) *iom.Tables {
	p.t.Helper()
	t := &iom.Tables{}
	if err := acl.Entries(iom.Instance{Slot: p.dp, Local: p.slots, Config: cfg}, t); err != nil {
		p.t.Fatal(err)
	}
	return t
}

// drops are the counters of the switch's ACLs.
func (p *place) drops() map[string]uint64 {
	p.t.Helper()
	members, err := p.k.Spec().Drops(config.Kind)
	if err != nil {
		p.t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, m := range members {
		if _, err := p.k.Set().Maps["acl_drops"].LookupBytes(iom.Bytes([2]uint32{p.dp, 0})); err == nil {
			counts[m.Name] = p.k.Counter(config.Kind, m.Name, p.dp, 0)
		}
	}
	return counts
}

const verdictRedirect = 7

// send sends a frame from a port of this node, with all effects: "passes", or why it is dropped.
func (p *place) send(h host, frame []byte) string {
	p.t.Helper()
	before := p.drops()
	verdict := p.run(h, frame)
	after := p.drops()
	for reason, n := range after {
		if n != before[reason] {
			return reason
		}
	}
	if verdict != verdictRedirect {
		return fmt.Sprintf("verdict %d", verdict)
	}
	return "passes"
}

// run has a frame come in by the loopback device, the only one that there is for sure, as if that were the port's.
func (p *place) run(h host, frame []byte) (verdict uint32) {
	p.t.Helper()
	const loopback = 1
	binding := &iom.Tables{}
	iom.Put(binding, "iom_bindings", uint32(loopback), p.slots[h.key])
	p.k.Write(binding)
	verdict, _ = p.k.Run("vif_in", loopback, 0, frame)
	return verdict
}

// sends checks what becomes of a frame.
func (p *place) sends(what string, h host, frame []byte, want string) {
	p.t.Helper()
	if got := p.send(h, frame); got != want {
		p.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// connections are the entries in a port's zone, one a line: established or new, protocol, how far.
func (p *place) connections(h host) string {
	p.t.Helper()
	var lines []string
	p.eachOf(h, func(table string, key acl.AclIomCtKey, ct acl.AclIomCt) {
		line := fmt.Sprintf("%s %d %d", strings.TrimPrefix(table, "iom_"), key.Proto, ct.Progress)
		if ct.Flags&blocked != 0 {
			line += " blocked"
		}
		lines = append(lines, line)
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Of <iom/ct_tables.h>.
const (
	asked       = 1
	answered    = 2
	established = 3
	closing     = 4
	closed      = 5

	blocked = 1 << 4
)

func (w *world) each(f func(table string, m *ebpf.Map, key acl.AclIomCtKey, ct acl.AclIomCt)) {
	w.t.Helper()
	for _, table := range []string{"iom_cts", "iom_cts_new", "iom_cts_brief"} {
		m := w.k.Set().Maps[table]
		var key acl.AclIomCtKey
		var ct acl.AclIomCt
		it := m.Iterate()
		for it.Next(&key, &ct) {
			f(table, m, key, ct)
		}
		if err := it.Err(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// eachOf gives the connections in a port's zone.
func (p *place) eachOf(h host, f func(table string, key acl.AclIomCtKey, ct acl.AclIomCt)) {
	p.t.Helper()
	p.each(func(table string, _ *ebpf.Map, key acl.AclIomCtKey, ct acl.AclIomCt) {
		if key.Zone == p.dp<<16|uint32(h.key) {
			f(table, key, ct)
		}
	})
}

// wait lets the time of all connections pass.
func (w *world) wait(seconds uint32) {
	w.t.Helper()
	older := map[*ebpf.Map]map[acl.AclIomCtKey]acl.AclIomCt{}
	w.each(func(_ string, m *ebpf.Map, key acl.AclIomCtKey, ct acl.AclIomCt) {
		if older[m] == nil {
			older[m] = map[acl.AclIomCtKey]acl.AclIomCt{}
		}
		ct.Expires -= min(ct.Expires, seconds)
		older[m][key] = ct
	})
	for m, rows := range older {
		for key, ct := range rows {
			if err := m.Put(key, ct); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// Rules.

func term(d match.Dim, members ...match.Prefix) match.Term {
	return match.Term{Dim: d, Sets: []*match.Set{match.NewSet("", members)}}
}

func from(h host) match.Term { return term(match.InPort, match.Key(h.key)) }
func to(h host) match.Term   { return term(match.OutPort, match.Key(h.key)) }

func isIP() match.Term { return term(match.Proto, match.Ethertype(0x0800), match.Ethertype(0x86dd)) }

func proto(p layers.IPProtocol) match.Term {
	return term(match.Proto, match.IPProto(0x0800, uint8(p)), match.IPProto(0x86dd, uint8(p)))
}

func dport(port uint16) match.Term { return term(match.DstPort, match.Key(port)) }

func rule(terms ...match.Term) []match.Rule { return []match.Rule{{Terms: terms}} }

// entry is an ACL with a made-up UUID.
func entry(n int, action config.Action, terms ...match.Term) config.ACL {
	return config.ACL{ID: uuid(n), Rules: rule(terms...), Action: action}
}

func uuid(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", 0x10000+n, n) }

// oneWay is a stateful switch whose ports may begin connections, but only b may be asked.
func oneWay() *config.Config {
	return &config.Config{Stateful: true, FromLport: []config.ACL{entry(1, config.Allow, isIP())},
		ToLport: []config.ACL{entry(2, config.Allow, to(b), isIP()), entry(3, config.Drop, isIP())}, Untracked: []uint16{r.key}}
}

// Frames.

func (w *world) udp(src, dst host, family int, sport, dport uint16) []byte {
	return iomtest.UDP(w.t, src.mac(), dst.mac(), src.ip(family), dst.ip(family), sport, dport)
}

func (w *world) frame(src, dst host, family int, p layers.IPProtocol, rest ...gopacket.SerializableLayer) []byte {
	stack := append([]gopacket.SerializableLayer{iomtest.Eth(src.mac(), dst.mac(), iomtest.EtherType(src.ip(family))),
		iomtest.IP(src.ip(family), dst.ip(family), p)}, rest...)
	return iomtest.Frame(w.t, stack...)
}

// tcp is a segment; flags are letters: S, A, F, R, P and E for ECE and CWR.
func (w *world) tcp(src, dst host, family int, sport, dport uint16, flags string) []byte {
	has := func(c string) bool { return strings.Contains(flags, c) }
	return w.frame(src, dst, family, layers.IPProtocolTCP, &layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport),
		SYN: has("S"), ACK: has("A"), FIN: has("F"), RST: has("R"), PSH: has("P"), ECE: has("E"), CWR: has("E"), Window: 1000})
}

// echo is a request, or a reply.
func (w *world) echo(src, dst host, family int, id uint16, reply bool) []byte {
	if family == 4 {
		code := layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0)
		if reply {
			code = layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoReply, 0)
		}
		return w.frame(src, dst, 4, layers.IPProtocolICMPv4, &layers.ICMPv4{TypeCode: code, Id: id, Seq: 1}, gopacket.Payload("ping"))
	}
	code := layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)
	if reply {
		code = layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoReply, 0)
	}
	return w.frame(src, dst, 6, layers.IPProtocolICMPv6, &layers.ICMPv6{TypeCode: code}, &layers.ICMPv6Echo{Identifier: id, SeqNumber: 1},
		gopacket.Payload("ping"))
}

// unreachable is an ICMP error about a frame.
func (w *world) unreachable(src, dst host, family int, about []byte) []byte {
	inner := gopacket.Payload(about[14:min(len(about), 14+64)])
	if family == 4 {
		return w.frame(src, dst, 4, layers.IPProtocolICMPv4,
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, 3)}, inner)
	}
	return w.frame(src, dst, 6, layers.IPProtocolICMPv6,
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeDestinationUnreachable, 4)}, gopacket.Payload([]byte{0, 0, 0, 0}), inner)
}

// story is a test on the one world, with a switch of its own.
type story struct {
	name string
	run  func(w *world, family int)
	// once: it is the same in both families.
	once bool
}

// tell runs stories in both families: loading the programs takes most of the time.
func tell(t *testing.T, stories []story) {
	w := newWorld(t)
	for _, s := range stories {
		for _, family := range []int{4, 6} {
			if s.once && family == 6 {
				continue
			}
			t.Run(fmt.Sprintf("%s IPv%d", s.name, family), func(t *testing.T) { s.run(&world{t, w.k, w.dps}, family) })
		}
	}
}

func hitKey(p *place, n int) acl.AclAclHitKey {
	return acl.AclAclHitKey{Id: config.Number(uuid(n)), Dp: p.dp}
}
