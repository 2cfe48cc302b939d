package l2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// TestLayer2 goes through the features on two Woven nodes, hv1 and hv2, and a stock one, hv3.
func TestLayer2(t *testing.T) {
	l := labtest.Up(t, "l2", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	for _, c := range []struct {
		name string
		test func(*testing.T, *lab.Lab)
	}{
		{"unknown", unknownAddresses}, {"localport", localport}, {"subports", subPorts}, {"internal", internalInterface},
		{"migration", migration}, {"two claims", twoClaims}, {"vlan-passthru", vlanPassthru}, {"snooping", snooping},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, l) })
	}
}

// Ports with unknown addresses, one of them with a known one too, on every kind of node: all pairs reach one another.
func unknownAddresses(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "unk")
	vms := []*labtest.VM{s.VM(1, "hv1"), s.VM(2, "hv2"), s.VM(3, "hv3"), s.VM(4, "hv1")}
	for i, addresses := range []string{"unknown", "0a:00:00:00:00:77 unknown", "unknown", ""} {
		vms[i].AddPort()
		if addresses != "" {
			s.NB("clear", "Logical_Switch_Port", vms[i].Port, "port_security")
			s.NB(append([]string{"lsp-set-addresses", vms[i].Port}, strings.Fields(addresses)...)...)
		}
		vms[i].Start()
	}
	for _, vm := range vms {
		vm.WaitUp(true)
	}
	s.Sync()
	for _, from := range vms {
		for _, to := range vms {
			if from == to {
				continue
			}
			for _, ip := range []netip.Addr{to.IP4, to.IP6} {
				s.Eventually(fmt.Sprintf("%s reaches %s at %s", from.Name, to.Name, ip), func() error { return from.Ping(1, ip) })
			}
		}
	}
}

// A localport has its place on every node: VMs reach the one of theirs, and nothing of it leaves the node.
func localport(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "loc")
	vm1, vm2 := s.Add(1, "hv1"), s.Add(2, "hv2")
	meta := s.VM(9, "hv1")
	meta.AddPort()
	s.NB("lsp-set-type", meta.Port, "localport")
	meta.Start()
	s.Sync()
	s.Eventually("VM reaches the localport of its node", func() error { return vm1.Ping(1, meta.IP4) })
	if state := meta.Show().State; state != v1.PortUp {
		t.Errorf("the localport is %s", state)
	}
	for what, err := range map[string]error{
		"VM of another node":     vm2.NoPing(meta.IP4),
		"localport to elsewhere": meta.NoPing(vm2.IP4),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	hears := newStation(t, meta)
	broadcast := func(from *labtest.VM) []byte {
		all := iomtest.MAC(t, "ff:ff:ff:ff:ff:ff")
		return iomtest.UDP(t, iomtest.MAC(t, from.MAC), all, from.IP4, netip.MustParseAddr("255.255.255.255"), 4000, 4001)
	}
	if err := newStation(t, vm1).reaches(hears, 0, broadcast(vm1)); err != nil {
		t.Errorf("broadcast of a VM: %v", err)
	}
	if err := newStation(t, vm2).misses(hears, 0, broadcast(vm2)); err != nil {
		t.Errorf("broadcast of another node's VM: %v", err)
	}
	there := s.VM(9, "hv2", func(w *lab.Workload) { w.Name, w.Port = "loc-9b", meta.Port })
	there.Start()
	s.Eventually("and the other VM the one of its own", func() error { return vm2.Ping(1, meta.IP6) })
	if err := vm1.Ping(3, meta.IP4); err != nil {
		t.Error(err)
	}
	if got := s.SB("--bare", "--columns=chassis,additional_chassis", "find", "Port_Binding", "logical_port="+meta.Port); strings.TrimSpace(got) != "" {
		t.Errorf("the localport is bound to %s", got)
	}
}

// Sub-ports of a VM, one in the switch of its parent and one in another: each is reached by its tag.
func subPorts(t *testing.T, l *lab.Lab) {
	s, other := labtest.NewSwitch(t, l, "sub"), labtest.NewSwitch(t, l, "subx")
	parent, peer, stock, far := s.Add(1, "hv1"), s.Add(2, "hv2"), s.Add(3, "hv3"), other.Add(4, "hv2")
	for sw, sub := range map[string][]string{"sub": {"sub-5", "5"}, "subx": {"sub-6", "6"}} {
		address := fmt.Sprintf("0a:00:00:00:00:5%s 10.0.0.5%s", sub[1], sub[1])
		s.NB("lsp-add", sw, sub[0], parent.Port, sub[1], "--", "lsp-set-addresses", sub[0], address, "--", "lsp-set-port-security", sub[0], address)
		s.NB("wait-until", "Logical_Switch_Port", sub[0], "up=true")
	}
	s.Sync()
	trunk := newStation(t, parent)
	for _, c := range []struct {
		what string
		tag  uint16
		to   *labtest.VM
	}{{"in the parent's switch", 5, peer}, {"stock node", 5, stock}, {"in another switch", 6, far}} {
		mac := fmt.Sprintf("0a:00:00:00:00:5%d", c.tag)
		if err := trunk.asks(c.tag, echoRequest(t, mac, fmt.Sprintf("10.0.0.5%d", c.tag), c.to), isEchoReply(c.to)); err != nil {
			t.Errorf("sub-port to %s: %v", c.what, err)
		}
	}
	if trunk.send(7, echoRequest(t, "0a:00:00:00:00:55", "10.0.0.55", peer)); trunk.hears(silence, 7, isEchoReply(peer)) {
		t.Error("a tag that no sub-port has is answered")
	}
	if err := peer.Ping(1, parent.IP4); err != nil {
		t.Errorf("the parent: %v", err)
	}
	parent.Unplug()
	for _, sub := range []string{"sub-5", "sub-6"} {
		s.NB("wait-until", "Logical_Switch_Port", sub, "up=false")
	}
}

func echoRequest(t *testing.T, mac, ip string, to *labtest.VM) []byte {
	from := netip.MustParseAddr(ip)
	return iomtest.Frame(t, iomtest.Eth(iomtest.MAC(t, mac), iomtest.MAC(t, to.MAC), layers.EthernetTypeIPv4),
		iomtest.IP(from, to.IP4, layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 7, Seq: 1}, gopacket.Payload("woven"))
}

func isEchoReply(from *labtest.VM) func(gopacket.Packet) bool {
	return func(p gopacket.Packet) bool {
		ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		icmp, _ := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		return ip != nil && icmp != nil && ip.SrcIP.Equal(from.IP4.AsSlice()) && icmp.TypeCode.Type() == layers.ICMPv4TypeEchoReply
	}
}

// An internal interface is the host's own device in a switch. It outlives the agent and goes with its row.
func internalInterface(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "int")
	peer := s.Add(2, "hv2")
	s.NB("lsp-add", "int", "int-host", "--", "lsp-set-addresses", "int-host", "0a:00:00:00:00:01 10.0.0.1")
	s.VS("hv1", "add-port", "br-int", "int0", "--", "set", "Interface", "int0", "type=internal", `mac="0a:00:00:00:00:01"`,
		"mtu_request=1400", "external_ids:iface-id=int-host")
	t.Cleanup(func() {
		if _, err := l.VSCtl(context.Background(), "hv1", "--if-exists", "del-port", "int0"); err != nil {
			t.Error(err)
		}
	})
	s.NB("wait-until", "Logical_Switch_Port", "int-host", "up=true")
	for column, want := range map[string]string{"mac_in_use": `"0a:00:00:00:00:01"`, "mtu": "1400", "error": "[]"} {
		s.Eventually(column, func() error {
			if got := strings.TrimSpace(s.VS("hv1", "get", "Interface", "int0", column)); got != want {
				return fmt.Errorf("it is %s, want %s", got, want)
			}
			return nil
		})
	}
	s.Exec("hv1", "ip", "addr", "add", "10.0.0.1/24", "dev", "int0")
	s.Exec("hv1", "ip", "link", "set", "int0", "up")
	host := netip.MustParseAddr("10.0.0.1")
	s.Eventually("a VM reaches the host", func() error { return peer.Ping(1, host) })

	if err := l.KillAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	if err := peer.Ping(3, host); err != nil {
		t.Errorf("without the agent: %v", err)
	}
	if err := l.StartAgent(t.Context(), "hv1"); err != nil {
		t.Fatal(err)
	}
	if err := peer.Ping(3, host); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	s.VS("hv1", "del-port", "int0")
	s.NB("wait-until", "Logical_Switch_Port", "int-host", "up=false")
	s.Eventually("the device goes with its row", func() error {
		if out := s.Exec("hv1", "ip", "-br", "link"); strings.Contains(out, "int0") {
			return fmt.Errorf("it is there:\n%s", out)
		}
		return nil
	})
}

// Two nodes plug one port: the one that came last has it, the other leaves it there and says so.
func twoClaims(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "two")
	s.Add(1, "hv1")
	chassis := func() string {
		return strings.TrimSpace(s.SB("--bare", "--columns=chassis", "find", "Port_Binding", "logical_port=two-1"))
	}
	first := chassis()
	second := s.VM(1, "hv2", func(w *lab.Workload) { w.Name, w.Port = "two-1b", "two-1" })
	second.Start()
	s.Eventually("the port moves", func() error {
		if chassis() == first {
			return fmt.Errorf("it is still on %s", first)
		}
		return nil
	})
	moved := chassis()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		if now := chassis(); now != moved {
			t.Fatalf("the port went back to %s", now)
		}
	}
	s.Eventually("the loser tells", func() error {
		out, err := l.Woven(t.Context(), "hv1", "status")
		if err == nil && !strings.Contains(out, `interface "vif-two-1": chassis "hv2" took the port`) {
			err = errors.New(out)
		}
		return err
	})
	second.Stop()
	s.Eventually("and takes the port again when it is free", func() error {
		if now := chassis(); now != first {
			return fmt.Errorf("it is on %q, not on %s", now, first)
		}
		return nil
	})
}

// Tagged frames pass a switch with vlan-passthru as they are, and no other.
func vlanPassthru(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "vlan")
	here, near, far := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2")
	s.Sync()
	sender, receivers := newStation(t, here), map[*labtest.VM]*station{near: newStation(t, near), far: newStation(t, far)}
	frame := func(to *labtest.VM) []byte {
		return iomtest.UDP(t, iomtest.MAC(t, here.MAC), iomtest.MAC(t, to.MAC), here.IP4, to.IP4, 4000, 4001)
	}
	for vm, st := range receivers {
		if err := sender.misses(st, 100, frame(vm)); err != nil {
			t.Errorf("%s without vlan-passthru: %v", vm.Name, err)
		}
	}
	s.NB("set", "Logical_Switch", "vlan", "other_config:vlan-passthru=true")
	s.Sync()
	for vm, st := range receivers {
		if err := sender.reaches(st, 100, frame(vm)); err != nil {
			t.Errorf("%s with vlan-passthru: %v", vm.Name, err)
		}
	}
}
