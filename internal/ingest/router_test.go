package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// problemsOf are the problems of a network about an object, one a line.
func problemsOf(n *logical.Network, object string) string {
	var b strings.Builder
	for _, p := range n.Problems {
		if p.Object == object {
			b.WriteString(p.Reason + "\n")
		}
	}
	return b.String()
}

// routerPort is a port of a router by name.
func routerPort(t *testing.T, n *logical.Network, router, name string) *logical.RouterPort {
	t.Helper()
	for _, p := range n.Routers[router].Ports {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("router %s has no port %s", router, name)
	return nil
}

func TestRouterPort(t *testing.T) {
	yes, no := true, false
	group := "group"
	for _, tt := range []struct {
		name     string
		change   func(*nb.RouterPort)
		networks string
		enabled  bool
		problem  string // part of the only one; "" for none
	}{
		{"two families", func(p *nb.RouterPort) { p.Networks = []string{"fd00::1/64", "10.0.0.1/24"} },
			"[10.0.0.1/24 fd00::1/64 fe80::800:ff:fe00:a01/64]", true, ""},
		{"a netmask", func(p *nb.RouterPort) { p.Networks = []string{"10.0.0.1/255.255.0.0"} }, "[10.0.0.1/16 fe80::800:ff:fe00:a01/64]", true, ""},
		{"the order is that of the texts", func(p *nb.RouterPort) { p.Networks = []string{"9.0.0.1/8", "10.0.0.1/24"} },
			"[10.0.0.1/24 9.0.0.1/8 fe80::800:ff:fe00:a01/64]", true, ""},
		{"no network", func(p *nb.RouterPort) { p.Networks = nil }, "[fe80::800:ff:fe00:a01/64]", true, ""},
		{"garbage among networks", func(p *nb.RouterPort) { p.Networks = []string{"10.0.0.1/24", "10.0.0.2/33", "0.0.0.0/0"} },
			"[10.0.0.1/24 fe80::800:ff:fe00:a01/64]", true, "it is left out"},
		{"groups and mapped addresses", func(p *nb.RouterPort) {
			p.Networks = []string{"10.0.0.1/24", "224.0.0.1/24", "::ffff:10.0.0.2/120", "ff02::1/64"}
		}, "[10.0.0.1/24 fe80::800:ff:fe00:a01/64]", true, `networks: "224.0.0.1/24" is no address with a prefix length`},
		{"no MAC address", func(p *nb.RouterPort) { p.MAC = "0a:00:00" }, "[10.0.0.1/24]", false, `mac: "0a:00:00" is no MAC address: all traffic`},
		{"enabled", func(p *nb.RouterPort) { p.Enabled = &yes }, "[10.0.0.1/24 fe80::800:ff:fe00:a01/64]", true, ""},
		{"disabled", func(p *nb.RouterPort) { p.Enabled = &no }, "[10.0.0.1/24 fe80::800:ff:fe00:a01/64]", false, ""},
		{"gateway", func(p *nb.RouterPort) { p.HaChassisGroup = &group }, "[10.0.0.1/24 fe80::800:ff:fe00:a01/64]", true, "gateway chassis are not supported"},
		{"relay", func(p *nb.RouterPort) { p.DHCPRelay = &group }, "[10.0.0.1/24 fe80::800:ff:fe00:a01/64]", true, "dhcp_relay"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			edit(w.NB.LogicalRouterPort, "r1-blue", func(p *nb.RouterPort) {
				p.Networks = []string{"10.0.0.1/24"}
				tt.change(p)
			})
			n := w.read()
			p := routerPort(t, n, "r1", "r1-blue")
			if got := fmt.Sprint(p.Networks); got != tt.networks {
				t.Errorf("networks %s, want %s", got, tt.networks)
			}
			if p.Enabled != tt.enabled || p.Gateway != (tt.name == "gateway") {
				t.Errorf("enabled %v, gateway %v", p.Enabled, p.Gateway)
			}
			got := problemsOf(n, "logical_router_port r1-blue")
			if tt.problem == "" && got != "" || !strings.Contains(got, tt.problem) {
				t.Errorf("problems %q, want %q", got, tt.problem)
			}
		})
	}
}

func TestRouterPortOptions(t *testing.T) {
	for _, tt := range []struct {
		key, value string
		mtu        uint16
		problem    string
	}{
		{"gateway_mtu", "1400", 1400, ""},
		{"gateway_mtu_bypass", "tcp", 0, ""},
		{"gateway_mtu", "67", 0, `options:gateway_mtu: "67" is not one of 68 to 65535: no size is checked`},
		{"gateway_mtu", "65536", 0, `options:gateway_mtu: "65536" is not one of 68 to 65535: no size is checked`},
		{"gateway_mtu", "large", 0, `options:gateway_mtu: "large" is not one of 68 to 65535: no size is checked`},
		{"reside-on-redirect-chassis", "false", 0, ""},
		{"reside-on-redirect-chassis", "true", 0, "options:reside-on-redirect-chassis is not supported yet: what comes in by the port is routed on this node"},
		{"redirect-type", "overlay", 0, ""},
		{"redirect-type", "bridged", 0, "options:redirect-type=bridged is not supported yet: nothing is redirected"},
		{"prefix_delegation", "true", 0, "options:prefix_delegation is not supported: no IPv6 prefix is asked for"},
		{"future", "1", 0, `options:"future" is not known to Woven: it is ignored`},
	} {
		w := newWorld()
		edit(w.NB.LogicalRouterPort, "r1-blue", func(p *nb.RouterPort) {
			p.Options = map[string]string{"route_table": "rt", tt.key: tt.value}
		})
		n := w.read()
		p := routerPort(t, n, "r1", "r1-blue")
		if bypass := map[string]string{"gateway_mtu_bypass": tt.value}[tt.key]; p.MTU != tt.mtu || p.RouteTable != "rt" || p.MTUBypass != bypass {
			t.Errorf("%s=%s: MTU %d, route table %q, bypass %q", tt.key, tt.value, p.MTU, p.RouteTable, p.MTUBypass)
		}
		if got := strings.TrimSpace(problemsOf(n, "logical_router_port r1-blue")); got != tt.problem {
			t.Errorf("%s=%s: problems %q, want %q", tt.key, tt.value, got, tt.problem)
		}
	}
}

// TestLinks: both ends of a link know the other, and the switch has the router's addresses.
func TestLinks(t *testing.T) {
	n := newWorld().read()
	mac := [6]byte{0x0a, 0, 0, 0, 0x0a, 1}
	p := routerPort(t, n, "r1", "r1-blue")
	if d := cmp.Diff(&logical.Link{Datapath: "blue", Key: 3}, p.Link, byValue); d != "" {
		t.Errorf("link of r1-blue (-want +got):\n%s", d)
	}
	other := n.Switches["blue"].Ports[2]
	if d := cmp.Diff(&logical.Link{Datapath: "r1", Key: p.Key, Router: true, MAC: mac, Networks: p.Networks}, other.Link, byValue); d != "" {
		t.Errorf("link of blue-r1 (-want +got):\n%s", d)
	}
	if got, want := show(other.Addresses), "[0a:00:00:00:0a:01 10.0.0.1/32 fd00::1/128 fe80::800:ff:fe00:a01/128]"; got != want {
		t.Errorf("addresses of blue-r1 are %s, want %s", got, want)
	}
	if l := routerPort(t, n, "r2", "r2-r1").Link; l == nil || !l.Router || l.Datapath != "r1" || fmt.Sprint(l.Networks) != "[192.0.2.1/30 fe80::800:ff:fe00:b01/64]" {
		t.Errorf("link of r2-r1 is %+v", l)
	}
}

func TestRouter(t *testing.T) {
	w := newWorld()
	no := false
	edit(w.NB.LogicalRouter, "r1", func(r *nb.LogicalRouter) {
		r.Options = map[string]string{
			"always_learn_from_arp_request": "false", "dynamic_neigh_routers": "true", "mac_binding_age_threshold": "192.0.2.0/24:300;60",
			"snat-ct-zone": "3", "mcast_relay": "true", "odd": "",
		}
		copp := "copp"
		r.Copp, r.Nat, r.LoadBalancer = &copp, []string{"nat"}, []string{"lb"}
	})
	edit(w.NB.LogicalRouter, "r2", func(r *nb.LogicalRouter) { r.Enabled = &no })
	w.NB.Copp["copp"] = &nb.Copp{UUID: "copp", Meters: map[string]string{"arp": "m"}}
	n := w.read()
	r := n.Routers["r1"]
	if !r.Enabled || !r.IgnoreARPRequests || !r.DynamicRouters || r.Copp["arp"] != "m" || r.Key != 11 {
		t.Errorf("r1 is %+v", r)
	}
	if r := n.Routers["r2"]; r.Enabled || r.IgnoreARPRequests || r.DynamicRouters || r.Copp != nil {
		t.Errorf("r2 is %+v", r)
	}
	want := `load balancers are not supported yet: packets to their addresses are routed unchanged
nat rules are not supported yet: addresses are not translated, and external ones are not answered
options:"odd" is not known to Woven: it is ignored
options:"snat-ct-zone" is not supported yet: addresses are not translated
options:mcast_relay is not supported yet: IP multicast is not routed
`
	if d := cmp.Diff(want, problemsOf(n, "logical_router r1")); d != "" {
		t.Errorf("problems of r1 (-want +got):\n%s", d)
	}
	delete(w.NB.LogicalRouter, "r1")
	if r := w.read().Routers["r1"]; r.Enabled || len(r.Ports) != 3 {
		t.Errorf("r1 without a row is %+v", r)
	}
}

func TestNeighbours(t *testing.T) {
	const learned, fixed, forced = "0a:00:00:00:00:01", "0a:00:00:00:00:02", "0a:00:00:00:00:03"
	w := newWorld()
	add := func(kind, port, ip, mac string) {
		uuid := fmt.Sprint(kind, port, ip)
		if kind == "learned" {
			w.SB.MACBinding[uuid] = &sb.MACBinding{UUID: uuid, Datapath: "r1", LogicalPort: port, IP: ip, MAC: mac}
			return
		}
		w.SB.StaticMACBinding[uuid] = &sb.StaticMACBinding{UUID: uuid, Datapath: "r1", LogicalPort: port, IP: ip, MAC: mac, OverrideDynamicMAC: kind == "forced"}
	}
	add("learned", "r1-blue", "10.0.0.1", learned)
	add("fixed", "r1-blue", "10.0.0.1", fixed)
	add("learned", "r1-blue", "10.0.0.2", learned)
	add("forced", "r1-blue", "10.0.0.2", forced)
	add("fixed", "r1-blue", "10.0.0.3", fixed)
	add("learned", "r1-green", "fd00::1", learned)
	add("learned", "gone", "10.0.0.4", learned)
	add("learned", "r1-blue", "host", learned)
	add("fixed", "r1-blue", "10.0.0.5", "garbage")
	add("learned", "r1-blue", "224.0.0.9", learned)
	add("fixed", "r1-blue", "::ffff:10.0.0.9", fixed)
	w.SB.MACBinding["elsewhere"] = &sb.MACBinding{UUID: "elsewhere", Datapath: "lone", LogicalPort: "r1-blue", IP: "10.0.0.6", MAC: learned}
	n := w.read()
	var got []string
	for _, x := range n.Routers["r1"].Neighbours {
		got = append(got, fmt.Sprintf("%d %s %s %v", x.Port, x.Addr, logical.MAC(x.MAC), x.Static))
	}
	want := []string{
		"1 10.0.0.1 " + learned + " false", "1 10.0.0.2 " + forced + " true", "1 10.0.0.3 " + fixed + " true",
		"2 fd00::1 " + learned + " false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("neighbours (-want +got):\n%s", d)
	}
	if got := strings.Count(problemsOf(n, "logical_router_port r1-blue"), "left out"); got != 4 {
		t.Errorf("%d problems, want 4: %v", got, n.Problems)
	}
}
