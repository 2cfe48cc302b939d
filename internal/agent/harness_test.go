package agent

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// fakeHost is a host whose interfaces the test makes up.
type fakeHost struct {
	mu       sync.Mutex
	snap     *hostnet.Snapshot
	changed  chan struct{}
	prepared []int
	hops     []hostnet.Neighbour
}

func newFakeHost() *fakeHost {
	h := &fakeHost{changed: make(chan struct{}, 1), snap: &hostnet.Snapshot{Links: map[string]hostnet.Link{}, RouteGen: 1}}
	h.link("eth0", 2)
	h.change(func(s *hostnet.Snapshot) {
		s.Addrs = []hostnet.Addr{{Ifindex: 2, Prefix: netip.MustParsePrefix("192.0.2.1/24")}}
	})
	return h
}

// change replaces the snapshot by a changed copy.
func (h *fakeHost) change(f func(*hostnet.Snapshot)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := *h.snap
	next.Links = maps.Clone(h.snap.Links)
	f(&next)
	h.snap = &next
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// link makes a device appear; unlink makes it vanish.
func (h *fakeHost) link(name string, index int) {
	h.change(func(s *hostnet.Snapshot) {
		s.Links[name] = hostnet.Link{Name: name, Index: index, MTU: 1500, Up: true, Carrier: true, Kind: "veth",
			MAC: [6]byte{2, 0, 0, 0, 0, byte(index)}, Speed: 10e9}
	})
}

func (h *fakeHost) unlink(name string) { h.change(func(s *hostnet.Snapshot) { delete(s.Links, name) }) }

func (h *fakeHost) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (h *fakeHost) Changed() <-chan struct{}      { return h.changed }
func (h *fakeHost) Snapshot() *hostnet.Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snap
}

func (h *fakeHost) Route(to, _ netip.Addr) (hostnet.Route, error) {
	if !netip.MustParsePrefix("192.0.2.0/24").Contains(to) {
		return hostnet.Route{}, hostnet.ErrNoRoute
	}
	return hostnet.Route{Ifindex: 2, NextHop: to, MTU: 1500}, nil
}

func (h *fakeHost) SetNeighbours(want []hostnet.Neighbour) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hops = want
	return nil
}

func (h *fakeHost) PrepareDevice(index int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prepared = append(h.prepared, index)
	return nil
}

func (h *fakeHost) EnsureVeth(name, peer string, _ int) error {
	index := 900 + len(h.Snapshot().Links)
	h.link(name, index)
	h.link(peer, index+50)
	return nil
}

func (h *fakeHost) RemoveVeth(name, peer string) (bool, error) {
	_, was := h.Snapshot().Links[name]
	h.unlink(name)
	h.unlink(peer)
	return was, nil
}

func (h *fakeHost) EnsureInternal(want hostnet.Internal) error {
	index := 700 + len(h.Snapshot().Links)
	h.change(func(s *hostnet.Snapshot) {
		mac := want.MAC
		if mac == [6]byte{} {
			mac = [6]byte{2, 0, 0, 0, 7, 7}
		}
		s.Links[want.Name] = hostnet.Link{Name: want.Name, Index: index, Parent: index + 100, MTU: want.MTU, MAC: mac, Kind: "veth"}
		s.Links[want.Peer] = hostnet.Link{Name: want.Peer, Index: index + 100, Parent: index, MTU: want.MTU, Kind: "veth", Up: true}
	})
	return nil
}

func (h *fakeHost) RemoveInternal(peer string) error {
	h.change(func(s *hostnet.Snapshot) {
		for name, l := range s.Links {
			if l.Parent == s.Links[peer].Index && l.Parent > 0 {
				delete(s.Links, name)
			}
		}
		delete(s.Links, peer)
	})
	return nil
}

func (h *fakeHost) Counters() (map[int]hostnet.Counters, error) {
	return map[int]hostnet.Counters{10: {RxPackets: 7, RxBytes: 700, TxPackets: 3, TxBytes: 300}}, nil
}

func (h *fakeHost) Close() {}

// fakePlane remembers the state that it was given.
type fakePlane struct {
	mu       sync.Mutex
	state    *netstate.State
	applies  int
	failures []netstate.Failure
	pending  []netstate.PortID
	err      error
	gate     chan struct{} // not nil: Apply waits for it to be closed
	slots    map[uint32]punt.Port
	tables   map[string]map[string]string
}

func (p *fakePlane) Apply(ctx context.Context, want *netstate.State) (netstate.Result, error) {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return netstate.Result{}, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applies++
	if p.err != nil {
		return netstate.Result{}, p.err
	}
	p.state = want
	return netstate.Result{Failures: p.failures, Pending: p.pending, Unfinished: len(p.pending) > 0}, nil
}

// set changes the plane under its lock.
func (p *fakePlane) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// devices are the local ports of the state that is live, as "port device".
func (p *fakePlane) devices() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	if p.state != nil {
		for _, m := range p.state.Modules {
			for _, port := range m.Ports {
				if port.Device != nil {
					list = append(list, port.Name+" "+port.Device.Name)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

func (p *fakePlane) applied() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.applies
}

func (p *fakePlane) DevicesChanged(map[int]bool) {}
func (p *fakePlane) Port(string, uint16) (hover.PortCounters, error) {
	return hover.PortCounters{}, hover.ErrUnknown
}
func (p *fakePlane) Drops(string) ([]hover.Drop, error) { return nil, nil }
func (p *fakePlane) NodeDrops() ([]hover.Drop, error)   { return nil, nil }
func (p *fakePlane) Instances() []hover.Instance        { return nil }
func (p *fakePlane) Types() []hover.Type                { return nil }
func (p *fakePlane) Hooks() []hover.Hook                { return nil }
func (p *fakePlane) Close()                             {}

func (p *fakePlane) Tables(string) ([]hover.Table, error) { return nil, hover.ErrUnknown }
func (p *fakePlane) Rows(string, string, int) ([]hover.TableRow, bool, error) {
	return nil, false, hover.ErrUnknown
}

func (p *fakePlane) PortAt(slot uint32) (punt.Port, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	port, ok := p.slots[slot]
	return port, ok
}

func (p *fakePlane) ReadTable(name string) (map[string]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.tables[name]), nil
}

func (p *fakePlane) WriteTable(string, map[string]string, []string) error { return nil }
func (p *fakePlane) Uptime() time.Duration                                { return 0 }
func (p *fakePlane) PuntCounts() ([]hover.PuntCount, error)               { return nil, nil }
func (p *fakePlane) FlowCounts() (hover.FlowCounts, error)                { return hover.FlowCounts{}, nil }
func (p *fakePlane) Usage() []hover.Usage                                 { return nil }

// fakePunts lets the test punt.
type fakePunts struct{ handlers map[puntKind]punt.Handler }

// puntKind is what a handler is for.
type puntKind struct {
	kind   string
	reason uint32
}

func (p *fakePunts) Handle(kind string, reason uint32, h punt.Handler) {
	p.handlers[puntKind{kind, reason}] = h
}
func (p *fakePunts) Counts() punt.Counts           { return punt.Counts{} }
func (p *fakePunts) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// node is one hypervisor: real databases and a real ovn-northd, with a host and a data plane made up.
type node struct {
	t          *testing.T
	nb, sb, vs *ovsdbtest.Server
	nbAt, sbAt string // their remotes, for OVN's programs
	host       *fakeHost
	plane      *fakePlane
	punts      *fakePunts
	logs       *syncBuffer
	stopAgent  func()
}

// newNode starts the databases and tells the local one who the chassis is; the agent and northd are not running yet.
func newNode(t *testing.T) *node {
	t.Helper()
	for _, program := range []string{"ovsdb-server", "ovn-northd", "ovs-vsctl", "ovn-nbctl", "ovn-sbctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: run hack/install-deps", err)
		}
	}
	n := &node{t: t, host: newFakeHost(), plane: &fakePlane{}, stopAgent: func() {}}
	n.nb, n.sb, n.vs = ovsdbtest.Start(t, ovsdbtest.NB), ovsdbtest.Start(t, ovsdbtest.SB), ovsdbtest.Start(t, ovsdbtest.VSW)
	n.nbAt, n.sbAt = n.nb.Remote(), n.sb.Remote()
	n.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "external_ids:system-id=hv1", "external_ids:hostname=host1",
		"external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=192.0.2.1")
	n.setRemotes(n.nbAt, n.sbAt)
	t.Cleanup(func() { n.stopAgent() })
	return n
}

// setRemotes tells the local database where the others are.
func (n *node) setRemotes(nb, sb string) {
	n.t.Helper()
	n.vsctl("--no-wait", "set", "Open_vSwitch", ".", fmt.Sprintf("external_ids:ovn-remote=%q", sb),
		fmt.Sprintf("external_ids:woven-nb-remote=%q", nb))
}

// startNorthd starts ovn-northd, which ends with the test.
func (n *node) startNorthd() {
	n.t.Helper()
	dir := n.t.TempDir()
	cmd := exec.Command("ovn-northd", "--ovnnb-db="+n.nbAt, "--ovnsb-db="+n.sbAt,
		"--unixctl="+filepath.Join(dir, "ctl"), "-vconsole:off")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Env = append(os.Environ(), "OVN_RUNDIR="+dir, "OVS_RUNDIR="+dir)
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	})
}

// startAgent starts the agent's loop with the node's host and data plane.
func (n *node) startAgent() *Source {
	n.t.Helper()
	n.logs = &syncBuffer{}
	log := slog.New(slog.NewTextHandler(n.logs, nil))
	w := databases(log)
	n.punts = &fakePunts{map[puntKind]punt.Handler{}}
	w.host, w.plane, w.punts, w.hostname = n.host, n.plane, n.punts, "fallback"
	source := make(chan *Source, 1)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	o := Options{OVS: n.vs.Remote(), Log: log, Version: "test",
		Serve: func(ctx context.Context, s *Source) error { source <- s; <-ctx.Done(); return nil }}
	go func() { done <- runIn(ctx, w, o) }()
	n.stopAgent = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("agent: %v", err)
		}
		if n.t.Failed() {
			n.t.Logf("agent's log:\n%s", n.logs)
		}
	})
	return <-source
}

// ready waits until the agent has registered its chassis and made the first state live.
func (n *node) ready(s *Source) *Source {
	n.t.Helper()
	n.until("first state", func() bool { st := s.Status(); return st.Chassis != "" && st.Generation > 0 })
	return s
}

func (n *node) run(program string, args ...string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (n *node) vsctl(args ...string) string {
	n.t.Helper()
	return n.run("ovs-vsctl", append([]string{"--db=" + n.vs.Remote(), "--timeout=5"}, args...)...)
}

func (n *node) nbctl(args ...string) string {
	n.t.Helper()
	return n.run("ovn-nbctl", append([]string{"--db=" + n.nbAt, "--timeout=10"}, args...)...)
}

func (n *node) sbctl(args ...string) string {
	n.t.Helper()
	return n.run("ovn-sbctl", append([]string{"--db=" + n.sbAt, "--timeout=10"}, args...)...)
}

// binding is "chassis-name up" of a logical port.
func (n *node) binding(port string) string {
	n.t.Helper()
	uuid := n.sbctl("--bare", "--columns=chassis", "find", "Port_Binding", "logical_port="+port)
	name := "-"
	if uuid != "" {
		name = n.sbctl("--if-exists", "get", "Chassis", uuid, "name")
	}
	return name + " " + or(n.sbctl("--bare", "--columns=up", "find", "Port_Binding", "logical_port="+port), "-")
}

func (n *node) iface(name, column string) string {
	n.t.Helper()
	return strings.Trim(n.vsctl("--if-exists", "get", "Interface", name, column), `"`)
}

// until waits for a condition.
func (n *node) until(what string, ok func() bool) {
	n.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			n.t.Fatalf("never: %s", what)
		}
	}
}

// untilIs waits for a value.
func (n *node) untilIs(what, want string, get func() string) {
	n.t.Helper()
	var got string
	defer func() {
		if n.t.Failed() && got != want {
			n.t.Logf("%s: last %q, want %q", what, got, want)
		}
	}()
	n.until(fmt.Sprintf("%s is %q", what, want), func() bool { got = get(); return got == want })
}

func (n *node) untilBound(port, want string) {
	n.t.Helper()
	n.untilIs("binding of "+port, want, func() string { return n.binding(port) })
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
