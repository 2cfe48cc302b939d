package ingest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// reached names the datapaths of a network.
func reached(n *logical.Network) string {
	return strings.Join(append(sortedKeys(n.Switches), sortedKeys(n.Routers)...), " ")
}

// TestReach: to which datapaths a node follows the links of its ports.
func TestReach(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world)
		want   string
	}{
		{"through two routers", func(*world) {}, "blue green red r1 r2"},
		{"from the far end", func(w *world) { delete(w.Devices, "tap-blue-1"); w.plug("red-2") }, "blue green red r1 r2"},
		{"a switch without routers", func(w *world) { delete(w.Devices, "tap-blue-1"); w.plug("lone-1") }, "lone"},
		{"nothing plugged", func(w *world) { delete(w.Devices, "tap-blue-1") }, ""},
		{"a loop", func(w *world) { w.attach("r2", "blue", "0a:00:00:00:0c:01", "10.0.0.2/24") }, "blue green red r1 r2"},
		{"one end is missing", func(w *world) { delete(w.SB.PortBinding, "r2-r1") }, "blue green r1"},
		{"one end names another port", func(w *world) {
			edit(w.SB.PortBinding, "r2-r1", func(pb *sb.PortBinding) { pb.Options = map[string]string{"peer": "green-r1"} })
		}, "blue green r1"},
		{"no datapath", func(w *world) { delete(w.SB.DatapathBinding, "r2") }, "blue green r1"},
		{"a gateway router", func(w *world) {
			edit(w.SB.PortBinding, "r2-r1", func(pb *sb.PortBinding) { pb.Type = "l3gateway" })
		}, "blue green r1"},
		{"a distributed gateway port", func(w *world) { w.redirect("r1-green", "false") }, "blue green red r1 r2"},
		{"one through which all is redirected", func(w *world) { w.redirect("r1-green", "true") }, "blue red r1 r2"},
		{"one whose chassisredirect port is missing", func(w *world) {
			w.redirect("r1-green", "false")
			delete(w.SB.PortBinding, "cr-r1-green")
		}, "blue red r1 r2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.change(w)
			if d := cmp.Diff(tt.want, reached(w.read())); d != "" {
				t.Errorf("datapaths (-want +got):\n%s", d)
			}
		})
	}
}

// redirect makes a router port a distributed gateway port, as ovn-northd does it.
func (w *world) redirect(lrp, always string) {
	w.bind("r1", sb.PortBinding{LogicalPort: "cr-" + lrp, Type: "chassisredirect", Options: map[string]string{"always-redirect": always}})
	edit(w.SB.PortBinding, lrp, func(pb *sb.PortBinding) {
		pb.Options = map[string]string{"peer": pb.Options["peer"], "chassis-redirect-port": "cr-" + lrp}
	})
}

// TestRedirectedPort: a distributed gateway port is told, and its chassisredirect port is no port of its own.
func TestRedirectedPort(t *testing.T) {
	w := newWorld()
	w.redirect("r1-green", "true")
	n := w.read()
	if p := routerPort(t, n, "r1", "r1-green"); !p.Gateway || len(n.Routers["r1"].Ports) != 3 {
		t.Errorf("r1-green is %+v, ports %v", p, n.Routers["r1"].Ports)
	}
	if got := problemsOf(n, "logical_router_port r1-green"); !strings.Contains(got, "gateway chassis are not supported yet") {
		t.Errorf("problems %q", got)
	}
}

// TestRouterTypePort: options of a switch's port that leads to a router.
func TestRouterTypePort(t *testing.T) {
	for _, tt := range []struct {
		key, value, proxy, problem string
	}{
		{"arp_proxy", "169.254.239.254 169.254.239.2", "[00:00:00:00:00:00 169.254.239.254/32 169.254.239.2/32]", ""},
		{"arp_proxy", "0a:00:00:00:00:07 10.0.0.0/24", "[0a:00:00:00:00:07 10.0.0.0/24]", ""},
		{"arp_proxy", "01:00:00:00:00:07 10.0.0.0/24", "[00:00:00:00:00:00 10.0.0.0/24]", "01:00:00:00:00:07 is no station's MAC address"},
		{"arp_proxy", "224.0.0.0/4 0.0.0.0 fd00::/64", "[00:00:00:00:00:00 fd00::/64]", `"224.0.0.0/4" is no address: it is left out`},
		{"arp_proxy", "10.0.0.1 host fd00::1", "[00:00:00:00:00:00 10.0.0.1/32 fd00::1/128]", `"host" is no address`},
		{"nat-addresses", "router", "[00:00:00:00:00:00]", "external addresses are not announced"},
		{"future", "1", "[00:00:00:00:00:00]", "is not known to Woven"},
	} {
		w := newWorld()
		edit(w.NB.LogicalSwitchPort, "blue-r1", func(p *nb.LogicalSwitchPort) {
			p.Options = map[string]string{"router-port": "r1-blue", "requested-chassis": "hv0", tt.key: tt.value}
		})
		n := w.read()
		if got := show([]logical.Address{n.Switches["blue"].Ports[2].ARPProxy}); got != tt.proxy {
			t.Errorf("%s=%s: proxy for %s, want %s", tt.key, tt.value, got, tt.proxy)
		}
		if got := problemsOf(n, "logical_switch_port blue-r1"); !strings.Contains(got, tt.problem) || tt.problem == "" && got != "" {
			t.Errorf("%s=%s: problems %q, want %q", tt.key, tt.value, got, tt.problem)
		}
	}
}

// TestGatewayRouter: the router is on its own chassis only; frames for its address go there.
func TestGatewayRouter(t *testing.T) {
	for _, chassis := range []string{"", "hv2"} {
		w := newWorld()
		w.SB.Chassis["hv2"] = &sb.Chassis{UUID: "hv2", Name: "hv2"}
		for _, name := range []string{"r1-blue", "blue-r1"} {
			edit(w.SB.PortBinding, name, func(pb *sb.PortBinding) {
				if pb.Type = "l3gateway"; chassis != "" {
					pb.Chassis = &chassis
				}
			})
		}
		n := w.read()
		p := n.Switches["blue"].Ports[2]
		if reached(n) != "blue" || p.Type != "router" || p.Chassis != chassis || p.Link == nil || p.Link.Datapath != "r1" {
			t.Errorf("datapaths %s, port %+v", reached(n), p)
		}
		if got, want := show(p.Addresses), "[0a:00:00:00:0a:01 10.0.0.1/32 fd00::1/128 fe80::800:ff:fe00:a01/128]"; got != want {
			t.Errorf("addresses %s, want %s", got, want)
		}
		problems := problemsOf(n, "logical_switch_port blue-r1")
		if told := strings.Contains(problems, "gateway routers are not supported yet"); told != (chassis == "") {
			t.Errorf("on %q: problems %q", chassis, problems)
		}
	}
}
