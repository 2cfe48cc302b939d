package agent

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/netstate"
)

// A port's life: the switch exists, the port is plugged, works, and goes again.
func TestPortsLife(t *testing.T) {
	n := newNode(t)
	n.startNorthd()
	n.ready(n.startAgent())
	n.nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-set-addresses", "p1", "0a:00:00:00:00:01 10.0.0.1")
	n.host.link("tap1", 10)
	n.vsctl("add-port", "br-int", "tap1", "--", "set", "Interface", "tap1", "external_ids:iface-id=p1")
	if got := n.iface("tap1", "ofport"); got != "1" {
		t.Errorf("ofport when add-port returned: %s", got)
	}
	n.untilBound("p1", "hv1 true")
	n.untilIs("ovn-installed", "true", func() string { return n.iface("tap1", "external_ids:ovn-installed") })
	if got := n.plane.devices(); !slices.Equal(got, []string{"p1 tap1"}) {
		t.Errorf("data plane has %q", got)
	}
	n.nbctl("--wait=hv", "sync")
	n.vsctl("del-port", "tap1")
	n.untilBound("p1", "- false")
	if got := n.plane.devices(); len(got) != 0 {
		t.Errorf("data plane still has %q", got)
	}
}

// plugged is a node with switch sw0, its port p1, and tap1 plugged in it.
func plugged(t *testing.T) (*node, *Source) {
	t.Helper()
	n := newNode(t)
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1")
	n.host.link("tap1", 10)
	n.vsctl("add-port", "br-int", "tap1", "--", "set", "Interface", "tap1", "external_ids:iface-id=p1")
	n.untilInstalled("tap1")
	return n, s
}

func (n *node) untilInstalled(iface string) {
	n.t.Helper()
	n.untilIs("ovn-installed of "+iface, "true", func() string { return n.iface(iface, "external_ids:ovn-installed") })
}

// The device, the interface row and the logical port may come in any order.
func TestPluggingInEveryOrder(t *testing.T) {
	steps := map[string]func(n *node, port, tap string, index int){
		"device": func(n *node, _, tap string, index int) { n.host.link(tap, index) },
		"row": func(n *node, port, tap string, _ int) {
			n.vsctl("add-port", "br-int", tap, "--", "set", "Interface", tap, "external_ids:iface-id="+port)
		},
		"port": func(n *node, port, _ string, _ int) { n.nbctl("lsp-add", "sw0", port) },
	}
	n := newNode(t)
	n.startNorthd()
	n.ready(n.startAgent())
	n.nbctl("ls-add", "sw0")
	for i, order := range [][]string{
		{"device", "row", "port"}, {"device", "port", "row"}, {"row", "device", "port"},
		{"row", "port", "device"}, {"port", "device", "row"}, {"port", "row", "device"},
	} {
		port, tap := fmt.Sprint("p", i), fmt.Sprint("tap", i)
		for _, step := range order {
			steps[step](n, port, tap, 100+i)
		}
		n.untilInstalled(tap)
		n.untilBound(port, "hv1 true")
		if got := n.iface(tap, "ofport"); got == "-1" || got == "[]" {
			t.Errorf("order %v: ofport %s", order, got)
		}
		if got := n.iface(tap, "error"); got != "[]" {
			t.Errorf("order %v: error %s", order, got)
		}
	}
}

// As with ovs-vswitchd, a missing device is told at once and doesn't make add-port wait.
func TestAddPortWithoutDevice(t *testing.T) {
	n := newNode(t)
	n.startNorthd()
	n.ready(n.startAgent())
	out := n.vsctl("add-port", "br-int", "tap9")
	if !strings.Contains(out, "could not open network device tap9 (No such device)") {
		t.Errorf("add-port said %q", out)
	}
	n.untilIs("ofport", "-1", func() string { return n.iface("tap9", "ofport") })
}

func TestWaitHVReturnsOnlyAfterApply(t *testing.T) {
	n, _ := plugged(t)
	n.nbctl("--wait=hv", "sync")
	gate := make(chan struct{})
	n.plane.set(func() { n.plane.gate = gate })
	done := make(chan string, 1)
	go func() { done <- n.nbctl("--wait=hv", "lsp-add", "sw0", "p2") }()
	n.until("northd has copied nb_cfg", func() bool {
		return n.sbctl("get", "SB_Global", ".", "nb_cfg") == n.nbctl("get", "NB_Global", ".", "nb_cfg") &&
			n.sbctl("--bare", "--columns=_uuid", "find", "Port_Binding", "logical_port=p2") != ""
	})
	select {
	case <-done:
		t.Error("--wait=hv returned while the data plane was still at it")
	case <-time.After(300 * time.Millisecond):
	}
	n.plane.set(func() { n.plane.gate = nil })
	close(gate)
	<-done
	n.untilIs("ovn-nb-cfg", n.nbctl("get", "NB_Global", ".", "nb_cfg"), func() string {
		return strings.Trim(n.vsctl("get", "Bridge", "br-int", "external_ids:ovn-nb-cfg"), `"`)
	})
}

func TestForeignDeletionOfOurRows(t *testing.T) {
	n, _ := plugged(t)
	for _, table := range []string{"Chassis", "Chassis_Private"} {
		uuid := n.sbctl("--bare", "--columns=_uuid", "find", table, "name=hv1")
		n.sbctl("destroy", table, uuid)
		n.until("a new row in "+table, func() bool {
			now := n.sbctl("--bare", "--columns=_uuid", "find", table, "name=hv1")
			return now != "" && now != uuid
		})
		n.untilBound("p1", "hv1 true")
	}
	n.nbctl("--wait=hv", "sync")
	if got := n.sbctl("--bare", "--columns=ip", "find", "Encap", "chassis_name=hv1"); got != "192.0.2.1" {
		t.Errorf("encap %q", got)
	}
}

// monitor collects what ovsdb-client tells about a table of the Southbound database, from now on until the test ends.
func (n *node) monitor(table string, columns ...string) *syncBuffer {
	n.t.Helper()
	cmd := exec.Command("ovsdb-client", append([]string{"--no-headings", "monitor", n.sb.Remote(), "OVN_Southbound", table}, columns...)...)
	seen := &syncBuffer{}
	cmd.Stdout = seen
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it never ends by itself
		_ = cmd.Wait()
	})
	n.until("the monitor's first view", func() bool { return strings.Contains(seen.String(), "initial") })
	return seen
}

// A stopped agent leaves its ports bound, and one that starts changes nothing.
func TestRestartDoesNotFlap(t *testing.T) {
	n, _ := plugged(t)
	n.nbctl("--wait=hv", "sync")
	bindings, chassis := n.monitor("Port_Binding", "chassis,encap,up"), n.monitor("Chassis")
	firstBindings, firstChassis := bindings.String(), chassis.String()
	installed := n.iface("tap1", "external_ids:ovn-installed-ts")

	n.stopAgent()
	if got := n.binding("p1"); got != "hv1 true" {
		t.Errorf("after the stop: %s", got)
	}
	n.plane = &fakePlane{}
	n.ready(n.startAgent())
	n.nbctl("--wait=hv", "sync")
	if got := strings.TrimPrefix(bindings.String(), firstBindings); got != "" {
		t.Errorf("the restart changed bindings:\n%s", got)
	}
	if got := strings.TrimPrefix(chassis.String(), firstChassis); got != "" {
		t.Errorf("the restart changed the chassis:\n%s", got)
	}
	if got := n.iface("tap1", "external_ids:ovn-installed-ts"); got != installed {
		t.Errorf("ovn-installed-ts was %s, is %s", installed, got)
	}
	if got := n.plane.devices(); !slices.Equal(got, []string{"p1 tap1"}) {
		t.Errorf("data plane has %q", got)
	}
}

// Another chassis takes the port: it is left there, also over a restart, until it is released or plugged anew.
func TestPortTakenByAnotherChassis(t *testing.T) {
	n, _ := plugged(t)
	n.sbctl("chassis-add", "hv2", "geneve", "192.0.2.2")
	take := func() {
		t.Helper()
		hv2 := n.sbctl("--bare", "--columns=_uuid", "find", "Chassis", "name=hv2")
		n.sbctl("set", "Port_Binding", "p1", "chassis="+hv2)
		n.untilIs("ovn-installed", "", func() string { return strings.Trim(n.iface("tap1", "external_ids:ovn-installed"), "[]") })
		n.until("nothing local in the data plane", func() bool { return len(n.plane.devices()) == 0 })
		if got := n.binding("p1"); got != "hv2 true" {
			t.Errorf("the port was taken back: %s", got)
		}
	}
	take()
	n.stopAgent()
	s := n.ready(n.startAgent())
	n.nbctl("--wait=hv", "sync")
	if got := n.binding("p1"); got != "hv2 true" {
		t.Errorf("the port was taken back after a restart: %s", got)
	}
	if !hasProblem(s, "logical_switch_port p1", `chassis "hv2" took the port`) {
		t.Errorf("problems: %+v", s.Status().Problems)
	}

	n.sbctl("clear", "Port_Binding", "p1", "chassis") // released there
	n.untilBound("p1", "hv1 true")
	n.untilInstalled("tap1")
	take()
	n.vsctl("del-port", "tap1", "--", "add-port", "br-int", "tap1", "--", "set", "Interface", "tap1", "external_ids:iface-id=p1")
	n.untilBound("p1", "hv1 true") // plugged anew
	n.untilInstalled("tap1")
	if hasProblem(s, "logical_switch_port p1", "") {
		t.Errorf("problems: %+v", s.Status().Problems)
	}
}

func hasProblem(s *Source, object, reason string) bool {
	return slices.ContainsFunc(s.Status().Problems, func(p v1.Problem) bool {
		return p.Object == object && strings.Contains(p.Reason, reason)
	})
}

// Without the Northbound database nothing is applied and nothing claimed; the status says so.
func TestNorthboundAwayAtStart(t *testing.T) {
	n := newNode(t)
	n.startNorthd()
	n.nbctl("--wait=sb", "ls-add", "sw0", "--", "lsp-add", "sw0", "p1")
	n.nb.Stop()
	n.host.link("tap1", 10)
	s := n.startAgent()
	n.until("chassis", func() bool { return s.Status().Chassis == "hv1" })
	n.vsctl("add-port", "br-int", "tap1", "--", "set", "Interface", "tap1", "external_ids:iface-id=p1")
	if n.plane.applied() > 0 || n.binding("p1") != "- false" {
		t.Errorf("applied %d times, binding %s", n.plane.applied(), n.binding("p1"))
	}
	if !hasProblem(s, "data_plane state", "waits for OVN_Northbound") {
		t.Errorf("problems: %+v", s.Status().Problems)
	}
	n.nb.Restart()
	n.untilBound("p1", "hv1 true")
	n.untilIs("problems", "0", func() string { return fmt.Sprint(len(s.Status().Problems)) })
}

// While the databases are away, what was live stays, and local changes of known ports are carried out.
func TestDatabasesLost(t *testing.T) {
	n, s := plugged(t)
	n.nb.Stop()
	n.sb.Stop()
	n.until("the loss is seen", func() bool { st := s.Status(); return !st.Databases[1].Connected && !st.Databases[2].Connected })
	if got := n.plane.devices(); !slices.Equal(got, []string{"p1 tap1"}) {
		t.Errorf("data plane has %q", got)
	}
	n.vsctl("del-port", "tap1")
	n.until("unplugged", func() bool { return len(n.plane.devices()) == 0 })
	n.sb.Restart()
	n.nb.Restart()
	n.untilBound("p1", "- false")
	n.nbctl("--wait=hv", "sync")
}

func TestFailedPortIsNotBroughtUp(t *testing.T) {
	n := newNode(t)
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.nbctl("--wait=sb", "ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-add", "sw0", "p2")
	dp := n.sbctl("--bare", "--columns=_uuid", "find", "Datapath_Binding", "external_ids:name=sw0")
	n.plane.set(func() { n.plane.failures = []netstate.Failure{{Module: dp, Port: "p1", Err: errors.New("no room")}} })
	for i, name := range []string{"1", "2"} {
		n.host.link("tap"+name, 10+i)
		n.vsctl("add-port", "br-int", "tap"+name, "--", "set", "Interface", "tap"+name, "external_ids:iface-id=p"+name)
	}
	n.untilBound("p2", "hv1 true")
	n.nbctl("--wait=hv", "sync") // a port that fails holds nobody up
	if got := n.binding("p1"); got != "- false" {
		t.Errorf("failed port: %s", got)
	}
	ports, err := s.Ports()
	if err != nil || len(ports) != 2 || ports[0].State != v1.PortFailed || ports[0].Error != "no room" || ports[1].State != v1.PortUp {
		t.Errorf("ports %+v, %v", ports, err)
	}
	n.plane.set(func() { n.plane.failures = nil })
	n.untilBound("p1", "hv1 true") // it is tried again by itself
}

// A port whose turn has not come is not brought up, and the generation waits for it; other ports don't.
func TestPendingPort(t *testing.T) {
	n := newNode(t)
	n.startNorthd()
	s := n.ready(n.startAgent())
	n.nbctl("--wait=sb", "ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-add", "sw0", "p2")
	dp := n.sbctl("--bare", "--columns=_uuid", "find", "Datapath_Binding", "external_ids:name=sw0")
	n.plane.set(func() { n.plane.pending = []netstate.PortID{{Module: dp, Port: "p1"}} })
	for i, name := range []string{"1", "2"} {
		n.host.link("tap"+name, 10+i)
		n.vsctl("add-port", "br-int", "tap"+name, "--", "set", "Interface", "tap"+name, "external_ids:iface-id=p"+name)
	}
	n.untilBound("p2", "hv1 true")
	n.nbctl("--wait=sb", "sync")
	cfg := n.nbctl("get", "NB_Global", ".", "nb_cfg")
	if got := n.binding("p1"); got != "- false" {
		t.Errorf("pending port: %s", got)
	}
	ports, err := s.Ports()
	if err != nil || len(ports) != 2 || ports[0].State != v1.PortWaiting || ports[0].Error != "its turn to get programs has not come yet" {
		t.Errorf("ports %+v, %v", ports, err)
	}
	if got := n.sbctl("--bare", "--columns=nb_cfg", "find", "Chassis_Private", "name=hv1"); got == cfg {
		t.Errorf("generation %s is said to be live", got)
	}
	n.plane.set(func() { n.plane.pending = nil })
	n.untilBound("p1", "hv1 true")
	n.nbctl("--wait=hv", "sync")
}

func TestApplyErrorIsRetried(t *testing.T) {
	n, s := plugged(t)
	n.plane.set(func() { n.plane.err = errors.New("out of memory") })
	n.vsctl("del-port", "tap1")
	n.until("the problem", func() bool { return hasProblem(s, "data_plane state", "out of memory") })
	n.plane.set(func() { n.plane.err = nil })
	n.untilBound("p1", "- false")
	n.until("no problem", func() bool { return len(s.Status().Problems) == 0 })
}

// The chassis follows its settings; its old rows don't stay.
func TestSettingsChange(t *testing.T) {
	n, _ := plugged(t)
	encaps := func() string { return n.sbctl("--bare", "--columns=ip,chassis_name", "list", "Encap") }
	n.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=192.0.2.7",
		"external_ids:ovn-bridge-mappings=physnet1:br-ex")
	n.untilIs("encaps", "192.0.2.7\nhv1", encaps)
	for _, column := range []string{"external_ids", "other_config"} {
		n.untilIs("mappings in "+column, "physnet1:br-ex", func() string {
			return strings.Trim(n.sbctl("get", "Chassis", "hv1", column+":ovn-bridge-mappings"), `"`)
		})
	}
	n.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:system-id=hv9")
	n.untilIs("encaps", "192.0.2.7\nhv9", encaps)
	n.untilBound("p1", "hv9 true")
	if got := n.sbctl("--bare", "--columns=name", "list", "Chassis_Private"); got != "hv9" {
		t.Errorf("private rows %q", got)
	}
}

func TestLocalDatabaseFromNothing(t *testing.T) {
	n := newNode(t)
	n.vsctl("--no-wait", "--", "emer-reset") // keeps the row
	root := n.vsctl("--bare", "--columns=_uuid", "list", "Open_vSwitch")
	n.vs.Transact(`["Open_vSwitch",{"op":"delete","table":"Open_vSwitch","where":[["_uuid","==",["uuid","` + root + `"]]]}]`)
	s := n.startAgent()
	n.until("br-int", func() bool { return n.vsctl("--if-exists", "get", "Interface", "br-int", "ofport") == "65534" })
	for _, want := range []string{"external_ids:system-id", "external_ids:ovn-remote", "external_ids:ovn-encap-type"} {
		n.until("problem of "+want, func() bool { return hasProblem(s, "open_vswitch "+want, "is not set") })
	}
	if got := n.vsctl("--columns=fail_mode,datapath_type", "--bare", "list", "Bridge", "br-int"); got != "secure\nsystem" {
		t.Errorf("br-int: %q", got)
	}
	n.vsctl("set", "Open_vSwitch", ".", "external_ids:system-id=hv1", "external_ids:ovn-remote=\""+n.sb.Remote()+"\"",
		"external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=192.0.2.1")
	n.untilIs("chassis", "hv1", func() string { return n.sbctl("--bare", "--columns=name", "list", "Chassis") })
}

func TestStatisticsAreWritten(t *testing.T) {
	n := newNode(t)
	n.host.link("tap1", 10)
	n.vsctl("--no-wait", "add-br", "br-int", "--", "add-port", "br-int", "tap1")
	n.startAgent()
	n.untilIs("rx_bytes", "700", func() string { return n.vsctl("--if-exists", "get", "Interface", "tap1", "statistics:rx_bytes") })
}
