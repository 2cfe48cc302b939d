package hover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
)

const switchA = "6a3c1a52-0000-4000-8000-00000000000a"

func TestOneNode(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNode(t, mode)
			w1, w2 := n.workload(1), n.workload(2)
			n.apply(state(lswitch(switchA, 7, w1, w2)))
			for _, to := range []string{addr4(2).String(), addr6(2).String()} {
				if !ping(w1, to) {
					t.Errorf("no answer from %s; drops: %s", to, n.drops(switchA))
				}
			}
			t.Log(n.drops(switchA))
		})
	}
}

func TestTwoNodes(t *testing.T) {
	for _, tt := range []struct {
		mode     AttachMode
		underlay string
		mtu      int // of the inner packet
	}{{AttachTCX, "172.31.0.0/24", 1442}, {AttachTCX, "fd31::/64", 1422}, {AttachClsact, "172.31.0.0/24", 1442}, {AttachClsact, "fd31::/64", 1422}} {
		t.Run(string(tt.mode)+" "+tt.underlay, func(t *testing.T) {
			a, b := newNode(t, tt.mode), newNode(t, tt.mode)
			w1, w2 := a.workload(1), b.workload(2)
			sa, sb := state(lswitch(switchA, 7, w1, elsewhere(w2))), state(lswitch(switchA, 7, elsewhere(w1), w2))
			underlay(a, b, sa, sb, netip.MustParsePrefix(tt.underlay))
			a.apply(sa)
			b.apply(sb)
			for _, to := range []string{addr4(2).String(), addr6(2).String()} {
				if !ping(w1, to) {
					t.Errorf("no answer from %s; drops: %s / %s", to, a.drops(switchA), b.drops(switchA))
				}
			}
			if !ping(w1, addr4(2).String(), "-s", strconv.Itoa(tt.mtu-28), "-M", "do") {
				t.Errorf("no answer to a packet as large as the tunnel carries; drops: %s", a.drops(switchA))
			}
			if ping(w1, addr4(2).String(), "-s", strconv.Itoa(tt.mtu-27), "-M", "do") {
				t.Error("an answer to a packet that can't cross")
			}
		})
	}
}

// pinger sends numbered echo requests until stopped; lost says how many had no answer.
type pinger struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

func startPing(t *testing.T, w workload, to string) *pinger {
	t.Helper()
	p := &pinger{cmd: exec.Command("ip", "netns", "exec", w.ns, "ping", "-i", "0.002", to)}
	p.cmd.Stdout = &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// stop ends the pings and returns ping's summary line: "N packets transmitted, N received, ...".
func (p *pinger) stop(t *testing.T) (sent, received int) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.cmd.Wait()
	line := regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`).FindStringSubmatch(p.out.String())
	if line == nil {
		t.Fatalf("no summary from ping: %s", p.out.String())
	}
	sent, _ = strconv.Atoi(line[1])
	received, _ = strconv.Atoi(line[2])
	return sent, received
}

// A new process adopts the data plane of a dead one: nothing is written anew, nothing is lost.
func TestAdoption(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNode(t, mode)
			w1, w2 := n.workload(1), n.workload(2)
			want := state(lswitch(switchA, 7, w1, w2))
			n.apply(want)
			before := snapshot(t, n)
			p := startPing(t, w1, addr4(2).String())
			for range 5 {
				n.Close()
				if err := n.open(mode); err != nil {
					t.Fatal(err)
				}
				n.apply(want)
			}
			if sent, received := p.stop(t); sent == 0 || sent-received > 1 { // the last one may be under way
				t.Errorf("%d of %d answered", received, sent)
			}
			if diff := cmp.Diff(before, snapshot(t, n)); diff != "" {
				t.Errorf("state after adoption: -before +after:\n%s", diff)
			}
		})
	}
}

// The ends of links keep their slots when a new process has pruned what an earlier one left: none is given to a port that comes later.
func TestAdoptionOfLinks(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	linked := func(id string, key uint32, peer string, workloads ...workload) *netstate.Module {
		m := lswitch(id, key, workloads...)
		m.Ports = append(m.Ports, netstate.Port{Name: id + "-link", Key: 9, Peer: &netstate.Link{Module: peer, Key: 9}})
		return m
	}
	n.apply(state(linked(switchA, 7, switchB, w1), linked(switchB, 8, switchA)))
	n.Close()
	if err := n.open(AttachTCX); err != nil {
		t.Fatal(err)
	}
	n.apply(state(linked(switchA, 7, switchB, w1), linked(switchB, 8, switchA)))
	n.now = func() time.Time { return time.Now().Add(2 * slotRest) }
	n.apply(state(linked(switchA, 7, switchB, w1), linked(switchB, 8, switchA, w2)))
	owners := map[uint32]string{}
	for _, in := range n.Instances() {
		for _, p := range in.Module.Ports {
			slot := in.Ports[p.Key]
			if slot == 0 || owners[slot] != "" {
				t.Errorf("port %s of %s has slot %d, which is also that of %q", p.Name, in.Module.Name, slot, owners[slot])
			}
			owners[slot] = p.Name
		}
	}
}

// snapshot is the content of all state tables but the counters.
func snapshot(t *testing.T, n *node) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, m := range n.tables.maps {
		rows, err := readBack(m)
		if err != nil {
			t.Fatal(err)
		}
		for key, r := range rows {
			out[fmt.Sprintf("%s %x", name, key)] = fmt.Sprintf("%x", r.value)
		}
	}
	return out
}

// Switching the way of attaching loses nothing and leaves nothing of the other way.
func TestChangeOfAttachMode(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	want := state(lswitch(switchA, 7, w1, w2))
	n.apply(want)
	p := startPing(t, w1, addr4(2).String())
	for _, mode := range []AttachMode{AttachClsact, AttachTCX, AttachClsact} {
		n.Close()
		if err := n.open(mode); err != nil {
			t.Fatal(err)
		}
		n.apply(want)
		n.do(func() {
			if left, err := n.hooks.other.list(); err != nil || len(left) > 0 {
				t.Errorf("after %s: other way has %v, %v", mode, left, err)
			}
		})
	}
	if sent, received := p.stop(t); sent == 0 || sent-received > 1 {
		t.Errorf("%d of %d answered", received, sent)
	}
}

// A release with other programs and another layout takes over without a lost packet, and the old one goes.
func TestUpgrade(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	want := state(lswitch(switchA, 7, w1, w2))
	n.apply(want)
	old := n.spec
	p := startPing(t, w1, addr4(2).String())
	n.Close()
	other := l2switch.Kind()
	load := other.Load
	other.Load = func() (*ebpf.CollectionSpec, error) {
		spec, err := load()
		if err == nil {
			spec.Maps["l2switch_fdbs"].MaxEntries /= 2
		}
		return spec, err
	}
	if err := n.open(AttachTCX, other); err != nil {
		t.Fatal(err)
	}
	if n.spec.Layout == old.Layout || n.spec.Release == old.Release {
		t.Fatal("the release did not change")
	}
	n.apply(want)
	if sent, received := p.stop(t); sent == 0 || sent-received > 1 {
		t.Errorf("%d of %d answered", received, sent)
	}
	for dir, want := range map[string]string{"maps": n.spec.Layout, "progs": n.spec.Release} {
		entries, err := os.ReadDir(filepath.Join(n.pins.root, dir))
		if err != nil || len(entries) != 1 || entries[0].Name() != want {
			t.Errorf("%s: have %v, %v; want only %s", dir, entries, err, want)
		}
	}
}

// A tunnel key that passes to another tenant takes nothing of the first one along.
func TestReusedKey(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3 := n.workload(1), n.workload(2), n.workload(3)
	n.apply(state(lswitch(switchA, 7, w1, w2)))
	if !ping(w1, addr4(2).String()) {
		t.Fatal("no answer before")
	}
	n.apply(state(lswitch(switchB, 7, w3)))
	for key, value := range snapshot(t, n) {
		if strings.HasPrefix(key, "l2switch_fdbs") && !strings.Contains(key, "0a0000000003") {
			t.Errorf("left of the first tenant: %s = %s", key, value)
		}
	}
	if _, err := n.Port(switchA, 1); !errors.Is(err, ErrUnknown) {
		t.Errorf("counters of a port that is gone: %v", err)
	}
}

// A device that is missing is one failure; all else is live, and it is tried again.
func TestMissingDevice(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	gone := workload{key: 3, dev: netstate.Device{Name: "nosuch", Ifindex: 4711}}
	var res netstate.Result
	var err error
	apply := func(want *netstate.State) {
		n.do(func() { res, err = n.Apply(context.Background(), want) })
	}
	apply(state(lswitch(switchA, 7, w1, w2, gone)))
	if err != nil || len(res.Failures) == 0 || res.Failures[0].Port != "lp3" || !strings.Contains(res.Failures[0].Err.Error(), `"nosuch"`) {
		t.Errorf("have %+v, %v", res, err)
	}
	if !ping(w1, addr4(2).String()) {
		t.Error("the other ports suffer")
	}
	apply(state(lswitch(switchA, 7, w1, w2)))
	if err != nil || len(res.Failures) != 0 {
		t.Errorf("afterwards: %+v, %v", res, err)
	}
}

// A full table is a failure of the module that wants more, with a name, and no other suffers.
func TestFullTable(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	good := lswitch(switchA, 7, w1, w2)
	huge := lswitch("6a3c1a52-0000-4000-8000-00000000000c", 8)
	c := huge.Config.(*config.Config)
	c.Ports[1] = config.Port{}
	for i := range 140_000 {
		c.FDB[[6]byte{0x0a, 1, 0, byte(i >> 16), byte(i >> 8), byte(i)}] = 1
	}
	var res netstate.Result
	var err error
	n.do(func() { res, err = n.Apply(context.Background(), state(good, huge)) })
	if err != nil || len(res.Failures) != 1 || !errors.Is(res.Failures[0].Err, ErrFull) || res.Failures[0].Module != huge.ID {
		t.Fatalf("have %+v, %v", res, err)
	}
	if !ping(w1, addr4(2).String()) {
		t.Error("the other switch suffers")
	}
	n.apply(state(good))
	if rows := len(n.tables.rows["l2switch_fdbs"]); rows != 2 {
		t.Errorf("%d rows are left, want 2", rows)
	}
}

func TestPinDirectoryMustBeBPFFS(t *testing.T) {
	n := newNode(t, AttachTCX)
	n.bpffs = t.TempDir()
	if err := n.open(AttachTCX); err == nil || !strings.Contains(err.Error(), "not on a bpffs") {
		t.Errorf("have %v", err)
	}
}

func TestCleanup(t *testing.T) {
	for _, mode := range []AttachMode{AttachTCX, AttachClsact} {
		n := newNode(t, mode)
		w1, w2 := n.workload(1), n.workload(2)
		n.apply(state(lswitch(switchA, 7, w1, w2)))
		n.Close()
		for range 2 { // the second time there is nothing
			n.do(func() {
				if err := Cleanup(n.bpffs); err != nil {
					t.Error(err)
				}
			})
		}
		if _, err := os.Stat(n.pins.root); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("pins are left: %v", err)
		}
		if ping(w1, addr4(2).String()) {
			t.Error("still forwards")
		}
	}
}
