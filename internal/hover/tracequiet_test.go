package hover

import (
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iomtest"
)

// traceScratch are the maps that a trace may write: its log, and the metadata of the packet at hand.
var traceScratch = []string{"iom_trace_log", "iom_metas"}

// Traces of every kind leave every map that is pinned, and every counter of an interface, as they were.
func TestTraceIsQuiet(t *testing.T) {
	n, peer := newNode(t, AttachTCX), newNode(t, AttachTCX)
	s, workloads := quietState(n, peer)
	n.apply(s)
	for _, w := range workloads { // what they send by themselves would count
		testutil.Run(t, "ip", "-n", w.ns, "link", "set", "eth0", "down")
	}
	for _, dev := range []string{"eth0", "br-int", "woven0"} {
		n.ip("link", "set", dev, "down")
	}
	n.Close()
	before := footprint(t, n)
	tr, err := OpenTracer(n.bpffs, []iom.Kind{l2switch.Kind()})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	met := map[string]bool{}
	frames := quietFrames(t)
	for _, f := range frames {
		res, err := tr.Trace(f.port, f.frame)
		if err != nil {
			t.Fatal(err)
		}
		note(met, res.Steps)
		if diff := cmp.Diff(before, footprint(t, n)); diff != "" {
			t.Fatalf("a trace of %s has changed something: -before +after:\n%s", f.name, diff)
		}
	}
	for _, what := range stepWords {
		if !met[what] {
			t.Errorf("no trace has met %s", what)
		}
	}
	n.send(t, workloads[1], frames[0].frame)
	if cmp.Equal(before, footprint(t, n)) {
		t.Error("a packet that is no trace has changed nothing either")
	}
}

// note marks what steps are.
func note(met map[string]bool, steps []TraceStep) {
	for _, s := range steps {
		met[s.What] = true
		note(met, s.Copy)
	}
}

// quietState is a switch with the secured port lp1, the learning lp2, lp3 that waits for activation, and lp9 elsewhere.
func quietState(n, peer *node) (s *netstate.State, workloads []workload) {
	workloads = []workload{n.workload(1), n.workload(2), n.workload(3)}
	m := lswitch(switchA, 7, append(workloads, elsewhere(peer.workload(9)))...)
	c := m.Config.(*config.Config)
	c.Ports[2] = config.Port{Enabled: true, Learn: true}
	c.Ports[3] = config.Port{Enabled: true, Activation: config.RARP}
	c.UnknownGroup = unknownGroup
	c.Snooping = &config.Snooping{ControlGroup: unknownGroup}
	m.Groups = append(m.Groups, netstate.Group{Name: "_MC_unknown", Key: unknownGroup, Ports: []uint16{2, 9}})
	s = state(m)
	underlay(n, peer, s, state(), netip.MustParsePrefix("172.31.0.0/24"))
	return s, workloads
}

type quietFrame struct {
	name, port string
	frame      []byte
}

func quietFrames(t *testing.T) []quietFrame {
	mac1, stranger, all := slice(mac(1)), []byte{0x0a, 0, 0, 0, 0, 0x77}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	group := []byte{1, 0, 0x5e, 1, 1, 1}
	igmp := iomtest.Frame(t, iomtest.Eth(mac1, group, layers.EthernetTypeIPv4), iomtest.IP(addr4(1), netip.MustParseAddr("239.1.1.1"), layers.IPProtocolIGMP),
		gopacket.Payload{0x16, 0, 0, 0, 239, 1, 1, 1})
	rarp := iomtest.Frame(t, iomtest.Eth(slice(mac(3)), all, 0x8035), gopacket.Payload(make([]byte, 28)))
	return []quietFrame{
		{"learning", "lp2", iomtest.UDP(t, stranger, mac1, addr4(2), addr4(1), 1, 2)},
		{"unicast", "lp1", iomtest.UDP(t, mac1, slice(mac(2)), addr4(1), addr4(2), 1, 2)},
		{"a tunnel", "lp1", iomtest.UDP(t, mac1, slice(mac(9)), addr6(1), addr6(9), 1, 2)},
		{"a drop", "lp1", iomtest.UDP(t, mac1, slice(mac(2)), addr4(5), addr4(2), 1, 2)},
		{"a broadcast", "lp1", iomtest.UDP(t, mac1, all, addr4(1), addr4(255), 1, 2)},
		{"unknown unicast", "lp1", iomtest.UDP(t, mac1, stranger, addr4(1), addr4(2), 1, 2)},
		{"an ARP answer", "lp1", iomtest.ARP(t, 1, mac1, all, mac1, addr4(1), addr4(2))},
		{"a punt", "lp1", igmp},
		{"an activation", "lp3", rarp},
	}
}

// send has a workload's port get a frame as from its device.
func (n *node) send(t *testing.T, w workload, frame []byte) {
	t.Helper()
	spec, err := iom.NewSpec([]iom.Kind{l2switch.Kind()})
	if err != nil {
		t.Fatal(err)
	}
	p := &pins{root: filepath.Join(n.bpffs, fmt.Sprintf("v%d", iom.ABI)), spec: spec}
	prog, err := ebpf.LoadPinnedProgram(filepath.Join(p.releaseDir(), iom.ProgVIFIn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	ctx := struct {
		_       [10]uint32
		Ifindex uint32
	}{Ifindex: uint32(w.dev.Ifindex)}
	n.do(func() { _, err = prog.Run(&ebpf.RunOptions{Data: frame, Context: ctx}) })
	if err != nil {
		t.Fatal(err)
	}
}

// footprint is the content of every pinned map but traceScratch, and all counters of the node's interfaces.
func footprint(t *testing.T, n *node) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(n.bpffs, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(traceScratch, entry.Name()) {
			return err
		}
		m, err := ebpf.LoadPinnedMap(path, nil)
		if err != nil {
			return nil // a program or a link
		}
		defer m.Close()
		out[entry.Name()], err = content(m)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("found only %d maps", len(out))
	}
	for _, line := range strings.Split(testutil.Run(t, "ip", "netns", "exec", n.ns, "sh", "-c", "grep . /sys/class/net/*/statistics/*"), "\n") {
		counter, value, _ := strings.Cut(line, ":")
		out[counter] = value
	}
	return out
}

// content is a map's content as text.
func content(m *ebpf.Map) (string, error) {
	switch m.Type() {
	case ebpf.ProgramArray:
		return "", nil // programs don't write it
	case ebpf.RingBuf:
		r, err := ringbuf.NewReader(m)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(r.AvailableBytes()), r.Close()
	case ebpf.PerCPUArray:
		var b strings.Builder
		var key []byte
		var values [][]byte
		it := m.Iterate()
		for it.Next(&key, &values) {
			if slices.ContainsFunc(values, func(v []byte) bool { return strings.Trim(string(v), "\x00") != "" }) {
				fmt.Fprintf(&b, "%x=%x ", key, values)
			}
		}
		return b.String(), it.Err()
	}
	rows, err := readBack(m)
	var lines []string
	for key, r := range rows {
		lines = append(lines, fmt.Sprintf("%x=%x", key, r.value))
	}
	slices.Sort(lines)
	return strings.Join(lines, " "), err
}
