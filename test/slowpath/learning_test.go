package slowpath

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/test/traffic"
)

// bridged is a port with unknown addresses: what is behind it has MAC addresses of its own.
type bridged struct {
	*labtest.VM
	s *labtest.Switch
}

func addBridged(s *labtest.Switch, n int, hv string) bridged {
	vm := s.VM(n, hv)
	s.NB("lsp-add", s.Name, vm.Port, "--", "lsp-set-addresses", vm.Port, "unknown")
	vm.Start()
	vm.WaitUp(true)
	return bridged{vm, s}
}

// guest is a host behind a port.
type guest struct {
	t     *testing.T
	ns    string
	place traffic.Place
	mac   string
	addr  netip.Addr
}

func newGuest(t *testing.T, n int) *guest {
	ns := testutil.Netns(t, fmt.Sprint("g", n))
	return &guest{t: t, ns: ns, place: testutil.In(t, ns), mac: fmt.Sprintf("0a:00:00:00:01:%02x", n), addr: netip.AddrFrom4([4]byte{10, 0, 1, byte(n)})}
}

// put has the guest live behind a port, where it says at once that it is there, as guests do that have moved.
func (g *guest) put(at bridged) {
	g.t.Helper()
	g.hide()
	dev := "g" + g.mac[len(g.mac)-2:]
	at.s.Exec(at.Name, "ip", "link", "add", dev, "link", "eth0", "address", g.mac, "type", "macvlan", "mode", "bridge")
	testutil.Run(g.t, "ip", "-n", at.s.Lab.Namespace(at.Name), "link", "set", dev, "netns", g.ns, "name", "eth0")
	testutil.Run(g.t, "ip", "-n", g.ns, "link", "set", "eth0", "mtu", "1400", "up")
	testutil.Run(g.t, "ip", "-n", g.ns, "addr", "add", g.addr.String()+"/24", "dev", "eth0")
	g.say()
}

// hide takes the guest from where it is, if it is anywhere.
func (g *guest) hide() { _ = exec.Command("ip", "-n", g.ns, "link", "del", "eth0").Run() }

// say sends a frame that nobody answers.
func (g *guest) say() {
	_ = exec.Command("ip", "netns", "exec", g.ns, "ping", "-c1", "-W0.1", "10.0.1.250").Run()
}

// reaches sends to another guest; all arrives, and none of it at the stranger.
func (g *guest) reaches(to *guest, stranger bridged) error {
	run, err := traffic.Start(g.t.Context(), traffic.Flow{From: g.place, To: to.place, Dest: to.addr, Packets: 50})
	if err != nil {
		return err
	}
	tap, err := traffic.Overhear(stranger.In, "eth0")
	if err != nil {
		return err
	}
	err = run.Check()
	heard, tapErr := tap.Close(run)
	if heard > 0 {
		err = errors.Join(err, fmt.Errorf("%d packets for %s came to %s, too", heard, to.mac, stranger.Name))
	}
	return errors.Join(err, tapErr)
}

// row is where the table FDB has the guest: the name of a port, or "".
func (g *guest) row(s *labtest.Switch) string {
	key := strings.TrimSpace(s.SB("--bare", "--columns=port_key", "find", "FDB", fmt.Sprintf("mac=%q", g.mac)))
	if key == "" {
		return ""
	}
	return strings.TrimSpace(s.SB("--bare", "--columns=logical_port", "find", "Port_Binding", "tunnel_key="+key,
		"datapath="+datapath(s)))
}

func (g *guest) waitRow(s *labtest.Switch, want string) {
	g.t.Helper()
	s.Eventually(fmt.Sprintf("%s in the table FDB", g.mac), func() error {
		if got := g.row(s); got != want {
			return fmt.Errorf("it is at %q, want %q", got, want)
		}
		return nil
	})
}

// Addresses behind ports are learned by all nodes, move, age, are deleted, and survive the agent.
func learning(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "fdb")
	one, two, stranger := addBridged(s, 1, "hv1"), addBridged(s, 2, "hv2"), addBridged(s, 3, "hv2")
	s.Sync()
	g := []*guest{newGuest(t, 1), newGuest(t, 2), newGuest(t, 3)}
	g[0].put(one)
	g[1].put(one)
	g[2].put(two)
	for i, at := range []bridged{one, one, two} {
		g[i].waitRow(s, at.Port)
	}
	meets := func(what string, from, to *guest) {
		t.Helper()
		s.Eventually(what, func() error { return errors.Join(from.reaches(to, stranger), to.reaches(from, stranger)) })
	}
	meets("from node to node", g[0], g[2])

	g[0].put(two)
	g[0].waitRow(s, two.Port)
	g[2].put(one)
	g[2].waitRow(s, one.Port)
	meets("after both have moved", g[0], g[2])

	uuid := strings.TrimSpace(s.SB("--bare", "--columns=_uuid", "find", "FDB", fmt.Sprintf("mac=%q", g[1].mac)))
	s.SB("destroy", "FDB", uuid)
	s.Sync()
	if got := g[1].row(s); got != "" {
		t.Errorf("a deleted address is at %q again, unheard of", got)
	}
	g[1].say()
	g[1].waitRow(s, one.Port)

	if err := l.KillAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	late := newGuest(t, 4)
	late.put(one) // learned by the programs alone
	g[1].hide()
	if err := l.StartAgent(t.Context(), "hv1"); err != nil {
		t.Fatal(err)
	}
	late.waitRow(s, one.Port)
	meets("after the agent was killed", late, g[0])

	s.NB("set", "Logical_Switch", s.Name, "other_config:fdb_age_threshold=2")
	g[1].waitRow(s, "")
}

// A MAC address in two places at once is a Problem, and no flood of writes.
func twoPlaces(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "dup")
	one, two := addBridged(s, 1, "hv1"), addBridged(s, 2, "hv1")
	s.Sync()
	a, b := newGuest(t, 1), newGuest(t, 2)
	b.mac = a.mac
	a.put(one)
	b.put(two)
	s.Eventually("the problem is told", func() error {
		a.say()
		b.say()
		status, err := l.Woven(t.Context(), "hv1", "status")
		if err == nil && !strings.Contains(status, a.mac+" is used on ports") {
			err = fmt.Errorf("status:\n%s", status)
		}
		return err
	})
}
