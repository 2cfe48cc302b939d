package hover

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

// A trace works from the pins alone, names what it meets, follows flood copies, and changes nothing.
func TestTrace(t *testing.T) {
	a, b := newNode(t, AttachTCX), newNode(t, AttachTCX)
	w1, w2, far := a.workload(1), a.workload(2), b.workload(9)
	s, other := state(lswitch(switchA, 7, w1, w2, elsewhere(far))), state()
	underlay(a, b, s, other, netip.MustParsePrefix("172.31.0.0/24"))
	a.apply(s)
	for _, dev := range []string{w1.dev.Name, w2.dev.Name, "eth0"} { // what workloads send by themselves would count
		a.ip("link", "set", dev, "down")
	}
	count := func() PortCounters {
		c, err := a.Port(switchA, 1)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before, counted := snapshot(t, a), count()
	a.Close()

	tr, err := OpenTracer(a.bpffs, []iom.Kind{l2switch.Kind()})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	broadcast, peer, enter := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, netip.MustParseAddr("172.31.0.2"), TraceStep{What: "enter"}
	for _, tt := range []struct {
		frame []byte
		want  []TraceStep
	}{
		{iomtest.UDP(t, slice(mac(1)), slice(mac(2)), addr4(1), addr4(2), 1, 2), []TraceStep{enter, {What: "output", Port: "lp2"}}},
		{iomtest.UDP(t, slice(mac(1)), slice(mac(9)), addr6(1), addr6(9), 1, 2), []TraceStep{enter,
			{What: "tunnel", Module: "iom", Port: "lp9", Peer: "peer", Addr: peer, VNI: 7, Key: 9}}},
		{iomtest.UDP(t, slice(mac(1)), slice(mac(2)), addr4(3), addr4(2), 1, 2), []TraceStep{enter,
			{What: "drop", Port: "lp1", Reason: "port_security_ip", Text: "source IP is not allowed by port security"}}},
		{iomtest.UDP(t, slice(mac(1)), slice(mac(2)), addr4(1), addr4(3), 1, 2), []TraceStep{enter,
			{What: "drop", Port: "lp2", Reason: "dst_security", Text: "destination is not allowed by the receiving port's port security"}}},
		{iomtest.UDP(t, slice(mac(1)), broadcast, addr4(1), addr4(255), 1, 2), []TraceStep{enter,
			{What: "flood", Group: "_MC_flood", Key: floodGroup},
			{What: "copy", Port: "lp2", Copy: inSwitch(TraceStep{What: "output", Port: "lp2"})},
			{What: "copy", Group: "_MC_flood", Key: floodGroup, Peer: "peer", Addr: peer, Copy: inSwitch(
				TraceStep{What: "tunnel", Module: "iom", Group: "_MC_flood", Key: floodGroup, Peer: "peer", Addr: peer, VNI: 7})}}},
		{big(t, slice(mac(1)), broadcast), []TraceStep{enter,
			{What: "flood", Group: "_MC_flood", Key: floodGroup},
			{What: "copy", Port: "lp2", Copy: inSwitch(TraceStep{What: "output", Port: "lp2"})},
			{What: "copy", Group: "_MC_flood", Key: floodGroup, Peer: "peer", Addr: peer, Copy: inSwitch(
				TraceStep{What: "drop", Module: "iom", Reason: "too_big", Text: "larger than the path to the tunnel peer carries"})}}},
		{iomtest.ARP(t, 1, slice(mac(1)), broadcast, slice(mac(1)), addr4(1), addr4(9)), []TraceStep{enter,
			{What: "decide", Reason: "answered", Text: "the switch answers ARP and ND for the port with that address", Object: "lp9"},
			{What: "rewrite", Len: 42}, {What: "output", Port: "lp1"}}},
	} {
		res, err := tr.Trace("lp1", tt.frame)
		if err != nil {
			t.Fatal(err)
		}
		expectFrames(t, res.Steps, res.Packet)
		if diff := cmp.Diff(inSwitch(tt.want...), res.Steps, cmpopts.IgnoreFields(TraceStep{}, "Frame"), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"lp1", "lp2"}, tr.Ports()); diff != "" {
		t.Errorf("ports: -want +got:\n%s", diff)
	}
	arrives := Probe{Port: "lp2", Arrives: true, InKey: 9, Frame: iomtest.UDP(t, slice(mac(9)), slice(mac(2)), addr4(9), addr4(2), 1, 2)}
	if res, err := tr.TraceProbe(arrives); err != nil || len(res.Steps) != 1 || res.Steps[0].What != "output" || res.Steps[0].Port != "lp2" || res.Steps[0].ID != switchA {
		t.Errorf("a frame from another node: %+v, %v", res.Steps, err)
	}
	for _, port := range []string{"nosuch", "lp9", ""} {
		if _, err := tr.Trace(port, make([]byte, 60)); !errors.Is(err, ErrUnknown) {
			t.Errorf("port %q: %v", port, err)
		}
	}
	if err := a.open(AttachTCX); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, a)); diff != "" {
		t.Errorf("the trace changed the data plane: -before +after:\n%s", diff)
	}
	a.apply(s)
	if diff := cmp.Diff(counted, count(), cmpopts.IgnoreUnexported(Stats{})); diff != "" {
		t.Errorf("counters moved:\n%s", diff)
	}
}

// expectFrames checks what outputs send: in these tests nothing is changed on the way out.
func expectFrames(t *testing.T, steps []TraceStep, want []byte) {
	t.Helper()
	for _, s := range steps {
		if (s.What == "output") != (s.Frame != nil) || s.Frame != nil && !bytes.Equal(s.Frame, want) {
			t.Errorf("%s: frame %x, want %x", s.What, s.Frame, want)
		}
		expectFrames(t, s.Copy, want)
	}
}

// inSwitch adds what all steps in the switch have in common.
func inSwitch(steps ...TraceStep) []TraceStep {
	for i := range steps {
		steps[i].Instance, steps[i].ID = switchA, switchA
		if steps[i].Module == "" {
			steps[i].Module = "l2switch"
		}
	}
	return steps
}

// big is a frame that no tunnel carries.
func big(t *testing.T, smac, dmac []byte) []byte {
	return iomtest.Frame(t, iomtest.Eth(smac, dmac, layers.EthernetTypeIPv4), iomtest.IP(addr4(1), addr4(255), layers.IPProtocolUDP),
		&layers.UDP{}, gopacket.Payload(make([]byte, 1460)))
}

// A flood to more members than a trace of old could hold has all of them.
func TestTraceManyMembers(t *testing.T) {
	n := newNode(t, AttachTCX)
	w := n.workload(1)
	const many = 300
	m := lswitch(switchA, 7, w)
	for key := uint16(2); key <= many; key++ {
		dev := w.dev
		m.Ports = append(m.Ports, netstate.Port{Name: longName(key), Key: key, Tag: key, Device: &dev})
		m.Groups[0].Ports = append(m.Groups[0].Ports, key)
		m.Config.(*config.Config).Ports[key] = config.Port{Enabled: true}
	}
	n.apply(state(m))
	n.Close()
	tr, err := OpenTracer(n.bpffs, []iom.Kind{l2switch.Kind()})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	res, err := tr.Trace("lp1", iomtest.UDP(t, slice(mac(1)), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, addr4(1), addr4(255), 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, s := range res.Steps[2:] {
		got[s.Copy[0].Port] = true
	}
	for key := uint16(2); key <= many; key++ {
		if !got[longName(key)] {
			t.Errorf("no copy for port %q", longName(key))
		}
	}
	if len(got) != many-1 {
		t.Errorf("copies for %d ports, want %d", len(got), many-1)
	}
}

// longName is a name that needs three rows; names of all ports begin alike.
func longName(key uint16) string { return strings.Repeat("long-", 30) + strconv.Itoa(int(key)) }

// Names come back as they were written; what is beyond maxName is cut.
func TestNames(t *testing.T) {
	testutil.RequireRoot(t)
	spec, err := iom.NewSpec(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(spec.Maps["iom_names"])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tables, want := &iom.Tables{}, names{}
	for i, length := range []int{0, 1, 63, 64, 65, 128, 129, maxName, maxName + 1, 1 << 16} {
		key, name := wire.NameKey{Dp: 3, Number: uint32(i)}, strings.Repeat("ü", length)[:length]
		putName(tables, key, name)
		want[key] = name[:min(length, maxName)]
	}
	for key, value := range tables.Rows["iom_names"] {
		if err := m.Put([]byte(key), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readNames(m)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v: -want +got:\n%s", err, diff)
	}
	if name := got.of(3, 0); name != "#0" {
		t.Errorf("what has no name is called %q", name)
	}
}

func TestTracerWithoutPins(t *testing.T) {
	n := newNode(t, AttachTCX)
	n.Close()
	_, err := OpenTracer(t.TempDir(), []iom.Kind{l2switch.Kind()})
	if err == nil || !strings.Contains(err.Error(), "--bpffs") {
		t.Errorf("have %v", err)
	}
	_, err = OpenTracer(n.bpffs, nil)
	if err == nil || !strings.Contains(err.Error(), "another build") {
		t.Errorf("programs of another build: %v", err)
	}
}
