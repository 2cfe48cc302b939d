package hover

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
)

// node is a hypervisor: a namespace with a Hover in it, and workloads in namespaces of their own.
type node struct {
	t     *testing.T
	ns    string
	bpffs string
	work  chan func() // run by a thread in the namespace
	*Hover
}

func newNode(t *testing.T, mode AttachMode) *node {
	t.Helper()
	n := &node{t: t, ns: testutil.Netns(t, "hv"), bpffs: testutil.BPFFS(t), work: make(chan func())}
	t.Cleanup(func() { close(n.work) })
	go func() {
		testutil.Enter(t, n.ns)
		for f := range n.work {
			f()
		}
	}()
	if err := n.open(mode); err != nil {
		t.Fatalf("%+v", err)
	}
	return n
}

// do runs f in the node's namespace.
func (n *node) do(f func()) {
	done := make(chan struct{})
	n.work <- func() { defer close(done); f() }
	<-done
}

// open starts a Hover as a new agent process would.
func (n *node) open(mode AttachMode, kinds ...iom.Kind) error {
	if kinds == nil {
		kinds = []iom.Kind{l2switch.Kind()}
	}
	var err error
	n.do(func() {
		n.Hover, err = Open(Config{BPFFS: n.bpffs, Kinds: kinds, Attach: mode, Log: slog.New(slog.DiscardHandler)})
	})
	if err == nil {
		n.t.Cleanup(n.Hover.Close)
	}
	return err
}

// ip runs iproute2 in the node's namespace.
func (n *node) ip(args ...string) {
	n.t.Helper()
	testutil.Run(n.t, append([]string{"ip", "-n", n.ns}, args...)...)
}

// workload is a VM of a test: key k has MAC 0a:00:00:00:00:k, addresses 10.0.0.k and fd00::k.
type workload struct {
	ns  string
	dev netstate.Device
	key uint16
}

func mac(key uint16) [6]byte      { return [6]byte{0x0a, 0, 0, 0, 0, byte(key)} }
func addr4(key uint16) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(key)}) }
func addr6(key uint16) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("fd00::%x", key)) }

func (n *node) workload(key uint16) workload {
	n.t.Helper()
	w := workload{ns: testutil.Netns(n.t, fmt.Sprintf("vm%d", key)), key: key}
	host := fmt.Sprintf("v%d", key)
	n.ip("link", "add", host, "type", "veth", "peer", "eth0", "netns", w.ns)
	n.ip("link", "set", host, "addrgenmode", "none", "up")
	w.configure(n.t)
	w.dev = n.device(host)
	w.dev.PeerMAC = mac(key)
	return w
}

// configure gives the workload's eth0 its addresses.
func (w workload) configure(t *testing.T) {
	t.Helper()
	testutil.Run(t, "ip", "-n", w.ns, "link", "set", "eth0", "address", net.HardwareAddr(slice(mac(w.key))).String(), "mtu", "1442", "up")
	testutil.Run(t, "ip", "-n", w.ns, "addr", "add", addr4(w.key).String()+"/24", "dev", "eth0")
	testutil.Run(t, "ip", "-n", w.ns, "addr", "add", addr6(w.key).String()+"/64", "dev", "eth0", "nodad")
}

func slice(m [6]byte) []byte { return m[:] }

func (n *node) device(name string) netstate.Device {
	n.t.Helper()
	index := strings.TrimSpace(testutil.Run(n.t, "ip", "netns", "exec", n.ns, "cat", "/sys/class/net/"+name+"/ifindex"))
	i, err := strconv.Atoi(index)
	if err != nil {
		n.t.Fatal(err)
	}
	return netstate.Device{Name: name, Ifindex: i}
}

const floodGroup = 0x8000

// lswitch is a logical switch with a port for each workload, which port security holds to its addresses.
func lswitch(id string, key uint32, workloads ...workload) *netstate.Module {
	c := &config.Config{FloodGroup: floodGroup, Ports: map[uint16]config.Port{}, FDB: map[[6]byte]uint16{}, Neighbours: map[netip.Addr]config.Neighbour{}}
	m := &netstate.Module{ID: id, Kind: config.Kind, Name: id, Key: key, Config: c}
	group := netstate.Group{Name: "_MC_flood", Key: floodGroup}
	for _, w := range workloads {
		dev := w.dev
		port := netstate.Port{Name: fmt.Sprintf("lp%d", w.key), Key: w.key}
		if dev.Ifindex != 0 {
			port.Device = &dev
		} else {
			port.Nodes = []string{dev.Name}
		}
		m.Ports = append(m.Ports, port)
		group.Ports = append(group.Ports, w.key)
		c.Ports[w.key] = config.Port{Enabled: true, Security: []config.Address{{MAC: mac(w.key), Prefixes: []netip.Prefix{
			netip.PrefixFrom(addr4(w.key), 32), netip.PrefixFrom(addr6(w.key), 128)}}}}
		c.FDB[mac(w.key)] = w.key
		c.Neighbours[addr4(w.key)] = config.Neighbour{MAC: mac(w.key), Port: w.key}
		c.Neighbours[addr6(w.key)] = config.Neighbour{MAC: mac(w.key), Port: w.key}
	}
	m.Groups = []netstate.Group{group}
	return m
}

func state(modules ...*netstate.Module) *netstate.State {
	s := &netstate.State{Modules: map[string]*netstate.Module{}, Nodes: map[string]*netstate.Node{}}
	for _, m := range modules {
		s.Modules[m.ID] = m
	}
	return s
}

func (n *node) apply(s *netstate.State) {
	n.t.Helper()
	var res netstate.Result
	var err error
	n.do(func() { res, err = n.Apply(context.Background(), s) })
	if err != nil || len(res.Failures) > 0 {
		n.t.Fatalf("apply: %v, failures %+v", err, res.Failures)
	}
}

// ping sends one echo request; ok says whether the answer came within a second.
func ping(w workload, to string, args ...string) bool {
	cmd := append([]string{"netns", "exec", w.ns, "ping", "-c1", "-W1"}, args...)
	return exec.Command("ip", append(cmd, to)...).Run() == nil
}

func (n *node) drops(module string) string {
	n.t.Helper()
	drops, err := n.Drops(module)
	if err != nil {
		n.t.Fatal(err)
	}
	var b strings.Builder
	for _, d := range drops {
		fmt.Fprintf(&b, "%s.%s ", d.Module, d.Reason)
	}
	return strings.TrimSpace(b.String())
}

// underlay connects two nodes by a veth, with the addresses 1 and 2 of the prefix, and gives each state its tunnel to the other.
func underlay(a, b *node, sa, sb *netstate.State, prefix netip.Prefix) {
	a.t.Helper()
	a.ip("link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", b.ns)
	one := prefix.Addr().Next()
	ends := []netip.Addr{one, one.Next()}
	for i, n := range []*node{a, b} {
		add := []string{"addr", "add", netip.PrefixFrom(ends[i], prefix.Bits()).String(), "dev", "eth0"}
		if ends[i].Is6() {
			add = append(add, "nodad")
		}
		n.ip(add...)
		n.ip("link", "set", "eth0", "mtu", "1500", "up")
		n.ip("link", "add", "br-int", "type", "veth", "peer", "woven0")
		n.ip("link", "set", "br-int", "addrgenmode", "none", "up")
		n.ip("link", "set", "woven0", "addrgenmode", "none", "up")
		own, peer := ends[i], ends[1-i]
		eth := n.device("eth0")
		s := []*netstate.State{sa, sb}[i]
		s.Tunnel = &netstate.Tunnel{Addrs: []netip.Addr{own}, Devices: []netstate.Device{eth}, RelayOut: n.device("woven0"), RelayIn: n.device("br-int")}
		s.Nodes["peer"] = &netstate.Node{Name: "peer", Addr: peer, Local: own, NextHop: peer, Ifindex: eth.Ifindex, MTU: 1500}
	}
}

// elsewhere is a workload as the other node sees it.
func elsewhere(w workload) workload { return workload{key: w.key, dev: netstate.Device{Name: "peer"}} }
