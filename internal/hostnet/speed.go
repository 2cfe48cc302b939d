package hostnet

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ethtoolCmd is struct ethtool_cmd of linux/ethtool.h; the command ETHTOOL_GSET fills it.
type ethtoolCmd struct {
	Cmd, Supported, Advertising    uint32
	Speed                          uint16
	Duplex, Port, PhyAddress       uint8
	Transceiver, Autoneg, MDIO     uint8
	MaxTxPackets, MaxRxPackets     uint32
	SpeedHigh                      uint16
	MDIX, MDIXControl              uint8
	PartnerAdvertising, _reserved0 uint32
	_reserved1                     uint32
}

// ifreq is struct ifreq of linux/if.h with a pointer in its union.
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// linkSpeed asks for the speed of an interface in bits per second; 0: the device doesn't say.
func linkSpeed(socket int, name string) uint64 {
	cmd := ethtoolCmd{Cmd: unix.ETHTOOL_GSET}
	req := ifreq{data: unsafe.Pointer(&cmd)}
	copy(req.name[:unix.IFNAMSIZ-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	mbits := uint32(cmd.SpeedHigh)<<16 | uint32(cmd.Speed)
	if errno != 0 || mbits == ^uint32(0) || mbits == 0xffff { // SPEED_UNKNOWN, in new and old drivers
		return 0
	}
	return uint64(mbits) * 1e6
}

// socketAt makes a datagram socket in a namespace; netns.None(): the calling thread's.
func socketAt(ns netns.NsHandle) (int, error) {
	if !ns.IsOpen() {
		return unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		return -1, fmt.Errorf("open own namespace: %w", err)
	}
	defer home.Close()
	if err := netns.Set(ns); err != nil {
		return -1, fmt.Errorf("enter namespace: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if back := netns.Set(home); back != nil {
		panic(fmt.Sprintf("return to own namespace: %v", back)) // this thread would do its work in the wrong one
	}
	return fd, err
}
