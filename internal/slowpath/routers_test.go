package slowpath

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/internal/slowpath/ra"
	"woven.dev/woven/sdk/iom/wire"
)

const (
	relay   = 99
	macHost = "02:00:00:00:00:05"
	macDest = "02:00:00:00:00:06"
	macIn   = "0a:00:00:00:00:01" // of port 1
)

// resumed is what went back into the network.
type resumed struct {
	t    *testing.T
	mu   sync.Mutex
	list []string
	err  error
}

func (r *resumed) Resume(relayTo int, to wire.Resume, b []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	way := map[uint8]string{0: "enter", 1: "leave"}[to.Leaves]
	if to.HereOnly != 0 {
		way += " here"
	}
	if to.Mark != 0 {
		way = fmt.Sprintf("mark %d %s", to.Mark, way)
	}
	r.list = append(r.list, fmt.Sprintf("%s %d/%d by %d: %s", way, to.Dp, to.Port, relayTo, frametest.Text(r.t, b)))
	return r.err
}

// take is what was sent since the last call, when all is quiet.
func (r *resumed) take() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return strings.Join(list, "\n")
}

// cloud is the user-space part of a router, and what it sent.
type cloud struct {
	*Routers
	*resumed
	changes int
}

// inCloud tells a story about router "r" with ports 1 and 2, by a clock of its own.
func inCloud(t *testing.T, story func(t *testing.T, c *cloud)) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{resumed: &resumed{t: t}}
		c.Routers = NewRouters(c, func() { c.changes++ }, time.Now, slog.New(slog.DiscardHandler))
		c.Configure(relay, router())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		story(t, c)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// router is the configuration, changed.
func router(change ...func(*Router)) map[string]Router {
	r := Router{Slot: 7, Known: func(uint16, netip.Addr) (frame.MAC, bool) { return frame.MAC{}, false }, Ports: map[uint16]RouterPort{
		1: {Slot: 11, MAC: frame.MAC{10, 0, 0, 0, 0, 1}, Networks: prefixes("192.0.2.1/24", "10.0.1.254/24", "fd00:1::fe/64", "fe80::800:ff:fe00:1/64")},
		2: {Slot: 12, MAC: frame.MAC{10, 0, 0, 0, 0, 2}, Networks: prefixes("10.0.2.254/24", "fd00:2::fe/64", "fe80::800:ff:fe00:2/64"), MTU: 1300},
		3: {Slot: 13, MAC: frame.MAC{10, 0, 0, 0, 0, 3}, Networks: prefixes("fe80::800:ff:fe00:3/64")},
	}}
	for _, f := range change {
		f(&r)
	}
	return map[string]Router{"r": r}
}

func port(key uint16) punt.Port { return punt.Port{Module: "r", Key: key} }

// words is an address as programs tell it.
func words(s string) (out [4]uint32) {
	a := netip.MustParseAddr(s).As16()
	for i := range out {
		out[i] = uint32(a[4*i]) | uint32(a[4*i+1])<<8 | uint32(a[4*i+2])<<16 | uint32(a[4*i+3])<<24
	}
	return out
}

// packet is a punted datagram that came in by port 1 and is to leave by port 2.
func packet(t testing.TB, src, dst string, sport uint16) punt.Punt {
	b := frametest.UDP(t, macHost, macIn, src, dst, sport, 4001, []byte("data"))
	return punt.Punt{Port: port(1), Out: port(2), About: words(dst), Length: len(b), Data: b}
}

// hears is a punted ARP reply at port 2.
func hears(t testing.TB, key uint16, ip string) punt.Punt {
	mac := []byte{2, 0, 0, 0, 0, 6}
	b := frametest.Build(t, &layers.Ethernet{SrcMAC: mac, DstMAC: []byte{10, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 2,
			SourceHwAddress: mac, SourceProtAddress: netip.MustParseAddr(ip).AsSlice(), DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 2, 254}})
	return punt.Punt{Port: port(key), Length: len(b), Data: b}
}

func want(t *testing.T, got string, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(strings.Join(lines, "\n"), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const (
	asks4    = "leave 7/12 by 99: 0a:00:00:00:00:02 > ff:ff:ff:ff:ff:ff arp 1 0a:00:00:00:00:02 10.0.2.254 > 00:00:00:00:00:00 10.0.2.5"
	asks6    = "leave 7/12 by 99: 0a:00:00:00:00:02 > 33:33:ff:00:00:05 fe80::800:ff:fe00:2 > ff02::1:ff00:5 ttl 255 icmp6 135/0 ns fd00:2::5 [ICMPv6Option(SourceAddress:0a:00:00:00:00:02)]"
	forwards = "leave 7/12 by 99: 0a:00:00:00:00:02 > " + macDest + " 10.0.1.5 > 10.0.2.5 ttl 63 udp "
)

// A packet that waits keeps its mark, and so does one that finds the next hop known by now.
func TestResolveKeepsMark(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		marked := packet(t, "10.0.1.5", "10.0.2.5", 1)
		marked.Mark = 7
		c.Resolve(marked)
		c.Learn(hears(t, 2, "10.0.2.5"))
		c.Resolve(marked)
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 1))
		want(t, c.take(), asks4, "mark 7 "+forwards+"1 > 4001", "mark 7 "+forwards+"1 > 4001", forwards+"1 > 4001")
	})
}

// A packet waits until its next hop answers, and leaves as it would have; the database is told of the next hop.
func TestResolve(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 1))
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 2))
		want(t, c.take(), asks4)
		c.Learn(hears(t, 2, "10.0.2.9"))
		want(t, c.take())
		c.Learn(hears(t, 2, "10.0.2.5"))
		want(t, c.take(), forwards+"1 > 4001", forwards+"2 > 4001")
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 3)) // before the table of neighbours has it
		want(t, c.take(), forwards+"3 > 4001")
		got := c.Heard()
		slices.SortFunc(got, func(a, b Neighbour) int { return a.Addr.Compare(b.Addr) })
		heard := Neighbour{Router: "r", Port: 2, Addr: netip.MustParseAddr("10.0.2.5"), MAC: frame.MAC{2, 0, 0, 0, 0, 6}}
		if len(got) != 2 || got[0] != heard || c.changes != 2 || len(c.Heard()) != 0 {
			t.Errorf("heard of %v, told %d times", got, c.changes)
		}
	})
}

// Another node hears the answer: what waits here leaves when the neighbour is known.
func TestKnownByNow(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 1))
		c.Resolve(packet(t, "fd00:1::5", "fd00:2::5", 1))
		want(t, c.take(), asks4, asks6)
		c.Configure(relay, router(func(r *Router) {
			r.Known = func(port uint16, a netip.Addr) (frame.MAC, bool) {
				return frame.MAC{2, 0, 0, 0, 0, 6}, port == 2 && a.Is4()
			}
		}))
		want(t, c.take(), forwards+"1 > 4001")
	})
}

// A next hop that never answers is asked for three times; then the senders are told, by the router and not by the way back.
func TestUnreachable(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 1))
		want(t, c.take(), asks4)
		time.Sleep(1500 * time.Millisecond)
		want(t, c.take(), asks4)
		time.Sleep(time.Second)
		want(t, c.take(), asks4)
		time.Sleep(7 * time.Second)
		want(t, c.take())
		time.Sleep(time.Second)
		want(t, c.take(), "enter 7/11 by 99: "+macIn+" > "+macIn+" 10.0.1.254 > 10.0.1.5 ttl 255 icmp 3/1")
	})
}

// What is removed takes with it what waits there.
func TestRouterGoes(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 1))
		want(t, c.take(), asks4)
		c.Configure(relay, nil)
		time.Sleep(time.Minute)
		c.Learn(hears(t, 2, "10.0.2.5"))
		c.Resolve(packet(t, "10.0.1.5", "10.0.2.5", 1))
		c.TimeExceeded(packet(t, "10.0.1.5", "10.0.2.5", 1))
		c.Own(packet(t, "10.0.1.5", "10.0.1.254", 1))
		c.Solicited(packet(t, "fd00:1::5", "fd00:2::5", 1))
		if heard := c.Heard(); len(heard) > 0 {
			t.Errorf("heard of %v", heard)
		}
		want(t, c.take())
	})
}

// Errors come from the address of the port that the packet came in by, or from whom it was for.
func TestTell(t *testing.T) {
	const enter = "enter 7/11 by 99: " + macIn + " > " + macIn + " "
	tcp := frametest.Build(t, append(frametest.IP(t, macHost, macIn, "10.0.1.5", "192.0.2.1", layers.IPProtocolTCP), &layers.TCP{SrcPort: 5, DstPort: 6, Seq: 7, SYN: true})...)
	gre := frametest.Build(t, append(frametest.IP(t, macHost, macIn, "10.0.1.5", "192.0.2.1", layers.IPProtocolGRE), gopacket.Payload(make([]byte, 20)))...)
	for _, test := range []struct {
		name string
		tell func(*Routers, punt.Punt)
		p    punt.Punt
		want string
	}{
		{"time exceeded", (*Routers).TimeExceeded, packet(t, "10.0.1.5", "10.0.2.5", 1), enter + "10.0.1.254 > 10.0.1.5 ttl 255 icmp 11/0"},
		{"from elsewhere", (*Routers).TimeExceeded, packet(t, "10.9.9.9", "10.0.2.5", 1), enter + "192.0.2.1 > 10.9.9.9 ttl 255 icmp 11/0"},
		{"no route", (*Routers).NoRoute, packet(t, "fd00:1::5", "fd00:2::5", 1), enter + "fd00:1::fe > fd00:1::5 ttl 255 icmp6 1/0"},
		{"too big", (*Routers).TooBig, packet(t, "10.0.1.5", "10.0.2.5", 1), enter + "10.0.1.254 > 10.0.1.5 ttl 255 icmp 3/4"},
		{"datagram to the router", (*Routers).Own, packet(t, "10.0.1.5", "10.0.2.254", 1), enter + "10.0.2.254 > 10.0.1.5 ttl 255 icmp 3/3"},
		{"connection to the router", (*Routers).Own, punt.Punt{Port: port(1), Data: tcp, Length: len(tcp)}, enter + "192.0.2.1 > 10.0.1.5 ttl 255 tcp 6 > 5 seq 0 ack 8 RA"},
		{"something to the router", (*Routers).Own, punt.Punt{Port: port(1), Data: gre, Length: len(gre)}, enter + "192.0.2.1 > 10.0.1.5 ttl 255 icmp 3/2"},
		{"an error", (*Routers).NoRoute, errorPacket(t), ""},
		{"a port without an address of the family", (*Routers).NoRoute, onPort(packet(t, "10.0.1.5", "10.0.2.5", 1), 3), ""},
		{"unknown port", (*Routers).NoRoute, onPort(packet(t, "10.0.1.5", "10.0.2.5", 1), 9), ""},
		{"garbage", (*Routers).NoRoute, punt.Punt{Port: port(1), Data: []byte{1, 2, 3}}, ""},
		{"garbage to the router", (*Routers).Own, punt.Punt{Port: port(1), Data: []byte{1, 2, 3}}, ""},
		{"garbage as a neighbour", (*Routers).Learn, punt.Punt{Port: port(1), Data: []byte{1, 2, 3}}, ""},
		{"garbage as a solicitation", (*Routers).Solicited, punt.Punt{Port: port(1), Data: []byte{1, 2, 3}}, ""},
		{"neighbour with the router's address", (*Routers).Learn, hears(t, 2, "192.0.2.1"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, func(t *testing.T, c *cloud) {
				c.err = errors.New("device is gone")
				test.tell(c.Routers, test.p)
				want(t, c.take(), test.want)
				if heard := c.Heard(); len(heard) > 0 {
					t.Errorf("heard of %v", heard)
				}
			})
		})
	}
}

func onPort(p punt.Punt, key uint16) punt.Punt {
	p.Port = port(key)
	return p
}

// errorPacket is an ICMP error.
func errorPacket(t testing.TB) punt.Punt {
	b := frametest.Build(t, append(frametest.IP(t, macHost, macIn, "10.0.1.5", "10.0.2.5", layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}, gopacket.Payload(make([]byte, 28)))...)
	return punt.Punt{Port: port(1), Data: b, Length: len(b)}
}

// What is not whole, or has no life left, is not sent on.
func TestNotForwarded(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		cut := packet(t, "10.0.1.5", "10.0.2.5", 1)
		cut.Length++
		dying := packet(t, "10.0.1.5", "10.0.2.5", 2)
		dying.Data[22] = 1 // time to live
		for _, p := range []punt.Punt{cut, dying} {
			c.Resolve(p)
		}
		want(t, c.take(), asks4)
		c.Learn(hears(t, 2, "10.0.2.5"))
		want(t, c.take())
		nobody := packet(t, "10.0.1.5", "10.0.2.5", 3)
		nobody.Out = port(3) // without an IPv4 address to ask from
		c.Resolve(nobody)
		want(t, c.take())
	})
}

// No more neighbours are kept than the database is told of in good time.
func TestHeardTooMany(t *testing.T) {
	inCloud(t, func(t *testing.T, c *cloud) {
		for i := range maxHeard + 10 {
			c.Learn(hears(t, 2, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String()))
		}
		if n := len(c.Heard()); n != maxHeard || c.changes != maxHeard {
			t.Errorf("heard of %d, told %d times", n, c.changes)
		}
	})
}

func advertising(t *testing.T, periodic bool) *ra.Config {
	c, problems := ra.NewConfig(ra.Settings{MAC: frame.MAC{10, 0, 0, 0, 0, 1}, Networks: prefixes("fd00:1::fe/64"), Periodic: periodic,
		MinInterval: 10 * time.Second, MaxInterval: 10 * time.Second})
	if problems != nil {
		t.Fatal(problems)
	}
	return &c
}

func with(c *ra.Config) func(*Router) {
	return func(r *Router) {
		p := r.Ports[1]
		p.RA = c
		r.Ports[1] = p
	}
}

// Hosts of this node get advertisements when they ask for them, and by themselves as long as the port says so.
func TestAdvertise(t *testing.T) {
	solicit := frametest.Build(t, append(frametest.IP(t, macHost, "33:33:00:00:00:02", "fe80::5", "ff02::2", layers.IPProtocolICMPv6),
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(133, 0)}, gopacket.Payload(make([]byte, 4)))...)
	inCloud(t, func(t *testing.T, c *cloud) {
		asked := punt.Punt{Port: port(1), Data: solicit, Length: len(solicit)}
		c.Solicited(asked)
		want(t, c.take())
		c.Configure(relay, router(with(advertising(t, false))))
		c.Solicited(asked)
		if got := c.take(); !strings.HasPrefix(got, "leave here 7/11 by 99: "+macIn+" > "+macHost+" fe80::800:ff:fe00:1 > fe80::5 ttl 255 icmp6 134/0") {
			t.Errorf("answer to a solicitation: %s", got)
		}
		time.Sleep(time.Minute)

		config := advertising(t, true)
		c.Configure(relay, router(with(config)))
		time.Sleep(5 * time.Second)
		c.Configure(relay, router(with(config))) // doesn't begin anew
		time.Sleep(20 * time.Second)
		got := strings.Split(c.take(), "\n")
		if len(got) != 3 || !strings.HasPrefix(got[2], "leave here 7/11 by 99: "+macIn+" > 33:33:00:00:00:01 fe80::800:ff:fe00:1 > ff02::1 ttl 255 icmp6 134/0") {
			t.Errorf("advertisements of 25 seconds: %s", strings.Join(got, "\n"))
		}
		c.Configure(relay, router())
		time.Sleep(time.Minute)
		want(t, c.take())
	})
}
