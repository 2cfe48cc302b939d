// Package lab runs a whole virtual cloud on one machine: OVN's central databases, hypervisors that run Woven or stock
// Open vSwitch, and workloads, each in a network namespace of its own, joined by an underlay bridge.
//
// A lab lives in one directory. Under it are the databases, sockets and run directories of its nodes, a bpffs, what
// Open, Down and List need to know (lab.json, vms/*.json), and log/, which stays behind when the lab is closed:
//
//	central/  ovnnb_db.sock, ovnsb_db.sock
//	hv1/      db.sock (the local Open_vSwitch database), run/ (of the agent)
//	bpf/hv1/  the agent's pins
//	log/      one file per child
//
// Programs of the OVN and OVS family find all of it through the environment that Command sets.
package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab/pki"
)

// Limits of a lab.
const (
	// maxHypervisors is what the last octet of the underlay addresses leaves room for.
	maxHypervisors = 240
	// maxDirLength leaves room for a socket's name in the 107 bytes of a unix socket address.
	maxDirLength = 80
)

// DefaultDir and DefaultPrefix are those of `woven lab`.
const (
	DefaultDir    = "/run/woven/lab"
	DefaultPrefix = "wvl-"
)

var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,15}$`)

// Options say what a new lab is made of.
type Options struct {
	// Dir is the lab's directory, absolute; empty: DefaultDir.
	Dir string
	// Prefix stands before the names of the lab's network namespaces, so that several labs can coexist; empty:
	// DefaultPrefix.
	Prefix string
	// Hypervisors is the number of hypervisors that Up makes: hv1, hv2, ...
	Hypervisors int
	// Stock lists the numbers of those that are stock ones.
	Stock []int
	// Woven is the path of the binary whose `agent` command runs on Woven hypervisors; empty: this program.
	Woven string
	// AgentArgs are further arguments of the agent.
	AgentArgs []string
	// FlowCache is what hypervisors' Open_vSwitch rows say in external_ids:woven-flow-cache; empty: nothing.
	FlowCache string
	// TLS has the databases ask hypervisors for certificates, and the Southbound one give them the role ovn-controller (RBAC).
	TLS bool
	// Clustered makes both databases clusters of three servers, whose services are NB, NB+"2", NB+"3" and likewise for SB. Not with TLS.
	Clustered bool
	// Log takes what the lab has to say; nil: nothing.
	Log *slog.Logger
}

// Lab is a lab that this process supervises (New), or another process' lab seen through its directory (Open). All
// methods may be called from several goroutines.
type Lab struct {
	opts Options
	lock *os.File       // held from Up to Close; nil otherwise
	ca   *pki.Authority // nil without TLS, and before Up

	mu       sync.Mutex
	services []*service // in the order in which they were first started
	cables   map[string]*cable
}

// New checks the options and returns a lab that is not up yet.
func New(o Options) (*Lab, error) {
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Woven == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		o.Woven = self
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Lab{opts: o, cables: map[string]*cable{}}, nil
}

func (o *Options) validate() error {
	if !filepath.IsAbs(o.Dir) || len(o.Dir) > maxDirLength {
		return fmt.Errorf("lab directory %q is not an absolute path of at most %d bytes", o.Dir, maxDirLength)
	}
	if !prefixPattern.MatchString(o.Prefix) {
		return fmt.Errorf("prefix %q does not match %s", o.Prefix, prefixPattern)
	}
	if o.Hypervisors < 0 || o.Hypervisors > maxHypervisors {
		return fmt.Errorf("number of hypervisors %d is outside 0..%d", o.Hypervisors, maxHypervisors)
	}
	if o.TLS && o.Clustered {
		return errors.New("the servers of a cluster share their node's address, and with it the one port that a role needs: no TLS with Clustered")
	}
	for i, n := range o.Stock {
		if n < 1 || n > o.Hypervisors {
			return fmt.Errorf("stock hypervisor %d is outside 1..%d", n, o.Hypervisors)
		}
		if slices.Contains(o.Stock[:i], n) {
			return fmt.Errorf("stock hypervisor %d is named twice", n)
		}
	}
	return nil
}

// members is the number of servers of each central database.
func (o *Options) members() int {
	if o.Clustered {
		return 3
	}
	return 1
}

// Up makes the lab: underlay, central databases, hypervisors. When it fails nothing is left behind but the logs.
func (l *Lab) Up(ctx context.Context) (err error) {
	if err := l.acquire(); err != nil {
		return fmt.Errorf("bring lab up in %s: %w", l.opts.Dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if err := l.layOut(ctx); err != nil {
		return fmt.Errorf("lay out lab: %w", err)
	}
	if err := l.startCentral(ctx); err != nil {
		return fmt.Errorf("start central: %w", err)
	}
	for n := 1; n <= l.opts.Hypervisors; n++ {
		kind := Woven
		if slices.Contains(l.opts.Stock, n) {
			kind = Stock
		}
		if _, err := l.AddHypervisor(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// layOut makes the directories, the bpffs and the underlay.
func (l *Lab) layOut(ctx context.Context) error {
	for _, dir := range []string{l.path("log"), l.path(central), l.path("vms"), l.path("bpf")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	if err := l.clearLogs(); err != nil {
		return err
	}
	if err := unix.Mount("bpffs", l.path("bpf"), "bpf", 0, ""); err != nil {
		return fmt.Errorf("mount bpffs at %s: %w", l.path("bpf"), err)
	}
	if err := addNetns(ctx, l.Namespace(underlay)); err != nil {
		return err
	}
	return ip(ctx, l.Namespace(underlay), "link add br0 type bridge stp_state 0", "link set br0 up")
}

// clearLogs removes the logs of an earlier lab, but not that of this one's supervisor.
func (l *Lab) clearLogs() error {
	logs, err := filepath.Glob(l.path("log", "*.log"))
	if err != nil {
		return err
	}
	for _, path := range logs {
		if filepath.Base(path) == supervisorLog {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("clear logs: %w", err)
		}
	}
	return nil
}

// Close takes the lab down and returns, joined, what went wrong: also every child that had ended by itself. A lab
// that is not up is closed already.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock == nil {
		return nil
	}
	var errs []error
	for _, s := range slices.Backward(l.services) {
		errs = append(errs, s.child.stop(unix.SIGTERM))
	}
	for _, c := range l.cables {
		errs = append(errs, c.close())
	}
	l.services, l.cables = nil, map[string]*cable{}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	errs = append(errs, sweep(ctx, l.opts.Dir))
	errs = append(errs, l.lock.Close())
	l.lock = nil
	return errors.Join(errs...)
}

// Dir is the lab's directory.
func (l *Lab) Dir() string { return l.opts.Dir }

// path joins the lab's directory with a relative path.
func (l *Lab) path(elem ...string) string {
	return filepath.Join(append([]string{l.opts.Dir}, elem...)...)
}

// Namespace returns the name of a node's network namespace.
func (l *Lab) Namespace(node string) string { return l.opts.Prefix + node }
