package l2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// anotherSource sends tunnel packets by hand from hv2: from its tunnel address they arrive, from another address of the same node they don't, at Woven
// and at the stock node alike.
func (u *underlay) anotherSource() {
	u.t.Helper()
	const other = "172.31.0.99"
	u.Exec("hv2", "ip", "addr", "add", other+"/24", "dev", "eth0")
	from := u.vms[1]
	for i, to := range map[int]*labtest.VM{1: u.vms[0], 3: u.vms[2]} {
		hears := newStation(u.t, to)
		for source, want := range map[string]bool{u.addr4(2): true, other: false} {
			inner := iomtest.UDP(u.t, iomtest.MAC(u.t, from.MAC), iomtest.MAC(u.t, to.MAC), from.IP4, to.IP4, 4000, binary.BigEndian.Uint16(net.ParseIP(source).To4()[2:]))
			u.tunnelByHand(source, u.addr4(i), append(u.geneve(from, to), inner...))
			wait := patience
			if !want {
				wait = silence
			}
			if heard := hears.hears(wait, 0, isFrame(inner)); heard != want {
				u.t.Errorf("from %s to %s: arrived %v, want %v", source, to.Hypervisor, heard, want)
			}
		}
	}
	u.Exec("hv2", "ip", "addr", "del", other+"/24", "dev", "eth0")
}

// geneve are the headers behind UDP's of a packet between two VMs (ovn-architecture(7), "Tunnel Encapsulations").
func (u *underlay) geneve(from, to *labtest.VM) []byte {
	u.t.Helper()
	number := func(args ...string) uint64 {
		n, err := strconv.ParseUint(strings.TrimSpace(u.SB(args...)), 10, 32)
		if err != nil {
			u.t.Fatal(err)
		}
		return n
	}
	key := func(vm *labtest.VM) uint16 {
		return uint16(number("--bare", "--columns=tunnel_key", "find", "Port_Binding", "logical_port="+vm.Port))
	}
	vni := number("--bare", "--columns=tunnel_key", "find", "Datapath_Binding", "external_ids:name="+u.Name)
	b := binary.BigEndian.AppendUint32([]byte{2, 0x40, 0x65, 0x58}, uint32(vni)<<8)
	b = append(b, 0x01, 0x02, 0x80, 1)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, key(from)), key(to))
}

// tunnelByHand sends a datagram to UDP port 6081.
func (u *underlay) tunnelByHand(from, to string, payload []byte) {
	u.t.Helper()
	err := u.Lab.In("hv2")(func() error {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.ParseIP(to), Port: 6081})
		if err != nil {
			return err
		}
		_, err = conn.Write(payload)
		return errors.Join(err, conn.Close())
	})
	if err != nil {
		u.t.Fatal(fmt.Errorf("send a tunnel packet: %w", err))
	}
}
