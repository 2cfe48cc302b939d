package hover

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/sdk/iomtest"
)

// trunk is a raw socket on a workload's interface that sends and receives frames with their VLAN tags.
type trunk struct {
	t  *testing.T
	fd int
}

func openTrunk(t *testing.T, w workload) *trunk {
	t.Helper()
	k := &trunk{t: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		testutil.Enter(t, w.ns)
		ifi, err := net.InterfaceByName("eth0")
		if err == nil {
			k.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		}
		if err == nil {
			err = errors.Join(unix.SetsockoptInt(k.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
				unix.SetsockoptTimeval(k.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}),
				unix.Bind(k.fd, &unix.SockaddrLinklayer{Protocol: binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)), Ifindex: ifi.Index}))
		}
		if err != nil {
			t.Errorf("open raw socket: %v", err)
		}
	}()
	<-done
	t.Cleanup(func() { unix.Close(k.fd) })
	return k
}

// send puts a tag into a frame and sends it.
func (k *trunk) send(tag uint16, frame []byte) {
	k.t.Helper()
	tagged := append(bytes.Clone(frame[:12]), 0x81, 0, byte(tag>>8), byte(tag))
	if _, err := unix.Write(k.fd, append(tagged, frame[12:]...)); err != nil {
		k.t.Fatal(err)
	}
}

// receive waits for a frame with the tag that ok likes; nil after two seconds.
func (k *trunk) receive(tag uint16, ok func(gopacket.Packet) bool) gopacket.Packet {
	buf, oob := make([]byte, 2000), make([]byte, 100)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		n, oobn, _, from, err := unix.Recvmsg(k.fd, buf, oob, 0)
		if err != nil || from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil || len(msgs) == 0 || len(msgs[0].Data) < 20 {
			continue
		}
		aux := msgs[0].Data // struct tpacket_auxdata: status first, the tag at 16
		valid := binary.NativeEndian.Uint32(aux)&unix.TP_STATUS_VLAN_VALID != 0
		if p := iomtest.Decode(bytes.Clone(buf[:n])); valid && binary.NativeEndian.Uint16(aux[16:])&0xfff == tag && ok(p) {
			return p
		}
	}
	return nil
}

// A VM with two containers behind one interface, told apart by VLAN tags. They and the VM are ports of one switch, which has another
// port on another node.
func TestSubPorts(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			a, b := newNode(t, mode), newNode(t, mode)
			vm, far := a.workload(1), b.workload(9)
			ct2, ct3 := workload{key: 2, dev: vm.dev}, workload{key: 3, dev: vm.dev}
			sa := state(lswitch(switchA, 7, vm, ct2, ct3, elsewhere(far)))
			sb := state(lswitch(switchA, 7, elsewhere(vm), elsewhere(ct2), elsewhere(ct3), far))
			ports := sa.Modules[switchA].Ports
			ports[1].Tag, ports[2].Tag = 102, 103
			underlay(a, b, sa, sb, netip.MustParsePrefix("172.31.0.0/24"))
			a.apply(sa)
			b.apply(sb)
			k := openTrunk(t, vm)
			hw := func(key uint16) net.HardwareAddr { return slice(mac(key)) }

			k.send(102, iomtest.ARP(t, 1, hw(2), net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, hw(2), addr4(2), addr4(9)))
			if k.receive(102, func(p gopacket.Packet) bool {
				arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP)
				return ok && arp.Operation == 2
			}) == nil {
				t.Errorf("no ARP answer for a container; drops: %s", a.drops(switchA))
			}
			echo := iomtest.Frame(t, iomtest.Eth(hw(2), hw(9), layers.EthernetTypeIPv4), iomtest.IP(addr4(2), addr4(9), layers.IPProtocolICMPv4),
				&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 7, Seq: 1}, gopacket.Payload("container"))
			k.send(102, echo)
			if k.receive(102, func(p gopacket.Packet) bool {
				icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
				return ok && icmp.TypeCode.Type() == 0 && string(icmp.Payload) == "container"
			}) == nil {
				t.Errorf("no echo reply for a container from another node; drops: %s / %s", a.drops(switchA), b.drops(switchA))
			}
			udp := iomtest.UDP(t, hw(2), hw(3), addr4(2), addr4(3), 1, 2)
			k.send(102, udp)
			got := k.receive(103, func(p gopacket.Packet) bool { return p.Layer(layers.LayerTypeUDP) != nil })
			if got == nil {
				t.Fatalf("nothing from container to container; drops: %s", a.drops(switchA))
			}
			if diff := cmp.Diff(udp, got.Data()); diff != "" {
				t.Errorf("container to container: -want +got:\n%s", diff)
			}
			k.send(104, udp)
			if p := k.receive(103, func(p gopacket.Packet) bool { return p.Layer(layers.LayerTypeUDP) != nil }); p != nil {
				t.Errorf("a frame with a tag of no port arrived: %s", p)
			}
			if drops := a.drops(switchA); drops != "l2switch.vlan_tagged" {
				t.Errorf("drops: %s", drops)
			}
		})
	}
}
