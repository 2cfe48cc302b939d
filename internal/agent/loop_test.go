package agent

import (
	"slices"
	"testing"
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
