package ct

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
	"woven.dev/woven/test/probe"
)

// synFlood is the least number of segments in a flood: more than all that is remembered of connections that begin. They come in volleys, so that the
// workloads get their turn on a small machine.
const (
	synFlood   = 200_000
	volley     = 400
	volleyTime = 10 * time.Millisecond
)

// flood: while one port sends SYNs from ever other addresses to another, which stays silent, established connections go on, also those of the flooded
// port, and new ones of other ports come about; the flood is a problem as long as it lasts.
func flood(t *testing.T, l *lab.Lab) {
	c := newCloud(t, l, "flood")
	victim := c.Add(5, "hv1")
	f := newSYNs(c, c.Add(4, "hv1"), victim)
	c.NB("acl-add", c.Name, "to-lport", "1000", fmt.Sprintf("outport == %q && tcp", victim.Port), "allow-related")
	c.Sync()
	c.open(2000)
	stream, err := probe.Open(t.Context(), c.far.In, victim.In, 0, netip.AddrPortFrom(victim.IP4, 80))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	c.streams = append(c.streams, stream)
	server, err := probe.Serve(c.web.In, 80)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })

	const hurry = "more than 2048 connections a second begin"
	stop := f.start(t)
	begun := 0
	c.Eventually("the flood becomes a problem, and is one indeed", func() error {
		for _, q := range []probe.Question{{From: c.near.In, To: c.web.IP4}, {From: c.far.In, To: c.web.IP6}} {
			q.Protocol, q.Port = probe.TCP, 80
			if got, err := q.Ask(t.Context(), probe.Answered); got != probe.Answered {
				t.Errorf("connection %d to %s during the flood: %s (%v)", begun, q.To, got, err)
			}
			begun++
		}
		if sent := f.sent.Load(); sent < synFlood {
			return fmt.Errorf("%d segments were sent", sent)
		}
		return c.problem(victim, hurry, true)
	})
	c.flow("during the flood")
	stop()
	t.Logf("%d connections came about while %d segments were sent", begun, f.sent.Load())
	if z := c.zone(victim); z.Established != 1 {
		t.Errorf("zone of the victim: %+v", z)
	}
	if n := victim.Drops("acl", "invalid"); n > 0 {
		t.Errorf("%d packets of the victim's connection did not find it", n)
	}
	c.Eventually("the problem goes", func() error { return c.problem(victim, hurry, false) })
}

// syns are a flood of SYNs from a VM to addresses behind another that nobody has: they are not answered.
type syns struct {
	from      *labtest.VM
	four, six []byte // frames
	sent      atomic.Int64
}

// newSYNs frees both VMs from port security.
func newSYNs(c *cloud, from, to *labtest.VM) *syns {
	c.t.Helper()
	for _, vm := range []*labtest.VM{from, to} {
		c.NB("lsp-set-port-security", vm.Port, "--", "lsp-set-addresses", vm.Port, vm.MAC+" unknown")
	}
	frame := func(src, dst string) []byte {
		a, b := netip.MustParseAddr(src), netip.MustParseAddr(dst)
		return iomtest.Frame(c.t, iomtest.Eth(iomtest.MAC(c.t, from.MAC), iomtest.MAC(c.t, to.MAC), iomtest.EtherType(a)),
			iomtest.IP(a, b, layers.IPProtocolTCP), &layers.TCP{DstPort: 80, SYN: true, Window: 1000})
	}
	return &syns{from: from, four: frame("172.16.0.0", "172.31.0.1"), six: frame("fd00:bad::", "fd00:bad::1:0:1")}
}

// start floods until the returned function is called.
func (f *syns) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.from.In(func() error { return f.send(ctx) }) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (f *syns) send(ctx context.Context) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	defer unix.Close(fd)
	eth0, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	tick := time.NewTicker(volleyTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for range volley {
			frame := f.next()
			if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: eth0.Index}); err != nil && err != unix.ENOBUFS {
				return fmt.Errorf("send segment: %w", err)
			}
			f.sent.Add(1)
		}
	}
}

// next is a segment of either family from another address and port.
func (f *syns) next() []byte {
	const eth, lastOf4, lastOf6 = 14, 12, 8 + 12 // where headers begin, and the last word of source addresses in them
	if rand.IntN(2) == 0 {
		binary.BigEndian.PutUint32(f.four[eth+lastOf4:], 172<<24|16<<16|rand.Uint32N(1<<19))
		binary.BigEndian.PutUint16(f.four[eth+20:], uint16(rand.Uint32()))
		return f.four
	}
	binary.BigEndian.PutUint32(f.six[eth+lastOf6:], rand.Uint32())
	binary.BigEndian.PutUint16(f.six[eth+40:], uint16(rand.Uint32()))
	return f.six
}
