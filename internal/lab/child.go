package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// startTimeout bounds the wait for a service to be ready; stopTimeout how long it may take to end when asked,
	// before it is killed.
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
	pollEvery    = 10 * time.Millisecond
	logTailLines = 15
)

// EndedError says that a child ended without having been asked to.
type EndedError struct {
	Service string
	// Status is how it ended, in the words of package os.
	Status string
	// Log is the path of its log, Tail its last lines.
	Log, Tail string
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("%s ended early (%s); last lines of %s:\n%s", e.Service, e.Status, e.Log, e.Tail)
}

// child is a process that the lab started and watches.
type child struct {
	cmd *exec.Cmd
	// ended is done when the process has ended; the cause is an *EndedError.
	ended context.Context
	// serving is true from when the process was found ready until the lab wants it to end.
	serving atomic.Bool
}

// startChild starts cmd in a process group of its own, so that a ^C at the terminal reaches only the supervisor. A
// goroutine waits for the process and ends with it.
func startChild(service, logPath string, cmd *exec.Cmd, log *slog.Logger) (*child, error) {
	f, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", service, err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", service, err)
	}
	ended, end := context.WithCancelCause(context.Background())
	c := &child{cmd: cmd, ended: ended}
	go func() {
		_ = cmd.Wait() // the process state says it all
		err := &EndedError{Service: service, Status: cmd.ProcessState.String(), Log: logPath, Tail: tail(logPath)}
		if c.serving.Load() {
			log.Error("child ended early", "service", service, "status", err.Status, "log", logPath)
		}
		end(err)
	}()
	return c, nil
}

// await runs ready, which returns when the process does its work, with a context that also ends with the process: then
// the process' end is the error.
func (c *child) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ended, func() { cancel(context.Cause(c.ended)) })()
	err := ready(ctx)
	if c.ended.Err() != nil {
		return context.Cause(c.ended)
	}
	c.serving.Store(err == nil)
	return err
}

// stop signals the process and waits for its end; one that takes longer than stopTimeout is killed. It returns the
// *EndedError of a process that has ended by itself after it had been ready.
func (c *child) stop(sig syscall.Signal) error {
	wasServing := c.serving.Swap(false)
	if c.ended.Err() != nil {
		if wasServing {
			return context.Cause(c.ended)
		}
		return nil
	}
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", c.cmd.Path, err)
	}
	select {
	case <-c.ended.Done():
		return nil
	case <-time.After(stopTimeout):
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", c.cmd.Path, err)
	}
	<-c.ended.Done()
	return nil
}

// Poll asks cond until it answers nil. When ctx ends first, the error is cond's last.
func Poll(ctx context.Context, cond func() error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// tail returns the last lines of a log file, or why it can't be read.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-logTailLines):], []byte("\n")))
}
