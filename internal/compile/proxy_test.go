package compile

import (
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/logical"
	l2config "woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/modules/router/config"
)

// proxied is a network of switch sw with VIF vm and port "lr", which leads to port p1 of router lr0 and answers for what proxy says.
func proxied(proxy logical.Address) *logical.Network {
	n := routed(newNames())
	p := n.Routers["dp"].Ports[0]
	p.Link = &logical.Link{Datapath: "sw", Key: 9}
	n.Switches["sw"] = &logical.Switch{UUID: "sw", Name: "sw0", Key: 1, Ports: []*logical.Port{
		{Name: "vm", Key: 1, Enabled: true, Addresses: []logical.Address{{MAC: [6]byte{2, 1}}}},
		{Name: "lr", Key: 9, Type: "router", Enabled: true, Addresses: []logical.Address{{MAC: p.MAC}}, ARPProxy: proxy,
			Link: &logical.Link{Datapath: "dp", Key: 1, Router: true, MAC: p.MAC, Networks: p.Networks}}}}
	return n
}

func TestProxies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		proxy  logical.Address
		change func(*logical.Network)
		want   string // lines of the switch's configuration, and of the router's
		fault  string
	}{
		{"none", logical.Address{MAC: [6]byte{2, 7}}, nil, "fdb 0a:00:00:00:00:01 port 9", ""},
		{"with the router's MAC address", logical.Address{Prefixes: prefixesOf("10.9.0.1/32", "fd09::5/64")}, nil,
			"fdb 0a:00:00:00:00:01 port 9\nproxy for 10.9.0.1/32 is 0a:00:00:00:00:01 port 9\nproxy for fd09::/64 is 0a:00:00:00:00:01 port 9", ""},
		{"with its own", logical.Address{MAC: [6]byte{2, 7}, Prefixes: prefixesOf("10.9.0.0/16")}, nil,
			"fdb 02:07:00:00:00:00 port 9\nfdb 0a:00:00:00:00:01 port 9\nproxy for 10.9.0.0/16 is 02:07:00:00:00:00 port 9\nand 02:07:00:00:00:00", ""},
		{"a VM's", logical.Address{MAC: [6]byte{2, 1}, Prefixes: prefixesOf("10.9.0.0/16")}, nil,
			"fdb 0a:00:00:00:00:01 port 9\nproxy for 10.9.0.0/16 is 02:01:00:00:00:00 port 9\nand 02:01:00:00:00:00", `its MAC address 02:01:00:00:00:00 is that of port "vm"`},
		{"leads nowhere", logical.Address{Prefixes: prefixesOf("10.9.0.0/16")}, func(n *logical.Network) { n.Switches["sw"].Ports[1].Link = nil }, "fdb 0a:00:00:00:00:01 port 9", ""},
		{"two ports", logical.Address{Prefixes: prefixesOf("10.9.0.0/16")}, func(n *logical.Network) {
			second := *n.Switches["sw"].Ports[1]
			second.Name, second.Key, second.Addresses = "lr2", 10, nil
			n.Switches["sw"].Ports = append(n.Switches["sw"].Ports, &second)
		}, "fdb 0a:00:00:00:00:01 port 9\nproxy for 10.9.0.0/16 is 0a:00:00:00:00:01 port 9", `options:arp_proxy: 10.9.0.0/16 is port "lr"'s`},
	} {
		n := proxied(tt.proxy)
		if tt.change != nil {
			tt.change(n)
		}
		var c Compiler
		state, problems := c.Compile(n)
		var got []string
		for line := range strings.Lines(state.Modules["sw"].Config.(*l2config.Config).String()) {
			if strings.HasPrefix(line, "proxy") || strings.HasPrefix(line, "fdb") && !strings.HasSuffix(line, "port 1\n") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if _, and, also := strings.Cut(state.Modules["dp"].Config.(*config.Config).Ports[1].String(), " and "); also {
			got = append(got, "and "+strings.Fields(and)[0])
		}
		if text := strings.Join(got, "\n"); text != tt.want {
			t.Errorf("%s: is\n%s\nwant\n%s", tt.name, text, tt.want)
		}
		if len(problems) > 0 != (tt.fault != "") || len(problems) > 0 && !strings.Contains(problems[0].Reason, tt.fault) {
			t.Errorf("%s: problems %v, want %q", tt.name, problems, tt.fault)
		}
	}
}

// What a port answered for is forgotten with it, also when little changes in a large switch.
func TestProxyGoes(t *testing.T) {
	n := proxied(logical.Address{MAC: [6]byte{2, 7}, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}})
	for i := range 40 {
		sw := n.Switches["sw"]
		sw.Ports = append(sw.Ports, &logical.Port{Name: "vm" + string(rune('a'+i)), Key: uint16(100 + i), Enabled: true, Addresses: []logical.Address{{MAC: [6]byte{2, 9, byte(i)}}}})
	}
	var c, fresh Compiler
	c.Compile(n)
	without := *n.Switches["sw"].Ports[1]
	without.ARPProxy = logical.Address{}
	sw := *n.Switches["sw"]
	sw.Ports = append([]*logical.Port{sw.Ports[0], &without}, sw.Ports[2:]...)
	n.Switches["sw"] = &sw
	state, _ := c.Compile(n)
	full, _ := fresh.Compile(n)
	text := state.Modules["sw"].Config.(*l2config.Config).String() + state.Modules["dp"].Config.(*config.Config).String()
	if !full.Modules["sw"].Equal(state.Modules["sw"]) || !full.Modules["dp"].Equal(state.Modules["dp"]) || strings.Contains(text, "02:07") {
		t.Errorf("without the option:\n%s", text)
	}
}
