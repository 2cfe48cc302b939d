package ovsdbtest

import (
	"fmt"
	"net"

	"woven.dev/woven/internal/lab/pki"
)

// ListenTCP has the server listen on a TCP port of an address too, and returns the remote: "tcp:ADDRESS:PORT". It restarts
// the server.
func (s *Server) ListenTCP(address string) string {
	s.t.Helper()
	port := s.freePort(address)
	s.args = append(s.args, fmt.Sprintf("--remote=ptcp:%d:%s", port, address))
	s.Restart()
	at := fmt.Sprintf("%s:%d", address, port)
	s.awaitListener("tcp", at)
	return "tcp:" + at
}

// ListenTLS has the server listen on a port for clients with certificates, and returns the remote: "ssl:127.0.0.1:PORT". It restarts
// the server. It reads the keys again when their files change.
func (s *Server) ListenTLS(keys pki.Files) string {
	s.t.Helper()
	port := s.freePort("127.0.0.1")
	s.args = append(s.args, fmt.Sprintf("--remote=pssl:%d:127.0.0.1", port),
		"--private-key="+keys.PrivateKey, "--certificate="+keys.Certificate, "--ca-cert="+keys.CACert)
	s.Restart()
	at := fmt.Sprintf("127.0.0.1:%d", port)
	s.awaitListener("tcp", at)
	return "ssl:" + at
}

// ListenWithRole is ListenTLS of a Southbound database where clients have only the rights of a role (RBAC): it makes the
// rows SB_Global, where that is missing, and Connection.
func (s *Server) ListenWithRole(keys pki.Files, role string) string {
	s.t.Helper()
	port := s.freePort("127.0.0.1")
	s.run("ovn-sbctl", "--db="+s.Remote(), "init", "--", "set-connection", "role="+role, fmt.Sprintf("pssl:%d:127.0.0.1", port))
	s.args = append(s.args, "--remote=db:OVN_Southbound,SB_Global,connections",
		"--private-key="+keys.PrivateKey, "--certificate="+keys.Certificate, "--ca-cert="+keys.CACert)
	s.Restart()
	at := fmt.Sprintf("127.0.0.1:%d", port)
	s.awaitListener("tcp", at)
	return "ssl:" + at
}

// freePort finds a TCP port that is free at this moment.
func (s *Server) freePort(address string) int {
	s.t.Helper()
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		s.t.Fatalf("find free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
