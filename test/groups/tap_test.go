package groups

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/testutil"
)

// tap is a raw socket on a device.
type tap struct {
	t  testing.TB
	fd int
}

// silence is how long a tap waits for one frame more.
var silence = unix.Timeval{Usec: 300_000}

func openTap(t testing.TB, ns, device string) *tap {
	t.Helper()
	tp := &tap{t: t, fd: -1}
	err := testutil.In(t, ns)(func() error {
		dev, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		if tp.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
		return errors.Join(unix.SetsockoptInt(tp.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
			unix.SetsockoptInt(tp.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
			unix.SetsockoptTimeval(tp.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &silence),
			unix.Bind(tp.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: dev.Index}))
	})
	if err != nil {
		t.Fatalf("open tap: %v", err)
	}
	t.Cleanup(func() { unix.Close(tp.fd) })
	return tp
}

func (tp *tap) send(frame []byte) {
	tp.t.Helper()
	if _, err := unix.Write(tp.fd, frame); err != nil {
		tp.t.Fatal(err)
	}
}

// expect reads until it is silent. want says how often each receiver is to be heard.
func (tp *tap) expect(where string, want map[string]int) {
	tp.t.Helper()
	got := map[string]int{}
	frame, oob := make([]byte, 2000), make([]byte, 100)
	for {
		n, oobn, _, from, err := unix.Recvmsg(tp.fd, frame, oob, 0)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			tp.t.Fatal(err)
		}
		if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
			got[receiver(frame[:n], oob[:oobn])]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		tp.t.Errorf("%s: %d of %d members were reached; -want +got:\n%.1000s", where, len(got), len(want), diff)
	}
}

// receiver is whom a frame is for: a VLAN tag, which the kernel takes out (struct tpacket_auxdata has the status first, the tag at 16), or the node
// that a Geneve packet goes to.
func receiver(frame, oob []byte) string {
	if frame[12] == 8 && frame[13] == 0 {
		return "node " + netip.AddrFrom4([4]byte(frame[30:34])).String()
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) == 0 || binary.NativeEndian.Uint32(msgs[0].Data)&unix.TP_STATUS_VLAN_VALID == 0 {
		return "untagged"
	}
	return fmt.Sprint("tag ", binary.NativeEndian.Uint16(msgs[0].Data[16:])&0xfff)
}
