package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// InUseError says that another agent works with this run directory.
type InUseError struct {
	Dir string
	PID string // as the other one wrote it; "" when it did not come to that
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("run directory %s is in use by the agent with pid %s", e.Dir, or(e.PID, "(unknown)"))
}

// lockRunDir makes the run directory and takes its exclusive lock, which ends with the process or with the returned
// function. The error is an *InUseError when another process has it.
func lockRunDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create run directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "agent.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			pid, _ := os.ReadFile(f.Name()) // an unreadable file says as much as an empty one
			return nil, &InUseError{Dir: dir, PID: strings.TrimSpace(string(pid))}
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if err = f.Truncate(0); err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write pid to %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}
