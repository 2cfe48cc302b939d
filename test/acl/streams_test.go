package acl

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/probe"
)

// open opens a stream from a port (0: any) until the test's end.
func open(t *testing.T, from, to *labtest.VM, source uint16, dest netip.AddrPort) *probe.Stream {
	t.Helper()
	stream, err := probe.Open(t.Context(), from.In, to.In, source, dest)
	if err != nil {
		t.Fatalf("%s to %s: %v", from.Name, to.Name, err)
	}
	t.Cleanup(func() {
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	})
	return stream
}

// flow checks that streams flow.
func flow(t *testing.T, streams []*probe.Stream) {
	t.Helper()
	for _, stream := range streams {
		if err := stream.Flows(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// stand checks that streams pass nothing from now on.
func stand(t *testing.T, streams []*probe.Stream) {
	t.Helper()
	var states []probe.State
	for _, stream := range streams {
		state, err := stream.State()
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, state)
	}
	for i, stream := range streams {
		if err := stream.Stands(t.Context(), states[i]); err != nil {
			t.Error(err)
		}
	}
}

// unharmed checks that ACLs have dropped nothing of a VM's, but for the given reasons.
func unharmed(t *testing.T, vm *labtest.VM, except ...string) {
	t.Helper()
	for _, d := range vm.Show().Drops {
		if d.Module == "acl" && !slices.Contains(except, d.Reason) {
			t.Errorf("%s: %d packets were dropped: %s", vm.Name, d.Packets, d.Reason)
		}
	}
}

// Ports of streams, by the way in which they will be forbidden; kept ones never are.
const (
	keptPort = 9000 + iota
	noEntry  // the ACL at the server goes
	noExit   // the ACL at the client goes
	noMember // the client leaves the address set of the ACL at the server
)

// unrelated is how many changes are made that concern no connection.
const unrelated = 20

// liveACLs are those that stay.
var liveACLs = [][]string{
	{"from-lport", "1", "ip", "drop"},
	{"to-lport", "1", "ip", "drop"},
	{"from-lport", "1000", fmt.Sprintf("tcp.dst == {%d, %d, %d}", keptPort, noEntry, noMember), "allow-related"},
	{"to-lport", "1000", fmt.Sprintf("tcp.dst == {%d, %d}", keptPort, noExit), "allow-related"},
	{"to-lport", "1000", fmt.Sprintf("(ip4.src == $live4 || ip6.src == $live6) && tcp.dst == %d", noMember), "allow-related"},
}

// permit and forbid are ovn-nbctl commands for what comes and goes, in one transaction.
func permit(s *labtest.Switch, client *labtest.VM) []string {
	return []string{"--wait=hv", "set", "Address_Set", "live4", fmt.Sprintf("addresses=%q", client.IP4),
		"--", "set", "Address_Set", "live6", fmt.Sprintf("addresses=%q", client.IP6),
		"--", "acl-add", s.Name, "to-lport", "1000", fmt.Sprintf("tcp.dst == %d", noEntry), "allow-related",
		"--", "acl-add", s.Name, "from-lport", "1000", fmt.Sprintf("tcp.dst == %d", noExit), "allow-related"}
}

func forbid(s *labtest.Switch) []string {
	return []string{"--wait=hv", "clear", "Address_Set", "live4", "addresses", "--", "clear", "Address_Set", "live6", "addresses",
		"--", "acl-del", s.Name, "to-lport", "1000", fmt.Sprintf("tcp.dst == %d", noEntry),
		"--", "acl-del", s.Name, "from-lport", "1000", fmt.Sprintf("tcp.dst == %d", noExit)}
}

// liveChange: when a change is done, connections that it forbids pass not a byte more, the others have lost no packet, and what is
// allowed again goes on; on one node and between several.
func liveChange(t *testing.T, l *lab.Lab, nodes ...string) {
	s := labtest.NewSwitch(t, l, "live")
	client, keeper := s.Add(1, "hv1"), s.Add(2, "hv1")
	s.NB("create", "Address_Set", "name=live4", "--", "create", "Address_Set", "name=live6")
	t.Cleanup(func() { l.NBCtl(context.Background(), "destroy", "Address_Set", "live4", "live6") })
	for _, acl := range liveACLs {
		s.NB(append([]string{"acl-add", s.Name}, acl...)...)
	}
	var changing, lasting []*labtest.VM
	for n, hv := range nodes {
		changing, lasting = append(changing, s.Add(3+n, hv)), append(lasting, s.Add(6+n, hv))
	}
	s.NB(permit(s, client)...)
	var cut, kept []*probe.Stream
	for _, server := range changing {
		for _, addr := range addresses(server) {
			for _, port := range []uint16{noEntry, noExit, noMember} {
				cut = append(cut, open(t, client, server, 0, netip.AddrPortFrom(addr, port)))
			}
		}
	}
	for _, server := range lasting {
		for _, addr := range addresses(server) {
			kept = append(kept, open(t, keeper, server, 0, netip.AddrPortFrom(addr, keptPort)))
		}
	}
	flow(t, slices.Concat(cut, kept))
	s.NB(forbid(s)...)
	stand(t, cut)
	flow(t, kept)
	for n := range unrelated {
		s.NB("--wait=hv", "acl-add", s.Name, "to-lport", "500", fmt.Sprintf("ip4.src == 192.0.2.%d", n), "drop")
	}
	s.NB(permit(s, client)...)
	flow(t, slices.Concat(cut, kept))
	for _, vm := range append(lasting, keeper) {
		unharmed(t, vm)
	}
}
