package lab_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]lab.Options{
		"relative directory":   {Dir: "lab"},
		"directory too long":   {Dir: "/" + strings.Repeat("d", 100)},
		"prefix with a slash":  {Prefix: "a/b"},
		"negative hypervisors": {Hypervisors: -1},
		"too many hypervisors": {Hypervisors: 1000},
		"stock 0":              {Hypervisors: 2, Stock: []int{0}},
		"stock beyond":         {Hypervisors: 2, Stock: []int{3}},
		"stock twice":          {Hypervisors: 2, Stock: []int{1, 1}},
		"TLS and clusters":     {TLS: true, Clustered: true},
	} {
		if _, err := lab.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCentralOnly(t *testing.T) {
	l := labtest.Up(t, "cen", lab.Options{})

	t.Run("second lab in the same directory", func(t *testing.T) {
		again, err := lab.New(lab.Options{Dir: l.Dir(), Prefix: "wvtcen2-"})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Up(t.Context()); !errors.Is(err, lab.ErrRunning) {
			t.Errorf("second Up: %v, want ErrRunning", err)
		}
		if err := l.Up(t.Context()); !errors.Is(err, lab.ErrRunning) {
			t.Errorf("Up of a lab that is up: %v, want ErrRunning", err)
		}
	})
	t.Run("unknown names", func(t *testing.T) {
		ctx := t.Context()
		_, execErr := l.Exec(ctx, "hv7", "true")
		for what, err := range map[string]error{
			"Exec": execErr, "Stop": l.Stop("nothing"), "Start": l.Start(ctx, "nothing"), "KillAgent": l.KillAgent("hv1"),
			"Plug": l.Plug(ctx, "vm9"), "Unplug": l.Unplug(ctx, "../vm9"), "RemoveWorkload": l.RemoveWorkload(ctx, "vm9"),
			"AddWorkload": l.AddWorkload(ctx, vm(1, "hv1")),
		} {
			if !errors.Is(err, lab.ErrUnknown) {
				t.Errorf("%s: %v, want ErrUnknown", what, err)
			}
		}
	})
	t.Run("restart of the databases keeps their contents", func(t *testing.T) {
		nbctl(t, l, "ls-add", "kept")
		for _, service := range []string{lab.NB, lab.SB, lab.Northd} {
			if err := l.Kill(service); err != nil {
				t.Fatal(err)
			}
			if err := l.Start(t.Context(), service); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Start(t.Context(), lab.NB); err == nil {
			t.Error("a running service was started again")
		}
		if got := strings.TrimSpace(nbctl(t, l, "--bare", "--columns=name", "list", "Logical_Switch")); got != "kept" {
			t.Errorf("switches: %q", got)
		}
	})
	t.Run("listed from outside", func(t *testing.T) {
		nodes, err := lab.List(l.Dir())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range nodes {
			got = append(got, n.Name, n.Namespace, strings.Join(n.Addresses, " "))
			for _, p := range n.Processes {
				got = append(got, p.Name)
			}
		}
		want := []string{"central", "wvtcen-central", "172.31.0.1 fd00:31::1", "ovsdb-server", "ovsdb-server", "ovn-northd"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAgentThatExitsAtOnce(t *testing.T) {
	script := filepath.Join(t.TempDir(), "woven")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho no such verb: $1; exit 3"), 0o755); err != nil {
		t.Fatal(err)
	}
	l := labtest.New(t, "agt", lab.Options{Hypervisors: 1, Woven: script})
	err := l.Up(t.Context())
	var ended *lab.EndedError
	if !errors.As(err, &ended) {
		t.Fatalf("Up: %v, want an EndedError", err)
	}
	want := lab.EndedError{Service: "hv1-agent", Status: "exit status 3", Log: ended.Log, Tail: "no such verb: agent"}
	if diff := cmp.Diff(want, *ended); diff != "" {
		t.Error(diff)
	}
	checkGone(t, "wvtagt")
}

func TestAgentIsMissing(t *testing.T) {
	l := labtest.New(t, "mis", lab.Options{Hypervisors: 1, Woven: "/nowhere/woven"})
	if err := l.Up(t.Context()); err == nil || !strings.Contains(err.Error(), "/nowhere/woven: No such file") {
		t.Errorf("Up: %v", err)
	}
}

// TestAgent has this test's program in the agent's place: see fakeAgent.
func TestAgent(t *testing.T) {
	t.Setenv("WOVEN_FLOW_CACHE", "check=3")
	l := labtest.Up(t, "arg", lab.Options{Hypervisors: 1, AgentArgs: []string{"--more"}})
	dir := l.RunDir("hv1")
	hv := filepath.Dir(dir)
	for file, want := range map[string]string{
		"arguments": "agent --ovs unix:" + hv + "/db.sock --run-dir " + dir + " --bpffs " + l.BPFFS("hv1") + " --more",
		"ids": `{hostname=hv1, ovn-encap-ip="172.31.0.11", ovn-encap-type=geneve, ovn-remote="tcp:172.31.0.1:6642", system-id=hv1, ` +
			`woven-flow-cache="check=3", woven-nb-remote="tcp:172.31.0.1:6641"}` + "\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
	if err := errors.Join(l.KillAgent("hv1"), l.StartAgent(t.Context(), "hv1"), l.StopAgent("hv1")); err != nil {
		t.Error(err)
	}
}

func TestChildThatEndsByItself(t *testing.T) {
	l := labtest.New(t, "end", lab.Options{})
	if err := l.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, err := l.Ended(lab.Northd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Exec(t.Context(), "central", "ovn-appctl", "-t", "ovn-northd", "exit"); err != nil {
		t.Fatal(err)
	}
	<-ended
	err = l.Close()
	var e *lab.EndedError
	if !errors.As(err, &e) || e.Service != lab.Northd || e.Status != "exit status 0" || !strings.Contains(e.Tail, "lock acquired") {
		t.Errorf("Close: %v, want northd's EndedError with its last lines", err)
	}
	checkGone(t, "wvtend")
}

func TestWorkloadNames(t *testing.T) {
	l := labtest.Up(t, "wle", lab.Options{Hypervisors: 1, Stock: []int{1}})
	for name, spoil := range map[string]func(*lab.Workload){
		"empty name":      func(w *lab.Workload) { w.Name = "" },
		"name too long":   func(w *lab.Workload) { w.Name = "averylongname" },
		"name of a node":  func(w *lab.Workload) { w.Name = "hv1" },
		"path as name":    func(w *lab.Workload) { w.Name = "../x" },
		"bad MAC":         func(w *lab.Workload) { w.MAC = "0a:00" },
		"invalid address": func(w *lab.Workload) { w.Addresses = []netip.Prefix{{}} },
		"MTU":             func(w *lab.Workload) { w.MTU = 100000 },
	} {
		w := vm(1, "hv1")
		spoil(&w)
		if err := l.AddWorkload(t.Context(), w); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := l.AddWorkload(t.Context(), vm(1, "hv1")); err != nil {
		t.Fatal(err)
	}
	if err := l.AddWorkload(t.Context(), vm(1, "hv1")); !errors.Is(err, lab.ErrExists) {
		t.Errorf("second vm1: %v, want ErrExists", err)
	}
	for range 3 { // the names are free at once after a removal
		if err := l.RemoveWorkload(t.Context(), "vm1"); err != nil {
			t.Fatal(err)
		}
		if err := l.AddWorkload(t.Context(), vm(1, "hv1")); err != nil {
			t.Fatal(err)
		}
	}
}

// checkGone fails the test if a lab has left namespaces, mounts or processes.
func checkGone(t *testing.T, name string) {
	t.Helper()
	if left, _ := filepath.Glob("/run/netns/" + name + "*"); len(left) > 0 {
		t.Errorf("namespaces left: %v", left)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), name) {
		t.Errorf("mounts left:\n%s", mounts)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), "/"+name) {
			t.Errorf("process left: %s", strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
}
