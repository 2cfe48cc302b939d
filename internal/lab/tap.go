package lab

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// maxFrame is the largest frame of a tap with offloads: a virtio header, Ethernet with one VLAN tag, 64 KB of IP.
const maxFrame = 10 + 18 + 65535

// cable joins a tap on a hypervisor with a tap in a workload's namespace, as QEMU joins a tap with a guest's virtio-net:
// unfinished checksums and large segments cross it, described by virtio headers.
type cable struct {
	ends  [2]*os.File
	ended sync.WaitGroup
}

// layCable makes both taps and carries frames between them until it is closed.
func layCable(nsA, devA, nsB, devB string) (*cable, error) {
	a, err := openTap(nsA, devA)
	if err != nil {
		return nil, err
	}
	b, err := openTap(nsB, devB)
	if err != nil {
		a.Close()
		return nil, err
	}
	c := &cable{ends: [2]*os.File{a, b}}
	c.ended.Go(func() { carry(b, a) })
	c.ended.Go(func() { carry(a, b) })
	return c, nil
}

// carry copies frames until from is closed. A frame that the other side doesn't take is lost, as on a wire whose far end
// is down.
func carry(to, from *os.File) {
	frame := make([]byte, maxFrame)
	for {
		n, err := from.Read(frame)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = to.Write(frame[:n])
		}
	}
}

// close removes both taps and returns when nothing is carried any more.
func (c *cable) close() error {
	err := errors.Join(c.ends[0].Close(), c.ends[1].Close())
	c.ended.Wait()
	return err
}

// openTap makes a tap device with virtio headers and all offloads, which lives as long as the file is open.
func openTap(ns, dev string) (*os.File, error) {
	var fd int
	err := inNetns(ns, func() (err error) {
		fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := attachTap(fd, dev); err != nil {
			unix.Close(fd)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make tap %s: %w", dev, err)
	}
	return os.NewFile(uintptr(fd), dev), nil
}

func attachTap(fd int, dev string) error {
	req, err := unix.NewIfreq(dev)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return err
	}
	return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6)
}
