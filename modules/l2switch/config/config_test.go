package config

import (
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/sdk/iom/meter"
)

var (
	mac1 = [6]byte{0x0a, 0, 0, 0, 0, 1}
	mac2 = [6]byte{0x0a, 0, 0, 0, 0, 2}
)

func sample() *Config {
	return &Config{
		FloodGroup: 32768,
		Ports: map[uint16]Port{
			2: {},
			1: {Enabled: true, Security: []Address{
				{MAC: mac1, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("fd00::1/64")}},
				{MAC: mac2},
			}},
		},
		FDB: map[[6]byte]uint16{mac2: 2, mac1: 1},
		Neighbours: map[netip.Addr]Neighbour{
			netip.MustParseAddr("fd00::1"):  {MAC: mac1, Port: 1},
			netip.MustParseAddr("10.0.0.1"): {MAC: mac1, Port: 1},
		},
		Proxies: map[netip.Prefix]Neighbour{netip.MustParsePrefix("fd00::/64"): {MAC: mac2, Port: 2}, netip.MustParsePrefix("10.0.0.0/8"): {MAC: mac1, Port: 2}},
		Meters:  map[string]meter.Meter{"dns": {Rate: 10}, "igmp": {Rate: 100, Burst: 20, Bits: true}},
	}
}

func TestString(t *testing.T) {
	want := `flood-group 32768
port 1 enabled [0a:00:00:00:00:01 10.0.0.1/32 fd00::1/64] [0a:00:00:00:00:02]
port 2 disabled
fdb 0a:00:00:00:00:01 port 1
fdb 0a:00:00:00:00:02 port 2
neighbour 10.0.0.1 is 0a:00:00:00:00:01 port 1
neighbour fd00::1 is 0a:00:00:00:00:01 port 1
proxy for 10.0.0.0/8 is 0a:00:00:00:00:01 port 2
proxy for fd00::/64 is 0a:00:00:00:00:02 port 2
meter dns 10 pktps burst 10
meter igmp 100 kbps burst 20
`
	if got := sample().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Config)
		err   string // part of the message; "" for none
	}{
		{"good", func(*Config) {}, ""},
		{"port key 0", func(c *Config) { c.Ports[0] = Port{} }, "outside 1..32767"},
		{"port key of a group", func(c *Config) { c.Ports[32768] = Port{} }, "outside 1..32767"},
		{"multicast MAC", func(c *Config) { c.FDB[[6]byte{1}] = 1 }, "multicast"},
		{"MAC of an absent port", func(c *Config) { c.FDB[mac1] = 9 }, "port key 9"},
		{"multicast neighbour", func(c *Config) { c.Neighbours[netip.MustParseAddr("ff02::1")] = Neighbour{Port: 1} }, "no unicast"},
		{"no neighbour address", func(c *Config) { c.Neighbours[netip.Addr{}] = Neighbour{Port: 1} }, "no unicast"},
		{"neighbour of an absent port", func(c *Config) { c.Neighbours[netip.MustParseAddr("fd00::9")] = Neighbour{Port: 9} }, "port key 9"},
		{"proxy for no network", func(c *Config) { c.Proxies[netip.MustParsePrefix("10.0.0.1/8")] = Neighbour{Port: 1} }, "for no network"},
		{"proxy for groups", func(c *Config) { c.Proxies[netip.MustParsePrefix("224.0.0.0/4")] = Neighbour{Port: 1} }, "for no network"},
		{"proxy that is asked", func(c *Config) { c.Proxies[netip.MustParsePrefix("10.0.0.0/8")] = Neighbour{Port: 1, Asked: true} }, "for no network"},
		{"proxy of an absent port", func(c *Config) { c.Proxies[netip.MustParsePrefix("10.0.0.0/8")] = Neighbour{Port: 9} }, "port key 9"},
		{"meter of a router", func(c *Config) { c.Meters["arp"] = meter.Meter{Rate: 1} }, `meter for "arp"`},
		{"meter without a rate", func(c *Config) { c.Meters["dns"] = meter.Meter{Burst: 1} }, "no rate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := sample()
			tt.spoil(c)
			err := c.Validate()
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got error %v, want one with %q", err, tt.err)
			}
		})
	}
}
