package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Types of echo requests (RFC 792, RFC 4443); the header of one is as long for both.
const (
	echoRequest4 = 8
	echoRequest6 = 128
	echoHeader   = 8
)

// pingGroups is who may open ping sockets in a network namespace (icmp(7)): nobody, unless it is written.
const pingGroups = "/proc/sys/net/ipv4/ping_group_range"

// echoRequest is the header of a request; the kernel fills in identifier and checksum.
func echoRequest(to netip.Addr) []byte {
	header := make([]byte, echoHeader)
	header[0] = echoRequest6
	if to.Is4() {
		header[0] = echoRequest4
	}
	return header
}

// dialEcho opens a ping socket in the thread's namespace, which is told of all ICMP errors; identifier 0 leaves the choice to the kernel. Of what it
// reads the ICMP header is a part.
func dialEcho(to netip.Addr, identifier uint16) (net.Conn, error) {
	if err := os.WriteFile(pingGroups, []byte("0 0"), 0); err != nil {
		return nil, fmt.Errorf("allow ping sockets: %w", err)
	}
	family, protocol, level, option := unix.AF_INET6, unix.IPPROTO_ICMPV6, unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	var own, peer unix.Sockaddr = &unix.SockaddrInet6{Port: int(identifier)}, &unix.SockaddrInet6{Addr: to.As16()}
	if to.Is4() {
		family, protocol, level, option = unix.AF_INET, unix.IPPROTO_ICMP, unix.IPPROTO_IP, unix.IP_RECVERR
		own, peer = &unix.SockaddrInet4{Port: int(identifier)}, &unix.SockaddrInet4{Addr: to.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, fmt.Errorf("open ping socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "ping socket")
	defer file.Close()
	if err := errors.Join(unix.SetsockoptInt(fd, level, option, 1), unix.Bind(fd, own), unix.Connect(fd, peer)); err != nil {
		return nil, fmt.Errorf("connect ping socket: %w", err)
	}
	return net.FileConn(file)
}
