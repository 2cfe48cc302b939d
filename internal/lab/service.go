package lab

import (
	"context"
	"fmt"
	"net"
	"slices"
	"syscall"
)

// The services of central, for Start, Stop and Kill.
const (
	NB     = "nb"
	SB     = "sb"
	Northd = "northd"
)

// service is a program that the lab supervises, and how to start it again.
type service struct {
	name, node string
	argv       []string
	// ready waits until the service does its work.
	ready func(context.Context) error
	child *child
}

// launch starts a service for the first time and returns when it is ready. From then on Close stops it.
func (l *Lab) launch(ctx context.Context, s *service) error {
	l.mu.Lock()
	err := l.spawn(s)
	if err == nil {
		l.services = append(l.services, s)
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return s.await(ctx)
}

// spawn starts a service's process. l.mu is held.
func (l *Lab) spawn(s *service) error {
	cmd, err := l.Command(context.Background(), s.node, s.argv...)
	if err != nil {
		return err
	}
	s.child, err = startChild(s.name, l.path("log", s.name+".log"), cmd, l.opts.Log)
	return err
}

// await waits until the service is ready, but not longer than startTimeout.
func (s *service) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("%s is not ready after %v", s.name, startTimeout))
	defer cancel()
	return s.child.await(ctx, s.ready)
}

// service finds a service by its name. l.mu is held.
func (l *Lab) service(name string) (*service, error) {
	i := slices.IndexFunc(l.services, func(s *service) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("service %q: %w", name, ErrUnknown)
	}
	return l.services[i], nil
}

// Start starts a service that was stopped, killed, or has ended by itself, and returns when it is ready.
func (l *Lab) Start(ctx context.Context, name string) error {
	l.mu.Lock()
	s, err := l.service(name)
	switch {
	case err != nil:
	case s.child.ended.Err() == nil:
		err = fmt.Errorf("service %q is running", name)
	default:
		err = l.spawn(s)
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return s.await(ctx)
}

// Stop asks a service to end and returns when it has. The *EndedError of one that had ended by itself is the error.
func (l *Lab) Stop(name string) error { return l.end(name, syscall.SIGTERM) }

// Kill is Stop with SIGKILL.
func (l *Lab) Kill(name string) error { return l.end(name, syscall.SIGKILL) }

// Pause stops a service where it is (SIGSTOP); Resume has it go on.
func (l *Lab) Pause(name string) error { return l.signal(name, syscall.SIGSTOP) }

// Resume is the opposite of Pause.
func (l *Lab) Resume(name string) error { return l.signal(name, syscall.SIGCONT) }

func (l *Lab) signal(name string, sig syscall.Signal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.service(name)
	if err != nil {
		return err
	}
	return s.child.cmd.Process.Signal(sig)
}

// Ended is closed when a service's process, as started last, has ended.
func (l *Lab) Ended(name string) (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.service(name)
	if err != nil {
		return nil, err
	}
	return s.child.ended.Done(), nil
}

func (l *Lab) end(name string, sig syscall.Signal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.service(name)
	if err != nil {
		return err
	}
	return s.child.stop(sig)
}

// accepts returns the ready function of a server: its unix socket accepts a connection.
func accepts(socket string) func(context.Context) error {
	return func(ctx context.Context) error {
		return Poll(ctx, func() error {
			c, err := net.Dial("unix", socket)
			if err == nil {
				c.Close()
			}
			return err
		})
	}
}
