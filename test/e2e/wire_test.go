package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// experimental is an ethertype for local experiments (IEEE 802).
const experimental layers.EthernetType = 0x88b5

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// wire is an AF_PACKET socket: it sends frames by a device and sees those that the device receives.
type wire struct{ file *os.File }

// openWire opens a VM's own device, from inside.
func openWire(t *testing.T, vm *labtest.VM) *wire {
	t.Helper()
	return openDevice(t, vm.In, "eth0")
}

// openWires opens the devices of several VMs.
func openWires(t *testing.T, vms []*labtest.VM) []*wire {
	t.Helper()
	wires := make([]*wire, len(vms))
	for i, vm := range vms {
		wires[i] = openWire(t, vm)
	}
	return wires
}

// openDevice opens a device in a namespace, until the test ends.
func openDevice(t *testing.T, in func(func() error) error, device string) *wire {
	t.Helper()
	w := &wire{}
	err := in(func() error {
		link, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		w.file = os.NewFile(uintptr(fd), device)
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index}))
	})
	if err != nil {
		t.Fatalf("open %s: %v", device, err)
	}
	t.Cleanup(func() { w.file.Close() })
	return w
}

// send sends frames.
func (w *wire) send(t *testing.T, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := w.file.Write(f); err != nil {
			t.Fatalf("send a frame: %v", err)
		}
	}
}

// until returns the frames that came since the last call, up to the first that contains marker, without that one.
func (w *wire) until(marker string) ([][]byte, error) {
	frames, err := w.all([]string{marker})
	if err != nil {
		return frames, err
	}
	return frames[:len(frames)-1], nil
}

// all returns the frames that came since the last call, up to the one with which each of contents was in one.
func (w *wire) all(contents []string) ([][]byte, error) {
	if err := w.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	missing := slices.Clone(contents)
	var frames [][]byte
	buffer := make([]byte, 1<<16)
	for len(missing) > 0 {
		n, err := w.file.Read(buffer)
		if err != nil {
			return frames, fmt.Errorf("wait for frames with %q after %d others: %w", missing, len(frames), err)
		}
		frames = append(frames, bytes.Clone(buffer[:n]))
		missing = slices.DeleteFunc(missing, func(s string) bool { return bytes.Contains(buffer[:n], []byte(s)) })
	}
	return frames, nil
}

// carrying counts the frames that contain content.
func carrying(frames [][]byte, content string) int {
	count := 0
	for _, f := range frames {
		if bytes.Contains(f, []byte(content)) {
			count++
		}
	}
	return count
}

// datagram is an IPv4 broadcast of a VM in a frame to dst: no port security refuses it.
func datagram(t *testing.T, from *labtest.VM, dst net.HardwareAddr, content string) []byte {
	t.Helper()
	all := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return iomtest.Frame(t, iomtest.Eth(mac(from), dst, layers.EthernetTypeIPv4), iomtest.IP(from.IP4, all, layers.IPProtocolUDP),
		&layers.UDP{SrcPort: namePort, DstPort: bulkPort}, gopacket.Payload(content))
}

// plain is a frame without IP of a VM, as only ports send that aren't restricted to IP addresses; see anyProtocol.
func plain(t *testing.T, from *labtest.VM, dst net.HardwareAddr, content string) []byte {
	t.Helper()
	return iomtest.Frame(t, iomtest.Eth(mac(from), dst, experimental), gopacket.Payload(content))
}

// anyProtocol lets VMs send anything from their MAC addresses.
func anyProtocol(vms []*labtest.VM) {
	for _, vm := range vms {
		vm.Switch.NB("lsp-set-port-security", vm.Port, vm.MAC)
	}
	vms[0].Switch.Sync()
}

func mac(vm *labtest.VM) net.HardwareAddr {
	address, err := net.ParseMAC(vm.MAC)
	if err != nil {
		panic(err) // the lab has refused it before
	}
	return address
}
