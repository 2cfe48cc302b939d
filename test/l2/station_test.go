package l2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// Waiting times of a station for what shall come, and for what shall not.
const (
	patience = 3 * time.Second
	silence  = 300 * time.Millisecond
)

// station is a raw socket on a VM's eth0: frames as they are, with their VLAN tags.
type station struct {
	t  testing.TB
	fd int
}

func newStation(t testing.TB, vm *labtest.VM) *station {
	t.Helper()
	s := &station{t: t, fd: -1}
	err := vm.In(func() error {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
		return errors.Join(unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
			unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
			unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index}))
	})
	if err != nil {
		t.Fatalf("open raw socket of %s: %v", vm.Name, err)
	}
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// send sends a frame, with a VLAN tag unless that is 0.
func (s *station) send(tag uint16, frame []byte) {
	s.t.Helper()
	if tag != 0 {
		frame = append(append(bytes.Clone(frame[:12]), 0x81, 0, byte(tag>>8), byte(tag)), frame[12:]...)
	}
	if _, err := unix.Write(s.fd, frame); err != nil {
		s.t.Fatalf("send frame: %v", err)
	}
}

// hears says within a time whether a frame with the tag arrives that ok likes. Tag 0: untagged.
func (s *station) hears(within time.Duration, tag uint16, ok func(gopacket.Packet) bool) bool {
	buf, oob := make([]byte, 2000), make([]byte, 100)
	for end := time.Now().Add(within); time.Now().Before(end); {
		n, oobn, _, from, err := unix.Recvmsg(s.fd, buf, oob, 0)
		if err != nil || from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if tagOf(oob[:oobn]) == tag && ok(iomtest.Decode(bytes.Clone(buf[:n]))) {
			return true
		}
	}
	return false
}

// tagOf reads the tag that the kernel took out of a frame: struct tpacket_auxdata has the status first, the tag at 16.
func tagOf(oob []byte) uint16 {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) == 0 || len(msgs[0].Data) < 20 {
		return 0
	}
	aux := msgs[0].Data
	if binary.NativeEndian.Uint32(aux)&unix.TP_STATUS_VLAN_VALID == 0 {
		return 0
	}
	return binary.NativeEndian.Uint16(aux[16:]) & 0xfff
}

// asks sends a frame again and again until the station hears the answer.
func (s *station) asks(tag uint16, frame []byte, answer func(gopacket.Packet) bool) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		s.send(tag, frame)
		if s.hears(silence, tag, answer) {
			return nil
		}
	}
	return fmt.Errorf("no answer in %v", patience)
}

// reaches sends a frame again and again until other hears it, with the tag or without.
func (s *station) reaches(other *station, tag uint16, frame []byte) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		s.send(tag, frame)
		if other.hears(silence, tag, isFrame(frame)) {
			return nil
		}
	}
	return fmt.Errorf("the frame did not arrive in %v", patience)
}

// misses sends a frame, and says whether other does not hear it.
func (s *station) misses(other *station, tag uint16, frame []byte) error {
	s.send(tag, frame)
	if other.hears(silence, tag, isFrame(frame)) {
		return errors.New("the frame arrived")
	}
	return nil
}

// isFrame likes exactly that frame.
func isFrame(frame []byte) func(gopacket.Packet) bool {
	return func(p gopacket.Packet) bool { return bytes.HasPrefix(p.Data(), frame) }
}
