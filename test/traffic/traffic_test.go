package traffic_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/test/traffic"
)

var (
	addr4 = netip.MustParseAddr("10.0.0.2")
	addr6 = netip.MustParseAddr("fd00::2")
)

// cable joins two new namespaces by their devices eth0: from is host 1, to is host 2.
func cable(t *testing.T) (from, to string) {
	t.Helper()
	from, to = testutil.Netns(t, "a"), testutil.Netns(t, "b")
	testutil.Run(t, "ip", "-n", from, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", to)
	for ns, host := range map[string]string{from: "1", to: "2"} {
		testutil.Run(t, "ip", "-n", ns, "link", "set", "eth0", "up")
		address(t, ns, "add", netip.MustParseAddr("10.0.0."+host))
		address(t, ns, "add", netip.MustParseAddr("fd00::"+host))
	}
	return from, to
}

// address adds or deletes an address of eth0.
func address(t *testing.T, ns, verb string, addr netip.Addr) {
	t.Helper()
	length := "/24"
	if addr.Is6() {
		length = "/64"
	}
	argv := []string{"ip", "-n", ns, "addr", verb, addr.String() + length, "dev", "eth0"}
	if addr.Is6() && verb == "add" {
		argv = append(argv, "nodad")
	}
	testutil.Run(t, argv...)
}

func start(t *testing.T, flow traffic.Flow) *traffic.Run {
	t.Helper()
	run, err := traffic.Start(t.Context(), flow)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func finish(t *testing.T, run *traffic.Run) *traffic.Result {
	t.Helper()
	result, err := run.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestNothingLost(t *testing.T) {
	from, to := cable(t)
	var runs []*traffic.Run
	for _, dest := range []netip.Addr{addr4, addr6} {
		runs = append(runs, start(t, traffic.Flow{From: testutil.In(t, from), To: testutil.In(t, to), Dest: dest, Packets: 5000, PerSecond: 20000}))
	}
	for _, run := range runs {
		result := finish(t, run)
		if diff := cmp.Diff(&traffic.Result{Sent: max(5000, run.Sent())}, result); diff != "" {
			t.Error(diff)
		}
	}
}

// TestLossIsCounted takes the receiver's address away for a while: what was sent meanwhile is lost, what came before and after is not.
func TestLossIsCounted(t *testing.T) {
	from, to := cable(t)
	run := start(t, traffic.Flow{From: testutil.In(t, from), To: testutil.In(t, to), Dest: addr4, PerSecond: 20000})
	sent := func(n int) {
		for run.Sent() < n {
			time.Sleep(time.Millisecond)
		}
	}
	sent(500)
	address(t, to, "del", addr4)
	cut := run.Sent()
	sent(cut + 500)
	address(t, to, "add", addr4)
	mended := run.Sent()
	sent(mended + 500)
	result := finish(t, run)
	if result.Lost < 500 || result.Lost > mended || result.Twice != 0 || len(result.LostRanges) != 1 {
		t.Fatalf("%s; cut before %d, mended before %d", result, cut, mended)
	}
	if gap := result.LostRanges[0]; gap[0] > cut || gap[1] < cut+499 || result.Lost != gap[1]-gap[0]+1 {
		t.Errorf("%s; cut before %d", result, cut)
	}
	if run := start(t, traffic.Flow{From: testutil.In(t, from), To: testutil.In(t, to), Dest: addr4, Packets: 10}); run.Check() != nil {
		t.Error("the mended way is not whole")
	}
}

// TestClosedWay has no receiver's address: neither the first mark gets through nor, for a way that is cut later, the last.
func TestClosedWay(t *testing.T) {
	from, to := cable(t)
	flow := traffic.Flow{From: testutil.In(t, from), To: testutil.In(t, to), Dest: addr4.Next(), Patience: 50 * time.Millisecond}
	if _, err := traffic.Start(t.Context(), flow); !errors.Is(err, traffic.ErrClosed) {
		t.Errorf("no such address: %v, want ErrClosed", err)
	}
	for _, lossy := range []bool{true, false} {
		run := start(t, traffic.Flow{From: testutil.In(t, from), To: testutil.In(t, to), Dest: addr6, Packets: 100, Patience: 50 * time.Millisecond, Lossy: lossy})
		address(t, to, "del", addr6)
		result, err := run.Finish()
		if lossy && (err != nil || result.Lost == 0) {
			t.Errorf("lossy flow: %v, %v", result, err)
		}
		if !lossy && !errors.Is(err, traffic.ErrClosed) {
			t.Errorf("flow: %v, want ErrClosed", err)
		}
		address(t, to, "add", addr6)
	}
}

// TestTwice broadcasts to two namespaces on one bridge, both of which count.
func TestTwice(t *testing.T) {
	from := testutil.Netns(t, "a")
	receivers := []string{testutil.Netns(t, "b"), testutil.Netns(t, "c")}
	testutil.Run(t, "ip", "-n", from, "link", "add", "eth0", "type", "bridge")
	testutil.Run(t, "ip", "-n", from, "link", "set", "eth0", "up")
	address(t, from, "add", netip.MustParseAddr("10.0.0.1"))
	for i, ns := range receivers {
		port := fmt.Sprintf("port%d", i)
		testutil.Run(t, "ip", "-n", from, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns)
		testutil.Run(t, "ip", "-n", from, "link", "set", port, "master", "eth0", "up")
		testutil.Run(t, "ip", "-n", ns, "link", "set", "eth0", "up")
		address(t, ns, "add", addr4)
	}
	broadcast := netip.MustParseAddr("10.0.0.255")
	run := start(t, traffic.Flow{
		From: testutil.In(t, from), To: testutil.In(t, receivers[0]), Also: []traffic.Place{testutil.In(t, receivers[1])}, Dest: broadcast, Packets: 100,
	})
	if result := finish(t, run); result.Twice != 100 || result.Lost != 0 {
		t.Errorf("%s; want every packet twice", result)
	}
}

func TestOverhear(t *testing.T) {
	from, to := cable(t)
	tap, err := traffic.Overhear(testutil.In(t, to), "eth0")
	if err != nil {
		t.Fatal(err)
	}
	deaf, err := traffic.Overhear(testutil.In(t, from), "eth0")
	if err != nil {
		t.Fatal(err)
	}
	run := start(t, traffic.Flow{From: testutil.In(t, from), To: testutil.In(t, to), Dest: addr4, Packets: 100})
	if err := run.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tap  *traffic.Tap
		want int
	}{{tap, 100}, {deaf, 0}} {
		if heard, err := c.tap.Close(run); err != nil || heard != c.want {
			t.Errorf("overheard %d (%v), want %d", heard, err, c.want)
		}
	}
	if _, err := traffic.Overhear(testutil.In(t, to), "eth9"); err == nil {
		t.Error("a device that does not exist was opened")
	}
}
