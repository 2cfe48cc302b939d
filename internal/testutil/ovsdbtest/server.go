// Package ovsdbtest runs ovsdb-server processes for tests.
package ovsdbtest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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

// Server is an ovsdb-server process with one database, on a unix socket. It ends with the test.
type Server struct {
	t    testing.TB
	dir  string
	cmd  *exec.Cmd // nil while stopped
	logs *bytes.Buffer
}

// Start creates an empty database of the schema in a file and serves it; it returns when clients can connect.
func Start(t testing.TB, schemaPath string) *Server {
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
	s.run("ovsdb-tool", "create", s.path("db"), schemaPath)
	s.Restart()
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

// Restart stops the server, if it runs, and starts it again with the same data and remote. It returns when clients can connect.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.logs = new(bytes.Buffer)
	s.cmd = exec.Command("ovsdb-server", s.path("db"), "--remote=p"+s.Remote(), "--unixctl="+s.path("ctl"), "--no-chdir")
	s.cmd.Stderr = s.logs
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.t.Fatalf("start ovsdb-server: %v", err)
	}
	s.awaitSocket()
}

func (s *Server) awaitSocket() {
	s.t.Helper()
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		var c net.Conn
		if c, err = net.Dial("unix", s.path("sock")); err == nil {
			if err = c.Close(); err != nil {
				s.t.Fatalf("close connection: %v", err)
			}
			return
		}
	}
	s.Stop()
	s.t.Fatalf("wait for ovsdb-server: %v; it says:\n%s", err, s.logs)
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
