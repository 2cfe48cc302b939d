package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Errors of a lab's life cycle.
var (
	ErrRunning    = errors.New("a lab is running in this directory")
	ErrNotRunning = errors.New("no lab is running in this directory")
	// ErrRemains: the supervisor of a lab was killed; Down clears what it left.
	ErrRemains = errors.New("the directory holds the remains of a lab: take it down first")
	// ErrUnknown: no node, workload or service of that name.
	ErrUnknown = errors.New("unknown name")
	ErrExists  = errors.New("name is taken")
)

// state is the lab.json of a lab: with the files of vms/ all that Open, Down and List need. Only the supervisor writes
// it.
type state struct {
	Prefix      string
	Supervisor  int // process ID
	Clustered   bool
	Hypervisors []hypervisor
}

func statePath(dir string) string { return filepath.Join(dir, "lab.json") }
func lockPath(dir string) string  { return filepath.Join(dir, "lock") }

// readState returns ErrNotRunning when dir holds no lab.
func readState(dir string) (*state, error) {
	text, err := os.ReadFile(statePath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("read lab: %w", err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("parse %s: %w", statePath(dir), err)
	}
	return &s, nil
}

// write replaces lab.json at once: a reader sees the old or the new one.
func (s *state) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode lab: %w", err)
	}
	next := statePath(dir) + ".new"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return fmt.Errorf("write lab: %w", err)
	}
	return os.Rename(next, statePath(dir))
}

// lockDir takes the lock that a supervisor holds as long as it lives, or returns ErrRunning.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(lockPath(dir), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrRunning
	}
	return nil, fmt.Errorf("lock %s: %w", lockPath(dir), err)
}

// acquire makes the directory this lab's.
func (l *Lab) acquire() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock != nil {
		return ErrRunning
	}
	dir := l.opts.Dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	if err := l.claim(dir); err != nil {
		lock.Close()
		return err
	}
	l.lock = lock
	return nil
}

// claim writes the first lab.json into a directory that holds no lab.
func (l *Lab) claim(dir string) error {
	if _, err := readState(dir); !errors.Is(err, ErrNotRunning) {
		return ErrRemains
	}
	s := state{Prefix: l.opts.Prefix, Supervisor: os.Getpid(), Clustered: l.opts.Clustered}
	for _, node := range []string{central, underlay} {
		if _, err := os.Stat(netnsPath(l.Namespace(node))); err == nil {
			return fmt.Errorf("namespace %s: %w", l.Namespace(node), ErrExists)
		}
	}
	return s.write(dir)
}

// sweep removes what a lab has made outside of its directory (processes, namespaces with their devices, the bpffs) and
// what is in it, but the logs. It needs no living supervisor, only the state files.
func sweep(ctx context.Context, dir string) error {
	s, err := readState(dir)
	if err != nil {
		return err
	}
	vms, err := readWorkloads(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, node := range nodes(s, vms) {
		errs = append(errs, deleteNetns(ctx, s.Prefix+node.Name))
	}
	errs = append(errs, deleteNetns(ctx, s.Prefix+underlay))
	bpf := filepath.Join(dir, "bpf")
	// EINVAL: not mounted; ENOENT: not even made.
	if err := unix.Unmount(bpf, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		errs = append(errs, fmt.Errorf("unmount %s: %w", bpf, err))
	}
	if err := errors.Join(errs...); err != nil {
		return err // lab.json stays for another try
	}
	return removeFiles(dir, s)
}

// removeFiles removes exactly what a lab has put into its directory, lab.json last: it is what allows another try.
func removeFiles(dir string, s *state) error {
	paths := []string{central, "vms", "bpf"}
	for _, hv := range s.Hypervisors {
		paths = append(paths, hv.Name())
	}
	for _, p := range paths {
		if err := os.RemoveAll(filepath.Join(dir, p)); err != nil {
			return fmt.Errorf("remove files: %w", err)
		}
	}
	if err := os.Remove(statePath(dir)); err != nil {
		return fmt.Errorf("remove lab: %w", err)
	}
	return nil
}
