package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 keeps the names of network namespaces.
const netnsDir = "/run/netns"

func netnsPath(ns string) string { return filepath.Join(netnsDir, ns) }

// run runs a program of the host to its end. Its error holds what the program printed.
func run(ctx context.Context, name string, args ...string) error {
	_, err := output(exec.CommandContext(ctx, name, args...))
	return err
}

// output runs a command to its end and returns what it printed on both channels, which a failure's error repeats.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("run %s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), err
}

// ip runs iproute2 commands in a namespace, all or up to the first that fails.
func ip(ctx context.Context, ns string, commands ...string) error {
	cmd := exec.CommandContext(ctx, "ip", "-n", ns, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	_, err := output(cmd)
	return err
}

func addNetns(ctx context.Context, ns string) error {
	if err := run(ctx, "ip", "netns", "add", ns); err != nil {
		return err
	}
	return ip(ctx, ns, "link set lo up")
}

// deleteNetns kills what runs in a namespace and deletes it with its devices. Deleting the absent is success.
func deleteNetns(ctx context.Context, ns string) error {
	procs, err := processesIn(ns)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, p := range procs {
		if err := killAndWait(ctx, p.PID); err != nil {
			return fmt.Errorf("kill %s (%d): %w", p.Name, p.PID, err)
		}
	}
	return run(ctx, "ip", "netns", "del", ns)
}

// deleteLink deletes a device, and returns when its name is free. Deleting the absent is success.
func deleteLink(ns, dev string) error {
	return inNetns(ns, func() error {
		link, err := netlink.LinkByName(dev)
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil
		}
		if err == nil {
			err = netlink.LinkDel(link)
		}
		if err != nil {
			return fmt.Errorf("delete device %s: %w", dev, err)
		}
		return nil
	})
}

// Process is a process that runs in a node's network namespace.
type Process struct {
	PID  int
	Name string
}

// processesIn lists the processes of a namespace, without this one.
func processesIn(ns string) ([]Process, error) {
	want, err := os.Stat(netnsPath(ns))
	if err != nil {
		return nil, fmt.Errorf("look up namespace %s: %w", ns, err)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var procs []Process
	for _, dir := range dirs {
		have, err := os.Stat(filepath.Join(dir, "ns/net"))
		if err != nil || !os.SameFile(want, have) {
			continue // ended meanwhile, or elsewhere
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue
		}
		procs = append(procs, Process{PID: pid, Name: strings.TrimSpace(string(name))})
	}
	return procs, nil
}

// killAndWait returns when the process is gone, which need not be a child of this one.
func killAndWait(ctx context.Context, pid int) error {
	return signalAndWait(ctx, pid, syscall.SIGKILL)
}

// signalAndWait sends sig to a process and waits until it has ended. One that has ended before is success.
func signalAndWait(ctx context.Context, pid int, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if n == 1 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for process %d: %w", pid, err)
		}
	}
	return fmt.Errorf("wait for process %d: %w", pid, context.Cause(ctx))
}

// In returns a function that runs its argument on a thread in a node's network namespace. What f opens stays there:
// sockets can be used from anywhere afterwards.
func (l *Lab) In(node string) func(f func() error) error {
	return func(f func() error) error { return inNetns(l.Namespace(node), f) }
}

// inNetns runs f on a thread of the given namespace. The thread ends with f, so that nothing else ever runs there.
func inNetns(ns string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread is thrown away
		h, err := netns.GetFromPath(netnsPath(ns))
		if err != nil {
			done <- fmt.Errorf("open namespace %s: %w", ns, err)
			return
		}
		defer h.Close()
		if err := netns.Set(h); err != nil {
			done <- fmt.Errorf("enter namespace %s: %w", ns, err)
			return
		}
		done <- f()
	}()
	return <-done
}
