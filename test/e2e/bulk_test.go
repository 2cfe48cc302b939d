package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

const (
	bulkPort     = 1008
	bulkPatience = 20 * time.Second
	bulkSize     = 48 << 20
)

// contents are the bytes that a transfer carries: the same ones from each start.
func contents() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{'b', 'u', 'l', 'k'}) }

// transfer sends size bytes by TCP, which must arrive as they were sent.
func transfer(ctx context.Context, w way, size int) error {
	var listener net.Listener
	err := w.to.In(func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(w.address, bulkPort).String())
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", w, err)
	}
	defer listener.Close()
	conn, err := dial(ctx, w.from, "tcp", w.address, bulkPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	accepted, err := listener.Accept()
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	defer accepted.Close()
	deadline := time.Now().Add(bulkPatience)
	if err := errors.Join(conn.SetDeadline(deadline), accepted.SetDeadline(deadline)); err != nil {
		return err
	}
	var ends errgroup.Group
	ends.Go(func() error {
		_, err := io.Copy(conn, io.LimitReader(contents(), int64(size)))
		return errors.Join(err, conn.(*net.TCPConn).CloseWrite())
	})
	ends.Go(func() error { return compare(accepted, size) })
	if err := ends.Wait(); err != nil {
		return fmt.Errorf("%d bytes from %s: %w", size, w, err)
	}
	return nil
}

// compare reads to the end, which must come after size bytes of contents.
func compare(r io.Reader, size int) error {
	reference := contents()
	got, want := make([]byte, 1<<16), make([]byte, 1<<16)
	for offset := 0; ; {
		n, err := r.Read(got)
		_, _ = reference.Read(want[:n]) // never fails
		if !bytes.Equal(got[:n], want[:n]) {
			return fmt.Errorf("contents differ within %d bytes from offset %d", n, offset)
		}
		offset += n
		if errors.Is(err, io.EOF) && offset == size {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", offset, err)
		}
	}
}

// way is from where to where, by IPv4 or IPv6, a test sends.
type way struct {
	from, to *labtest.VM
	address  netip.Addr
}

func (w way) String() string { return fmt.Sprintf("%s to %s at %s", w.from.Name, w.to.Name, w.address) }

// ways are those of both families from one VM to another.
func ways(from, to *labtest.VM) []way { return []way{{from, to, to.IP4}, {from, to, to.IP6}} }

// offloads: kernel senders with all offloads on; segments and checksums are left to the end of the way, or, when the underlay
// can't do that, to the encapsulating node.
func offloads(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "bulk")
	veth, near, tap := sw.Add(1, "hv1"), sw.Add(2, "hv1"), sw.Add(3, "hv1", labtest.Tap)
	farVeth, farTap := sw.Add(4, "hv2"), sw.Add(5, "hv2", labtest.Tap)
	sw.Sync()
	var all []way
	for _, pair := range [][2]*labtest.VM{{veth, near}, {veth, tap}, {tap, veth}, {veth, farVeth}, {farVeth, tap}, {farTap, veth}, {tap, farTap}} {
		all = append(all, ways(pair[0], pair[1])...)
	}
	for _, w := range all {
		before := w.from.Show().Counters
		if err := transfer(t.Context(), w, bulkSize); err != nil {
			t.Fatal(err)
		}
		after := w.from.Show().Counters
		bytes, packets := after.RxBytes-before.RxBytes, after.RxPackets-before.RxPackets
		if packets == 0 || bytes < bulkSize || bytes/packets < 4000 {
			t.Errorf("%s: the port counted %d bytes in %d packets: the sender's large segments were cut before they came here", w, bytes, packets)
		}
	}
	for _, w := range all {
		checkDatagrams(t, w)
	}
	for _, hv := range []string{"hv1", "hv2"} {
		sw.Exec(hv, "ethtool", "-K", "eth0", "tx", "off", "gso", "off", "tso", "off")
	}
	for _, w := range append(ways(veth, farVeth), ways(farTap, tap)...) {
		if err := transfer(t.Context(), w, bulkSize/4); err != nil {
			t.Fatalf("underlay without offloads: %v", err)
		}
		checkDatagrams(t, w)
	}
}

// checkDatagrams sends UDP datagrams of all sizes that fit, some in fragments, and one large send that the kernel cuts into datagrams
// (UDP_SEGMENT), one after the other has arrived as it was sent.
func checkDatagrams(t *testing.T, w way) {
	t.Helper()
	var receiver *net.UDPConn
	err := w.to.In(func() (err error) {
		receiver, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.address, bulkPort)))
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", w, err)
	}
	defer receiver.Close()
	conn, err := dial(t.Context(), w.from, "udp", w.address, bulkPort)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sizes := []int{2000, 9000, 60000}
	for size := 0; size <= tunnelMTU-ip6Header-udpHeader; size += 7 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		if err := datagrams(conn, receiver, 1, size); err != nil {
			t.Fatalf("%s: %v", w, err)
		}
	}
	const count, segment = 40, 1200
	if err := setSegment(conn.(*net.UDPConn), segment); err != nil {
		t.Fatal(err)
	}
	if err := datagrams(conn, receiver, count, segment); err != nil {
		t.Fatalf("%s: one send of %d segments: %v", w, count, err)
	}
}

// datagrams sends count times size bytes at once and receives them as count datagrams.
func datagrams(conn net.Conn, receiver *net.UDPConn, count, size int) error {
	deadline := time.Now().Add(patience)
	if err := errors.Join(conn.SetDeadline(deadline), receiver.SetDeadline(deadline)); err != nil {
		return err
	}
	sent := make([]byte, count*size)
	_, _ = contents().Read(sent) // never fails
	if _, err := conn.Write(sent); err != nil {
		return fmt.Errorf("send %d bytes: %w", len(sent), err)
	}
	got := make([]byte, 1<<16)
	for i := range count {
		n, err := receiver.Read(got)
		if err != nil {
			return fmt.Errorf("receive datagram %d of %d bytes: %w", i, size, err)
		}
		if !bytes.Equal(got[:n], sent[i*size:(i+1)*size]) {
			return fmt.Errorf("datagram %d of %d bytes arrived as another one of %d", i, size, n)
		}
	}
	return nil
}

// setSegment makes each send of a socket one packet that is cut into datagrams of size bytes as late as possible (udp(7)).
func setSegment(conn *net.UDPConn, size int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var optErr error
	if err := raw.Control(func(fd uintptr) {
		optErr = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size)
	}); err != nil {
		return err
	}
	return optErr
}
