package acl

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// logReplies: what options:log-related adds to the log of an ACL, in both families.
func logReplies(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "logged")
	client, server := s.Add(1, "hv2"), s.Add(2, "hv2")
	acl := strings.TrimSpace(s.NB("--", "--id=@acl", "create", "ACL", "direction=to-lport", "priority=1000", "action=allow-related", "log=true", "name=echoes",
		"label=77", "severity=notice", `match="outport == \"`+server.Port+`\" && icmp"`, "--", "add", "Logical_Switch", s.Name, "acls", "@acl"))
	add(s, "to-lport", "1", "drop", "ip")
	s.Sync()
	const pings = 3
	for i, addr := range addresses(server) {
		from := addresses(client)[i]
		ping(t, client, addr, pings)
		waitForLines(s, acl, from, 1)
		if n := aclLogLines(s, acl, addr); n != 0 {
			t.Errorf("%d replies of %s are logged without log-related", n, addr)
		}
	}
	s.NB("set", "ACL", acl, "options:log-related=true")
	s.Sync()
	for i, addr := range addresses(server) {
		from := addresses(client)[i]
		ping(t, client, addr, pings)
		waitForLines(s, acl, addr, pings)
		waitForLines(s, acl, from, 2) // the first of each ping
	}
	if problems := s.Woven("hv2", "status"); strings.Contains(problems, acl) {
		t.Errorf("the ACL has a Problem:\n%s", problems)
	}
}

func ping(t *testing.T, vm *labtest.VM, to netip.Addr, n int) {
	t.Helper()
	if err := vm.Ping(n, to); err != nil {
		t.Error(err)
	}
}

// waitForLines waits until an ACL's log tells of so many packets from an address.
func waitForLines(s *labtest.Switch, acl string, from netip.Addr, want int) {
	s.Eventually(fmt.Sprint("log of packets from ", from), func() error {
		if n := aclLogLines(s, acl, from); n != want {
			return fmt.Errorf("%d lines, want %d", n, want)
		}
		return nil
	})
}

// aclLogLines counts the lines of an ACL in the log of hv2 that tell of packets from an address.
func aclLogLines(s *labtest.Switch, acl string, from netip.Addr) (n int) {
	log, err := os.ReadFile(filepath.Join(s.Lab.Dir(), "log", "hv2-agent.log"))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "msg=acl_log") && strings.Contains(line, "acl="+acl+" ") && strings.Contains(line, fmt.Sprintf("src=%s ", from)) {
			n++
		}
	}
	return n
}
