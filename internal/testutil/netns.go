package testutil

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

var namespaces atomic.Int32

// Netns makes a network namespace that ends with the test, loopback up, and returns its name.
func Netns(t testing.TB, role string) string {
	t.Helper()
	RequireRoot(t)
	name := fmt.Sprintf("wvt%d-%d%s", os.Getpid(), namespaces.Add(1), role)
	Run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { Run(t, "ip", "netns", "del", name) })
	Run(t, "ip", "-n", name, "link", "set", "lo", "up")
	return name
}

// Enter moves the test's goroutine into a network namespace for the rest of the test.
func Enter(t testing.TB, name string) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	ns, err := netns.GetFromName(name)
	if err != nil {
		t.Fatalf("open namespace %q: %v", name, err)
	}
	defer ns.Close()
	if err := netns.Set(ns); err != nil {
		t.Fatalf("enter namespace %q: %v", name, err)
	}
}

// In returns a function that runs its argument on a thread of a network namespace.
func In(t testing.TB, name string) func(f func() error) error {
	return func(f func() error) error {
		done := make(chan error)
		go func() {
			defer close(done) // also when Enter fails the test
			Enter(t, name)
			done <- f()
		}()
		return <-done
	}
}

// BPFFS mounts a bpffs that ends with the test and returns where.
func BPFFS(t testing.TB) string {
	t.Helper()
	RequireRoot(t)
	dir := filepath.Join(t.TempDir(), "bpf")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatalf("mount bpffs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount bpffs: %v", err)
		}
	})
	return dir
}

// Run runs a program to its end and returns what it printed; its failure is the test's.
func Run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("run %s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}
