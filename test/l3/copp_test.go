package l3

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// copp: a meter says how many packets a second reach the agent, of the kind of packet that it is for; without one the same packets all do.
func copp(t *testing.T, l *lab.Lab) {
	const packets = 20
	w := newNetwork(t, l, "copp", 180)
	w.left.NB("--", "--id=@d", "create", "DNS", `records={"vm.test"="10.0.180.1"}`, "--", "add", "Logical_Switch", w.left.Name, "dns_records", "@d",
		"--", "meter-add", "one-a-second", "drop", "1", "pktps", "1",
		"--", "copp-add", "few", "dns", "one-a-second", "--", "copp-add", "few", "icmp4-error", "one-a-second",
		"--", "ls-copp-add", "few", w.left.Name, "--", "lr-copp-add", "few", w.router.Name)
	w.left.Sync()

	start := time.Now()
	answered, busy := askNames(t, w.near, w.far.IP4, packets)
	expired := expire(t, w.near, w.far.IP4, packets)
	most := 2 + int(time.Since(start)/time.Second)
	if answered < 1 || answered > most || answered+busy != packets {
		t.Errorf("of %d requests %d were answered and %d dropped, want 1 to %d answers", packets, answered, busy, most)
	}
	if expired < 1 || expired > most {
		t.Errorf("the router told of %d expired packets, want 1 to %d", expired, most)
	}

	w.left.NB("clear", "Logical_Switch", w.left.Name, "copp", "--", "clear", "Logical_Router", w.router.Name, "copp")
	w.left.Sync()
	if answered, busy := askNames(t, w.near, w.far.IP4, packets); answered != packets {
		t.Errorf("without a meter %d requests were answered and %d dropped, want %d answers", answered, busy, packets)
	}
	if expired := expire(t, w.near, w.far.IP4, packets); expired != packets {
		t.Errorf("without a meter the router told of %d expired packets, want %d", expired, packets)
	}
}

// askNames sends DNS requests at once, and says how many were answered by the agent and how many it was too busy for.
func askNames(t *testing.T, vm *labtest.VM, server netip.Addr, n int) (answered, busy int) {
	t.Helper()
	taken, refused := vm.Drops("l2switch", "served"), vm.Drops("l2switch", "service_busy")
	var conn net.Conn
	err := vm.In(func() (err error) {
		conn, err = net.Dial("udp", netip.AddrPortFrom(server, 53).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range n {
		q, err := new(mdns.Msg).SetQuestion("vm.test.", mdns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(q); err != nil {
			t.Fatal(err)
		}
	}
	vm.Switch.Eventually("each request is taken or refused", func() error {
		answered, busy = int(vm.Drops("l2switch", "served")-taken), int(vm.Drops("l2switch", "service_busy")-refused)
		if answered+busy != n {
			return fmt.Errorf("%d taken, %d refused, of %d", answered, busy, n)
		}
		return nil
	})
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for i := range answered {
		var b [512]byte
		if _, err := conn.Read(b[:]); err != nil {
			t.Fatalf("%d of %d requests that the agent took were answered: %v", i, answered, err)
		}
	}
	return answered, busy
}

// expire sends echo requests that get no further than the first router, and says of how many that told.
func expire(t *testing.T, vm *labtest.VM, to netip.Addr, n int) int {
	t.Helper()
	cmd, err := vm.Switch.Lab.Command(t.Context(), vm.Name, "ping", "-n", "-i", "0.05", "-W", "5", "-t", "1", "-c", fmt.Sprint(n), to.String())
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 { // no reply at all
		t.Fatalf("ping: %v\n%s", err, out)
	}
	return strings.Count(string(out), "Time to live exceeded")
}
