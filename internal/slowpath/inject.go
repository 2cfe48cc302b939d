package slowpath

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Injector sends frames to the owners of ports, and into the network. It implements Sender.
type Injector struct {
	done, resume int // sockets, by the mark of what they send
}

// OpenInjector opens an injector in the network namespace of the calling thread.
func OpenInjector() (*Injector, error) {
	done, err := openSocket(uint32(wire.MarkDone))
	if err != nil {
		return nil, err
	}
	resume, err := openSocket(uint32(wire.MarkResume))
	if err != nil {
		return nil, errors.Join(err, unix.Close(done))
	}
	return &Injector{done, resume}, nil
}

// openSocket opens a socket that sends frames with a mark and receives nothing.
func openSocket(mark uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(mark)); err != nil {
		return 0, errors.Join(fmt.Errorf("mark packet socket: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// Send sends a frame out of a port's device; the mark takes it past the programs there.
func (i *Injector) Send(ifindex int, frame []byte) error { return send(i.done, ifindex, frame) }

// Resume sends a frame with finished checksums into the network, by a port of this node: it enters by the port or, with r.Leaves, leaves the
// port's instance by it, as if its modules had sent it there. relay is the ifindex of the device netstate.Tunnel.RelayOut.
func (i *Injector) Resume(relay int, r wire.Resume, frame []byte) error {
	return send(i.resume, relay, append(frame[:len(frame):len(frame)], iom.Bytes(r)...))
}

func send(fd, ifindex int, frame []byte) error {
	if err := unix.Sendto(fd, frame, unix.MSG_DONTWAIT, &unix.SockaddrLinklayer{Ifindex: ifindex}); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	return nil
}

// Close ends the injector.
func (i *Injector) Close() error { return errors.Join(unix.Close(i.done), unix.Close(i.resume)) }
