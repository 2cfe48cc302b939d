package rig

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/vishvananda/netns"
)

// Netns is the name of a network namespace.
type Netns string

// Do runs f on a thread of the namespace. The thread ends with f, so that nothing else ever runs there; sockets that f opens stay
// in the namespace.
func (n Netns) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		h, err := netns.GetFromName(string(n))
		if err != nil {
			done <- fmt.Errorf("open namespace %s: %w", n, err)
			return
		}
		defer h.Close()
		if err := netns.Set(h); err != nil {
			done <- fmt.Errorf("enter namespace %s: %w", n, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// ip runs iproute2 commands in the namespace, all or up to the first that fails.
func (n Netns) ip(commands ...string) error {
	cmd := exec.Command("ip", "-n", string(n), "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	return run(cmd)
}

// sysctl sets a parameter of the namespace, named by its path below /proc/sys.
func (n Netns) sysctl(path, value string) error {
	return n.Do(func() error { return os.WriteFile("/proc/sys/"+path, []byte(value), 0) })
}

// run runs a program to its end; its error holds what the program printed.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
