package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sys/unix"
)

// Tap hears every frame that a device receives, whomever it is for.
type Tap struct {
	fd int
}

// ethAll is ETH_P_ALL in network byte order.
const ethAll = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8

// Overhear opens a tap on a device.
func Overhear(place Place, device string) (*Tap, error) {
	t := &Tap{}
	err := place(func() error {
		dev, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		if t.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ethAll); err != nil {
			return err
		}
		err = errors.Join(
			unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer),
			unix.Bind(t.fd, &unix.SockaddrLinklayer{Protocol: ethAll, Ifindex: dev.Index}))
		if err != nil {
			unix.Close(t.fd)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open tap on %q: %w", device, err)
	}
	return t, nil
}

// Close returns how many of the received frames are numbered packets of flows; frames that left through the device don't
// count. The flows have ended before.
func (t *Tap) Close(flows ...*Run) (heard int, err error) {
	return t.Count(func(frame []byte) bool {
		return slices.ContainsFunc(flows, func(r *Run) bool { return r.in(frame) })
	})
}

// Count closes the tap and returns how many of the received frames match; those that left through the device don't count.
func (t *Tap) Count(match func(frame []byte) bool) (heard int, err error) {
	defer unix.Close(t.fd)
	frame := make([]byte, 1<<16)
	for {
		n, from, err := unix.Recvfrom(t.fd, frame, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return heard, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read tap: %w", err)
		}
		ll := from.(*unix.SockaddrLinklayer)
		if ll.Pkttype != unix.PACKET_OUTGOING && match(frame[:n]) {
			heard++
		}
	}
}

// in says whether a frame is one of the flow's numbered packets.
func (r *Run) in(frame []byte) bool {
	return bytes.Contains(frame, packet{r.id, packetNumbered, 0}.bytes()[:packetLength-8])
}
