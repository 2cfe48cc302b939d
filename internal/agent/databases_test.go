package agent

import (
	"bytes"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/lab/pki"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// newCA makes an authority whose files end with the test.
func newCA(t *testing.T) *pki.Authority {
	t.Helper()
	ca, err := pki.New(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t *testing.T, ca *pki.Authority, name string) pki.Files {
	t.Helper()
	files, err := ca.Issue(name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// secure has the databases ask for certificates, the Southbound one with role ovn-controller, and gives the node the one of
// a chassis.
func secure(n *node, ca *pki.Authority, chassis string) {
	n.t.Helper()
	central := issue(n.t, ca, "central")
	n.setRemotes(n.nb.ListenTLS(central), n.sb.ListenWithRole(central, "ovn-controller"))
	n.setKeys(issue(n.t, ca, chassis))
}

// setKeys writes the SSL row.
func (n *node) setKeys(f pki.Files) {
	n.t.Helper()
	n.vsctl("--no-wait", "set-ssl", f.PrivateKey, f.Certificate, f.CACert)
}

// plugIn adds a port to switch sw0 and plugs a device in it.
func (n *node) plugIn(port, device string, index int) {
	n.t.Helper()
	n.nbctl("--may-exist", "ls-add", "sw0", "--", "lsp-add", "sw0", port)
	n.plug(port, device, index)
}

// plug plugs a device in a port.
func (n *node) plug(port, device string, index int) {
	n.t.Helper()
	n.host.link(device, index)
	n.vsctl("add-port", "br-int", device, "--", "set", "Interface", device, "external_ids:iface-id="+port)
}

// The role ovn-controller is enough for all that an agent does.
func TestRoleOfOVNController(t *testing.T) {
	n := newNode(t)
	secure(n, newCA(t), "hv1")
	n.host.change(func(s *hostnet.Snapshot) {
		s.Addrs = append(s.Addrs, hostnet.Addr{Ifindex: 2, Prefix: netip.MustParsePrefix("192.0.2.7/24")})
	})
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.plugIn("p1", "tap1", 10)
	n.untilBound("p1", "hv1 true")
	n.nbctl("--wait=hv", "sync")

	n.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=192.0.2.7", "external_ids:ovn-encap-csum=false",
		"external_ids:ovn-bridge-mappings=physnet1:br-ex", "external_ids:ovn-transport-zones=z")
	n.untilIs("encaps", "192.0.2.7", func() string { return n.sbctl("--bare", "--columns=ip", "list", "Encap") })
	n.untilIs("csum", "false", func() string { return strings.Trim(n.sbctl("--bare", "--columns=options", "list", "Encap"), "csum=") })
	n.untilIs("zones", "z", func() string { return n.sbctl("--bare", "--columns=transport_zones", "list", "Chassis") })
	for _, table := range []string{"Chassis", "Chassis_Private"} {
		uuid := n.sbctl("--bare", "--columns=_uuid", "list", table)
		n.sbctl("destroy", table, uuid)
		n.until("a new row in "+table, func() bool {
			now := n.sbctl("--bare", "--columns=_uuid", "list", table)
			return now != "" && now != uuid
		})
	}
	n.untilBound("p1", "hv1 true")
	n.vsctl("del-port", "tap1")
	n.untilBound("p1", "- false")
	n.nbctl("--wait=hv", "sync")
	if problems := s.Status().Problems; len(problems) > 0 {
		t.Errorf("problems: %+v", problems)
	}
}

// What the role has no right to is told, and doesn't stop the rest.
func TestRefusedByRole(t *testing.T) {
	n := newNode(t)
	secure(n, newCA(t), "hv1")
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:hostname=renamed", "external_ids:ovn-cms-options=gw")
	n.untilIs("options", "gw", func() string {
		return strings.Trim(n.sbctl("get", "Chassis", "hv1", "other_config:ovn-cms-options"), `"`)
	})
	n.until("the problem", func() bool {
		return hasProblem(s, "chassis hv1 hostname", `role "ovn-controller" prohibit modification of table "Chassis"`)
	})
	began := time.Now()
	n.plugIn("p1", "tap1", 10)
	n.untilBound("p1", "hv1 true")
	n.nbctl("--wait=hv", "sync")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the refusal held up a port for %v", took)
	}
	if got := n.sbctl("get", "Chassis", "hv1", "hostname"); got != "host1" {
		t.Errorf("host name %s", got)
	}
	n.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:hostname=host1")
	n.until("no problem", func() bool { return len(s.Status().Problems) == 0 })
}

// A node with another chassis' certificate is told so; with its own it registers without a restart.
func TestCertificateOfAnotherChassis(t *testing.T) {
	n := newNode(t)
	ca := newCA(t)
	secure(n, ca, "hv2")
	n.startNorthd()
	n.nbctl("--wait=sb", "sync") // northd has made the role
	s := n.startAgent()
	n.until("the problem", func() bool {
		return hasProblem(s, "chassis hv1", `RBAC rules for client "hv2" role "ovn-controller" prohibit row insertion`)
	})
	n.setKeys(issue(t, ca, "hv1"))
	n.ready(s)
	n.until("no problem", func() bool { return len(s.Status().Problems) == 0 })
}

// Keys are renewed, moved and mistaken; the ports stay as they are.
func TestKeysChange(t *testing.T) {
	n := newNode(t)
	ca := newCA(t)
	secure(n, ca, "hv1")
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.plugIn("p1", "tap1", 10)
	n.untilInstalled("tap1")
	n.nbctl("--wait=hv", "sync")
	bindings, chassis := n.monitor("Port_Binding", "chassis,encap,up"), n.monitor("Chassis")
	before := []string{bindings.String(), chassis.String(), n.iface("tap1", "external_ids:ovn-installed-ts")}
	connectedSB := func() bool { return s.Status().Databases[2].Connected }

	good := issue(t, ca, "hv1")
	wrong := good
	wrong.CACert = issue(t, newCA(t), "other").CACert
	n.setKeys(wrong)
	n.until("the refusal", func() bool {
		return !connectedSB() && strings.Contains(s.Status().Databases[2].Error, "unknown authority")
	})
	n.setKeys(good)
	n.until("the connection", connectedSB)
	n.vsctl("--no-wait", "del-ssl")
	n.until("the loss", func() bool { return strings.Contains(s.Status().Databases[2].Error, "not all set") })
	n.setKeys(good)
	n.nbctl("--wait=hv", "sync")
	after := []string{bindings.String(), chassis.String(), n.iface("tap1", "external_ids:ovn-installed-ts")}
	if !slices.Equal(before, after) {
		t.Errorf("before %q, after %q", before, after)
	}
	if got := n.plane.devices(); !slices.Equal(got, []string{"p1 tap1"}) {
		t.Errorf("data plane has %q", got)
	}
}

// The databases move to other addresses; the ports stay as they are.
func TestRemotesChange(t *testing.T) {
	n := newNode(t)
	nb4, sb6 := n.nb.ListenTCP("127.0.0.1"), n.sb.ListenTCP("[::1]")
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.plugIn("p1", "tap1", 10)
	n.untilInstalled("tap1")
	n.nbctl("--wait=hv", "sync")
	bindings := n.monitor("Port_Binding", "chassis,encap,up")
	before := bindings.String()
	remotes := func() string { d := s.Status().Databases; return d[1].Remote + " " + d[2].Remote }

	n.setRemotes(nb4, "tcp:[::1]:1,"+sb6)
	n.untilIs("remotes in use", nb4+" "+sb6, remotes)
	n.nbctl("--wait=hv", "sync")
	n.setRemotes("tcp:localhost"+strings.TrimPrefix(nb4, "tcp:127.0.0.1"), n.sb.Remote())
	n.until("remotes in use", func() bool {
		return strings.HasPrefix(remotes(), "tcp:localhost") && strings.HasSuffix(remotes(), n.sb.Remote())
	})
	n.nbctl("--wait=hv", "sync")
	if got := strings.TrimPrefix(bindings.String(), before); got != "" {
		t.Errorf("bindings changed:\n%s", got)
	}
	if got := n.plane.devices(); !slices.Equal(got, []string{"p1 tap1"}) {
		t.Errorf("data plane has %q", got)
	}
}

// Both databases are clusters, and lose their leaders one after another. What was plugged stays, what comes is bound. (northd takes
// seconds to follow: nothing here waits for it.)
func TestClusters(t *testing.T) {
	n := newNode(t)
	nb, sb := ovsdbtest.StartCluster(t, ovsdbtest.NB, 3), ovsdbtest.StartCluster(t, ovsdbtest.SB, 3)
	n.nbAt, n.sbAt = strings.Join(nb.Remotes(), ","), strings.Join(sb.Remotes(), ",")
	n.setRemotes(n.nbAt, n.sbAt)
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.plugIn("p1", "tap1", 10)
	n.untilInstalled("tap1")
	n.nbctl("--wait=hv", "lsp-add", "sw0", "p2", "--", "lsp-add", "sw0", "p3")
	installed := n.iface("tap1", "external_ids:ovn-installed-ts")

	sb.Leader().Stop()
	n.sbAt = sb.Leader().Remote() // OVN's tools give up at a server that doesn't answer
	n.plug("p2", "tap2", 20)
	n.untilBound("p2", "hv1 true")
	nb.Leader().Stop()
	n.plug("p3", "tap3", 30)
	n.untilBound("p3", "hv1 true")
	n.until("connections to what is left", func() bool {
		d := s.Status().Databases
		return d[1].Connected && d[2].Connected
	})
	if got := n.iface("tap1", "external_ids:ovn-installed-ts"); got != installed || n.binding("p1") != "hv1 true" {
		t.Errorf("p1 was %s, is %s: %s", installed, got, n.binding("p1"))
	}
	if got := n.plane.devices(); !slices.Equal(got, []string{"p1 tap1", "p2 tap2", "p3 tap3"}) {
		t.Errorf("data plane has %q", got)
	}
}

// The Southbound database is reached by a relay.
func TestRelay(t *testing.T) {
	n := newNode(t)
	relay := ovsdbtest.StartRelay(t, "OVN_Southbound", n.sb.Remote())
	n.setRemotes(n.nb.Remote(), relay.Remote())
	n.startNorthd()
	n.ready(n.startAgent())
	n.plugIn("p1", "tap1", 10)
	n.untilBound("p1", "hv1 true")
	n.nbctl("--wait=hv", "sync")
}

// Cleanup reaches databases that ask for a certificate.
func TestCleanupWithRole(t *testing.T) {
	n := newNode(t)
	secure(n, newCA(t), "hv1")
	n.startNorthd()
	n.ready(n.startAgent())
	n.plugIn("p1", "tap1", 10)
	n.untilBound("p1", "hv1 true")
	n.stopAgent()
	w := databases(slog.New(slog.DiscardHandler))
	w.host = n.host
	var out bytes.Buffer
	if err := cleanup(t.Context(), w, Options{OVS: n.vs.Remote()}, func() error { return nil }, &out); err != nil {
		t.Errorf("%v; it said:\n%s", err, &out)
	}
	if got := n.binding("p1") + n.sbctl("--bare", "--columns=name", "list", "Chassis"); got != "- false" {
		t.Errorf("left: %s", got)
	}
}
