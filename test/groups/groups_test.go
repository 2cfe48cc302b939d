// Package groups tests a multicast group with thousands of members on one node, and members on a thousand others.
package groups

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"woven.dev/woven/bench/rig"
	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
)

// Members: sub-ports of one device of this node, and ports of other nodes, one each.
const (
	here  = 4000
	nodes = 1100
)

// Keys of ports: the sender's, and the first ones of both kinds of members.
const (
	senderKey      = 1
	firstHere      = 2
	firstElsewhere = 10000
)

var senderMAC = [6]byte{0x0a, 1}

// Each member gets exactly one copy of a broadcast, here by its tag and elsewhere by one packet for its node; the sender gets none.
func TestThousandsOfMembers(t *testing.T) {
	testutil.RequireRoot(t)
	raiseBacklog(t)
	h := newHost(t)
	h.live()
	sender, crowd, underlay := openTap(t, h.workloads, "sender"), openTap(t, h.workloads, "crowd"), openTap(t, h.wire, "eth0")
	for range 3 {
		sender.send(arpRequest())
		want := map[string]int{}
		for tag := 1; tag <= here; tag++ {
			want[fmt.Sprint("tag ", tag)] = 1
		}
		crowd.expect("on this node", want)
		want = map[string]int{}
		for i := range nodes {
			want["node "+nodeAddr(i).String()] = 1
		}
		underlay.expect("on other nodes", want)
		sender.expect("at the sender", map[string]int{})
	}
}

// raiseBacklog does what the agent does at its start, for as long as the test.
func raiseBacklog(t *testing.T) {
	t.Helper()
	was, err := hostnet.RaiseBacklog(2 * here)
	if err != nil || was == 0 {
		t.Fatalf("the kernel's backlog can't be raised: %v (%d before)", err, was)
	}
	t.Cleanup(func() { testutil.Run(t, "sysctl", "-qw", fmt.Sprint("net.core.netdev_max_backlog=", was)) })
}

// host is a node with its workloads in one namespace, and its underlay's other end in another.
type host struct {
	t               *testing.T
	rig             *rig.Rig
	node            *rig.Node
	workloads, wire string
}

func newHost(t *testing.T) *host {
	h := &host{t: t, rig: rig.New(), workloads: testutil.Netns(t, "vm"), wire: testutil.Netns(t, "ul")}
	t.Cleanup(func() {
		if err := h.rig.Close(); err != nil {
			t.Error(err)
		}
	})
	var err error
	if h.node, err = h.rig.Node(hover.AttachTCX); err != nil {
		t.Fatal(err)
	}
	for device, ns := range map[string]string{"sender": h.workloads, "crowd": h.workloads, "eth0": h.wire} {
		h.ip("link", "add", device, "type", "veth", "peer", device, "netns", ns)
		h.ip("link", "set", device, "addrgenmode", "none", "up")
		testutil.Run(t, "ip", "-n", ns, "link", "set", device, "addrgenmode", "none", "up")
	}
	h.ip("addr", "add", own.String()+"/16", "dev", "eth0")
	h.ip("neigh", "add", gateway.String(), "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent")
	return h
}

func (h *host) ip(args ...string) {
	h.t.Helper()
	testutil.Run(h.t, append([]string{"ip", "-n", string(h.node.NS)}, args...)...)
}

// The underlay: all nodes are behind one gateway.
var own, gateway = netip.MustParseAddr("172.31.0.1"), netip.MustParseAddr("172.31.0.2")

func nodeAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{172, 30, byte(i >> 8), byte(i)}) }

// live makes the switch with all its members.
func (h *host) live() {
	h.t.Helper()
	m := rig.Switch()
	s := &netstate.State{Modules: map[string]*netstate.Module{m.ID: m}, Nodes: map[string]*netstate.Node{}}
	device := func(name string) *netstate.Device {
		d, err := h.node.Device(name)
		if err != nil {
			h.t.Fatal(err)
		}
		return &d
	}
	eth0 := device("eth0")
	rig.AddPort(m, netstate.Port{Name: "sender", Key: senderKey, Device: device("sender")}, senderMAC)
	for i := range here {
		key := uint16(firstHere + i)
		rig.AddPort(m, netstate.Port{Name: fmt.Sprint("here", i), Key: key, Device: device("crowd"), Tag: uint16(i + 1)}, portMAC(key))
	}
	for i := range nodes {
		name, key := fmt.Sprint("node", i), uint16(firstElsewhere+i)
		s.Nodes[name] = &netstate.Node{Name: name, Addr: nodeAddr(i), Local: own, NextHop: gateway, Ifindex: eth0.Ifindex, MTU: 1500}
		rig.AddPort(m, netstate.Port{Name: "at " + name, Key: key, Nodes: []string{name}}, portMAC(key))
	}
	var err error
	if s.Tunnel, err = h.rig.Relay(h.node, own); err != nil {
		h.t.Fatal(err)
	}
	s.Tunnel.Devices = []netstate.Device{*eth0}
	if err := h.node.Live(s); err != nil {
		h.t.Fatal(err)
	}
}

func portMAC(key uint16) [6]byte { return [6]byte{0x0a, 2, 4: byte(key >> 8), 5: byte(key)} }

// arpRequest asks all for an address that nobody has.
func arpRequest() []byte {
	b := make([]byte, 60)
	copy(b, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	copy(b[6:], senderMAC[:])
	copy(b[12:], []byte{8, 6, 0, 1, 8, 0, 6, 4, 0, 1})
	copy(b[22:], senderMAC[:])
	copy(b[28:], []byte{10, 9, 0, 1})
	copy(b[38:], []byte{10, 9, 0, 2})
	return b
}
