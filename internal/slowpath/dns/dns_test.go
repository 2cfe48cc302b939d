package dns_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"
	mdns "github.com/miekg/dns"

	"woven.dev/woven/internal/slowpath/dns"
	"woven.dev/woven/internal/slowpath/frametest"
)

const (
	macHost   = "02:00:00:00:00:05"
	macServer = "02:00:00:00:00:53"
)

var records = []dns.Row{
	{Records: map[string]string{
		"vm1.ovn.org":           "10.0.0.4 fd00::4",
		"only4.ovn.org":         "10.0.0.6, 10.0.0.7",
		"VM3.ovn.org":           "fd00::8",
		"4.0.0.10.in-addr.arpa": "vm1.ovn.org",
		"4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa": "vm1.ovn.org",
	}},
	{Owned: true, Records: map[string]string{"owned.ovn.org": "10.0.0.9", "vm1.ovn.org": "10.9.9.9", "9.0.0.10.in-addr.arpa": "owned.ovn.org, Also.ovn.org"}},
}

func zone(t testing.TB) *dns.Zone {
	t.Helper()
	z, problems := dns.NewZone(records)
	if problems != nil {
		t.Fatal(problems)
	}
	return z
}

// question is a message of a client.
func question(name string, kind uint16) *mdns.Msg {
	m := new(mdns.Msg).SetQuestion(mdns.Fqdn(name), kind)
	m.Id = 0
	return m
}

func payload(t testing.TB, m *mdns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// over4 and over6 are frames with a message.
func over4(t testing.TB, m *mdns.Msg) []byte {
	return frametest.UDP(t, macHost, macServer, "10.0.0.5", "8.8.8.8", 40000, 53, payload(t, m))
}

func over6(t testing.TB, m *mdns.Msg) []byte {
	return frametest.UDP(t, macHost, macServer, "fd00::5", "fd00::53", 40000, 53, payload(t, m))
}

const (
	from4 = "02:00:00:00:00:53 > 02:00:00:00:00:05 8.8.8.8 > 10.0.0.5 ttl 64 udp 53 > 40000"
	from6 = "02:00:00:00:00:53 > 02:00:00:00:00:05 fd00::53 > fd00::5 ttl 64 udp 53 > 40000"
)

// message is what a reply says.
func message(t testing.TB, reply []byte) *mdns.Msg {
	t.Helper()
	m := new(mdns.Msg)
	if err := m.Unpack(frametest.Decode(t, reply).Layer(layers.LayerTypeUDP).LayerPayload()); err != nil {
		t.Fatal(err)
	}
	return m
}

// text is a message in one line: code, flags, answers without their constant fields.
func text(m *mdns.Msg) string {
	words := []string{mdns.RcodeToString[m.Rcode]}
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"}, {m.RecursionAvailable, "ra"}, {m.AuthenticatedData, "ad"}} {
		if f.set {
			words = append(words, f.name)
		}
	}
	for _, rr := range m.Answer {
		words = append(words, strings.ReplaceAll(strings.ReplaceAll(rr.String(), "\t3600\tIN", ""), "\t", " "))
	}
	return strings.Join(words, ", ")
}

func TestAnswer(t *testing.T) {
	z := zone(t)
	for _, test := range []struct {
		name string
		kind uint16
		want string // "": the packet goes on
	}{
		{"vm1.ovn.org", mdns.TypeA, "NOERROR, qr, rd, vm1.ovn.org. A 10.0.0.4"},
		{"vm1.ovn.org", mdns.TypeAAAA, "NOERROR, qr, rd, vm1.ovn.org. AAAA fd00::4"},
		{"vm1.ovn.org", mdns.TypeANY, "NOERROR, qr, rd, vm1.ovn.org. A 10.0.0.4, vm1.ovn.org. AAAA fd00::4"},
		{"Vm1.OVN.org", mdns.TypeA, "NOERROR, qr, rd, Vm1.OVN.org. A 10.0.0.4"},
		{"vm3.ovn.org", mdns.TypeAAAA, "NOERROR, qr, rd, vm3.ovn.org. AAAA fd00::8"},
		{"only4.ovn.org", mdns.TypeA, "NOERROR, qr, rd, only4.ovn.org. A 10.0.0.6, only4.ovn.org. A 10.0.0.7"},
		{"4.0.0.10.in-addr.arpa", mdns.TypePTR, "NOERROR, qr, rd, 4.0.0.10.in-addr.arpa. PTR vm1.ovn.org."},
		{"4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.arpa", mdns.TypePTR,
			"NOERROR, qr, rd, 4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.arpa. PTR vm1.ovn.org."},
		{"9.0.0.10.in-addr.arpa", mdns.TypePTR,
			"NOERROR, qr, rd, 9.0.0.10.in-addr.arpa. PTR owned.ovn.org., 9.0.0.10.in-addr.arpa. PTR also.ovn.org."},
		{"owned.ovn.org", mdns.TypeA, "NOERROR, qr, rd, owned.ovn.org. A 10.0.0.9"},
		{"owned.ovn.org", mdns.TypeAAAA, "REFUSED, qr, rd"},
		{"owned.ovn.org", mdns.TypeMX, ""},
		{"owned.ovn.org", mdns.TypePTR, ""},
		{"only4.ovn.org", mdns.TypeAAAA, ""},
		{"vm1.ovn.org", mdns.TypePTR, ""},
		{"vm1.ovn.org", mdns.TypeTXT, ""},
		{"4.0.0.10.in-addr.arpa", mdns.TypeA, ""},
		{"www.ovn.org", mdns.TypeA, ""},
		{"ovn.org", mdns.TypeA, ""},
		{".", mdns.TypeA, ""},
	} {
		for head, request := range map[string][]byte{from4: over4(t, question(test.name, test.kind)), from6: over6(t, question(test.name, test.kind))} {
			got, gotHead := "", head
			reply, why := dns.Answer(z, request)
			if reply != nil {
				got, gotHead = text(message(t, reply)), frametest.Text(t, reply)
				got = strings.TrimSuffix(got, ", ")
			}
			if got != test.want || !strings.HasPrefix(gotHead, head) {
				t.Errorf("%s %s (%s):\n got %s %s\nwant %s %s", test.name, mdns.TypeToString[test.kind], why, gotHead, got, head, test.want)
			}
		}
	}
}

// Requests with the same numbers get the same answer, others another order.
func TestRotation(t *testing.T) {
	q := question("only4.ovn.org", mdns.TypeA)
	q.Id = 1
	reply, _ := dns.Answer(zone(t), over4(t, q))
	if got, want := text(message(t, reply)), "NOERROR, qr, rd, only4.ovn.org. A 10.0.0.7, only4.ovn.org. A 10.0.0.6"; got != want || message(t, reply).Id != 1 {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Who knows EDNS is answered with it, as much as it takes; who doesn't is not.
func TestSizes(t *testing.T) {
	var addrs []string
	for i := range dns.MaxValues {
		addrs = append(addrs, fmt.Sprintf("fd00::%x", i+1))
	}
	z, problems := dns.NewZone([]dns.Row{{Records: map[string]string{"many.ovn.org": strings.Join(addrs, ",")}}})
	if problems != nil {
		t.Fatal(problems)
	}
	for _, test := range []struct {
		name  string
		size  uint16 // 0: no EDNS
		most  int
		whole int // answers
	}{{"plain", 0, 512, 17}, {"small EDNS", 100, 512, 16}, {"EDNS", 1232, 1232, 42}, {"large EDNS", 65535, 1232, 42}} {
		q := question("many.ovn.org", mdns.TypeAAAA)
		if test.size > 0 {
			q.SetEdns0(test.size, true)
		}
		reply, why := dns.Answer(z, over4(t, q))
		if reply == nil {
			t.Fatal(why)
		}
		m := message(t, reply)
		o := m.IsEdns0()
		size := len(frametest.Decode(t, reply).Layer(layers.LayerTypeUDP).LayerPayload())
		if size > test.most || !m.Truncated || len(m.Answer) != test.whole || (o != nil) != (test.size > 0) {
			t.Errorf("%s: %d bytes, %d answers, truncated %v, EDNS %v", test.name, size, len(m.Answer), m.Truncated, o)
		}
		if o != nil && (o.UDPSize() != 1232 || !o.Do()) {
			t.Errorf("%s: EDNS %v", test.name, o)
		}
	}
}

// Everything else goes on to the server that it is for.
func TestNoQuestion(t *testing.T) {
	z := zone(t)
	edit := func(change func(*mdns.Msg)) []byte {
		m := question("vm1.ovn.org", mdns.TypeA)
		change(m)
		return over4(t, m)
	}
	good := payload(t, question("vm1.ovn.org", mdns.TypeA))
	loop := bytes.Clone(good)
	copy(loop[12:], []byte{0xc0, 12})
	const plain = "DNS message is no plain question"
	for _, test := range []struct {
		name string
		b    []byte
		want string
	}{
		{"reply", edit(func(m *mdns.Msg) { m.Response = true }), plain},
		{"update", edit(func(m *mdns.Msg) { m.Opcode = mdns.OpcodeUpdate }), plain},
		{"two questions", edit(func(m *mdns.Msg) { m.Question = append(m.Question, m.Question[0]) }), plain},
		{"no question", edit(func(m *mdns.Msg) { m.Question = nil }), plain},
		{"class", edit(func(m *mdns.Msg) { m.Question[0].Qclass = mdns.ClassCHAOS }), "DNS class 3"},
		{"EDNS version", edit(func(m *mdns.Msg) { m.SetEdns0(1232, false).IsEdns0().SetVersion(1) }), "EDNS version 1"},
		{"other port", frametest.UDP(t, macHost, macServer, "10.0.0.5", "8.8.8.8", 40000, 54, good), "packet is no DNS request"},
		{"from no address", frametest.UDP(t, macHost, macServer, "0.0.0.0", "8.8.8.8", 40000, 53, good), "packet is no DNS request"},
		{"to all", frametest.UDP(t, macHost, "ff:ff:ff:ff:ff:ff", "10.0.0.5", "10.0.0.255", 40000, 53, good), "packet is no DNS request"},
		{"empty", frametest.UDP(t, macHost, macServer, "10.0.0.5", "8.8.8.8", 40000, 53, nil), "read DNS message: bad header id: dns: overflow unpacking uint16"},
		{"header only", frametest.UDP(t, macHost, macServer, "10.0.0.5", "8.8.8.8", 40000, 53, good[:12]), plain},
		{"name that leads to itself", frametest.UDP(t, macHost, macServer, "10.0.0.5", "8.8.8.8", 40000, 53, loop),
			"read DNS message: bad question name: dns: too many compression pointers"},
		{"cut", over4(t, question("vm1.ovn.org", mdns.TypeA))[:60], "packet is cut"},
	} {
		if reply, why := dns.Answer(z, test.b); reply != nil || why != test.want {
			t.Errorf("%s: %q, want %q", test.name, why, test.want)
		}
	}
	if reply, why := dns.Answer(&dns.Zone{}, over4(t, question("vm1.ovn.org", mdns.TypeA))); reply != nil || why != "no record for vm1.ovn.org." {
		t.Errorf("empty zone: %q", why)
	}
}

func TestProblems(t *testing.T) {
	z, problems := dns.NewZone([]dns.Row{{Records: map[string]string{
		"a.ovn.org":      "x 10.0.0.1",
		"b.ovn.org":      "",
		"c..org":         "10.0.0.1",
		"d.ovn.org":      "fe80::1%eth0",
		"1.in-addr.arpa": "..",
		"good.ovn.org":   "10.0.0.1",
		"many.ovn.org":   strings.Repeat("10.0.0.1 ", dns.MaxValues+1),
	}}})
	want := `1.in-addr.arpa: read "..": no domain name
a.ovn.org: read "x": no address
b.ovn.org: record has no value
c..org: read "c..org.": no domain name
d.ovn.org: read "fe80::1%eth0": no address
many.ovn.org: more than 64 values`
	if diff := cmp.Diff(want, errors.Join(problems...).Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for name, answers := range map[string]bool{"good.ovn.org": true, "many.ovn.org": true, "a.ovn.org": true, "b.ovn.org": false} {
		if reply, why := dns.Answer(z, over4(t, question(name, mdns.TypeA))); (reply != nil) != answers {
			t.Errorf("%s: %s", name, why)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	z := zone(f)
	for _, m := range []*mdns.Msg{question("vm1.ovn.org", mdns.TypeANY), question("4.0.0.10.in-addr.arpa", mdns.TypePTR), question("only4.ovn.org", mdns.TypeA).SetEdns0(4096, true)} {
		f.Add(payload(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1400 {
			return
		}
		reply, why := dns.Answer(z, frametest.UDP(t, macHost, macServer, "10.0.0.5", "8.8.8.8", 40000, 53, b))
		if why == "" {
			t.Error("no reason")
		}
		if reply != nil && !message(t, reply).Response {
			t.Error("reply is no answer")
		}
	})
}
