package ra_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/internal/slowpath/ra"
)

const (
	macHost    = "02:00:00:00:00:05"
	macRouters = "33:33:00:00:00:02"
	host       = "fe80::ff:fe00:5"
	routers    = "ff02::2"
)

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// settings are what most tests advertise.
func settings() ra.Settings {
	return ra.Settings{
		MAC:      frame.MAC{10, 0, 0, 0, 0, 1},
		Networks: prefixes("10.0.0.1/24", "fd00::1/64", "fe80::800:ff:fe00:1/64"),
		Periodic: true, MinInterval: 200 * time.Second, MaxInterval: 600 * time.Second,
	}
}

func config(t testing.TB, s ra.Settings) ra.Config {
	t.Helper()
	c, problems := ra.NewConfig(s)
	if problems != nil {
		t.Fatal(problems)
	}
	return c
}

// solicitation is a host's question.
func solicitation(t testing.TB, src, dst string, body ...byte) []byte {
	t.Helper()
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(133, 0)}
	return frametest.Build(t, append(frametest.IP(t, macHost, macRouters, src, dst, layers.IPProtocolICMPv6), icmp,
		gopacket.Payload(append([]byte{0, 0, 0, 0}, body...)))...)
}

// text is an advertisement in lines: headers, fixed fields, options.
func text(t testing.TB, b []byte) string {
	t.Helper()
	m, ok := frametest.Decode(t, b).Layer(layers.LayerTypeICMPv6RouterAdvertisement).(*layers.ICMPv6RouterAdvertisement)
	if !ok {
		t.Fatalf("no router advertisement: % x", b)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s\nhop %d flags %#x lifetime %d reachable %d retrans %d\n", frametest.Text(t, b), m.HopLimit, m.Flags, m.RouterLifetime, m.ReachableTime, m.RetransTimer)
	for _, o := range m.Options {
		fmt.Fprintf(&s, "%d %x\n", o.Type, o.Data)
	}
	return s.String()
}

const (
	from    = "0a:00:00:00:00:01 > "
	toHost  = from + "02:00:00:00:00:05 fe80::800:ff:fe00:1 > fe80::ff:fe00:5 ttl 255 icmp6 134/0\n"
	toNew   = from + "02:00:00:00:00:05 fe80::800:ff:fe00:1 > ff02::1 ttl 255 icmp6 134/0\n"
	toNodes = from + "33:33:00:00:00:01 fe80::800:ff:fe00:1 > ff02::1 ttl 255 icmp6 134/0\n"
	mac     = "1 0a0000000001\n"
	slaac   = "3 40c0ffffffffffffffff00000000fd000000000000000000000000000000\n"
	managed = "3 4080ffffffffffffffff00000000fd000000000000000000000000000000\n"
)

func flags(f int) string {
	return fmt.Sprintf("hop 255 flags %#x lifetime 65535 reachable 0 retrans 0\n", f)
}

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*ra.Settings)
		want   string
	}{
		{"slaac", func(*ra.Settings) {}, flags(0) + mac + slaac},
		{"stateful", func(s *ra.Settings) { s.Managed = true }, flags(0x80) + mac + managed},
		{"stateless", func(s *ra.Settings) { s.Other = true }, flags(0x40) + mac + slaac},
		{"MTU", func(s *ra.Settings) { s.MTU = 1442 }, flags(0) + mac + "5 0000000005a2\n" + slaac},
		{"high", func(s *ra.Settings) { s.Preference = 1 }, flags(0x08) + mac + slaac},
		{"low", func(s *ra.Settings) { s.Preference = 3; s.Managed = true }, flags(0x98) + mac + managed},
		{"two networks", func(s *ra.Settings) { s.Networks = append(s.Networks, prefixes("fd01:2::1/48")...) },
			flags(0) + mac + slaac + "3 30c0ffffffffffffffff00000000fd010002000000000000000000000000\n"},
		{"routes", func(s *ra.Settings) {
			s.Routes = []ra.Route{{netip.MustParsePrefix("aef1::11/48"), 1}, {netip.MustParsePrefix("aef2::11/96"), 3}, {netip.MustParsePrefix("::/0"), 0}}
		}, flags(0) + mac + slaac + "24 3008ffffffffaef1000000000000\n24 6018ffffffffaef20000000000000000000000000000\n24 0000ffffffff\n"},
		{"DNS", func(s *ra.Settings) { s.DNS = []netip.Addr{netip.MustParseAddr("fd00::53")} },
			flags(0) + mac + slaac + "25 0000fffffffffd000000000000000000000000000053\n"},
		{"search", func(s *ra.Settings) { s.Search = []string{"a.b", "ovn.org"} },
			flags(0) + mac + slaac + "31 0000ffffffff0161016200036f766e036f7267000000\n"},
	} {
		s := settings()
		test.change(&s)
		c := config(t, s)
		reply, why := ra.Answer(&c, solicitation(t, host, routers, 1, 1, 2, 0, 0, 0, 0, 5))
		if reply == nil {
			t.Errorf("%s: %s", test.name, why)
			continue
		}
		if diff := cmp.Diff(toHost+test.want, text(t, reply)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestReceivers(t *testing.T) {
	c := config(t, settings())
	reply, why := ra.Answer(&c, solicitation(t, "::", routers))
	if diff := cmp.Diff(toNew+flags(0)+mac+slaac, text(t, reply)); diff != "" || why != "advertise router to ff02::1" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
	if diff := cmp.Diff(toNodes+flags(0)+mac+slaac, text(t, ra.Unsolicited(&c))); diff != "" {
		t.Errorf("unsolicited (-want +got):\n%s", diff)
	}
	s := settings()
	s.Periodic = false
	c = config(t, s)
	if b := ra.Unsolicited(&c); b != nil {
		t.Errorf("not periodic: % x", b)
	}
	if b := ra.Unsolicited(&ra.Config{}); b != nil {
		t.Errorf("not configured: % x", b)
	}
}

func TestNoAnswer(t *testing.T) {
	c := config(t, settings())
	near := solicitation(t, host, routers)
	edit := func(at int, v byte) []byte {
		b := bytes.Clone(near)
		b[at] = v
		return b
	}
	const off, no = "router solicitation from off the link", "packet is no router solicitation"
	only4 := settings()
	only4.Networks = prefixes("10.0.0.1/24", "fe80::1/64")
	none := config(t, only4)
	for _, test := range []struct {
		name string
		c    *ra.Config
		b    []byte
		want string
	}{
		{"no network for hosts", &none, near, "router advertisements are not configured"},
		{"not configured", &ra.Config{}, near, "router advertisements are not configured"},
		{"hop limit", &c, edit(21, 254), off},
		{"to a host", &c, solicitation(t, host, "fe80::1"), off},
		{"from a group", &c, solicitation(t, "ff02::5", routers), off},
		{"code", &c, edit(55, 1), no},
		{"advertisement", &c, edit(54, 134), no},
		{"UDP", &c, frametest.UDP(t, macHost, macRouters, host, routers, 1, 2, nil), no},
		{"MAC address of no address", &c, solicitation(t, "::", routers, 1, 1, 2, 0, 0, 0, 0, 5), "router solicitation with a MAC address of no address"},
		{"option without length", &c, solicitation(t, host, routers, 1, 0, 0, 0, 0, 0, 0, 0), "packet is cut"},
		{"option cut", &c, solicitation(t, host, routers, 1, 2, 0, 0, 0, 0, 0, 0), "packet is cut"},
		{"end of an option", &c, solicitation(t, host, routers, 1), "packet is cut"},
		{"cut", &c, near[:60], "packet is cut"},
	} {
		if reply, why := ra.Answer(test.c, test.b); reply != nil || why != test.want {
			t.Errorf("%s: %q, want %q", test.name, why, test.want)
		}
	}
}

// The longest advertisement fits into the least MTU, and what does not is told.
func TestLimits(t *testing.T) {
	s := settings()
	for i := range ra.MaxPrefixes + 1 {
		s.Networks = append(s.Networks, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 1, 0, byte(i)}), 64))
		s.Routes = append(s.Routes, ra.Route{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 2, 0, byte(i)}), 128)})
		s.DNS = append(s.DNS, netip.AddrFrom16([16]byte{0xfd, 3, 15: byte(i)}))
	}
	s.MTU, s.Search = 1500, []string{strings.Repeat("a.", 118) + "bb"}
	c, problems := ra.NewConfig(s)
	if got, want := fmt.Sprint(problems), "[networks: more than 12 route_info: more than 12 rdnss: more than 8]"; got != want {
		t.Errorf("problems %s, want %s", got, want)
	}
	if b := ra.Unsolicited(&c); len(b) > 14+1280 || strings.Count(text(t, b), "\n3 ") != ra.MaxPrefixes {
		t.Errorf("%d bytes:\n%s", len(b), text(t, b))
	}
	s = settings()
	for search, want := range map[string]string{
		strings.Repeat("a.", 119) + "bbb": "dnssl: more than 240 bytes", "a..b": `dnssl: read domain name "a..b": label of 0 bytes`,
	} {
		s.Search = []string{search}
		if _, problems := ra.NewConfig(s); errors.Join(problems...) == nil || errors.Join(problems...).Error() != want {
			t.Errorf("problems %v, want %s", problems, want)
		}
	}
}

func TestNext(t *testing.T) {
	c := config(t, settings())
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	half := func(d time.Duration) time.Duration { return d / 2 }
	for _, test := range []struct {
		name      string
		sent      int
		last, now time.Duration // after start
		want      time.Duration
	}{
		{"the first one at once", 0, -time.Hour, 5 * time.Second, 5 * time.Second},
		{"the second one soon", 1, 0, time.Second, 16 * time.Second},
		{"the third one too", 2, 16 * time.Second, 16 * time.Second, 32 * time.Second},
		{"then at random", 3, 32 * time.Second, 33 * time.Second, 432 * time.Second},
		{"late", 9, 0, time.Hour, time.Hour},
	} {
		got := ra.Next(&c, test.sent, start.Add(test.last), start.Add(test.now), half).Sub(start)
		if got != test.want {
			t.Errorf("%s: after %s, want %s", test.name, got, test.want)
		}
	}
	same := settings()
	same.MinInterval = same.MaxInterval
	c = config(t, same)
	if got := ra.Next(&c, 5, start, start, nil).Sub(start); got != same.MaxInterval {
		t.Errorf("always the same interval: after %s", got)
	}
}

func FuzzAnswer(f *testing.F) {
	c := config(f, settings())
	f.Add(solicitation(f, host, routers, 1, 1, 2, 0, 0, 0, 0, 5))
	f.Add(solicitation(f, "::", routers))
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, why := ra.Answer(&c, b)
		if why == "" {
			t.Error("no reason")
		}
		if reply != nil {
			text(t, reply)
		}
	})
}
