package slowpath

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"woven.dev/woven/sdk/iom/wire"
)

// Injector sends frames to the owners of ports. It implements Sender.
type Injector struct{ fd int }

// OpenInjector opens an injector in the network namespace of the calling thread.
func OpenInjector() (*Injector, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // protocol 0: receives nothing
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(wire.MarkDone)); err != nil {
		return nil, errors.Join(fmt.Errorf("mark packet socket: %w", err), unix.Close(fd))
	}
	return &Injector{fd}, nil
}

// Send sends a frame out of a port's device; the mark takes it past the programs there.
func (i *Injector) Send(ifindex int, frame []byte) error {
	err := unix.Sendto(i.fd, frame, unix.MSG_DONTWAIT, &unix.SockaddrLinklayer{Ifindex: ifindex})
	if err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	return nil
}

// Close ends the injector.
func (i *Injector) Close() error { return unix.Close(i.fd) }
