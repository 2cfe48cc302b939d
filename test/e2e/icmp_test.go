package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

const (
	// tunnelMTU is the largest inner IP packet over the lab's underlay, whose MTU is 1500; see lab.Workload.MTU.
	tunnelMTU    = 1442
	underlayMTU  = 1500
	ip4Header    = 20
	ip6Header    = 40
	icmpHeader   = 8
	udpHeader    = 8
	echoID       = 0x7776
	largestEcho4 = tunnelMTU - ip4Header - icmpHeader
	largestEcho6 = tunnelMTU - ip6Header - icmpHeader
)

// sizes: echoes of all sizes up to the tunnel's MTU arrive as they were; a larger one is dropped, and the port says why.
func sizes(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "sizes")
	large := func(w *lab.Workload) { w.MTU = underlayMTU }
	vm, near, far := sw.Add(1, "hv1", large), sw.Add(2, "hv1", large), sw.Add(3, "hv2", large)
	tap := sw.Add(4, "hv2", large, labtest.Tap)
	sw.Sync()
	for _, w := range append(ways(vm, far), ways(tap, vm)...) {
		if err := echoAll(w); err != nil {
			t.Errorf("%s: %v", w, err)
		}
	}
	if err := vm.Ping(1, near.IP4, "-M", "do", "-s", fmt.Sprint(underlayMTU-ip4Header-icmpHeader)); err != nil {
		t.Errorf("same node: %v", err)
	}
	for _, test := range []struct {
		to      netip.Addr
		largest int
	}{{far.IP4, largestEcho4}, {far.IP6, largestEcho6}} {
		before := vm.Drops("iom", "too_big")
		if err := vm.NoPing(test.to, "-M", "do", "-s", fmt.Sprint(test.largest+1)); err != nil {
			t.Error(err)
		}
		if n := vm.Drops("iom", "too_big") - before; n != 3 {
			t.Errorf("%d echoes to %s that are too big were dropped as such, want 3", n, test.to)
		}
	}
	checkLargeSegments(t, vm, far)
	checkLargeDatagrams(t, vm, far)
}

// checkLargeSegments wants a large TCP segment dropped whose parts are to become packets that don't fit.
func checkLargeSegments(t *testing.T, from, to *labtest.VM) {
	t.Helper()
	before := from.Drops("iom", "too_big")
	sayName(t, to)
	conn, err := dial(t.Context(), from, "tcp", to.IP4, namePort)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
	from.Switch.Eventually("drops of large segments", func() error {
		if from.Drops("iom", "too_big") == before {
			return errors.New("none")
		}
		return nil
	})
}

// checkLargeDatagrams wants each datagram dropped that does not fit, and said by the port, also those of a flow of which smaller ones arrive.
func checkLargeDatagrams(t *testing.T, from, to *labtest.VM) {
	t.Helper()
	const large = 10
	before := from.Drops("iom", "too_big")
	conn, err := dial(t.Context(), from, "udp", to.IP4, namePort)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range large {
		for _, size := range []int{tunnelMTU - ip4Header - udpHeader, tunnelMTU} {
			if _, err := conn.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := from.Drops("iom", "too_big") - before; n != large {
		t.Errorf("%d datagrams that are too big were dropped as such, want %d", n, large)
	}
}

// echoAll sends echo requests of all sizes that fit, one after the other is answered.
func echoAll(w way) error {
	network, largest := "ip4:icmp", largestEcho4
	if w.address.Is6() {
		network, largest = "ip6:ipv6-icmp", largestEcho6
	}
	var conn net.Conn
	err := w.from.In(func() (err error) {
		conn, err = net.Dial(network, w.address.String())
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	payload := make([]byte, largest)
	_, _ = contents().Read(payload) // never fails
	for size := range largest + 1 {
		if err := echo(conn, w.address, uint16(size), payload[:size]); err != nil {
			return fmt.Errorf("echo of %d bytes: %w", size, err)
		}
	}
	return nil
}

// echo sends an echo request and reads until its answer has come.
func echo(conn net.Conn, to netip.Addr, number uint16, payload []byte) error {
	request, err := echoRequest(to, number, payload)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	answer := make([]byte, underlayMTU)
	for {
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		got := answer[:n]
		if to.Is4() { // ip(7): with the IP header, for IPv4 only
			got = got[ip4Header:]
		}
		if (got[0] == layers.ICMPv4TypeEchoReply || got[0] == layers.ICMPv6TypeEchoReply) && bytes.Equal(got[4:icmpHeader], request[4:icmpHeader]) {
			if !bytes.Equal(got[icmpHeader:], payload) {
				return errors.New("the answer has another content")
			}
			return nil
		}
	}
}

// echoRequest is an ICMP message for an address' family. The kernel fills ICMPv6's checksum.
func echoRequest(to netip.Addr, number uint16, payload []byte) ([]byte, error) {
	if to.Is6() {
		message := []byte{layers.ICMPv6TypeEchoRequest, 0, 0, 0}
		message = binary.BigEndian.AppendUint16(message, echoID)
		return append(binary.BigEndian.AppendUint16(message, number), payload...), nil
	}
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{ComputeChecksums: true},
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: echoID, Seq: number}, gopacket.Payload(payload))
	return buffer.Bytes(), err
}
