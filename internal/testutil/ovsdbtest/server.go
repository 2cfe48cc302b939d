// Package ovsdbtest runs ovsdb-server processes for tests.
package ovsdbtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Schemas as Debian installs them (packages ovn-common and openvswitch-switch).
const (
	NB  = "/usr/share/ovn/ovn-nb.ovsschema"
	SB  = "/usr/share/ovn/ovn-sb.ovsschema"
	VSW = "/usr/share/openvswitch/vswitch.ovsschema"
)

// startTimeout bounds the wait for a server to be ready.
const startTimeout = 20 * time.Second

// Server is an ovsdb-server process with one database, on a unix socket. It ends with the test.
type Server struct {
	t    testing.TB
	dir  string
	args []string  // of ovsdb-server, beside those that all have
	cmd  *exec.Cmd // nil while stopped
	logs *bytes.Buffer
}

// Start creates an empty database of the schema in a file and serves it; it returns when clients can connect.
func Start(t testing.TB, schemaPath string) *Server {
	t.Helper()
	s := newServer(t)
	s.args = []string{s.path("db")}
	s.run("ovsdb-tool", "create", s.path("db"), schemaPath)
	s.Restart()
	return s
}

// StartRelay starts a relay (ovsdb(7), section Relay) of a database of other servers: it holds a copy, and passes writes
// on. It returns when the relay has the copy.
func StartRelay(t testing.TB, database, remotes string) *Server {
	t.Helper()
	s := newServer(t)
	s.args = []string{"relay:" + database + ":" + remotes}
	s.Restart()
	query := fmt.Sprintf(`["_Server", {"op": "select", "table": "Database", "columns": ["connected"], "where": [["name", "==", %q]]}]`, database)
	s.await("copy of the source", func() error {
		if answer := s.Transact(query); !strings.Contains(answer, `"connected":true`) {
			return errors.New(answer)
		}
		return nil
	})
	return s
}

// newServer makes a directory for a server, which is not running yet.
func newServer(t testing.TB) *Server {
	t.Helper()
	// Not t.TempDir: the path of a socket may have 107 bytes only, less than some names of tests.
	dir, err := os.MkdirTemp("", "ovsdb")
	if err != nil {
		t.Fatalf("make directory: %v", err)
	}
	s := &Server{t: t, dir: dir}
	t.Cleanup(func() {
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove directory: %v", err)
		}
	})
	return s
}

// Remote is where the server is reached, in OVSDB's notation: "unix:PATH".
func (s *Server) Remote() string { return "unix:" + s.path("sock") }

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// Stop kills the server, if it runs, as a crash would; what was committed is kept.
func (s *Server) Stop() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	s.Signal(syscall.SIGKILL)
	// The error only tells that it was killed.
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart stops the server, if it runs, and starts it again with the same data and remotes. It returns when clients can connect.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.logs = new(bytes.Buffer)
	s.cmd = exec.Command("ovsdb-server", append(s.args, "--remote=p"+s.Remote(), "--unixctl="+s.path("ctl"), "--no-chdir")...)
	s.cmd.Stderr = s.logs
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.t.Fatalf("start ovsdb-server: %v", err)
	}
	s.awaitListener("unix", s.path("sock"))
}

// awaitListener waits until the server listens at an address.
func (s *Server) awaitListener(network, address string) {
	s.t.Helper()
	s.await("ovsdb-server to listen", func() error {
		c, err := net.Dial(network, address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// await polls a condition of the server.
func (s *Server) await(what string, cond func() error) {
	s.t.Helper()
	var err error
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if err = cond(); err == nil {
			return
		}
	}
	s.Stop() // logs may be read from now on
	s.t.Fatalf("wait for %s: %v; it says:\n%s", what, err, s.logs)
}

// Signal sends a signal to the running server: SIGSTOP makes it a peer that is there but silent until SIGCONT.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("send %v to ovsdb-server: %v", sig, err)
	}
}

// Convert changes the database to another schema, as the upgrade of a running server does.
func (s *Server) Convert(schemaPath string) {
	s.t.Helper()
	s.run("ovsdb-client", "convert", s.Remote(), schemaPath)
}

// Transact carries out operations in JSON, '["DATABASE", {"op": ...}, ...]' (RFC 7047 section 4.1.3), by way of
// ovsdb-client, and returns the answer in JSON.
func (s *Server) Transact(operations string) string {
	s.t.Helper()
	return s.run("ovsdb-client", "transact", s.Remote(), operations)
}

func (s *Server) run(name string, args ...string) string {
	s.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("run %s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
