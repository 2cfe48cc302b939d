package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// downTimeout is how long a supervisor may take to take its lab down.
const downTimeout = time.Minute

// supervisorLog is the name of the log of a supervisor in the background.
const supervisorLog = "supervisor.log"

// Serve brings a lab up, calls ready, keeps it until ctx ends, and takes it down.
func Serve(ctx context.Context, o Options, ready func()) error {
	l, err := New(o)
	if err != nil {
		return err
	}
	if err := l.Up(ctx); err != nil {
		return err
	}
	ready()
	<-ctx.Done()
	return l.Close()
}

// Background runs this program with argv, the command line of a supervisor in the foreground, detached from the
// terminal. It returns when that has said by its first line on standard output that the lab in dir is up; it may print
// no second one. Its log is in log/.
func Background(ctx context.Context, dir string, argv []string) error {
	log, err := openSupervisorLog(dir)
	if err != nil {
		return fmt.Errorf("bring lab up in %s: %w", dir, err)
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer stdout.Close()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	// Asked to end, it takes down what it has made.
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err == nil {
		return cmd.Process.Release()
	}
	err = cmd.Wait()
	text, _ := os.ReadFile(log.Name())
	return fmt.Errorf("supervisor ended (%w): %s", err, strings.TrimSpace(string(text)))
}

// openSupervisorLog empties the log, or returns ErrRunning while another supervisor writes it.
func openSupervisorLog(dir string) (*os.File, error) {
	path := filepath.Join(dir, "log", supervisorLog)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	return os.Create(path)
}

// Down takes the lab in dir down: through its supervisor, or where that has been killed, by Clear.
func Down(ctx context.Context, dir string) error {
	err := Clear(ctx, dir)
	if errors.Is(err, ErrRunning) {
		return stopSupervisor(ctx, dir)
	}
	return err
}

// Clear removes what a lab whose supervisor was killed has left. It returns ErrRunning where the supervisor lives, and
// ErrNotRunning where nothing is left.
func Clear(ctx context.Context, dir string) error {
	lock, err := lockDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		err = ErrNotRunning
	}
	if err == nil {
		defer lock.Close()
		err = sweep(ctx, dir)
	}
	if err != nil {
		return fmt.Errorf("clear lab in %s: %w", dir, err)
	}
	return nil
}

// stopSupervisor ends a supervisor and returns when its lab is down.
func stopSupervisor(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	s, err := readState(dir)
	if err != nil {
		return err
	}
	if err := signalAndWait(ctx, s.Supervisor, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop supervisor of %s: %w", dir, err)
	}
	if _, err := readState(dir); !errors.Is(err, ErrNotRunning) {
		return fmt.Errorf("stop supervisor of %s: %w; its log is in %s", dir, ErrRemains, filepath.Join(dir, "log"))
	}
	return nil
}
