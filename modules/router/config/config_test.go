package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/meter"
)

func sample() *Config {
	addr := netip.MustParseAddr("10.0.0.9")
	udp := []match.Rule{{Terms: []match.Term{{Dim: match.Proto, Sets: []*match.Set{match.NewSet("", []match.Prefix{match.IPProto(0x0800, 17)})}}}}}
	return &Config{
		Ports: map[uint16]Port{
			2: {MAC: [6]byte{2, 2}},
			1: {Enabled: true, MAC: [6]byte{2, 1}, ProxyMAC: [6]byte{2, 9}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fe80::1/64")},
				Table: "blue", MTU: 1400, Exempt: udp, Advertises: true},
		},
		Routes: []Route{
			{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Hops: []Hop{{Port: 1, Addr: addr, Symmetric: true}, {Port: 2}}, Object: FirstObject},
			{Prefix: netip.MustParsePrefix("2001:db8::/32"), Table: "blue", BySource: true},
		},
		Policies: []Policy{{Object: FirstObject + 1, Rules: append(udp, match.Rule{}), Action: Reroute, Hops: []Hop{{Port: 1, Addr: addr}}, Mark: 7},
			{Object: FirstObject + 2, Rules: udp, Action: Drop}},
		Neighbours:     map[Neighbour][6]byte{{1, netip.MustParseAddr("fe80::9")}: {2, 8}, {1, addr}: {2, 7}},
		LearnOnlyKnown: true,
		Meters:         map[string]meter.Meter{"arp": {Rate: 10}},
	}
}

func TestString(t *testing.T) {
	const want = `requests teach only what is known
port 1 02:01:00:00:00:00 and 02:09:00:00:00:00 10.0.0.1/24 fe80::1/64 table "blue" mtu 1400 exempt (proto {0x0800:17}) advertises
port 2 02:02:00:00:00:00 disabled
route to 192.0.2.0/24 via 10.0.0.9 port 1 symmetric by port 2 object 65536
route from 2001:db8::/32 table "blue" discard
policy object 65537 reroute via 10.0.0.9 port 1 mark 0x7 if proto {0x0800:17} or all
policy object 65538 drop if proto {0x0800:17}
neighbour 10.0.0.9 on port 1 is 02:07:00:00:00:00
neighbour fe80::9 on port 1 is 02:08:00:00:00:00
meter arp 10 pktps burst 10
`
	if got := sample().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A difference in any one field makes configurations differ: a new field that Equal forgets fails here.
func TestEqual(t *testing.T) {
	if !sample().Equal(sample()) || sample().Equal(nil) || sample().Equal(*sample()) {
		t.Error("a configuration equals its like, and nothing else")
	}
	differs := func(what reflect.Type, part func(*Config) any, put func(*Config, any)) {
		for i := range what.NumField() {
			c := sample()
			changed := reflect.New(what)
			changed.Elem().Set(reflect.ValueOf(part(c)))
			changed.Elem().Field(i).Set(other(changed.Elem().Field(i)))
			put(c, changed.Elem().Interface())
			if c.Equal(sample()) || sample().Equal(c) {
				t.Errorf("%s: field %s makes no difference", what.Name(), what.Field(i).Name)
			}
		}
	}
	differs(reflect.TypeFor[Config](), func(c *Config) any { return *c }, func(c *Config, v any) { *c = v.(Config) })
	differs(reflect.TypeFor[Port](), func(c *Config) any { return c.Ports[1] }, func(c *Config, v any) { c.Ports[1] = v.(Port) })
	differs(reflect.TypeFor[Route](), func(c *Config) any { return c.Routes[0] }, func(c *Config, v any) { c.Routes[0] = v.(Route) })
	differs(reflect.TypeFor[Hop](), func(c *Config) any { return c.Routes[0].Hops[0] }, func(c *Config, v any) { c.Routes[0].Hops[0] = v.(Hop) })
	differs(reflect.TypeFor[Policy](), func(c *Config) any { return c.Policies[0] }, func(c *Config, v any) { c.Policies[0] = v.(Policy) })
}

// other is a value that v is not.
func other(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Bool:
		return reflect.ValueOf(!v.Bool())
	case reflect.String:
		return reflect.ValueOf("another")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return reflect.ValueOf(v.Uint() + 1).Convert(v.Type())
	}
	return reflect.Zero(v.Type()) // the sample has something in each
}

func TestValidate(t *testing.T) {
	port := func(c *Config, change func(*Port)) {
		p := c.Ports[1]
		change(&p)
		c.Ports[1] = p
	}
	for _, tt := range []struct {
		name  string
		spoil func(*Config)
		want  string // part of the error; "" for none
	}{
		{"good", func(*Config) {}, ""},
		{"port key 0", func(c *Config) { c.Ports[0] = Port{} }, "port key 0 is outside"},
		{"port key of a group", func(c *Config) { c.Ports[32768] = Port{} }, "port key 32768 is outside"},
		{"group's network", func(c *Config) { port(c, func(p *Port) { p.Networks[0] = netip.MustParsePrefix("224.0.0.1/24") }) }, "no unicast address"},
		{"two ports with one address", func(c *Config) { c.Ports[2] = Port{Networks: c.Ports[1].Networks} }, "address 10.0.0.1 is that of port 1"},
		{"one address in two networks", func(c *Config) {
			port(c, func(p *Port) { p.Networks = append(p.Networks, netip.MustParsePrefix("10.0.0.1/25")) })
		}, ""},
		{"two ports with one link-local address", func(c *Config) { c.Ports[2] = Port{Networks: c.Ports[1].Networks[1:]} }, ""},
		{"host bits of a route", func(c *Config) { c.Routes[1].Prefix = netip.MustParsePrefix("2001:db8::1/32") }, "is no network"},
		{"way out that is not there", func(c *Config) { c.Routes[0].Hops[1].Port = 9 }, "port key 9, which is not in this router"},
		{"several ways without a number", func(c *Config) { c.Routes[0].Object = 0 }, "no number"},
		{"two of one number", func(c *Config) { c.Routes[1].Object = FirstObject }, "have the number 65536"},
		{"symmetric policy", func(c *Config) { c.Policies[0].Hops[0].Symmetric = true }, "symmetric next hop"},
		{"neighbour at no port", func(c *Config) { c.Neighbours[Neighbour{9, netip.MustParseAddr("10.0.0.1")}] = [6]byte{} }, "port key 9, which is not in this router"},
		{"group as a neighbour", func(c *Config) { c.Neighbours[Neighbour{1, netip.MustParseAddr("ff02::1")}] = [6]byte{} }, "no unicast address"},
		{"meter of a switch", func(c *Config) { c.Meters["dns"] = meter.Meter{Rate: 1} }, `meter for "dns"`},
	} {
		c := sample()
		tt.spoil(c)
		if err := c.Validate(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}
