package hover

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
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
	broadcast := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for _, tt := range []struct {
		frame []byte
		want  string
	}{
		{iomtest.UDP(t, slice(mac(1)), slice(mac(2)), addr4(1), addr4(2), 1, 2), "enter l2switch \"" + switchA + "\"\noutput \"lp2\""},
		{iomtest.UDP(t, slice(mac(1)), slice(mac(9)), addr6(1), addr6(9), 1, 2),
			"enter l2switch \"" + switchA + "\"\ntunnel to 172.31.0.2 vni 7 key 9"},
		{iomtest.UDP(t, slice(mac(1)), slice(mac(2)), addr4(3), addr4(2), 1, 2),
			"enter l2switch \"" + switchA + "\"\ndrop l2switch.port_security_ip: source IP is not allowed by port security"},
		{iomtest.UDP(t, slice(mac(1)), broadcast, addr4(1), addr4(255), 1, 2),
			"enter l2switch \"" + switchA + "\"\nflood group 32768\ncopy \"lp2\"\n  output \"lp2\"\ncopy to 172.31.0.2 key 32768"},
	} {
		res, err := tr.Trace("lp1", tt.frame)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, step := range res.Steps {
			lines = append(lines, step.String())
		}
		if diff := cmp.Diff(tt.want, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if _, err := tr.Trace("nosuch", make([]byte, 60)); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown port: %v", err)
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

func TestTracerWithoutPins(t *testing.T) {
	n := newNode(t, AttachTCX)
	n.Close()
	if _, err := OpenTracer(t.TempDir(), []iom.Kind{l2switch.Kind()}); err == nil || !strings.Contains(err.Error(), "--bpffs") {
		t.Errorf("have %v", err)
	}
}
